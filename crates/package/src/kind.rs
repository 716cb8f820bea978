//! The closed list of kinds of file that a package may have.

use crate::path::has_extension;

/// What a file is, by its name. There is no other kind: "unknown" is a refusal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Weights in safetensors.
    Safetensors,
    /// Weights in GGUF.
    Gguf,
    /// JSON.
    Json,
    /// A chat template.
    Jinja,
    /// Text for people.
    Text,
}

impl Kind {
    /// The kind of a path, if it is one that packages may have.
    pub fn of(path: &str) -> Option<Self> {
        const EXTENSIONS: [(&str, Kind); 6] = [
            ("safetensors", Kind::Safetensors),
            ("gguf", Kind::Gguf),
            ("json", Kind::Json),
            ("jinja", Kind::Jinja),
            ("txt", Kind::Text),
            ("md", Kind::Text),
        ];
        if path == "LICENSE" {
            return Some(Self::Text);
        }
        EXTENSIONS.iter().find(|(extension, _)| has_extension(path, extension)).map(|&(_, kind)| kind)
    }

    /// Whether it is weights, which only stand at the top of a package.
    pub const fn is_weights(self) -> bool {
        matches!(self, Self::Safetensors | Self::Gguf)
    }
}
