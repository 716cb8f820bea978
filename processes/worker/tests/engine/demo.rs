//! The demo packages, with a manifest as a store would have it.

use std::path::{Path, PathBuf};

use package::{Format, ToolFormat, build_manifest};
use proto::limits::EngineLimits;
use proto::link::engine::{Message, Prompt, Role};
use proto::link::inspector::ListedFile;
use serde_json::Value;
use stockade_worker::load::{LoadError, Model};

pub(crate) const LIMITS: EngineLimits =
    EngineLimits { slots: 4, context_tokens_max: 2048, queue_max: 4, threads: 2 };

/// Where the demo model lies.
pub(crate) fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo")
}

/// A copy of a demo package that can be changed.
pub(crate) struct Copy {
    folder: tempfile::TempDir,
    format: Format,
}

impl Copy {
    pub(crate) fn of(format: Format) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = if format == Format::Gguf { "package-gguf" } else { "package" };
        for entry in std::fs::read_dir(models().join(name)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Self { folder, format }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes a text file.
    pub(crate) fn edit(&self, name: &str, change: impl Fn(&str) -> String) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed, "{name}");
        std::fs::write(self.path(name), changed).unwrap();
    }

    /// Replaces the chat template.
    pub(crate) fn template(&self, template: &str) {
        self.edit("tokenizer_config.json", |text| {
            let mut settings: Value = serde_json::from_str(text).unwrap();
            settings["chat_template"] = Value::from(template);
            settings.to_string()
        });
    }

    pub(crate) fn load(&self, limits: &EngineLimits) -> Result<Model, LoadError> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| {
            let bytes = std::fs::read(entry.as_ref().unwrap().path()).unwrap();
            ListedFile {
                path: entry.unwrap().file_name().into_string().unwrap(),
                bytes: bytes.len() as u64,
                digest: package::hash::sha256(&bytes),
            }
        });
        let files =
            files.filter(|file| !matches!(file.path.as_str(), "manifest.json" | "model.sig")).collect();
        let manifest = build_manifest("demo", "1", self.format, Some(ToolFormat::Hermes), files).unwrap();
        std::fs::write(self.path("manifest.json"), manifest).unwrap();
        Model::load(self.folder.path(), limits)
    }
}

pub(crate) fn load(format: Format) -> Model {
    Copy::of(format).load(&LIMITS).unwrap()
}

/// A conversation of `prompts.json` or `reference.json`.
pub(crate) fn chat(case: &Value) -> Prompt {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let messages = case["messages"].as_array().unwrap().iter().map(|message| Message {
        role: serde_json::from_value::<Role>(message["role"].clone()).unwrap(),
        content: text(&message["content"]),
        tool_calls: message.get("tool_calls").map(ToString::to_string),
        tool_call_id: None,
        name: None,
    });
    let tools = case["tools"].as_array().filter(|tools| !tools.is_empty());
    Prompt::Chat {
        messages: messages.collect(),
        tools: tools.map(|tools| Value::from(tools.clone()).to_string()),
    }
}

/// One message of a user's.
pub(crate) fn user(content: &str) -> Prompt {
    let message = Message {
        role: Role::User,
        content: content.to_owned(),
        tool_calls: None,
        tool_call_id: None,
        name: None,
    };
    Prompt::Chat { messages: vec![message], tools: None }
}

pub(crate) fn read(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(models().join(name)).unwrap()).unwrap()
}
