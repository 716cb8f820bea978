//! C2SP signed notes with one Ed25519 signature.
//!
//! A note that carries another signature line beside ours is refused: every byte of a checkpoint is
//! then either signed or the signature.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use proto::Secret;
use proto::digest::to_hex;
use sha2::{Digest as _, Sha256};

/// Signature type of Ed25519 in a note's key.
const ALGORITHM_ED25519: u8 = 1;

/// What a signature line starts with: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// Most bytes a key's name has.
const NAME_BYTES_MAX: usize = 255;

/// Signs notes under a name.
pub struct Signer {
    name: String,
    id: [u8; 4],
    key: SigningKey,
}

impl Signer {
    /// A signer from an Ed25519 seed.
    ///
    /// # Errors
    /// [`NoteError::Name`] when the name is none for a note's key.
    pub fn new(name: &str, seed: &Secret) -> Result<Self, NoteError> {
        check_name(name)?;
        let key = SigningKey::from_bytes(seed.expose());
        Ok(Self { name: name.to_owned(), id: key_id(name, &key.verifying_key()), key })
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What checks this signer's notes.
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), id: self.id, key: self.key.verifying_key() }
    }

    /// Signs a text, which ends with a newline.
    pub fn sign(&self, text: &str) -> String {
        render(text, &self.name, self.id, &self.key.sign(text.as_bytes()))
    }
}

/// Checks notes signed under a name with one key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Verifier {
    /// Parses a `vkey`: `name+hash+base64`.
    ///
    /// # Errors
    /// [`NoteError`] when it is malformed or its hash is not the key's.
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Vkey);
        };
        check_name(name)?;
        let key = STANDARD.decode(key).map_err(|_| NoteError::Vkey)?;
        let Some((&ALGORITHM_ED25519, key)) = key.split_first() else { return Err(NoteError::Vkey) };
        let key = <&[u8; 32]>::try_from(key).map_err(|_| NoteError::Vkey)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| NoteError::Vkey)?;
        let id = key_id(name, &key);
        if to_hex(&id) != hash {
            return Err(NoteError::Vkey);
        }
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The key in `vkey` form: `name+hash+base64`.
    pub fn vkey(&self) -> String {
        let mut key = vec![ALGORITHM_ED25519];
        key.extend_from_slice(self.key.as_bytes());
        format!("{}+{}+{}", self.name, to_hex(&self.id), STANDARD.encode(key))
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks a note and gives its text.
    ///
    /// # Errors
    /// [`NoteError`] when it is malformed, unsigned, signed by another key, or was changed.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let (text, line) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let text = note.get(..=text.len()).ok_or(NoteError::Malformed)?;
        let line = line.strip_prefix(SIGNATURE_MARK).and_then(|line| line.strip_suffix('\n'));
        let (name, encoded) = line.and_then(|line| line.split_once(' ')).ok_or(NoteError::Malformed)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Malformed)?;
        let Some((id, signature)) = bytes.split_first_chunk::<4>() else { return Err(NoteError::Malformed) };
        if name != self.name || *id != self.id {
            return Err(NoteError::OtherKey { found: name.chars().take(NAME_BYTES_MAX).collect() });
        }
        let signature = Signature::from_slice(signature).map_err(|_| NoteError::Malformed)?;
        self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| NoteError::Signature)?;
        // One spelling: what was parsed leniently above must be what a signer writes.
        if render(text, name, *id, &signature) == note { Ok(text) } else { Err(NoteError::Malformed) }
    }
}

/// Why a note or its key is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoteError {
    /// Names of keys are not empty and have no space and no plus sign.
    #[error("a key's name has 1 to 255 bytes without spaces, control characters and plus signs")]
    Name,
    /// The key is not `name+hash+base64` of an Ed25519 key.
    #[error("not a verifier key of the form `name+hash+base64`")]
    Vkey,
    /// The text is no signed note with one signature.
    #[error("not a signed note with exactly one signature")]
    Malformed,
    /// The signature is another key's.
    #[error("note is signed by another key, under the name `{found}`")]
    OtherKey {
        /// The name in the signature line.
        found: String,
    },
    /// The text is not what was signed.
    #[error("signature does not verify")]
    Signature,
}

fn render(text: &str, name: &str, id: [u8; 4], signature: &Signature) -> String {
    let mut bytes = id.to_vec();
    bytes.extend_from_slice(&signature.to_bytes());
    format!("{text}\n{SIGNATURE_MARK}{name} {}\n", STANDARD.encode(bytes))
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ALGORITHM_ED25519])
        .chain_update(key.as_bytes());
    let [a, b, c, d, ..]: Hash32 = hash.finalize().into();
    [a, b, c, d]
}

type Hash32 = [u8; 32];

fn check_name(name: &str) -> Result<(), NoteError> {
    let plain = name.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '+');
    if plain && (1..=NAME_BYTES_MAX).contains(&name.len()) { Ok(()) } else { Err(NoteError::Name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new("log.example/one", &Secret::new([7; 32])).unwrap()
    }

    #[test]
    fn a_note_opens_with_its_own_key_only() {
        let note = signer().sign("hello\nworld\n");
        assert_eq!(signer().verifier().open(&note).unwrap(), "hello\nworld\n");
        let other = Signer::new("log.example/one", &Secret::new([8; 32])).unwrap();
        assert!(matches!(other.verifier().open(&note), Err(NoteError::OtherKey { .. })));
    }

    #[test]
    fn an_unsigned_text_is_refused() {
        for unsigned in ["", "\n", "hello\n", "hello\n\n", "hello\n\n\u{2014} log.example/one \n"] {
            assert_eq!(signer().verifier().open(unsigned), Err(NoteError::Malformed), "{unsigned:?}");
        }
    }

    #[test]
    fn every_changed_byte_of_a_note_is_noticed() {
        let note = signer().sign("hello\n");
        for position in 0..note.len() {
            for flip in [1_u8, 0x20, 0x80] {
                let mut bytes = note.clone().into_bytes();
                bytes[position] ^= flip;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(signer().verifier().open(&changed).is_err(), "byte {position}");
            }
        }
    }

    #[test]
    fn a_second_signature_line_is_refused() {
        let note = signer().sign("hello\n");
        let line = note.rsplit_once("\n\n").unwrap().1.to_owned();
        assert_eq!(signer().verifier().open(&format!("{note}{line}")), Err(NoteError::Malformed));
    }

    #[test]
    fn a_vkey_comes_back_as_it_was_written() {
        let vkey = signer().verifier().vkey();
        assert_eq!(Verifier::parse(&vkey).unwrap(), signer().verifier());
        assert_eq!(Verifier::parse(&vkey.replace("one", "two")), Err(NoteError::Vkey));
        assert_eq!(Verifier::parse("name"), Err(NoteError::Vkey));
    }
}
