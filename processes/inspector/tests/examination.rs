//! A package that was changed in any way is refused, and the reason says how.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

use package::{Format, PrivateKey, ToolFormat, Trust, hash};
use proto::link::inspector::{
    FRAME_BYTES_MAX, FromInspector, Inspection, ListedFile, ToInspector, TrustedSigner,
};
use proto::{Code, Digest, PackageDigest, read_frame, write_frame};
use stockade_inspector::directory::Directory;
use stockade_inspector::examine::{Question, Refusal, examine};
use tempfile::TempDir;

/// A signed copy of the demo model in GGUF, with a file below a directory.
struct Sample {
    folder: TempDir,
    signers: Vec<TrustedSigner>,
}

impl Sample {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo/package-gguf");
        fs::copy(demo.join("model-q8_0.gguf"), folder.path().join("model.gguf")).unwrap();
        fs::create_dir(folder.path().join("docs")).unwrap();
        fs::write(folder.path().join("docs/about.md"), "A model.\n").unwrap();
        let key = key(7);
        let pem = key.public().to_pem().unwrap();
        let signers = vec![TrustedSigner::with_key("publisher", pem)];
        let sample = Self { folder, signers };
        sample.sign(&["model.gguf", "docs/about.md"], &key);
        sample
    }

    fn sign(&self, paths: &[&str], key: &PrivateKey) {
        let files = paths.iter().map(|path| {
            let content = fs::read(self.at(path)).unwrap();
            ListedFile {
                path: (*path).to_owned(),
                bytes: content.len() as u64,
                digest: hash::sha256(&content),
            }
        });
        let manifest =
            package::build_manifest("demo", "1", Format::Gguf, Some(ToolFormat::Hermes), files.collect())
                .unwrap();
        fs::write(self.at("model.sig"), package::sign(&manifest, key).unwrap()).unwrap();
        fs::write(self.at("manifest.json"), manifest).unwrap();
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn digest(&self) -> PackageDigest {
        package::Manifest::digest_of(&fs::read(self.at("manifest.json")).unwrap())
    }

    fn examine(&self, expected: Option<PackageDigest>) -> Result<Inspection, Refusal> {
        let question = Question { trust: Trust { signers: &self.signers, now_s: 0 }, expected, threads: 2 };
        examine(&Directory::open(self.folder.path())?, &question, &mut |_, _| {})
    }

    fn code(&self) -> Code {
        self.examine(None).unwrap_err().rejection.code()
    }
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_random(&[seed; 32]).unwrap()
}

/// Changes one byte, and only that.
fn flip(path: &Path, at: usize) {
    let mut content = fs::read(path).unwrap();
    content[at] ^= 1;
    fs::write(path, content).unwrap();
}

#[test]
fn an_untouched_package_is_accepted_and_described() {
    let sample = Sample::new();
    let found = sample.examine(Some(sample.digest())).unwrap();
    assert_eq!((found.package, found.signer.as_str()), (sample.digest(), "publisher"));
    assert_eq!((found.name.as_str(), found.model.format.as_str()), ("demo", "gguf"));
    let paths: Vec<_> = found.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["manifest.json", "docs/about.md", "model.gguf"]);
    assert_eq!(found.bundle.path, "model.sig");
    assert!(found.model.parameters > 3_000_000 && found.model.chat_template.is_some());
}

#[test]
fn the_shipped_packages_are_signed_by_the_shipped_key() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/demo");
    let pem = fs::read_to_string(demo.join("publisher.pub.pem")).unwrap();
    let signers = [TrustedSigner::with_key("demo", pem)];
    let question = Question { trust: Trust { signers: &signers, now_s: 0 }, expected: None, threads: 2 };
    let mut parameters = Vec::new();
    for folder in ["package", "package-gguf"] {
        let directory = Directory::open(&demo.join(folder)).unwrap();
        let found = examine(&directory, &question, &mut |_, _| {}).unwrap();
        assert_eq!(found.name, "stockade-demo");
        parameters.push(found.model.parameters);
    }
    assert_eq!(parameters[0], parameters[1]);
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let bytes = fs::metadata(Sample::new().at("model.gguf")).unwrap().len();
    for (path, at, expected) in [
        ("model.gguf", 0, Code::DigestMismatch),
        ("model.gguf", usize::try_from(bytes).unwrap() - 1, Code::DigestMismatch),
        ("docs/about.md", 3, Code::DigestMismatch),
        ("manifest.json", 40, Code::DigestMismatch),
    ] {
        let sample = Sample::new();
        flip(&sample.at(path), at);
        let refusal = sample.examine(None).unwrap_err();
        assert_eq!(refusal.rejection.code(), expected, "{path} at {at}");
        assert!(refusal.rejection.to_string().contains(path), "{}", refusal.rejection);
    }
}

#[test]
fn no_flipped_bit_of_the_bundle_leaves_another_package() {
    let sample = Sample::new();
    let bundle = fs::read(sample.at("model.sig")).unwrap();
    for at in (0..bundle.len()).step_by(17) {
        flip(&sample.at("model.sig"), at);
        // A change that leaves the bundle's meaning alone is harmless: only what was signed counts.
        if let Ok(found) = sample.examine(None) {
            assert_eq!(found.package, sample.digest());
        }
        fs::write(sample.at("model.sig"), &bundle).unwrap();
    }
}

#[test]
fn a_missing_an_extra_and_a_renamed_file_are_refused() {
    let missing = Sample::new();
    fs::remove_file(missing.at("docs/about.md")).unwrap();
    assert_eq!(missing.code(), Code::FileMissing);

    let extra = Sample::new();
    fs::write(extra.at("docs/more.md"), "").unwrap();
    assert_eq!(extra.code(), Code::FileUnexpected);

    let renamed = Sample::new();
    fs::rename(renamed.at("model.gguf"), renamed.at("other.gguf")).unwrap();
    assert_eq!(renamed.code(), Code::FileMissing);

    let exchanged = Sample::new();
    fs::write(exchanged.at("docs/about.md"), "B model.\n").unwrap();
    assert_eq!(exchanged.code(), Code::DigestMismatch);
}

#[test]
fn a_package_without_manifest_or_signature_is_refused() {
    let no_manifest = Sample::new();
    fs::remove_file(no_manifest.at("manifest.json")).unwrap();
    assert_eq!(no_manifest.code(), Code::ManifestInvalid);

    let no_bundle = Sample::new();
    fs::remove_file(no_bundle.at("model.sig")).unwrap();
    assert_eq!(no_bundle.code(), Code::SignatureMissing);
}

#[test]
fn links_pipes_and_sockets_are_refused_wherever_they_stand() {
    for place in ["docs/link.md", "config.json"] {
        let link = Sample::new();
        std::os::unix::fs::symlink("/etc/passwd", link.at(place)).unwrap();
        assert_eq!(link.code(), Code::FileNotRegular);
    }

    let in_place = Sample::new();
    fs::rename(in_place.at("model.gguf"), in_place.folder.path().with_extension("gguf")).unwrap();
    std::os::unix::fs::symlink(in_place.folder.path().with_extension("gguf"), in_place.at("model.gguf"))
        .unwrap();
    assert_eq!(in_place.code(), Code::FileNotRegular);
    fs::remove_file(in_place.folder.path().with_extension("gguf")).unwrap();

    let directory = Sample::new();
    fs::rename(directory.at("docs"), directory.folder.path().with_extension("docs")).unwrap();
    std::os::unix::fs::symlink(directory.folder.path().with_extension("docs"), directory.at("docs")).unwrap();
    assert_eq!(directory.code(), Code::FileNotRegular);
    fs::remove_dir_all(directory.folder.path().with_extension("docs")).unwrap();

    let pipe = Sample::new();
    fs::remove_file(pipe.at("docs/about.md")).unwrap();
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, pipe.at("docs/about.md"), mode).unwrap();
    assert_eq!(pipe.code(), Code::FileNotRegular);

    let socket = Sample::new();
    let _listener = std::os::unix::net::UnixListener::bind(socket.at("s.json")).unwrap();
    assert_eq!(socket.code(), Code::FileNotRegular);
}

#[test]
fn a_file_is_never_opened_through_a_link() {
    let sample = Sample::new();
    std::os::unix::fs::symlink("model.gguf", sample.at("link")).unwrap();
    std::os::unix::fs::symlink("docs", sample.at("way")).unwrap();
    let directory = Directory::open(sample.folder.path()).unwrap();
    assert!(directory.file("model.gguf").is_ok() && directory.file("docs/about.md").is_ok());
    for path in ["link", "way/about.md", "docs", "docs/../model.sig/x"] {
        assert!(directory.file(path).is_err(), "{path}");
    }
}

#[test]
fn names_that_packages_may_not_have_are_refused() {
    let hidden = Sample::new();
    fs::write(hidden.at(".gitignore"), "").unwrap();
    assert_eq!(hidden.code(), Code::PathInvalid);

    let no_text = Sample::new();
    fs::write(no_text.folder.path().join(std::ffi::OsStr::from_bytes(b"a\xff.md")), "").unwrap();
    assert_eq!(no_text.code(), Code::PathInvalid);

    let deep = Sample::new();
    fs::create_dir_all(deep.at(&["d"; 9].join("/"))).unwrap();
    assert_eq!(deep.code(), Code::PathInvalid);
}

#[test]
fn other_signers_are_refused() {
    let other_key = Sample::new();
    other_key.sign(&["model.gguf", "docs/about.md"], &key(8));
    assert_eq!(other_key.code(), Code::SignerUntrusted);

    let mut nobody = Sample::new();
    nobody.signers.clear();
    assert_eq!(nobody.code(), Code::SignerUntrusted);

    // The other key's signature under the trusted key's name.
    let forged = Sample::new();
    let honest = fs::read_to_string(forged.at("model.sig")).unwrap();
    forged.sign(&["model.gguf", "docs/about.md"], &key(8));
    let other = fs::read_to_string(forged.at("model.sig")).unwrap();
    let hint = |seed| key(seed).public().digest().unwrap().hex();
    assert!(honest.contains(&hint(7)) && other.contains(&hint(8)));
    fs::write(forged.at("model.sig"), other.replace(&hint(8), &hint(7))).unwrap();
    assert_eq!(forged.code(), Code::SignatureInvalid);
}

#[test]
fn a_package_that_another_was_expected_for_is_refused_and_named() {
    let sample = Sample::new();
    let other = PackageDigest(Digest::from_bytes([1; 32]));
    let refusal = sample.examine(Some(other)).unwrap_err();
    assert_eq!(refusal.rejection.code(), Code::DigestMismatch);
    assert_eq!(refusal.package, Some(sample.digest()));
}

#[test]
fn sizes_over_their_ceilings_are_refused_before_they_are_read() {
    let manifest = Sample::new();
    let file = fs::OpenOptions::new().write(true).open(manifest.at("manifest.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(manifest.code(), Code::PackageTooLarge);

    let bundle = Sample::new();
    let file = fs::OpenOptions::new().write(true).open(bundle.at("model.sig")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(bundle.code(), Code::PackageTooLarge);

    let entries = Sample::new();
    for number in 0..8200 {
        fs::create_dir(entries.at(&format!("docs/{number}"))).unwrap();
    }
    assert_eq!(entries.code(), Code::PackageTooLarge);
}

#[test]
fn a_truncated_bundle_and_a_truncated_file_are_refused() {
    let bundle = Sample::new();
    let bytes = fs::metadata(bundle.at("model.sig")).unwrap().len();
    for length in [0, 1, bytes / 2, bytes - 1] {
        fs::OpenOptions::new().write(true).open(bundle.at("model.sig")).unwrap().set_len(length).unwrap();
        assert_eq!(bundle.code(), Code::SignatureMalformed, "{length}");
    }

    let file = Sample::new();
    fs::OpenOptions::new().write(true).open(file.at("model.gguf")).unwrap().set_len(1000).unwrap();
    assert_eq!(file.code(), Code::DigestMismatch);
}

#[test]
fn a_signed_file_that_is_no_model_is_still_refused() {
    let sample = Sample::new();
    let file = fs::OpenOptions::new().write(true).open(sample.at("model.gguf")).unwrap();
    file.set_len(1000).unwrap();
    sample.sign(&["model.gguf", "docs/about.md"], &key(7));
    assert_eq!(sample.code(), Code::FormatInvalid);

    let pickle = Sample::new();
    fs::write(pickle.at("weights.pkl"), "x").unwrap();
    pickle.sign(&["model.gguf", "docs/about.md", "weights.pkl"], &key(7));
    assert_eq!(pickle.code(), Code::FormatUnsupported);
}

/// Asks over a real link, as the supervisor does.
fn ask(sample: &Sample, question: &ToInspector) -> Vec<FromInspector> {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let folder = sample.folder.path().to_owned();
    let inspector = thread::spawn(move || stockade_inspector::answer(&mut theirs, &folder));
    write_frame(&mut ours, question, FRAME_BYTES_MAX).unwrap();
    let mut answers = Vec::new();
    while let Ok(answer) = read_frame(&mut ours, FRAME_BYTES_MAX) {
        answers.push(answer);
    }
    inspector.join().unwrap().unwrap();
    answers
}

#[test]
fn the_link_has_one_answer_at_its_end() {
    let sample = Sample::new();
    let question = |expected| ToInspector::Examine {
        signers: sample.signers.clone(),
        expected,
        now_s: 0,
        threads: u32::MAX,
    };
    let answers = ask(&sample, &question(None));
    let (last, before) = answers.split_last().unwrap();
    assert!(matches!(last, FromInspector::Accepted(found) if found.package == sample.digest()));
    assert!(before.iter().all(|answer| matches!(answer, FromInspector::Progress { .. })));

    fs::remove_file(sample.at("docs/about.md")).unwrap();
    let answers = ask(&sample, &question(None));
    let Some(FromInspector::Rejected { failure, package }) = answers.last() else { panic!("{answers:?}") };
    assert_eq!((failure.code, *package), (Code::FileMissing, Some(sample.digest())));
}

#[test]
fn a_supervisor_that_goes_away_ends_the_examination() {
    let sample = Sample::new();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    drop(ours);
    assert!(stockade_inspector::answer(&mut theirs, sample.folder.path()).is_err());
}
