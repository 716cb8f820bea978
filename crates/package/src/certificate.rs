//! Certificates, as Model Signing's certificate method has them: verified offline, against roots that
//! the operator gave, at a time that the caller says.
//!
//! Stricter than RFC 5280 where that costs no honest signer anything. A rule of a certificate that is
//! not understood here is a refusal, never a shrug: this is all that stands between an authority's
//! other customers and the operator's machine.

mod identity;
mod path;
mod read;
#[cfg(test)]
mod tests;

use x509_cert::der::Encode as _;

use crate::keys::PublicKey;
use read::Certificate;

pub use identity::check as check_identity;

/// Most bytes of a PEM file of certificates.
pub const PEM_BYTES_MAX: usize = 64 * 1024;
/// Most bytes of one certificate.
pub const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;
/// Most certificates of a chain, the signer's and a root included.
pub const CHAIN_MAX: usize = 6;
/// Most roots of one signer.
pub const ROOTS_MAX: usize = 32;

/// A signer's certificate, and then each the one above the other.
#[derive(Clone, Debug)]
pub struct Chain {
    signer: Certificate,
    above: Vec<Certificate>,
}

impl Chain {
    /// Reads a PEM file: the signer's certificate first.
    ///
    /// # Errors
    /// [`CertificateError`] when it is too large, or has a certificate that is not accepted.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        Self::of(from_pem(pem)?)
    }

    pub(crate) fn from_der<'d>(all: impl IntoIterator<Item = &'d [u8]>) -> Result<Self, CertificateError> {
        Self::of(all.into_iter().map(Certificate::read).collect::<Result<_, _>>()?)
    }

    fn of(mut all: Vec<Certificate>) -> Result<Self, CertificateError> {
        if all.is_empty() || all.len() > CHAIN_MAX {
            return Err(CertificateError::Count { most: CHAIN_MAX });
        }
        let above = all.split_off(1);
        all.pop().map(|signer| Self { signer, above }).ok_or(CertificateError::Malformed)
    }

    /// The signer's key. It means nothing before [`Chain::verify`].
    pub(crate) fn key(&self) -> PublicKey {
        self.signer.key
    }

    /// Each certificate as it is encoded.
    pub(crate) fn der(&self) -> impl Iterator<Item = &[u8]> {
        [&self.signer].into_iter().chain(&self.above).map(|certificate| certificate.der.as_slice())
    }

    /// Checks that one of these roots vouches, at this time, for a signer of this name.
    pub(crate) fn verify(&self, roots: &Roots, identity: &str, now_s: u64) -> Result<(), CertificateError> {
        path::verify(&self.signer, &self.above, &roots.0, now_s)?;
        if identity::is(&self.signer, identity) { Ok(()) } else { Err(CertificateError::Identity) }
    }
}

/// Authorities that the operator trusts.
#[derive(Clone, Debug)]
pub struct Roots(Vec<Certificate>);

impl Roots {
    /// Reads a PEM file.
    ///
    /// # Errors
    /// As [`Chain::from_pem`].
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let all = from_pem(pem)?;
        if all.is_empty() || all.len() > ROOTS_MAX {
            return Err(CertificateError::Count { most: ROOTS_MAX });
        }
        Ok(Self(all))
    }
}

fn from_pem(pem: &str) -> Result<Vec<Certificate>, CertificateError> {
    if pem.len() > PEM_BYTES_MAX {
        return Err(CertificateError::TooLarge);
    }
    let all = x509_cert::Certificate::load_pem_chain(pem.as_bytes());
    all.map_err(|_| CertificateError::Malformed)?
        .iter()
        .map(|found| Certificate::read(&found.to_der().map_err(|_| CertificateError::Malformed)?))
        .collect()
}

/// Why certificates are refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the variants are")]
pub enum CertificateError {
    #[error("certificate or file of certificates is too large")]
    TooLarge,
    #[error("there is no certificate, or there are more than {most}")]
    Count { most: usize },
    #[error("certificate is not one of X.509 version 3 in its one encoding")]
    Malformed,
    #[error("certificate is signed in another way than ECDSA with SHA-256, SHA-384 or SHA-512")]
    Algorithm,
    #[error("certificate's key is not on the curve P-256, P-384 or P-521")]
    Key,
    #[error("certificate has an extension twice")]
    ExtensionTwice,
    #[error("certificate has a critical extension, or constraints, that are not understood")]
    ExtensionUnknown,
    #[error("certificate is not valid yet")]
    NotYetValid,
    #[error("certificate has expired")]
    Expired,
    #[error("signer's certificate is that of an authority")]
    SignerIsAuthority,
    #[error("signer's certificate is not meant for signing code")]
    SignerUsage,
    #[error("certificate in the chain is not that of an authority that may issue others for signing code")]
    NotAuthority,
    #[error("authority has more authorities below it than it may")]
    PathLength,
    #[error("certificates in the chain do not follow one another")]
    NotChained,
    #[error("certificate's signature does not verify with the key of its issuer")]
    Signature,
    #[error("certificate is issued by no root that is trusted for this signer")]
    NoRoot,
    #[error("certificate is not that of the identity that is trusted")]
    Identity,
    #[error("identity is empty, too long, or no address, URI, host name or distinguished name")]
    IdentityInvalid,
}
