//! Certificates made by hand, after RFC 5280, each with one rule broken.

mod forge;

use super::{CertificateError as Error, Chain, PEM_BYTES_MAX, Roots, check_identity};
use forge::{Forged, NOW, key, pem};

const IDENTITY: &str = "release@example.org";

/// A root, an authority below it, and a signer: as they should be.
struct Family {
    root: Forged,
    middle: Forged,
    signer: Forged,
    /// The numbers of the keys that they are signed with.
    issuers: [u8; 3],
}

impl Family {
    fn good() -> Self {
        Self {
            root: Forged::authority("Root", "Root", 1),
            middle: Forged::authority("Middle", "Root", 2),
            signer: Forged::signer("Release", "Middle", 3),
            issuers: [1, 1, 2],
        }
    }

    fn der(&self) -> [Vec<u8>; 3] {
        let [root, middle, signer] = self.issuers.map(key);
        [self.root.der(&root), self.middle.der(&middle), self.signer.der(&signer)]
    }

    fn verify_for(&self, identity: &str) -> Result<(), Error> {
        let [root, middle, signer] = self.der();
        let roots = Roots::from_pem(&pem(&[&root]))?;
        Chain::from_der([signer.as_slice(), &middle])?.verify(&roots, identity, NOW)
    }

    fn verify(&self) -> Result<(), Error> {
        self.verify_for(IDENTITY)
    }
}

/// What a family is refused for after one change.
#[track_caller]
fn refused(expected: Error, change: impl FnOnce(&mut Family)) {
    let mut family = Family::good();
    change(&mut family);
    assert_eq!(family.verify(), Err(expected));
}

#[test]
fn a_path_to_a_given_root_is_accepted_whether_or_not_the_root_is_sent_along() {
    let [root, middle, signer] = Family::good().der();
    let roots = Roots::from_pem(&pem(&[&root])).unwrap();
    for chain in [vec![&signer, &middle], vec![&signer, &middle, &root]] {
        let chain = Chain::from_pem(&pem(&chain)).unwrap();
        chain.verify(&roots, IDENTITY, NOW).unwrap();
    }
    // The authority itself may be what the operator trusts.
    let roots = Roots::from_pem(&pem(&[&root, &middle])).unwrap();
    Chain::from_der([signer.as_slice()]).unwrap().verify(&roots, IDENTITY, NOW).unwrap();
}

#[test]
fn a_path_that_leads_elsewhere_or_nowhere_is_refused() {
    let [root, middle, signer] = Family::good().der();
    let roots = Roots::from_pem(&pem(&[&root])).unwrap();
    let verify = |chain: &[&Vec<u8>]| {
        Chain::from_der(chain.iter().map(|der| der.as_slice())).unwrap().verify(&roots, IDENTITY, NOW)
    };
    assert_eq!(verify(&[&signer]), Err(Error::NoRoot));
    assert_eq!(verify(&[&signer, &root]), Err(Error::NoRoot), "the authority between is missing");
    assert_eq!(verify(&[&signer, &root, &middle]), Err(Error::NotChained), "out of order");
    assert_eq!(verify(&[&signer, &middle, &middle]), Err(Error::NotChained));
    assert_eq!(verify(&[&root]), Err(Error::SignerIsAuthority), "a root is no signer");
    // A root of the same name with another key, sent along: whose it is does not matter.
    let stranger = Forged::authority("Root", "Root", 9).der(&key(9));
    let theirs = Forged::authority("Middle", "Root", 2).der(&key(9));
    assert_eq!(verify(&[&signer, &theirs, &stranger]), Err(Error::Signature));
    assert_eq!(verify(&[&signer, &theirs]), Err(Error::Signature));
}

#[test]
fn a_certificate_that_is_not_valid_now_is_refused_wherever_it_stands() {
    let places: [fn(&mut Family) -> &mut Forged; 3] =
        [|family| &mut family.root, |family| &mut family.middle, |family| &mut family.signer];
    for place in places {
        refused(Error::Expired, |family| place(family).valid = (NOW - 100, NOW - 1));
        refused(Error::NotYetValid, |family| place(family).valid = (NOW + 1, NOW + 100));
        let mut family = Family::good();
        place(&mut family).valid = (NOW, NOW);
        family.verify().unwrap();
    }
}

#[test]
fn a_signer_that_may_not_sign_code_is_refused() {
    refused(Error::SignerUsage, |family| family.signer.drop("usage"));
    refused(Error::SignerUsage, |family| family.signer.drop("purposes"));
    refused(Error::SignerUsage, |family| family.signer.usage(forge::KEY_ENCIPHERMENT));
    refused(Error::SignerUsage, |family| family.signer.purposes(&[forge::SERVER]));
    refused(Error::SignerUsage, |family| family.signer.purposes(&[forge::ANYTHING]));
    refused(Error::SignerUsage, |family| family.signer.usage(forge::DIGITAL_SIGNATURE | forge::CERT_SIGN));
    refused(Error::SignerIsAuthority, |family| family.signer.becomes_authority(None));
}

#[test]
fn an_issuer_that_is_no_authority_for_it_is_refused() {
    for root in [false, true] {
        let with = |change: fn(&mut Forged)| {
            move |family: &mut Family| change(if root { &mut family.root } else { &mut family.middle })
        };
        refused(Error::NotAuthority, with(|issuer| issuer.drop("constraints")));
        refused(Error::NotAuthority, with(Forged::not_authority));
        refused(Error::NotAuthority, with(|issuer| issuer.drop("usage")));
        refused(Error::NotAuthority, with(|issuer| issuer.usage(forge::DIGITAL_SIGNATURE)));
        refused(Error::NotAuthority, with(|issuer| issuer.purposes(&[forge::SERVER])));
    }
    refused(Error::PathLength, |family| family.root.becomes_authority(Some(0)));
    let mut family = Family::good();
    family.root.becomes_authority(Some(1));
    family.middle.becomes_authority(Some(0));
    family.verify().unwrap();
}

#[test]
fn a_signer_cannot_issue_certificates() {
    let [root, middle, signer] = Family::good().der();
    let roots = Roots::from_pem(&pem(&[&root])).unwrap();
    let below = Forged::signer("Friend", "Release", 4).der(&key(3));
    let chain = Chain::from_der([below.as_slice(), &signer, &middle]).unwrap();
    assert_eq!(chain.verify(&roots, IDENTITY, NOW), Err(Error::NotAuthority));
}

#[test]
fn a_signature_of_another_key_or_over_other_bytes_is_refused() {
    refused(Error::Signature, |family| family.issuers[1] = 9);
    refused(Error::Signature, |family| family.issuers[2] = 9);
    let [root, middle, mut signer] = Family::good().der();
    let roots = Roots::from_pem(&pem(&[&root])).unwrap();
    let place = signer.windows(19).position(|bytes| bytes == IDENTITY.as_bytes()).unwrap();
    signer[place] = b'R';
    let chain = Chain::from_der([signer.as_slice(), &middle]).unwrap();
    assert_eq!(chain.verify(&roots, "Release@example.org", NOW), Err(Error::Signature));
}

#[test]
fn what_is_not_understood_is_refused() {
    for critical in [true, false] {
        for oid in [forge::NAME_CONSTRAINTS, forge::POLICY_CONSTRAINTS] {
            refused(Error::ExtensionUnknown, |family| family.middle.extend("x", oid, critical, &[0x30, 0]));
        }
    }
    refused(Error::ExtensionUnknown, |family| family.signer.extend("x", "1.2.3.4", true, &[5, 0]));
    refused(Error::ExtensionUnknown, |family| family.root.extend("x", "1.2.3.4", true, &[5, 0]));
    let mut family = Family::good();
    family.signer.extend("x", "1.2.3.4", false, &[5, 0]);
    family.verify().unwrap();
    refused(Error::ExtensionTwice, |family| {
        family.signer.extend("x", forge::KEY_USAGE, true, &[3, 2, 7, 128]);
    });
    refused(Error::Malformed, |family| {
        family.signer.drop("usage");
        family.signer.extend("usage", forge::KEY_USAGE, true, &[5, 0]);
    });
    refused(Error::Malformed, |family| family.signer.version = 0);
    refused(Error::Algorithm, |family| family.signer.inner_algorithm = forge::ECDSA_SHA384);
    refused(Error::Algorithm, |family| {
        family.signer.algorithm = forge::ECDSA_SHA1;
        family.signer.inner_algorithm = forge::ECDSA_SHA1;
    });
    refused(Error::Key, |family| family.signer.curve = forge::SECP256K1);
}

#[test]
fn what_is_no_certificate_is_refused_at_every_cut_and_with_bytes_behind_it() {
    let [_, _, signer] = Family::good().der();
    for end in 0..signer.len() {
        assert!(Chain::from_der([&signer[..end]]).is_err(), "{end}");
    }
    let longer = [signer.as_slice(), &[0]].concat();
    assert_eq!(Chain::from_der([longer.as_slice()]).unwrap_err(), Error::Malformed);
    assert_eq!(Chain::from_der([[0; 9000].as_slice()]).unwrap_err(), Error::TooLarge);
    assert!(matches!(Chain::from_der([]), Err(Error::Count { .. })));
    assert!(matches!(Chain::from_der([signer.as_slice(); 7]), Err(Error::Count { .. })));
    assert_eq!(Roots::from_pem(&" ".repeat(PEM_BYTES_MAX + 1)).unwrap_err(), Error::TooLarge);
    for text in ["", "\n", "x", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"] {
        assert!(Roots::from_pem(text).is_err(), "{text:?}");
    }
}

#[test]
fn only_the_identity_that_is_trusted_counts_and_only_in_its_own_form() {
    let mut family = Family::good();
    family.signer.names(&[
        (1, "other@example.org"),
        (2, "release.example.org"),
        (6, "https://example.org/r"),
    ]);
    for identity in
        ["other@example.org", "release.example.org", "https://example.org/r", "CN=Release,O=Example"]
    {
        check_identity(identity).unwrap();
        family.verify_for(identity).unwrap();
    }
    for identity in [
        "release@example.org",
        "OTHER@example.org",
        "example.org",
        "*.example.org",
        "https://example.org/",
        "CN=Release",
        "O=Example,CN=Release",
        "Release",
        "",
    ] {
        assert_eq!(family.verify_for(identity), Err(Error::Identity), "{identity:?}");
    }
    // A name in the place of another kind.
    family.signer.names(&[
        (2, "release@example.org"),
        (1, "https://example.org/r"),
        (6, "release.example.org"),
    ]);
    for identity in ["release@example.org", "https://example.org/r", "release.example.org"] {
        assert_eq!(family.verify_for(identity), Err(Error::Identity), "{identity:?}");
    }
    family.signer.drop("names");
    assert_eq!(family.verify(), Err(Error::Identity));
    // A comma in a name does not make two names of it.
    family.signer.subject = "Release,O=Example".to_owned();
    family.signer.organisation = None;
    assert_eq!(family.verify_for("CN=Release,O=Example"), Err(Error::Identity));
    for identity in ["", " a@b", "a\n@b", "*.example.org", &"a".repeat(2000)] {
        assert_eq!(check_identity(identity), Err(Error::IdentityInvalid), "{identity:?}");
    }
}
