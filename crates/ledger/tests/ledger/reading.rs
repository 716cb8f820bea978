//! Reading: nothing is handed out that is not under a signature.

use ledger::layout::JOURNAL_PATH;
use ledger::{Ledger, Tampering, verify};
use proto::event::Event;

use crate::book::{Book, lifecycle, refused, violated};

#[test]
fn every_record_is_read_as_it_was_written_published_or_not() {
    let book = Book::grown();
    let mut ledger = Ledger::open(book.files.clone(), &book.vkey()).unwrap();
    assert_eq!((ledger.size(), ledger.checkpoint().size), (725, 700));
    for (index, record) in book.records.iter().enumerate() {
        assert_eq!(ledger.record(index as u64).unwrap(), record);
        assert_eq!(ledger.entry(index as u64).unwrap().index, index as u64);
    }
    assert!(matches!(ledger.record(725), Err(Tampering::NoSuchRecord { size: 725, .. })));
    assert!(matches!(ledger.prove(700), Err(Tampering::NotYetPublished { index: 700 })));
    assert!(matches!(ledger.prove(725), Err(Tampering::NoSuchRecord { .. })));
}

#[test]
fn a_reader_goes_on_with_what_was_recorded_since() {
    let mut book = Book::grown();
    let mut ledger = Ledger::open(book.files.clone(), &book.vkey()).unwrap();
    book.append(&[("gateway", lifecycle("new"))]);
    book.publish();
    book.restart();
    // The reader's files are its own: it sees the new ones.
    let mut later = Ledger::open(book.files.clone(), &book.vkey()).unwrap();
    assert_eq!(later.record(725).unwrap(), book.records[725]);
    assert_eq!(ledger.size(), 725);
    ledger.refresh().unwrap();
    assert_eq!(ledger.size(), 725);
    later.refresh().unwrap();
    assert!(later.prove(725).is_ok());
}

#[test]
fn changed_records_are_not_handed_out() {
    let book = Book::grown();
    let mut files = book.files.clone();
    files.get_mut("tile/entries/001").unwrap()[40] ^= 1;
    let mut ledger = Ledger::open(files, &book.vkey()).unwrap();
    assert!(ledger.record(3).is_ok());
    // The bundle is checked as a whole: a neighbour's change is noticed too.
    assert!(matches!(ledger.record(300), Err(Tampering::RootDiffers { .. })));
    let mut files = book.files.clone();
    let journal = files.get_mut(JOURNAL_PATH).unwrap();
    let at = journal.windows(5).position(|bytes| bytes == b"alice").unwrap();
    journal[at] = b'A';
    assert!(Ledger::open(files, &book.vkey()).is_err());
}

#[test]
fn a_ledger_opens_with_its_own_key_only() {
    let book = Book::grown();
    let other = Book::named("stockade.local/book", 8);
    for key in [other.vkey(), Book::named("stockade.local/other", 7).vkey()] {
        assert!(matches!(Ledger::open(book.files.clone(), &key).err(), Some(Tampering::Checkpoint { .. })));
        assert!(matches!(verify(&mut book.files.clone(), &key), Err(Tampering::Checkpoint { .. })));
    }
    assert!(matches!(Ledger::open(book.files.clone(), "nonsense").err(), Some(Tampering::Key(_))));
}

#[test]
fn a_summary_says_what_there_is() {
    let book = Book::grown();
    let summary = verify(&mut book.files.clone(), &book.vkey()).unwrap();
    assert_eq!((summary.size, summary.checkpoint.size), (725, 700));
    assert_eq!(summary.producers.values().sum::<u64>(), 725);
    assert_eq!(summary.producers.keys().collect::<Vec<_>>(), ["gateway", "supervisor"]);
    assert_eq!(summary.times_us, Some((1_700_000_000_000_000, 1_700_000_000_007_240)));
    assert!(verify(&mut Book::new().files, &Book::new().vkey()).unwrap().times_us.is_none());
}

#[test]
fn a_count_that_jumps_is_noticed_unless_the_auditor_said_why() {
    let jump = |excuse: Option<Event>, next: u64| {
        let mut book = Book::new();
        book.append(&[("gateway", lifecycle("0")), ("gateway", lifecycle("1"))]);
        if let Some(event) = excuse {
            book.append(&[("auditor", event)]);
        }
        book.recount("gateway", next);
        book.append(&[("gateway", lifecycle("next"))]);
        book.publish();
        let vkey = book.vkey();
        verify(&mut book.files, &vkey).map(|_| ())
    };
    let is_gap = |found: Result<(), Tampering>| matches!(found, Err(Tampering::Sequence { expected: 2, .. }));
    assert!(jump(None, 2).is_ok());
    // A new link.
    assert!(jump(None, 0).is_ok());
    assert!(is_gap(jump(None, 9)));
    assert!(is_gap(jump(None, 1)));
    assert!(jump(Some(violated("gateway")), 9).is_ok());
    assert!(is_gap(jump(Some(violated("gateway")), 1)));
    assert!(is_gap(jump(Some(violated("supervisor")), 9)));
    // After refused records the count goes on exactly after them, on a new link too.
    assert!(jump(Some(refused("gateway", 2, 8)), 9).is_ok());
    assert!(jump(Some(refused("gateway", 0, 0)), 1).is_ok());
    assert!(jump(Some(refused("gateway", 2, 8)), 10).is_err());
    assert!(jump(Some(refused("gateway", 2, 8)), 2).is_err());
}

#[test]
fn only_the_auditors_own_word_excuses_a_gap() {
    let mut book = Book::new();
    book.append(&[("gateway", lifecycle("0")), ("gateway", violated("gateway"))]);
    book.recount("gateway", 9);
    book.append(&[("gateway", lifecycle("9"))]);
    book.publish();
    let vkey = book.vkey();
    assert!(matches!(verify(&mut book.files, &vkey), Err(Tampering::Sequence { expected: 2, .. })));
}
