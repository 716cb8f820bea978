//! The store's claims, each on a store of its own.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on fails")]

use std::{
    fs,
    io::Read as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use proto::{Code, PackageDigest, link::inspector::ListedFile};
use stockade_store::{Store, StoreError, digest_of};
use tempfile::TempDir;

const FILES: &[(&str, &str)] =
    &[("manifest.json", "{}"), ("model/weights.safetensors", "weights"), ("model.sig", "signature")];

#[test]
fn a_package_comes_back_as_it_went_in() {
    let (folder, store) = store();
    let package = add(&store, FILES).unwrap();
    let opened = store.open_package(package).unwrap();
    let found: Vec<_> = opened.into_iter().map(|one| (one.listed.path.clone(), text(one.file))).collect();
    let wanted: Vec<_> = FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    assert_eq!(found, wanted);
    assert_eq!(store.list().unwrap(), [package]);
    for name in names(&folder.path().join("store/files")) {
        let status = fs::metadata(folder.path().join("store/files").join(name)).unwrap();
        assert_eq!(status.permissions().mode() & 0o7777, 0o444);
    }
    assert!(names(&folder.path().join("store/incoming")).is_empty());
}

#[test]
fn taking_the_same_package_in_twice_changes_nothing() {
    let (folder, store) = store();
    let first = add(&store, FILES).unwrap();
    let before = names(&folder.path().join("store/files"));
    assert_eq!(add(&store, FILES).unwrap(), first);
    assert_eq!(names(&folder.path().join("store/files")), before);
    assert_eq!(store.list().unwrap(), [first]);
}

#[test]
fn what_an_interruption_left_is_swept_at_the_next_start() {
    let (folder, store) = store();
    let package = add(&store, FILES).unwrap();
    let mut staging = store.stage();
    staging.copy("manifest.json", 4, &mut "half".as_bytes(), &mut |_| ()).unwrap();
    // As if the process had been killed here: nothing is removed.
    std::mem::forget(staging);
    let orphan = folder.path().join("store/files").join("0".repeat(64));
    fs::write(&orphan, "moved in, never listed").unwrap();
    drop(store);
    assert_eq!(names(&folder.path().join("store/incoming")).len(), 1);
    let store = Store::open(&folder.path().join("store"), None).unwrap();
    assert!(names(&folder.path().join("store/incoming")).is_empty());
    assert!(!orphan.exists());
    assert_eq!(store.open_package(package).unwrap().len(), FILES.len());
}

#[test]
fn a_package_that_is_dropped_before_it_is_admitted_leaves_nothing() {
    let (folder, store) = store();
    let mut staging = store.stage();
    staging.copy("manifest.json", 2, &mut "{}".as_bytes(), &mut |_| ()).unwrap();
    drop(staging);
    assert!(names(&folder.path().join("store/incoming")).is_empty());
    assert!(store.list().unwrap().is_empty());
}

#[test]
fn a_source_that_changes_while_it_is_copied_is_refused() {
    let (folder, store) = store();
    for (bytes, source) in [(3, "four"), (5, "four")] {
        let mut staging = store.stage();
        let refused = staging.copy("a", bytes, &mut source.as_bytes(), &mut |_| ()).unwrap_err();
        assert!(matches!(refused, StoreError::Changing { .. }));
    }
    assert!(names(&folder.path().join("store/incoming")).is_empty());
}

#[test]
fn what_was_examined_must_be_what_was_copied() {
    let (_folder, store) = store();
    let good = listed(FILES);
    let package = PackageDigest(good[0].digest);
    let mut changed = good.clone();
    changed[1].digest = good[2].digest;
    let mut renamed = good.clone();
    renamed[1].path = "other".to_owned();
    let missing = good[..2].to_vec();
    let no_manifest = good[1..].to_vec();
    for claim in [changed, renamed, missing, no_manifest, Vec::new()] {
        let refused = stage(&store, FILES).commit(package, &claim).unwrap_err();
        assert_eq!(refused.code(), Code::DigestMismatch, "{claim:?}");
    }
    let other = PackageDigest(good[1].digest);
    assert!(matches!(stage(&store, FILES).commit(other, &good), Err(StoreError::Mismatch { .. })));
    assert!(store.list().unwrap().is_empty());
}

#[test]
fn a_stored_file_that_is_not_as_it_was_left_is_not_opened() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 6] = [
        ("gone", |path| fs::remove_file(path).unwrap()),
        ("longer", |path| write(path, "weights and more")),
        ("writable", |path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap()),
        ("second name", |path| fs::hard_link(path, path.with_extension("other")).unwrap()),
        ("link", |path| {
            let elsewhere = path.with_extension("elsewhere");
            fs::rename(path, &elsewhere).unwrap();
            symlink(elsewhere, path).unwrap();
        }),
        ("directory", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
    ];
    for (name, change) in changes {
        let (folder, store) = store();
        let package = add(&store, FILES).unwrap();
        let digest = digest_of(&mut "weights".as_bytes()).unwrap().hex();
        change(&folder.path().join("store/files").join(digest));
        let refused = store.open_package(package).unwrap_err();
        assert_eq!(refused.code(), Code::StoreTampered, "{name}: {refused}");
    }
}

#[test]
fn a_changed_byte_has_another_digest_at_the_next_load() {
    let (folder, store) = store();
    let package = add(&store, FILES).unwrap();
    let digest = digest_of(&mut "weights".as_bytes()).unwrap();
    let path = folder.path().join("store/files").join(digest.hex());
    write(&path, "wEights");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let mut opened = store.open_package(package).unwrap();
    let weights = &mut opened[1];
    assert_eq!(weights.listed.digest, digest);
    assert_ne!(digest_of(&mut weights.file).unwrap(), digest);
}

#[test]
fn a_list_that_was_changed_is_refused_and_nothing_is_swept_by_it() {
    let (folder, store) = store();
    let package = add(&store, FILES).unwrap();
    let list = folder.path().join("store/packages").join(package.0.hex());
    let count = names(&folder.path().join("store/files")).len();
    write(&list, "no list");
    assert_eq!(store.open_package(package).unwrap_err().code(), Code::StoreTampered);
    drop(store);
    Store::open(&folder.path().join("store"), None).unwrap();
    assert_eq!(names(&folder.path().join("store/files")).len(), count);
}

#[test]
fn a_package_in_quarantine_is_opened_only_after_it_was_taken_in_anew() {
    let (_folder, store) = store();
    let package = add(&store, FILES).unwrap();
    store.quarantine(package, Code::LeaseBroken).unwrap();
    let refused = store.open_package(package).unwrap_err();
    assert!(matches!(refused, StoreError::Quarantined { code: Code::LeaseBroken, .. }));
    add(&store, FILES).unwrap();
    assert_eq!(store.open_package(package).unwrap().len(), FILES.len());
}

#[test]
fn a_package_that_is_not_there_is_not_found() {
    let (_folder, store) = store();
    let package = PackageDigest(digest_of(&mut "nothing".as_bytes()).unwrap());
    assert_eq!(store.open_package(package).unwrap_err().code(), Code::PackageNotFound);
}

fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store"), None).unwrap();
    (folder, store)
}

fn add(store: &Store, files: &[(&str, &str)]) -> Result<PackageDigest, StoreError> {
    let list = listed(files);
    let package = PackageDigest(list[0].digest);
    stage(store, files).commit(package, &list).map(|()| package)
}

fn stage<'s>(store: &'s Store, files: &[(&str, &str)]) -> stockade_store::Staging<'s> {
    let mut staging = store.stage();
    for (path, text) in files {
        staging.copy(path, text.len() as u64, &mut text.as_bytes(), &mut |_| ()).unwrap();
    }
    staging
}

fn listed(files: &[(&str, &str)]) -> Vec<ListedFile> {
    files
        .iter()
        .map(|(path, text)| ListedFile {
            path: (*path).to_owned(),
            bytes: text.len() as u64,
            digest: digest_of(&mut text.as_bytes()).unwrap(),
        })
        .collect()
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

fn write(path: &Path, text: &str) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, text).unwrap();
}

fn text(mut file: fs::File) -> String {
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    text
}
