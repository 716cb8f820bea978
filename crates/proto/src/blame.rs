//! Whose fault a fault is.

use serde::{Deserialize, Serialize};

/// Who is to blame when something broke. Unsure means the untrusted side: the package.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The client's request.
    Caller,
    /// The model package, or the engine that runs it.
    Package,
    /// This machine, or Stockade itself.
    Host,
}
