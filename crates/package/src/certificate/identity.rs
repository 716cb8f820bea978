//! Whose certificate it is, as the operator writes it.
//!
//! An identity's form says which of a certificate's names it is: one authority must not be able to
//! pass a host name off as an address.

use x509_cert::ext::pkix::name::GeneralName;

use super::CertificateError;
use super::read::Certificate;

/// Most bytes of an identity.
const BYTES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    /// `https://example.org/release`
    Uri,
    /// `CN=Release,O=Example`, as RFC 4514 writes it.
    Subject,
    /// `release@example.org`
    Address,
    /// `release.example.org`
    Host,
}

impl Form {
    fn of(identity: &str) -> Self {
        if identity.contains("://") {
            Self::Uri
        } else if identity.contains('=') {
            Self::Subject
        } else if identity.contains('@') {
            Self::Address
        } else {
            Self::Host
        }
    }
}

/// Checks that an identity is one that a certificate can have.
///
/// # Errors
/// [`CertificateError::IdentityInvalid`].
pub fn check(identity: &str) -> Result<(), CertificateError> {
    let printable = !identity.chars().any(char::is_control) && identity.trim() == identity;
    let plain = !identity.contains(['*', ' ']) || Form::of(identity) == Form::Subject;
    if printable && plain && (1..=BYTES_MAX).contains(&identity.len()) {
        Ok(())
    } else {
        Err(CertificateError::IdentityInvalid)
    }
}

/// Whether the certificate is that one's: letter for letter, without wildcards.
pub(super) fn is(signer: &Certificate, identity: &str) -> bool {
    let form = Form::of(identity);
    if check(identity).is_err() {
        return false;
    }
    if form == Form::Subject {
        return !signer.subject.is_empty() && signer.subject.to_string() == identity;
    }
    let names = signer.names.as_ref().map_or(&[][..], |names| names.0.as_slice());
    names.iter().any(|name| match (form, name) {
        (Form::Uri, GeneralName::UniformResourceIdentifier(found))
        | (Form::Address, GeneralName::Rfc822Name(found))
        | (Form::Host, GeneralName::DnsName(found)) => found.as_str() == identity,
        _ => false,
    })
}
