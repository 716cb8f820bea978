//! Going on after a crash: with everything that was acknowledged, or not at all.

use ledger::layout::{CHECKPOINT_PATH, JOURNAL_BYTES, JOURNAL_PATH};
use ledger::recovery::JournalFound;
use ledger::{Recovered, Tampering, journal, recover};

use crate::book::{Book, Files, tree};

fn recovered(book: &Book, files: &Files) -> Result<Option<Recovered>, Tampering> {
    recover(&mut files.clone(), &book.signer.verifier())
}

#[test]
fn a_writer_goes_on_with_the_published_tree_and_the_journals_tail() {
    let book = Book::grown();
    let found = recovered(&book, &book.files).unwrap().unwrap();
    assert_eq!(found.tree.frontier().root(), tree(&book.records[..700]).frontier().root());
    assert_eq!(found.open_bundle, book.records[512..700]);
    assert_eq!(found.tail, book.records[700..]);
    assert_eq!(found.head, book.head);
    assert_eq!(found.note.as_bytes(), book.files[CHECKPOINT_PATH]);
    assert_eq!(found.latest_us, 1_700_000_000_007_240);
    let end = journal::scan(&book.files[JOURNAL_PATH], 700).unwrap().last().unwrap().after;
    assert_eq!(found.journal, JournalFound::Whole { end });
}

#[test]
fn a_crash_after_publishing_and_before_the_journal_starts_again_doubles_nothing() {
    let mut book = Book::new();
    book.fill(512);
    book.publish();
    let found = recovered(&book, &book.files).unwrap().unwrap();
    assert_eq!((found.tail.len(), found.open_bundle.len(), found.tree.frontier().size()), (0, 0, 512));
    assert_eq!(found.latest_us, 1_700_000_000_005_110);
}

#[test]
fn a_ledger_that_was_not_begun_is_none() {
    let book = Book::new();
    let journal = alone(JOURNAL_PATH, vec![0; JOURNAL_BYTES]);
    for files in [Files::new(), journal] {
        assert!(recovered(&book, &files).unwrap().is_none());
    }
}

#[test]
fn a_lost_checkpoint_is_not_taken_for_a_new_ledger() {
    let book = Book::grown();
    for kept in [JOURNAL_PATH, "tile/entries/000"] {
        let files = alone(kept, book.files[kept].clone());
        assert!(matches!(recovered(&book, &files), Err(Tampering::CheckpointMissing)), "{kept}");
    }
}

#[test]
fn a_journal_that_is_gone_or_cut_is_said() {
    let book = Book::grown();
    let mut files = book.files.clone();
    files.remove(JOURNAL_PATH);
    let found = recovered(&book, &files).unwrap().unwrap();
    assert_eq!((found.journal, found.tail.len()), (JournalFound::Missing, 0));
    // What is left of a journal that was cut is not lost.
    files.insert(JOURNAL_PATH.to_owned(), book.files[JOURNAL_PATH][..JOURNAL_BYTES / 2].to_vec());
    let found = recovered(&book, &files).unwrap().unwrap();
    assert_eq!(found.journal, JournalFound::WrongLength { found: JOURNAL_BYTES / 2 });
    assert_eq!(found.tail, book.records[700..]);
}

#[test]
fn a_damaged_ledger_is_not_gone_on_with() {
    let book = Book::grown();
    let needed = ["tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/002.p/188", CHECKPOINT_PATH];
    for path in needed {
        let mut files = book.files.clone();
        files.get_mut(path).unwrap()[20] ^= 1;
        assert!(recovered(&book, &files).is_err(), "{path} changed");
        files.remove(path);
        assert!(recovered(&book, &files).is_err(), "{path} removed");
    }
    let mut files = book.files.clone();
    files.get_mut(JOURNAL_PATH).unwrap()[100] ^= 1;
    assert!(matches!(recovered(&book, &files), Err(Tampering::Journal(_))));
}

fn alone(path: &str, bytes: Vec<u8>) -> Files {
    Files::from([(path.to_owned(), bytes)])
}
