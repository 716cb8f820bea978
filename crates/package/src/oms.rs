//! `OpenSSF` Model Signing v1.0 bundles, by key and by certificate: produced and verified.
//!
//! A bundle is a Sigstore bundle v0.3 around a DSSE envelope around an in-toto statement whose
//! predicate lists every file with its digest. Nothing in the statement is read before its signature
//! has verified. The subject's root digest covers digests but not names: it is checked and never
//! used as an id.

mod trust;
mod wire;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proto::{Code, Digest};

use crate::certificate::{CertificateError, Chain};
use crate::hash::Hasher;
use crate::json::{self, JsonError, Limits};
use crate::keys::{KeyError, PrivateKey};
use crate::path::{self, PathError};
use crate::{BUNDLE_PATH, Manifest};
use wire::{
    Bundle, CertificateChain, DigestSet, Envelope, Material, Predicate, PublicKeyHint, RawCertificate,
    Resource, Serialization, Signature, Statement, Subject,
};

pub use trust::Trust;

/// Most bytes of a bundle.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most resources that a statement may list.
pub const RESOURCES_MAX: usize = proto::link::inspector::FILES_MAX;

/// What a trusted signer signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endorsement {
    /// The operator's name for the signer.
    pub signer: String,
    /// SHA-256 of the signer's PEM public key.
    pub signer_key: Digest,
    /// Every file that was signed, in the statement's order; no name stands twice.
    pub resources: Vec<(String, Digest)>,
}

/// Verifies a bundle against the signers that the operator trusts.
///
/// # Errors
/// [`BundleError`] for the first thing that is wrong.
pub fn verify(bundle: &[u8], trust: &Trust<'_>) -> Result<Endorsement, BundleError> {
    let bundle: Bundle = json::parse(bundle, &LIMITS).map_err(BundleError::Json)?;
    if bundle.media_type != BUNDLE_TYPE || bundle.dsse_envelope.payload_type != PAYLOAD_TYPE {
        return Err(BundleError::Type);
    }
    let [signature] = bundle.dsse_envelope.signatures.as_slice() else {
        return Err(BundleError::Signatures { found: bundle.dsse_envelope.signatures.len() });
    };
    let payload = BASE64.decode(&bundle.dsse_envelope.payload).map_err(|_| BundleError::Base64)?;
    let signature = BASE64.decode(&signature.sig).map_err(|_| BundleError::Base64)?;
    let (signer, key) = match bundle.verification_material {
        Material { public_key: Some(key), certificate_chain: None, .. } => {
            trust.key(Digest::parse_hex(&key.hint).map_err(|_| BundleError::Hint)?)?
        }
        Material { public_key: None, certificate_chain: Some(chain), .. } => {
            let raw = chain.certificates.iter().map(|one| BASE64.decode(&one.raw_bytes));
            let raw = raw.collect::<Result<Vec<_>, _>>().map_err(|_| BundleError::Base64)?;
            let chain = Chain::from_der(raw.iter().map(Vec::as_slice));
            trust.certificate(&chain.map_err(BundleError::Chain)?)?
        }
        _ => return Err(BundleError::Hint),
    };
    match key.verifies(&pre_authentication(&payload), &signature) {
        None => return Err(BundleError::SignatureEncoding),
        Some(false) => return Err(BundleError::SignatureInvalid { signer: signer.to_owned() }),
        Some(true) => {}
    }
    let signer_key =
        key.digest().map_err(|source| BundleError::SignerKey { signer: signer.to_owned(), source })?;
    let statement: Statement = json::parse(&payload, &LIMITS).map_err(BundleError::Statement)?;
    Ok(Endorsement { signer: signer.to_owned(), signer_key, resources: resources(statement)? })
}

/// Signs a manifest and every file that it lists.
///
/// # Errors
/// [`SignError`] when the manifest breaks a rule or the key cannot be used.
pub fn sign(manifest: &[u8], key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    let public_key = Some(PublicKeyHint { hint: key.public().digest()?.hex() });
    seal(manifest, key, Material { public_key, ..Material::default() })
}

/// As [`sign`], with the key of a certificate.
///
/// # Errors
/// As [`sign`], and [`SignError::OtherKey`] when the certificate is that of another key.
pub fn sign_with(manifest: &[u8], key: &PrivateKey, chain: &Chain) -> Result<Vec<u8>, SignError> {
    if chain.key() != key.public() {
        return Err(SignError::OtherKey);
    }
    let certificates = chain.der().map(|der| RawCertificate { raw_bytes: BASE64.encode(der) }).collect();
    let certificate_chain = Some(CertificateChain { certificates });
    seal(manifest, key, Material { certificate_chain, ..Material::default() })
}

fn seal(manifest: &[u8], key: &PrivateKey, verification_material: Material) -> Result<Vec<u8>, SignError> {
    let listing = Manifest::parse(manifest)?;
    let mut files: Vec<(String, Digest)> =
        listing.files.into_iter().map(|file| (file.path, file.digest)).collect();
    files.push((crate::MANIFEST_PATH.to_owned(), crate::hash::sha256(manifest)));
    files.sort();
    let statement = Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: vec![Subject { name: listing.name, digest: DigestSet { sha256: root(&files).hex() } }],
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate: Predicate {
            resources: files.into_iter().map(|(name, digest)| Resource::sha256(name, digest)).collect(),
            serialization: Serialization::files(vec![BUNDLE_PATH.to_owned()]),
        },
    };
    let payload = serde_json::to_vec(&statement).map_err(SignError::Encode)?;
    let signature = key.sign(&pre_authentication(&payload));
    let bundle = Bundle {
        media_type: BUNDLE_TYPE.to_owned(),
        verification_material,
        dsse_envelope: Envelope {
            payload: BASE64.encode(payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![Signature { sig: BASE64.encode(signature), keyid: String::new() }],
        },
    };
    serde_json::to_vec(&bundle).map_err(SignError::Encode)
}

/// Why a bundle is refused.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The bundle is no JSON that we accept, or of another shape.
    #[error("signature bundle is not accepted")]
    Json(#[source] JsonError),
    /// The bundle or its envelope is of another type.
    #[error("signature bundle is not a Sigstore bundle v0.3 around an in-toto statement")]
    Type,
    /// There is not exactly one signature.
    #[error("signature bundle has {found} signatures, exactly one is allowed")]
    Signatures {
        /// How many.
        found: usize,
    },
    /// The bundle does not name its key, or in two ways.
    #[error("signature bundle does not name its key by the key's SHA-256, or by certificates")]
    Hint,
    /// Payload or signature are no base64.
    #[error("signature bundle has a payload or signature that is no base64")]
    Base64,
    /// The signature is no ASN.1 DER of an ECDSA signature.
    #[error("signature is not encoded as ECDSA signatures are")]
    SignatureEncoding,
    /// The key that the bundle names is not among the trusted ones.
    #[error("package is signed with the key {key}, which is not trusted")]
    Untrusted {
        /// The key's digest.
        key: Digest,
    },
    /// A certificate in the bundle is not accepted.
    #[error("signature bundle has certificates that are not accepted")]
    Chain(#[source] CertificateError),
    /// The certificates of the bundle lead to nobody who is trusted.
    #[error("package is signed with a certificate that is not trusted as {signer:?}")]
    CertificateUntrusted {
        /// The operator's name for the signer.
        signer: String,
        /// Why not.
        source: CertificateError,
    },
    /// It is signed with a certificate, and nobody is trusted by one.
    #[error("package is signed with a certificate, and no signer is trusted by certificate")]
    NoCertificateTrusted,
    /// A trusted signer's roots or identity could not be read.
    #[error("root certificates or identity of the trusted signer {signer:?} cannot be used")]
    SignerRoots {
        /// The operator's name for the signer.
        signer: String,
        /// Why not.
        source: CertificateError,
    },
    /// A trusted signer's key could not be read.
    #[error("public key of the trusted signer {signer:?} cannot be used")]
    SignerKey {
        /// The operator's name for the signer.
        signer: String,
        /// Why not.
        source: KeyError,
    },
    /// The signature is not by the key that the bundle names, or not over this payload.
    #[error("signature does not verify with the key of {signer:?}")]
    SignatureInvalid {
        /// The operator's name for the signer.
        signer: String,
    },
    /// What was signed is no statement that we accept.
    #[error("signed statement is not accepted")]
    Statement(#[source] JsonError),
    /// What was signed is a statement of another type.
    #[error("signed statement is not one of Model Signing v1.0")]
    StatementType,
    /// The files were serialised in another way than each whole, or with another digest.
    #[error("signed statement cuts files into pieces, follows links, or uses another digest than SHA-256")]
    Serialization,
    /// The root digest is not that of the files listed.
    #[error("signed statement's root digest is not that of the files it lists")]
    Root,
    /// A file stands twice in the statement, or there are too many.
    #[error("signed statement lists a file twice, or too many files")]
    Resources,
    /// A name in the statement breaks a rule.
    #[error("signed statement has a path that is not allowed")]
    Path(#[from] PathError),
}

impl BundleError {
    /// The code under which operators know it.
    pub const fn code(&self) -> Code {
        match self {
            Self::Untrusted { .. } | Self::CertificateUntrusted { .. } | Self::NoCertificateTrusted => {
                Code::SignerUntrusted
            }
            Self::SignatureInvalid { .. } => Code::SignatureInvalid,
            Self::SignerKey { .. } | Self::SignerRoots { .. } => Code::ConfigInvalid,
            Self::Path(_) => Code::PathInvalid,
            _ => Code::SignatureMalformed,
        }
    }
}

/// Why a package could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The manifest breaks a rule.
    #[error("manifest cannot be signed")]
    Manifest(#[from] crate::manifest::ManifestError),
    /// The key cannot be used.
    #[error("signing key cannot be used")]
    Key(#[from] KeyError),
    /// The certificate is that of another key.
    #[error("certificate is not that of the signing key")]
    OtherKey,
    /// The bundle cannot be written as JSON.
    #[error("signature bundle cannot be encoded")]
    Encode(#[source] serde_json::Error),
}

/// DSSE's pre-authentication encoding: what is really signed.
fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let mut text = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    text.extend_from_slice(payload);
    text
}

fn resources(statement: Statement) -> Result<Vec<(String, Digest)>, BundleError> {
    if statement.kind != STATEMENT_TYPE || statement.predicate_type != PREDICATE_TYPE {
        return Err(BundleError::StatementType);
    }
    let [subject] = statement.subject.as_slice() else { return Err(BundleError::StatementType) };
    let Predicate { resources, serialization } = statement.predicate;
    // Which paths the signer left out does not matter: what is not among the resources is not signed,
    // and a package with a file that is not signed is refused.
    if serialization != Serialization::files(serialization.ignore_paths.clone()) {
        return Err(BundleError::Serialization);
    }
    if resources.len() > RESOURCES_MAX {
        return Err(BundleError::Resources);
    }
    let mut files = Vec::with_capacity(resources.len());
    for resource in resources {
        path::check(&resource.name)?;
        let digest = Digest::parse_hex(&resource.digest).ok().filter(|_| resource.algorithm == "sha256");
        files.push((resource.name, digest.ok_or(BundleError::Serialization)?));
    }
    if root(&files).hex() != subject.digest.sha256 {
        return Err(BundleError::Root);
    }
    let names: std::collections::BTreeSet<_> = files.iter().map(|(name, _)| name).collect();
    if names.len() == files.len() { Ok(files) } else { Err(BundleError::Resources) }
}

/// SHA-256 of the raw digests in listed order.
fn root(files: &[(String, Digest)]) -> Digest {
    let mut hasher = Hasher::new();
    for (_, digest) in files {
        hasher.update(digest.as_bytes());
    }
    hasher.finish()
}

const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE: &str = "https://model_signing/signature/v1.0";
const LIMITS: Limits = Limits { bytes_max: BYTES_MAX, depth_max: 8, values_max: 64 + 4 * 4096 };
