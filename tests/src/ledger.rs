//! What a Stockade recorded, as its own command line tells it.

use serde_json::Value;

use crate::command::{self, Ran};

/// A ledger, by its state directory.
#[derive(Clone, Debug)]
pub struct Ledger<'a> {
    programs: &'a std::path::Path,
    state: &'a std::path::Path,
}

impl<'a> Ledger<'a> {
    /// The ledger of a state directory.
    pub fn new(programs: &'a std::path::Path, state: &'a std::path::Path) -> Self {
        Self { programs, state }
    }

    /// Every record, oldest first.
    ///
    /// # Panics
    /// When the ledger cannot be read.
    pub fn records(&self) -> Vec<Value> {
        let ran = command::audit(self.programs, self.state, &["tail", "--json", "--lines", "1000000"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.output.lines().map(|line| serde_json::from_str(line).expect("a record is JSON")).collect()
    }

    /// Checks all of it.
    pub fn verify(&self) -> Ran {
        command::audit(self.programs, self.state, &["verify", "--json"])
    }
}
