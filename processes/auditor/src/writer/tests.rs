//! The writer alone, stopped between any two things it does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ledger::{Body, Ledger, Summary};
use proto::Secret;
use proto::event::{Event, Lifecycle};

use super::*;

/// Publishing is a list of steps; a crash after any of them leaves a ledger that verifies, and that
/// goes on.
#[test]
fn a_crash_between_any_two_steps_of_publishing_loses_nothing() {
    let template = tempfile::tempdir().unwrap();
    let mut writer = open(template.path()).unwrap();
    commit(&mut writer, 0, 250);
    writer.settle().unwrap();
    commit(&mut writer, 250, 300);
    let before = copy(template.path());
    let edition = writer.edition();
    let steps = edition.steps().len();
    assert!(steps > 15, "{:?}", edition.steps());
    drop(writer);
    for crash_after in 0..=steps {
        let directory = tempfile::tempdir().unwrap();
        paste(directory.path(), &before);
        let files = Directory::open(directory.path()).unwrap();
        for step in edition.steps().iter().take(crash_after) {
            step.perform(&files).unwrap();
        }
        drop(files);
        assert_eq!(verify(directory.path()).size, 300, "after step {crash_after}");
        let mut writer = open(directory.path()).unwrap();
        assert_eq!(writer.size(), 300, "after step {crash_after}");
        commit(&mut writer, 300, 520);
        writer.settle().unwrap();
        drop(writer);
        let summary = verify(directory.path());
        assert_eq!((summary.size, summary.checkpoint.size), (520, 520));
        let partials = directory.path().join("tile/entries/000.p");
        assert!(!partials.exists(), "partial tiles of a full one stay");
        let expected: Vec<String> = (0..520).map(data).collect();
        assert_eq!(entries(directory.path()), expected);
    }
}

/// Beginning a ledger and making a new journal: whatever was done, the next start goes on.
#[test]
fn a_ledger_that_was_only_begun_is_begun_again() {
    for begun in ["tmp", "tmp/journal", "journal"] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("tmp")).unwrap();
        if begun != "tmp" {
            std::fs::write(directory.path().join(begun), vec![0; ledger::layout::JOURNAL_BYTES]).unwrap();
        }
        let mut writer = open(directory.path()).unwrap();
        commit(&mut writer, 0, 1);
        drop(writer);
        assert_eq!(verify(directory.path()).size, 1, "{begun}");
    }
}

#[test]
fn a_journal_that_was_full_starts_again_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = open(directory.path()).unwrap();
    let body = Body::new(&event(&"x".repeat(50_000))).unwrap();
    let mut expected = 0;
    // More than the journal holds, by far.
    for _ in 0..20 {
        let draft = |seq| Draft { producer: "gateway", seq, body: &body };
        let drafts: Vec<Draft<'_>> = (expected..expected + 40).map(draft).collect();
        assert_eq!(writer.commit(&drafts).unwrap(), expected);
        expected += 40;
    }
    drop(writer);
    assert_eq!(verify(directory.path()).size, expected);
    assert_eq!(open(directory.path()).unwrap().size(), expected);
}

pub(crate) fn open(directory: &Path) -> Result<Writer, OpenError> {
    Writer::open(Directory::open(directory)?, signer())
}

/// Commits records with the numbers as text, in groups of a few.
pub(crate) fn commit(writer: &mut Writer, from: u64, to: u64) {
    let bodies: Vec<(u64, Body)> =
        (from..to).map(|number| (number, Body::new(&event(&number.to_string())).unwrap())).collect();
    for group in bodies.chunks(7) {
        let drafts: Vec<Draft<'_>> =
            group.iter().map(|(seq, body)| Draft { producer: "gateway", seq: *seq, body }).collect();
        writer.commit(&drafts).unwrap();
    }
}

fn signer() -> Signer {
    Signer::new("stockade.local/test", &Secret::new([7; 32])).unwrap()
}

fn event(text: &str) -> Event {
    Event::Lifecycle(Lifecycle { phase: "started".to_owned(), version: text.to_owned() })
}

/// How the record of a number is written.
fn data(number: u64) -> String {
    format!("{{\"phase\":\"started\",\"version\":\"{number}\"}}")
}

fn verify(directory: &Path) -> Summary {
    let directory = Directory::open(directory).unwrap();
    ledger::verify(&mut &directory, &signer().verifier().vkey()).unwrap()
}

fn entries(directory: &Path) -> Vec<String> {
    let directory = Directory::open(directory).unwrap();
    let mut ledger = Ledger::open(&directory, &signer().verifier().vkey()).unwrap();
    ledger.entries(0..u64::MAX).map(|entry| entry.unwrap().data).collect()
}

/// A whole directory, to make others like it.
fn copy(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.strip_prefix(directory).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

fn paste(directory: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for (path, bytes) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}
