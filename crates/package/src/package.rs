//! The chain of checks as a chain of types: only a verified package has a digest to load by.

use std::collections::{BTreeMap, BTreeSet};

use proto::link::inspector::{FILES_MAX, ListedFile};
use proto::{Digest, PackageDigest};

use crate::manifest::{self, Manifest, PACKAGE_BYTES_MAX};
use crate::oms::{self, Endorsement, Trust};
use crate::rejection::Rejection;
use crate::{BUNDLE_PATH, MANIFEST_PATH, hash, path};

/// A package at one stage of its examination: [`Received`], [`Signed`], [`Verified`].
#[derive(Debug)]
pub struct Package<S> {
    stage: S,
}

/// Names and sizes are known; nothing of it is trusted.
#[derive(Debug)]
pub struct Received {
    /// Size by path.
    found: BTreeMap<String, u64>,
}

/// A trusted signer's word is known, and that the files there are those it names.
#[derive(Debug)]
pub struct Signed {
    digest: PackageDigest,
    endorsement: Endorsement,
    manifest: Manifest,
    /// The manifest first, then as the manifest lists them.
    files: Vec<ListedFile>,
    bundle: ListedFile,
}

/// Every byte is what the signer signed.
#[derive(Debug)]
pub struct Verified(Signed);

impl Package<Received> {
    /// Takes the names and sizes of all regular files of a directory.
    ///
    /// # Errors
    /// [`Rejection`] when a path breaks a rule, a ceiling is passed, or manifest or bundle are not
    /// there.
    pub fn receive(files: impl IntoIterator<Item = (String, u64)>) -> Result<Self, Rejection> {
        let mut found = BTreeMap::new();
        let mut bytes_all = 0_u64;
        for (path, bytes) in files {
            path::check(&path)?;
            bytes_all = bytes_all.saturating_add(bytes);
            found.insert(path, bytes);
            if found.len() > FILES_MAX || bytes_all > PACKAGE_BYTES_MAX {
                return Err(Rejection::TooLarge);
            }
        }
        match found.get(MANIFEST_PATH) {
            None => return Err(Rejection::ManifestMissing),
            Some(&bytes) if bytes > manifest::BYTES_MAX as u64 => return Err(Rejection::TooLarge),
            Some(_) => {}
        }
        match found.get(BUNDLE_PATH) {
            None => Err(Rejection::SignatureMissing),
            Some(&bytes) if bytes > oms::BYTES_MAX as u64 => Err(Rejection::TooLarge),
            Some(_) => Ok(Self { stage: Received { found } }),
        }
    }

    /// Checks the signature, then that manifest, signature and directory name the same files.
    ///
    /// # Errors
    /// [`Rejection`] for the first thing that is wrong; nothing but `bundle` is read before its
    /// signature has verified.
    pub fn authenticate(
        self,
        bundle: &[u8],
        manifest: &[u8],
        trust: &Trust<'_>,
        expected: Option<PackageDigest>,
    ) -> Result<Package<Signed>, Rejection> {
        let endorsement = oms::verify(bundle, trust)?;
        let signed: BTreeMap<&str, Digest> =
            endorsement.resources.iter().map(|(path, digest)| (path.as_str(), *digest)).collect();
        let digest = Manifest::digest_of(manifest);
        match signed.get(MANIFEST_PATH) {
            None => return Err(Rejection::NotSigned { path: MANIFEST_PATH.to_owned() }),
            Some(&signed) if signed != digest.0 => {
                return Err(Rejection::DigestMismatch { path: MANIFEST_PATH.to_owned() });
            }
            Some(_) => {}
        }
        if let Some(expected) = expected
            && expected != digest
        {
            return Err(Rejection::OtherPackage { expected, found: digest });
        }
        let listing = Manifest::parse(manifest)?;
        let own = |path: &str, bytes: &[u8]| ListedFile {
            path: path.to_owned(),
            bytes: bytes.len() as u64,
            digest: hash::sha256(bytes),
        };
        let mut files = vec![own(MANIFEST_PATH, manifest)];
        files.extend(listing.files.iter().cloned());
        let bundle = own(BUNDLE_PATH, bundle);
        agree(&signed, &files)?;
        self.stage.holds(&files, &bundle)?;
        Ok(Package { stage: Signed { digest, endorsement, manifest: listing, files, bundle } })
    }
}

impl Received {
    /// Checks that the directory holds exactly these files, each of its size.
    fn holds(&self, files: &[ListedFile], bundle: &ListedFile) -> Result<(), Rejection> {
        let mut known = BTreeSet::new();
        for file in files.iter().chain([bundle]) {
            known.insert(file.path.as_str());
            match self.found.get(&file.path) {
                None => return Err(Rejection::FileMissing { path: file.path.clone() }),
                Some(&found) if found != file.bytes => {
                    return Err(Rejection::SizeMismatch {
                        path: file.path.clone(),
                        found,
                        expected: file.bytes,
                    });
                }
                Some(_) => {}
            }
        }
        match self.found.keys().find(|path| !known.contains(path.as_str())) {
            Some(path) => Err(Rejection::FileUnexpected { path: path.clone() }),
            None => Ok(()),
        }
    }
}

impl Package<Signed> {
    /// The files to hash: the manifest first, then as it lists them.
    pub fn files(&self) -> &[ListedFile] {
        &self.stage.files
    }

    /// Compares every file's measured digest with the signed one. `measured` has one for each of
    /// [`Package::files`], in the same order.
    ///
    /// # Errors
    /// [`Rejection::DigestMismatch`] for the first file that differs or was not measured.
    pub fn verify(self, measured: &[Digest]) -> Result<Package<Verified>, Rejection> {
        let mut measured = measured.iter();
        for file in &self.stage.files {
            if measured.next() != Some(&file.digest) {
                return Err(Rejection::DigestMismatch { path: file.path.clone() });
            }
        }
        Ok(Package { stage: Verified(self.stage) })
    }
}

impl Package<Verified> {
    /// What the package is known by.
    pub fn digest(&self) -> PackageDigest {
        self.stage.0.digest
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.stage.0.manifest
    }

    /// Who signed it.
    pub fn endorsement(&self) -> &Endorsement {
        &self.stage.0.endorsement
    }

    /// Every file but the bundle, the manifest first.
    pub fn files(&self) -> &[ListedFile] {
        &self.stage.0.files
    }

    /// The signature bundle.
    pub fn bundle(&self) -> &ListedFile {
        &self.stage.0.bundle
    }
}

/// Checks that the signature and the manifest name the same files with the same digests.
fn agree(signed: &BTreeMap<&str, Digest>, files: &[ListedFile]) -> Result<(), Rejection> {
    for file in files {
        match signed.get(file.path.as_str()) {
            None => return Err(Rejection::NotSigned { path: file.path.clone() }),
            Some(digest) if *digest != file.digest => {
                return Err(Rejection::DigestMismatch { path: file.path.clone() });
            }
            Some(_) => {}
        }
    }
    let listed: BTreeSet<_> = files.iter().map(|file| file.path.as_str()).collect();
    match signed.keys().find(|path| !listed.contains(*path)) {
        Some(path) => Err(Rejection::NotListed { path: (*path).to_owned() }),
        None => Ok(()),
    }
}
