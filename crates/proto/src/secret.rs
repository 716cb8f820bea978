//! Values that must not be printed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Thirty-two secret bytes, such as a signing or a keyed-digest key. Crosses links between our own
/// processes; has no `Display`, and `Debug` shows nothing of it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Wraps secret bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one computation that needs them.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}
