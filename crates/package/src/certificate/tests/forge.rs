//! Writes certificates byte by byte, right or wrong, with nothing of what reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};

/// 2027-01-15, in seconds since 1970.
pub(super) const NOW: u64 = 1_800_000_000;

pub(super) const DIGITAL_SIGNATURE: u8 = 0x80;
pub(super) const KEY_ENCIPHERMENT: u8 = 0x20;
pub(super) const CERT_SIGN: u8 = 0x04;

pub(super) const KEY_USAGE: &str = "2.5.29.15";
pub(super) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(super) const POLICY_CONSTRAINTS: &str = "2.5.29.36";
const NAMES: &str = "2.5.29.17";
const CONSTRAINTS: &str = "2.5.29.19";
const PURPOSES: &str = "2.5.29.37";

pub(super) const SERVER: &str = "1.3.6.1.5.5.7.3.1";
pub(super) const CODE: &str = "1.3.6.1.5.5.7.3.3";
pub(super) const ANYTHING: &str = "2.5.29.37.0";

const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
pub(super) const ECDSA_SHA384: &str = "1.2.840.10045.4.3.3";
pub(super) const ECDSA_SHA1: &str = "1.2.840.10045.4.1";
const P256: &str = "1.2.840.10045.3.1.7";
pub(super) const SECP256K1: &str = "1.3.132.0.10";

/// The key of that number.
pub(super) fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

/// A certificate to be.
pub(super) struct Forged {
    pub(super) version: u8,
    pub(super) subject: String,
    pub(super) organisation: Option<&'static str>,
    pub(super) issuer: &'static str,
    pub(super) valid: (u64, u64),
    pub(super) key: u8,
    pub(super) curve: &'static str,
    pub(super) algorithm: &'static str,
    pub(super) inner_algorithm: &'static str,
    /// Each with a name to change it by.
    extensions: Vec<(&'static str, Vec<u8>)>,
}

impl Forged {
    pub(super) fn authority(subject: &str, issuer: &'static str, key: u8) -> Self {
        let mut forged = Self::plain(subject, issuer, key);
        forged.becomes_authority(None);
        forged.usage(CERT_SIGN);
        forged
    }

    pub(super) fn signer(subject: &str, issuer: &'static str, key: u8) -> Self {
        let mut forged = Self::plain(subject, issuer, key);
        forged.usage(DIGITAL_SIGNATURE);
        forged.purposes(&[CODE]);
        forged.names(&[(1, super::IDENTITY)]);
        forged
    }

    fn plain(subject: &str, issuer: &'static str, key: u8) -> Self {
        Self {
            version: 2,
            subject: subject.to_owned(),
            organisation: Some("Example"),
            issuer,
            valid: (NOW - 1000, NOW + 1000),
            key,
            curve: P256,
            algorithm: ECDSA_SHA256,
            inner_algorithm: ECDSA_SHA256,
            extensions: Vec::new(),
        }
    }

    /// Makes it an authority, with that many below it.
    pub(super) fn becomes_authority(&mut self, length: Option<u8>) {
        let length = length.map_or_else(Vec::new, |length| tlv(2, &[length]));
        self.extend("constraints", CONSTRAINTS, true, &sequence(&[&tlv(1, &[255]), &length]));
    }

    pub(super) fn not_authority(&mut self) {
        self.extend("constraints", CONSTRAINTS, true, &sequence(&[]));
    }

    pub(super) fn usage(&mut self, bits: u8) {
        let unused = u8::try_from(bits.trailing_zeros()).unwrap();
        self.extend("usage", KEY_USAGE, true, &tlv(3, &[unused, bits]));
    }

    pub(super) fn purposes(&mut self, all: &[&str]) {
        let all: Vec<u8> = all.iter().flat_map(|one| oid(one)).collect();
        self.extend("purposes", PURPOSES, false, &tlv(0x30, &all));
    }

    /// Alternative names: 1 is an address, 2 a host, 6 a URI.
    pub(super) fn names(&mut self, all: &[(u8, &str)]) {
        let all: Vec<u8> = all.iter().flat_map(|(kind, name)| tlv(0x80 | kind, name.as_bytes())).collect();
        self.extend("names", NAMES, false, &tlv(0x30, &all));
    }

    /// Adds an extension in place of the one of that name.
    pub(super) fn extend(&mut self, name: &'static str, id: &str, critical: bool, value: &[u8]) {
        self.drop(name);
        let critical = if critical { tlv(1, &[255]) } else { Vec::new() };
        self.extensions.push((name, sequence(&[&oid(id), &critical, &tlv(4, value)])));
    }

    pub(super) fn drop(&mut self, name: &str) {
        self.extensions.retain(|(found, _)| *found != name);
    }

    /// Signed with this key.
    pub(super) fn der(&self, issuer: &SigningKey) -> Vec<u8> {
        let point = key(self.key).verifying_key().to_sec1_point(false);
        let bits = |bytes: &[u8]| tlv(3, &[&[0], bytes].concat());
        let algorithm = sequence(&[&oid("1.2.840.10045.2.1"), &oid(self.curve)]);
        let extensions: Vec<u8> = self.extensions.iter().flat_map(|(_, one)| one.clone()).collect();
        let version = tlv(0xa0, &tlv(2, &[self.version]));
        let said = sequence(&[
            // The first version is the one that is not written.
            if self.version == 0 { &[] } else { &version },
            &tlv(2, &[7]),
            &sequence(&[&oid(self.inner_algorithm)]),
            &name(self.issuer, Some("Example")),
            &sequence(&[&time(self.valid.0), &time(self.valid.1)]),
            &name(&self.subject, self.organisation),
            &sequence(&[&algorithm, &bits(point.as_bytes())]),
            &tlv(0xa3, &tlv(0x30, &extensions)),
        ]);
        let signature: DerSignature = issuer.sign(&said);
        sequence(&[&said, &sequence(&[&oid(self.algorithm)]), &bits(signature.as_bytes())])
    }
}

pub(super) fn pem(all: &[&Vec<u8>]) -> String {
    let mut text = String::new();
    for der in all {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in BASE64.encode(der).as_bytes().chunks(64) {
            text.push_str(std::str::from_utf8(line).unwrap());
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

fn name(common: &str, organisation: Option<&str>) -> Vec<u8> {
    let part = |id: &str, text: &str| tlv(0x31, &sequence(&[&oid(id), &tlv(12, text.as_bytes())]));
    let organisation = organisation.map_or_else(Vec::new, |text| part("2.5.4.10", text));
    sequence(&[&organisation, &part("2.5.4.3", common)])
}

/// A second between 2000 and 2050.
fn time(second: u64) -> Vec<u8> {
    let date = x509_cert::der::DateTime::from_unix_duration(std::time::Duration::from_secs(second)).unwrap();
    let text = format!(
        "{:02}{:02}{:02}{:02}{:02}{:02}Z",
        date.year() - 2000,
        date.month(),
        date.day(),
        date.hour(),
        date.minutes(),
        date.seconds()
    );
    tlv(23, text.as_bytes())
}

fn oid(text: &str) -> Vec<u8> {
    let parts: Vec<u32> = text.split('.').map(|part| part.parse().unwrap()).collect();
    let mut bytes = vec![u8::try_from(parts[0] * 40 + parts[1]).unwrap()];
    for &part in &parts[2..] {
        let mut groups = vec![u8::try_from(part & 127).unwrap()];
        let mut rest = part >> 7;
        while rest > 0 {
            groups.push(u8::try_from(rest & 127).unwrap() | 128);
            rest >>= 7;
        }
        bytes.extend(groups.iter().rev());
    }
    tlv(6, &bytes)
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut bytes = vec![tag];
    match length {
        0..128 => bytes.push(u8::try_from(length).unwrap()),
        128..256 => bytes.extend([0x81, u8::try_from(length).unwrap()]),
        _ => bytes.extend([&[0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat()),
    }
    bytes.extend_from_slice(content);
    bytes
}
