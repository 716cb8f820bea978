//! The JSON shapes of a bundle, outermost first. Keys that we do not know are refused: a verifier
//! that ignores what another one heeds can be told two stories.

use proto::Digest;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Bundle {
    pub(super) media_type: String,
    pub(super) verification_material: Material,
    pub(super) dsse_envelope: Envelope,
}

/// Exactly one of the first two is there.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) public_key: Option<PublicKeyHint>,
    #[serde(default, rename = "x509CertificateChain", skip_serializing_if = "Option::is_none")]
    pub(super) certificate_chain: Option<CertificateChain>,
    /// Of the keyless method; otherwise it is empty, and the element type accepts nothing.
    #[serde(default)]
    pub(super) tlog_entries: Vec<Never>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateChain {
    pub(super) certificates: Vec<RawCertificate>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawCertificate {
    pub(super) raw_bytes: String,
}

/// No JSON value reads as this.
#[derive(Serialize, Deserialize)]
pub(super) enum Never {}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicKeyHint {
    pub(super) hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Envelope {
    pub(super) payload: String,
    pub(super) payload_type: String,
    pub(super) signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    pub(super) sig: String,
    /// Says nothing: the key is named by the bundle's hint.
    #[serde(default)]
    pub(super) keyid: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    #[serde(rename = "_type")]
    pub(super) kind: String,
    pub(super) subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub(super) predicate_type: String,
    pub(super) predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) digest: DigestSet,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DigestSet {
    pub(super) sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Predicate {
    pub(super) resources: Vec<Resource>,
    pub(super) serialization: Serialization,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resource {
    pub(super) algorithm: String,
    pub(super) digest: String,
    pub(super) name: String,
}

impl Resource {
    pub(super) fn sha256(name: String, digest: Digest) -> Self {
        Self { algorithm: "sha256".to_owned(), digest: digest.hex(), name }
    }
}

#[derive(Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Serialization {
    pub(super) method: String,
    pub(super) hash_type: String,
    pub(super) allow_symlinks: bool,
    #[serde(default)]
    pub(super) ignore_paths: Vec<String>,
}

impl Serialization {
    /// Each file hashed whole, links refused.
    pub(super) fn files(ignore_paths: Vec<String>) -> Self {
        Self {
            method: "files".to_owned(),
            hash_type: "sha256".to_owned(),
            allow_symlinks: false,
            ignore_paths,
        }
    }
}
