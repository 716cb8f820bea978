//! The examination: signature first, then every byte, then what the bytes say.

use package::{BUNDLE_PATH, MANIFEST_PATH, Manifest, Package, Received, Rejection, Trust};
use proto::PackageDigest;
use proto::link::inspector::Inspection;

use crate::directory::Directory;
use crate::hashing;

/// What is asked about a package.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// Whose signatures count.
    pub trust: Trust<'q>,
    /// The package it must be, if that is known.
    pub expected: Option<PackageDigest>,
    /// Threads of hashing.
    pub threads: u32,
}

/// A package is not accepted.
#[derive(Debug)]
pub struct Refusal {
    /// Why.
    pub rejection: Rejection,
    /// The package, when its manifest could be read.
    pub package: Option<PackageDigest>,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, package: None }
    }
}

/// Examines a directory. `progress` is told bytes hashed and bytes in all.
///
/// # Errors
/// [`Refusal`] for the first thing that is wrong.
pub fn examine(
    directory: &Directory,
    question: &Question<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Inspection, Refusal> {
    let found = directory.list()?;
    let size_of = |path: &str| found.iter().find(|(name, _)| name == path).map_or(0, |(_, bytes)| *bytes);
    let (bundle_bytes, manifest_bytes) = (size_of(BUNDLE_PATH), size_of(MANIFEST_PATH));
    // Both sizes are under their ceilings from here on.
    let received = Package::receive(found)?;
    let bundle = directory.whole(BUNDLE_PATH, bundle_bytes)?;
    let manifest = directory.whole(MANIFEST_PATH, manifest_bytes)?;
    check(received, directory, (&bundle, &manifest), question, progress)
        .map_err(|rejection| Refusal { rejection, package: Some(Manifest::digest_of(&manifest)) })
}

fn check(
    received: Package<Received>,
    directory: &Directory,
    (bundle, manifest): (&[u8], &[u8]),
    question: &Question<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Inspection, Rejection> {
    let signed = received.authenticate(bundle, manifest, &question.trust, question.expected)?;
    let bytes_all = signed.files().iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes));
    let measured =
        hashing::measure(directory, signed.files(), question.threads, &mut |done| progress(done, bytes_all))?;
    package::inspect(&signed.verify(&measured)?, directory)
}
