//! Signing keys: ECDSA, as Model Signing's key method has them. Ours are on P-256; those of others may
//! be on P-384 and P-521 as well.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use proto::{Code, Digest};

/// Most bytes of a key file.
pub const PEM_BYTES_MAX: usize = 16 * 1024;

/// A publisher's signing key. Not printable, and not to be copied.
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// Makes a key of 32 random bytes.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] when they are no number that the curve allows (one in four thousand
    /// million): the caller tries others.
    pub fn from_random(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        SigningKey::from_slice(bytes).map(Self).map_err(|_| KeyError::Unusable)
    }

    /// Reads a PKCS #8 PEM file.
    ///
    /// # Errors
    /// [`KeyError`] when it is too large or no P-256 key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8_pem(bounded(pem)?).map(Self).map_err(|_| KeyError::NotPrivateKey)
    }

    /// The key as a PKCS #8 PEM file, wiped from memory when it is dropped.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] when it cannot be encoded.
    pub fn to_pem(&self) -> Result<impl AsRef<str> + use<>, KeyError> {
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyError::Unusable)?;
        Ok(PemText(pem))
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey(Curve::P256(*self.0.verifying_key()))
    }

    /// Signs, the same message always with the same signature (RFC 6979).
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(message);
        signature.as_bytes().to_vec()
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(redacted)")
    }
}

struct PemText<T>(T);

impl<T: std::ops::Deref<Target = String>> AsRef<str> for PemText<T> {
    fn as_ref(&self) -> &str {
        self.0.as_str()
    }
}

/// A key that verifies signatures: ECDSA on P-256, P-384 or P-521.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey(Curve);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Curve {
    P256(VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` PEM file.
    ///
    /// # Errors
    /// [`KeyError`] when it is too large or no key on one of the three curves.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let pem = bounded(pem)?;
        // The text names its curve: at most one of the three readers accepts it.
        VerifyingKey::from_public_key_pem(pem)
            .map(Curve::P256)
            .or_else(|_| p384::ecdsa::VerifyingKey::from_public_key_pem(pem).map(Curve::P384))
            .or_else(|_| p521::ecdsa::VerifyingKey::from_public_key_pem(pem).map(Curve::P521))
            .map(Self)
            .map_err(|_| KeyError::NotPublicKey)
    }

    /// Reads a `SubjectPublicKeyInfo` of a certificate.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        VerifyingKey::from_public_key_der(der)
            .map(Curve::P256)
            .or_else(|_| p384::ecdsa::VerifyingKey::from_public_key_der(der).map(Curve::P384))
            .or_else(|_| p521::ecdsa::VerifyingKey::from_public_key_der(der).map(Curve::P521))
            .map(Self)
            .ok()
    }

    /// The key as a `SubjectPublicKeyInfo` PEM file, with a newline at its end. A key has one such
    /// text, whatever the file looked like that it was read from.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] when it cannot be encoded.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        match &self.0 {
            Curve::P256(key) => key.to_public_key_pem(LineEnding::LF),
            Curve::P384(key) => key.to_public_key_pem(LineEnding::LF),
            Curve::P521(key) => key.to_public_key_pem(LineEnding::LF),
        }
        .map_err(|_| KeyError::Unusable)
    }

    /// SHA-256 of [`PublicKey::to_pem`]: how Model Signing bundles name the key.
    ///
    /// # Errors
    /// As [`PublicKey::to_pem`].
    pub fn digest(&self) -> Result<Digest, KeyError> {
        Ok(crate::hash::sha256(self.to_pem()?.as_bytes()))
    }

    /// Whether this key's owner signed the message; nothing when the signature is no signature. The
    /// hash follows the curve: SHA-256, SHA-384, SHA-512.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> Option<bool> {
        let verified = match &self.0 {
            Curve::P256(key) => key.verify(message, &DerSignature::from_bytes(signature).ok()?),
            Curve::P384(key) => key.verify(message, &p384::ecdsa::DerSignature::from_bytes(signature).ok()?),
            Curve::P521(key) => key.verify(message, &p521::ecdsa::DerSignature::from_bytes(signature).ok()?),
        };
        Some(verified.is_ok())
    }

    /// Whether this key's owner signed what has this digest: certificates name their hash themselves.
    pub(crate) fn verifies_digest(&self, digest: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Curve::P256(key) => DerSignature::from_bytes(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            Curve::P384(key) => p384::ecdsa::DerSignature::from_bytes(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            Curve::P521(key) => p521::ecdsa::DerSignature::from_bytes(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
        }
    }
}

/// Why a key is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The random bytes are no key, or a key has no encoding.
    #[error("key is not usable")]
    Unusable,
    /// The text is no PKCS #8 PEM of a P-256 key.
    #[error("not a PKCS #8 PEM private key on the curve P-256")]
    NotPrivateKey,
    /// The text is no PEM of a public key on P-256, P-384 or P-521.
    #[error("not a PEM public key on the curve P-256, P-384 or P-521")]
    NotPublicKey,
    /// The text is far too long for a key.
    #[error("key file has more than {PEM_BYTES_MAX} bytes")]
    TooLarge,
}

impl KeyError {
    /// The code under which operators know it.
    pub const fn code(&self) -> Code {
        Code::ConfigInvalid
    }
}

fn bounded(pem: &str) -> Result<&str, KeyError> {
    if pem.len() > PEM_BYTES_MAX { Err(KeyError::TooLarge) } else { Ok(pem) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_files() {
        let key = PrivateKey::from_random(&[7; 32]).unwrap();
        let again = PrivateKey::from_pem(key.to_pem().unwrap().as_ref()).unwrap();
        assert_eq!(again.public(), key.public());
        let public = key.public().to_pem().unwrap();
        assert!(
            public.starts_with("-----BEGIN PUBLIC KEY-----\n")
                && public.ends_with("-----END PUBLIC KEY-----\n")
        );
        assert_eq!(PublicKey::from_pem(&public).unwrap(), key.public());
        let signature = key.sign(b"x");
        assert_eq!(key.public().verifies(b"x", &signature), Some(true));
        assert_eq!(key.public().verifies(b"y", &signature), Some(false));
        assert_eq!(key.public().verifies(b"x", b"no signature"), None);
    }

    #[test]
    fn a_key_has_one_digest_however_its_file_is_written() {
        let public = PrivateKey::from_random(&[7; 32]).unwrap().public();
        let windows = public.to_pem().unwrap().replace('\n', "\r\n");
        assert_eq!(PublicKey::from_pem(&windows).unwrap().digest(), public.digest());
    }

    #[test]
    fn the_hash_follows_the_curve() {
        let wide = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
        let widest = p521::ecdsa::SigningKey::from_slice(&[&[0; 2][..], &[7; 64]].concat()).unwrap();
        let on_p384: p384::ecdsa::DerSignature = wide.sign(b"x");
        let on_p521: p521::ecdsa::DerSignature = widest.sign(b"x");
        for (pem, signature) in [
            (wide.verifying_key().to_public_key_pem(LineEnding::LF).unwrap(), on_p384.as_bytes()),
            (widest.verifying_key().to_public_key_pem(LineEnding::LF).unwrap(), on_p521.as_bytes()),
        ] {
            let key = PublicKey::from_pem(&pem).unwrap();
            assert_eq!(key.to_pem().unwrap(), pem);
            assert_eq!(key.verifies(b"x", signature), Some(true));
            assert_eq!(key.verifies(b"y", signature), Some(false));
            let other = PrivateKey::from_random(&[7; 32]).unwrap();
            assert_ne!(key.verifies(b"x", &other.sign(b"x")), Some(true));
            assert_ne!(other.public().verifies(b"x", signature), Some(true));
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_a_key_is_never_printed() {
        assert_eq!(PrivateKey::from_random(&[0; 32]).unwrap_err(), KeyError::Unusable);
        assert_eq!(PrivateKey::from_random(&[255; 32]).unwrap_err(), KeyError::Unusable);
        assert_eq!(PublicKey::from_pem("-----BEGIN PUBLIC KEY-----").unwrap_err(), KeyError::NotPublicKey);
        assert_eq!(PublicKey::from_pem(&" ".repeat(PEM_BYTES_MAX + 1)).unwrap_err(), KeyError::TooLarge);
        let key = PrivateKey::from_random(&[7; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey(redacted)");
    }
}
