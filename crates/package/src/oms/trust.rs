//! Whom the operator trusts.

use proto::Digest;
use proto::link::inspector::{SignerTrust, TrustedSigner};

use super::BundleError;
use crate::certificate::{Chain, Roots, check_identity};
use crate::keys::PublicKey;

/// Whose signatures count, and when that is asked.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'t> {
    /// The operator's signers.
    pub signers: &'t [TrustedSigner],
    /// The time at which certificates must be valid, in seconds since 1970.
    pub now_s: u64,
}

/// How one signer is trusted, read.
enum Anchor<'t> {
    Key(PublicKey),
    Roots(Roots, &'t str),
}

impl<'t> Trust<'t> {
    /// The signer whose key has that digest, and the key.
    pub(super) fn key(&self, wanted: Digest) -> Result<(&'t str, PublicKey), BundleError> {
        let mut found = None;
        for (signer, anchor) in self.anchors()? {
            let Anchor::Key(key) = anchor else { continue };
            let digest = key
                .digest()
                .map_err(|source| BundleError::SignerKey { signer: signer.to_owned(), source })?;
            if digest == wanted {
                found = found.or(Some((signer, key)));
            }
        }
        found.ok_or(BundleError::Untrusted { key: wanted })
    }

    /// The signer whose roots vouch for that chain and its identity, and the chain's key.
    pub(super) fn certificate(&self, chain: &Chain) -> Result<(&'t str, PublicKey), BundleError> {
        let mut refusal = BundleError::NoCertificateTrusted;
        for (signer, anchor) in self.anchors()? {
            let Anchor::Roots(roots, identity) = anchor else { continue };
            match chain.verify(&roots, identity, self.now_s) {
                Ok(()) => return Ok((signer, chain.key())),
                Err(source) => {
                    refusal = BundleError::CertificateUntrusted { signer: signer.to_owned(), source };
                }
            }
        }
        Err(refusal)
    }

    /// Every signer must be readable, not only the one that is needed: one that silently never matches
    /// would look like an untrusted package.
    fn anchors(&self) -> Result<Vec<(&'t str, Anchor<'t>)>, BundleError> {
        let read = |signer: &'t TrustedSigner| {
            let name = signer.name.as_str();
            let anchor = match &signer.trust {
                SignerTrust::Key { public_key_pem } => PublicKey::from_pem(public_key_pem)
                    .map(Anchor::Key)
                    .map_err(|source| BundleError::SignerKey { signer: name.to_owned(), source }),
                SignerTrust::Certificate { roots_pem, identity } => check_identity(identity)
                    .and_then(|()| Roots::from_pem(roots_pem))
                    .map(|roots| Anchor::Roots(roots, identity))
                    .map_err(|source| BundleError::SignerRoots { signer: name.to_owned(), source }),
            };
            anchor.map(|anchor| (name, anchor))
        };
        self.signers.iter().map(read).collect()
    }
}
