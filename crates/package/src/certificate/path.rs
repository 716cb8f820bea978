//! A path from a signer's certificate to a root.

use super::CertificateError;
use super::read::Certificate;

/// Checks that `above` leads, in its order, from the signer to one of the roots, and that each
/// certificate may do at this time what it does. A root at the end of `above` is the operator's or
/// nobody's.
pub(super) fn verify(
    signer: &Certificate,
    above: &[Certificate],
    roots: &[Certificate],
    now_s: u64,
) -> Result<(), CertificateError> {
    check_signer(signer, now_s)?;
    let above = match above.split_last() {
        Some((last, others)) if roots.iter().any(|root| root.der == last.der) => others,
        _ => above,
    };
    let mut child = signer;
    for (below, authority) in above.iter().enumerate() {
        authority.issued(child)?;
        check_authority(authority, below, now_s)?;
        child = authority;
    }
    let mut refusal = CertificateError::NoRoot;
    for root in roots.iter().filter(|root| root.subject == child.issuer) {
        match root.issued(child).and_then(|()| check_authority(root, above.len(), now_s)) {
            Ok(()) => return Ok(()),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

fn check_signer(signer: &Certificate, now_s: u64) -> Result<(), CertificateError> {
    signer.check_time(now_s)?;
    if signer.constraints.as_ref().is_some_and(|constraints| constraints.ca) {
        return Err(CertificateError::SignerIsAuthority);
    }
    let signs =
        signer.usage.as_ref().is_some_and(|usage| usage.digital_signature() && !usage.key_cert_sign());
    // "For anything" is not "for signing code": certificates of servers say it too.
    if signs && signer.signs_code(false) == Some(true) { Ok(()) } else { Err(CertificateError::SignerUsage) }
}

/// `below` authorities stand between this one and the signer.
fn check_authority(authority: &Certificate, below: usize, now_s: u64) -> Result<(), CertificateError> {
    authority.check_time(now_s)?;
    let Some(constraints) = authority.constraints.as_ref().filter(|constraints| constraints.ca) else {
        return Err(CertificateError::NotAuthority);
    };
    let issues = authority.usage.as_ref().is_some_and(x509_cert::ext::pkix::KeyUsage::key_cert_sign);
    if !issues || authority.signs_code(true) == Some(false) {
        return Err(CertificateError::NotAuthority);
    }
    match constraints.path_len_constraint {
        Some(most) if below > usize::from(most) => Err(CertificateError::PathLength),
        _ => Ok(()),
    }
}
