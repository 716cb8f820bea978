//! One certificate, as far as it can be judged by itself.

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_cert::der::oid::db::{rfc5280, rfc5912};
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{Decode, Encode as _};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::{AlgorithmIdentifier, TbsCertificate, Version};

use super::{CERTIFICATE_BYTES_MAX, CertificateError};
use crate::keys::PublicKey;

/// A certificate that was read whole: nothing in it is unknown but what it says may be.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) der: Vec<u8>,
    pub(super) issuer: Name,
    pub(super) subject: Name,
    /// First and last second, since 1970.
    pub(super) valid_s: (u64, u64),
    pub(super) key: PublicKey,
    pub(super) constraints: Option<BasicConstraints>,
    pub(super) usage: Option<KeyUsage>,
    pub(super) purposes: Option<ExtendedKeyUsage>,
    pub(super) names: Option<SubjectAltName>,
    /// What the issuer signed, hashed as it says.
    digest: Vec<u8>,
    signature: Vec<u8>,
}

impl Certificate {
    /// Reads one from DER.
    pub(super) fn read(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::TooLarge);
        }
        let malformed = |_| CertificateError::Malformed;
        let found = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        // What is judged is what was understood, written anew; were that other bytes, somebody else
        // could understand something else.
        if found.to_der().map_err(malformed)? != der {
            return Err(CertificateError::Malformed);
        }
        let said = found.tbs_certificate();
        let plain = said.version() == Version::V3
            && said.issuer_unique_id().is_none()
            && said.subject_unique_id().is_none()
            && !said.issuer().is_empty();
        if !plain {
            return Err(CertificateError::Malformed);
        }
        if said.signature() != found.signature_algorithm() {
            return Err(CertificateError::Algorithm);
        }
        let digest = hashed(found.signature_algorithm(), &said.to_der().map_err(malformed)?)?;
        let key = said.subject_public_key_info().to_der().map_err(malformed)?;
        let second = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
        check_extensions(said.extensions().map_or(&[], Vec::as_slice))?;
        Ok(Self {
            der: der.to_vec(),
            issuer: said.issuer().clone(),
            subject: said.subject().clone(),
            valid_s: (second(said.validity().not_before), second(said.validity().not_after)),
            key: PublicKey::from_der(&key).ok_or(CertificateError::Key)?,
            constraints: extension(said)?,
            usage: extension(said)?,
            purposes: extension(said)?,
            names: extension(said)?,
            digest,
            signature: found.signature().as_bytes().ok_or(CertificateError::Malformed)?.to_vec(),
        })
    }

    /// Checks that this one's key signed the other.
    pub(super) fn issued(&self, other: &Self) -> Result<(), CertificateError> {
        if self.subject != other.issuer {
            return Err(CertificateError::NotChained);
        }
        if self.key.verifies_digest(&other.digest, &other.signature) {
            Ok(())
        } else {
            Err(CertificateError::Signature)
        }
    }

    /// Checks that it counts at this time.
    pub(super) fn check_time(&self, now_s: u64) -> Result<(), CertificateError> {
        let (first, last) = self.valid_s;
        match now_s {
            now if now < first => Err(CertificateError::NotYetValid),
            now if now > last => Err(CertificateError::Expired),
            _ => Ok(()),
        }
    }

    /// Whether it says that its key is for signing code. `any` says whether "for anything" will do.
    pub(super) fn signs_code(&self, any: bool) -> Option<bool> {
        let purposes = &self.purposes.as_ref()?.0;
        let any = any && purposes.contains(&rfc5280::ANY_EXTENDED_KEY_USAGE);
        Some(any || purposes.contains(&rfc5280::ID_KP_CODE_SIGNING))
    }
}

fn hashed(algorithm: &AlgorithmIdentifier, bytes: &[u8]) -> Result<Vec<u8>, CertificateError> {
    if algorithm.parameters.is_some() {
        return Err(CertificateError::Algorithm);
    }
    match algorithm.oid {
        rfc5912::ECDSA_WITH_SHA_256 => Ok(Sha256::digest(bytes).to_vec()),
        rfc5912::ECDSA_WITH_SHA_384 => Ok(Sha384::digest(bytes).to_vec()),
        rfc5912::ECDSA_WITH_SHA_512 => Ok(Sha512::digest(bytes).to_vec()),
        _ => Err(CertificateError::Algorithm),
    }
}

fn extension<T>(said: &TbsCertificate) -> Result<Option<T>, CertificateError>
where
    T: for<'d> Decode<'d, Error = x509_cert::der::Error> + AssociatedOid,
{
    match said.get_extension::<T>() {
        Ok(found) => Ok(found.map(|(_, value)| value)),
        Err(_) => Err(CertificateError::Malformed),
    }
}

fn check_extensions(all: &[Extension]) -> Result<(), CertificateError> {
    for (index, extension) in all.iter().enumerate() {
        let oid = extension.extn_id;
        if all.iter().skip(index + 1).any(|other| other.extn_id == oid) {
            return Err(CertificateError::ExtensionTwice);
        }
        if CONSTRAINTS.contains(&oid) || extension.critical && !UNDERSTOOD.contains(&oid) {
            return Err(CertificateError::ExtensionUnknown);
        }
    }
    Ok(())
}

const UNDERSTOOD: [ObjectIdentifier; 4] =
    [BasicConstraints::OID, KeyUsage::OID, ExtendedKeyUsage::OID, SubjectAltName::OID];

/// They forbid something, critical or not: an authority that says so is not to be misread.
const CONSTRAINTS: [ObjectIdentifier; 3] =
    [rfc5280::ID_CE_NAME_CONSTRAINTS, rfc5280::ID_CE_POLICY_CONSTRAINTS, rfc5280::ID_CE_INHIBIT_ANY_POLICY];
