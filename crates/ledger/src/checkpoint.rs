//! C2SP checkpoints: a tree's size and root, in three lines and never more.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::hash::Hash;
use crate::note::{NoteError, Signer, Verifier};

/// A tree's head. The origin is the name of the key that signs it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// Records in it.
    pub size: u64,
    /// The Merkle tree's root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Signs the head of a tree.
    pub fn sign(size: u64, root: Hash, signer: &Signer) -> String {
        signer.sign(&Self { origin: signer.name().to_owned(), size, root }.text())
    }

    /// Checks a signed note and reads the checkpoint in it.
    ///
    /// # Errors
    /// [`CheckpointError`] when the note does not verify, or its text is no checkpoint of the key's own.
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, CheckpointError> {
        let text = verifier.open(note)?;
        let checkpoint = Self::parse(text).ok_or(CheckpointError::Malformed)?;
        if checkpoint.origin == verifier.name() { Ok(checkpoint) } else { Err(CheckpointError::Origin) }
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let origin = lines.next()?.to_owned();
        let size = lines.next()?.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let checkpoint = Self { origin, size, root };
        // One spelling: no leading zeros, no sign, no extension line.
        (checkpoint.text() == text).then_some(checkpoint)
    }
}

/// Why a checkpoint is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// The note is not signed as it must be.
    #[error("checkpoint is not a valid signed note")]
    Note(#[from] NoteError),
    /// The text is not exactly origin, size and root.
    #[error("checkpoint's text is not exactly an origin, a size and a root")]
    Malformed,
    /// The checkpoint is another ledger's.
    #[error("checkpoint's origin is not the name of the key that signed it")]
    Origin,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Secret;

    #[test]
    fn extension_lines_and_other_spellings_are_refused() {
        let signer = Signer::new("log.example", &Secret::new([7; 32])).unwrap();
        let good = Checkpoint { origin: "log.example".to_owned(), size: 12, root: [3; 32] };
        let note = Checkpoint::sign(12, [3; 32], &signer);
        assert_eq!(Checkpoint::open(&note, &signer.verifier()).unwrap(), good);
        let text = good.text();
        for bad in [format!("{text}extension\n"), text.replace("12", "012"), text.replace("12", "+12")] {
            let found = Checkpoint::open(&signer.sign(&bad), &signer.verifier());
            assert_eq!(found, Err(CheckpointError::Malformed), "{bad}");
        }
        let foreign = signer.sign(&text.replace("log.example", "log.other"));
        assert_eq!(Checkpoint::open(&foreign, &signer.verifier()), Err(CheckpointError::Origin));
    }
}
