//! The reference implementation of Model Signing, in Python: what one signs the other verifies.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use package::certificate::Chain;
use package::oms::{self, Endorsement};
use package::{BUNDLE_PATH, Format, MANIFEST_PATH, Package, PrivateKey, Rejection, Trust};
use proto::Code;
use proto::link::inspector::{ListedFile, SignerTrust, TrustedSigner};
use stockade_tests::{Ran, Signer, command, places, skipped};
use tempfile::TempDir;

use crate::python;

const PROMISE: &str = "model-signing-reference";
const MISSING: &str = "the reference implementation cannot be installed here";

/// What is signed: nested, empty, in another script, with the letters that a name may have, and so
/// named that an order by component and one by byte differ.
const FILES: &[(&str, &str)] = &[
    ("model.safetensors", "weights"),
    ("empty.txt", ""),
    ("docs/a/b/deep.md", "deep"),
    ("docs/a-b.md", "a hyphen sorts before the slash"),
    ("docs/empty.txt", ""),
    ("資料/重み é.txt", "words"),
    ("Straße & (1).txt", "words"),
];

/// 2027-01-15: the certificates are made for it.
const NOW_S: u64 = 1_800_000_000;

/// A directory to sign, and the reference.
struct Bench {
    python: PathBuf,
    folder: TempDir,
}

impl Bench {
    /// Nothing when there is no reference.
    fn new() -> Option<Self> {
        let bench = Self { python: python::with("model_signing")?, folder: places::scratch("oms") };
        for (path, content) in FILES {
            bench.write(path, content);
        }
        Some(bench)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("model")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// A file beside the directory.
    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, path: &str, content: &str) {
        let place = self.at(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }

    /// Writes the manifest of everything that is there but these.
    fn list_all_but(&self, left_out: &[&str]) {
        let mut files = listed(&self.root());
        files.retain(|file| !left_out.iter().any(|path| file.path.starts_with(path)));
        let manifest = package::build_manifest("model", "1", Format::Safetensors, None, files).unwrap();
        fs::write(self.at(MANIFEST_PATH), manifest).unwrap();
    }

    fn ran(&self, arguments: &[&str]) -> Ran {
        let mut command = places::program(&self.python);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("PYTHONDONTWRITEBYTECODE", "1");
        command::run(command, Duration::from_mins(2))
    }

    /// Makes a key pair and gives the public key.
    fn keys(&self, curve: &str) -> String {
        let script = places::workspace().join("tests/interop/keys.py");
        let ran = self.ran(&[script.to_str().unwrap(), curve, "key.pem", "public.pem"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        fs::read_to_string(self.beside("public.pem")).unwrap()
    }

    /// Makes a root, an authority and a signer, and gives how the signer is trusted.
    fn certificates(&self, curve: &str, variant: &str) -> TrustedSigner {
        let script = places::workspace().join("tests/interop/certificates.py");
        let ran = self.ran(&[script.to_str().unwrap(), curve, variant]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let roots_pem = fs::read_to_string(self.beside("root.pem")).unwrap();
        let identity = "release@example.org".to_owned();
        TrustedSigner {
            name: "publisher".to_owned(),
            trust: SignerTrust::Certificate { roots_pem, identity },
        }
    }

    fn reference_signs(&self, further: &[&str]) {
        let mut words = vec!["-m", "model_signing", "sign"];
        words.extend(if self.by_certificate() {
            &["certificate", "--signing_certificate", "signer.pem", "--certificate_chain", "middle.pem"][..]
        } else {
            &["key"]
        });
        words.extend(["--private_key", "key.pem"]);
        words.extend(["--signature", "model/model.sig"]);
        words.extend(further);
        words.push("model");
        let ran = self.ran(&words);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    fn reference_verifies(&self) -> bool {
        let mut words = vec!["-m", "model_signing", "verify"];
        words.extend(if self.by_certificate() {
            ["certificate", "--certificate_chain", "root.pem"]
        } else {
            ["key", "--public_key", "public.pem"]
        });
        words.extend(["--signature", "model/model.sig", "model"]);
        let ran = self.ran(&words);
        assert!(ran.output.contains("Verification") || ran.errors.contains("Verification"), "{ran:?}");
        ran.code == Some(0)
    }

    /// Whether there are certificates to sign and verify with, and not keys.
    fn by_certificate(&self) -> bool {
        self.beside("root.pem").exists()
    }

    fn bundle(&self) -> Vec<u8> {
        fs::read(self.at(BUNDLE_PATH)).unwrap()
    }

    /// The whole chain of checks on a package.
    fn admitted(&self, publisher: &TrustedSigner) -> Result<Endorsement, Code> {
        let all = listed(&self.root());
        let checked = || {
            let received = Package::receive(all.iter().map(|file| (file.path.clone(), file.bytes)))?;
            let manifest = fs::read(self.at(MANIFEST_PATH)).unwrap();
            let signed = received.authenticate(&self.bundle(), &manifest, &trusting(publisher), None)?;
            let digests: Vec<_> = signed
                .files()
                .iter()
                .map(|file| package::hash::sha256(&fs::read(self.at(&file.path)).unwrap()))
                .collect();
            signed.verify(&digests)
        };
        checked()
            .map(|package: Package<package::Verified>| package.endorsement().clone())
            .map_err(|rejection: Rejection| rejection.code())
    }
}

fn by_key(public_pem: &str) -> TrustedSigner {
    TrustedSigner::with_key("publisher", public_pem)
}

fn trusting(signer: &TrustedSigner) -> Trust<'_> {
    Trust { signers: std::slice::from_ref(signer), now_s: NOW_S }
}

/// Every file of a directory, measured, sorted by path.
fn listed(root: &Path) -> Vec<ListedFile> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let place = entry.unwrap().path();
            if place.is_dir() {
                folders.push(place);
                continue;
            }
            let content = fs::read(&place).unwrap();
            files.push(ListedFile {
                path: place.strip_prefix(root).unwrap().to_str().unwrap().to_owned(),
                bytes: content.len() as u64,
                digest: package::hash::sha256(&content),
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[test]
fn what_we_sign_the_reference_verifies_and_both_find_what_was_changed() {
    let Some(bench) = Bench::new() else { return skipped(PROMISE, MISSING) };
    let signer = Signer::trusted();
    fs::write(bench.beside("public.pem"), signer.public_pem()).unwrap();
    bench.list_all_but(&[]);
    signer.seal(&bench.root(), &fs::read(bench.at(MANIFEST_PATH)).unwrap());
    assert!(bench.reference_verifies());
    let trusted = by_key(&signer.public_pem());
    assert_eq!(bench.admitted(&trusted).unwrap().resources.len(), FILES.len() + 1);
    both_find_what_was_changed(&bench, &trusted);
}

#[test]
fn what_the_reference_signs_we_verify_and_both_find_what_was_changed() {
    let Some(bench) = Bench::new() else { return skipped(PROMISE, MISSING) };
    let public = by_key(&bench.keys("SECP256R1"));
    bench.list_all_but(&[]);
    bench.reference_signs(&[]);
    assert!(bench.reference_verifies());
    assert_eq!(bench.admitted(&public).unwrap().resources.len(), FILES.len() + 1);
    both_find_what_was_changed(&bench, &public);
}

/// Spoils the directory one way after another, each time asking both.
fn both_find_what_was_changed(bench: &Bench, trusted: &TrustedSigner) {
    let refused = |code: Code| {
        assert_eq!(bench.admitted(trusted).unwrap_err(), code);
        assert!(!bench.reference_verifies(), "{code:?}");
    };
    bench.write("model.safetensors", "Weights");
    refused(Code::DigestMismatch);
    bench.write("model.safetensors", "weights");
    bench.write("docs/more.md", "");
    refused(Code::FileUnexpected);
    fs::remove_file(bench.at("docs/more.md")).unwrap();
    fs::rename(bench.at("empty.txt"), bench.at("void.txt")).unwrap();
    refused(Code::FileMissing);
    fs::rename(bench.at("void.txt"), bench.at("empty.txt")).unwrap();
    // One letter of the signed statement, and then a signature of its own in its place.
    let good = bench.bundle();
    let mut bundle: serde_json::Value = serde_json::from_slice(&good).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap().to_owned();
    let middle = payload.len() / 2;
    let other = if &payload[middle..=middle] == "A" { "B" } else { "A" };
    bundle["dsseEnvelope"]["payload"] =
        format!("{}{other}{}", &payload[..middle], &payload[middle + 1..]).into();
    fs::write(bench.at(BUNDLE_PATH), bundle.to_string()).unwrap();
    refused(Code::SignatureInvalid);
    fs::write(bench.at(BUNDLE_PATH), good).unwrap();
    assert!(bench.admitted(trusted).is_ok() && bench.reference_verifies(), "all is as it was");
}

#[test]
fn keys_of_every_curve_of_the_reference_are_verified_and_no_other_key_is() {
    let Some(bench) = Bench::new() else { return skipped(PROMISE, MISSING) };
    for curve in ["SECP256R1", "SECP384R1", "SECP521R1"] {
        let _ = fs::remove_file(bench.at(BUNDLE_PATH));
        let public = bench.keys(curve);
        // Nobody's manifest: a signed directory is not yet a package.
        bench.reference_signs(&[]);
        let endorsement = oms::verify(&bench.bundle(), &trusting(&by_key(&public))).unwrap();
        let mut signed = endorsement.resources;
        signed.sort();
        let mut there = listed(&bench.root());
        there.retain(|file| file.path != BUNDLE_PATH);
        let there: Vec<_> = there.into_iter().map(|file| (file.path, file.digest)).collect();
        assert_eq!(signed, there, "{curve}");
        let other = bench.keys(curve);
        assert_eq!(
            oms::verify(&bench.bundle(), &trusting(&by_key(&other))).unwrap_err().code(),
            Code::SignerUntrusted
        );
        let mut forged: serde_json::Value = serde_json::from_slice(&bench.bundle()).unwrap();
        let hint = package::hash::sha256(other.as_bytes()).hex();
        forged["verificationMaterial"]["publicKey"]["hint"] = hint.into();
        let refused = oms::verify(forged.to_string().as_bytes(), &trusting(&by_key(&other))).unwrap_err();
        assert_eq!(refused.code(), Code::SignatureInvalid, "{curve}");
    }
}

#[test]
fn what_the_signer_left_out_is_no_part_of_a_package() {
    let Some(bench) = Bench::new() else { return skipped(PROMISE, MISSING) };
    let public = by_key(&bench.keys("SECP256R1"));
    bench.list_all_but(&["docs/"]);
    bench.reference_signs(&["--ignore-paths", "model/docs"]);
    assert!(bench.reference_verifies());
    assert_eq!(bench.admitted(&public), Err(Code::FileUnexpected), "a file that is not signed");
    let manifest = fs::read(bench.at(MANIFEST_PATH)).unwrap();
    // Listed and not signed: the manifest is, the files that it lists are not.
    fs::remove_file(bench.at(MANIFEST_PATH)).unwrap();
    fs::remove_file(bench.at(BUNDLE_PATH)).unwrap();
    bench.list_all_but(&[]);
    bench.reference_signs(&["--ignore-paths", "model/docs"]);
    assert_eq!(bench.admitted(&public), Err(Code::FileUnexpected), "a file that is listed and not signed");
    // Without what was left out it is a package like any other, hidden files of git's apart.
    fs::remove_dir_all(bench.at("docs")).unwrap();
    fs::write(bench.at(MANIFEST_PATH), manifest).unwrap();
    fs::remove_file(bench.at(BUNDLE_PATH)).unwrap();
    bench.write(".gitattributes", "*.safetensors filter=lfs");
    bench.reference_signs(&["--ignore-paths", "model/docs"]);
    assert_eq!(bench.admitted(&public), Err(Code::PathInvalid));
    fs::remove_file(bench.at(".gitattributes")).unwrap();
    assert!(bench.reference_verifies());
    bench.admitted(&public).unwrap();
}

#[test]
fn certificates_of_every_curve_are_verified_by_both_and_both_find_what_was_changed() {
    let Some(bench) = Bench::new() else { return skipped(PROMISE, MISSING) };
    bench.list_all_but(&[]);
    for curve in ["SECP521R1", "SECP384R1", "SECP256R1"] {
        let _ = fs::remove_file(bench.at(BUNDLE_PATH));
        let trusted = bench.certificates(curve, "good");
        bench.reference_signs(&[]);
        assert!(bench.reference_verifies(), "{curve}");
        bench.admitted(&trusted).unwrap();
    }
    let trusted = bench.certificates("SECP256R1", "good");
    let read = |name: &str| fs::read_to_string(bench.beside(name)).unwrap();
    let key = PrivateKey::from_pem(&read("key.pem")).unwrap();
    let chain = Chain::from_pem(&[read("signer.pem"), read("middle.pem")].concat()).unwrap();
    let manifest = fs::read(bench.at(MANIFEST_PATH)).unwrap();
    fs::write(bench.at(BUNDLE_PATH), package::sign_with(&manifest, &key, &chain).unwrap()).unwrap();
    assert!(bench.reference_verifies());
    bench.admitted(&trusted).unwrap();
    both_find_what_was_changed(&bench, &trusted);
    let other = PrivateKey::from_random(&[9; 32]).unwrap();
    assert!(package::sign_with(&manifest, &other, &chain).is_err(), "the certificate is not that key's");
    let other = TrustedSigner {
        trust: SignerTrust::Certificate {
            roots_pem: read("root.pem"),
            identity: "other@example.org".to_owned(),
        },
        ..trusted
    };
    assert_eq!(bench.admitted(&other), Err(Code::SignerUntrusted), "another identity of the same root");
    assert_eq!(bench.admitted(&by_key(&Signer::trusted().public_pem())), Err(Code::SignerUntrusted));
}

#[test]
fn certificates_that_the_reference_wrongly_accepts_are_refused() {
    let Some(bench) = Bench::new() else { return skipped(PROMISE, MISSING) };
    bench.list_all_but(&[]);
    for variant in ["expired", "future", "server"] {
        let _ = fs::remove_file(bench.at(BUNDLE_PATH));
        let trusted = bench.certificates("SECP256R1", variant);
        bench.reference_signs(&[]);
        assert!(bench.reference_verifies(), "{variant}: then this test says nothing any more");
        assert_eq!(bench.admitted(&trusted), Err(Code::SignerUntrusted), "{variant}");
    }
}
