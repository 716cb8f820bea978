//! Killed at any moment, an auditor goes on with everything that it acknowledged.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use ledger::journal::ALIGNMENT;
use ledger::layout::JOURNAL_PATH;
use proto::link::record::FromAuditor;

use crate::harness::{Auditor, Files, Producer, copy, entries, of, text, verify, vkey};

/// What one producer knows of one life of an auditor.
struct Life {
    /// Records that were sent, some without an answer.
    sent: u64,
    /// How many of them were acknowledged: the first ones.
    acknowledged: u64,
}

#[test]
fn no_acknowledged_record_is_lost_or_doubled_by_kill_9() {
    const LIVES: u64 = 40;
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random(0x5eed);
    let mut lives: BTreeMap<(u64, u64), Life> = BTreeMap::new();
    for life in 0..LIVES {
        let mut auditor = Auditor::start(directory.path());
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let producer = auditor.producer(&format!("producer-{writer}"));
                std::thread::spawn(move || (writer, run(producer, life, writer)))
            })
            .collect();
        std::thread::sleep(Duration::from_micros(random.below(60_000)));
        auditor.kill();
        for writer in writers {
            let (number, outcome) = writer.join().unwrap();
            lives.insert((number, life), outcome);
        }
    }
    let last = Auditor::start(directory.path());
    last.stop();
    verify(directory.path());
    let entries = entries(directory.path());
    assert!(entries.len() > 200, "too few records to say anything: {}", entries.len());
    for writer in 0..3 {
        let mut texts = of(&entries, &format!("producer-{writer}")).into_iter().map(text).peekable();
        for life in 0..LIVES {
            let known = &lives[&(writer, life)];
            let prefix = format!("{life}/{writer}/");
            let mut found = 0;
            while let Some(text) = texts.next_if(|text| text.starts_with(&prefix)) {
                assert_eq!(text, format!("{prefix}{found}"));
                found += 1;
            }
            assert!((known.acknowledged..=known.sent).contains(&found), "life {life}, writer {writer}");
        }
        assert_eq!(texts.next(), None);
    }
}

/// Sends until the auditor is gone, a few records ahead of the answers.
fn run(mut producer: Producer, life: u64, writer: u64) -> Life {
    const AHEAD: u64 = 20;
    let mut outcome = Life { sent: 0, acknowledged: 0 };
    loop {
        while outcome.sent < outcome.acknowledged + AHEAD {
            outcome.sent += 1;
            if producer.send(&format!("{life}/{writer}/{}", outcome.sent - 1)).is_err() {
                // Answers that were written before the end are still there to read.
                break;
            }
        }
        match producer.hear() {
            Ok(FromAuditor::Committed { seq, .. }) => outcome.acknowledged = seq + 1,
            Ok(refused @ FromAuditor::Refused { .. }) => panic!("{refused:?}"),
            Err(_) => return outcome,
        }
    }
}

#[test]
fn a_group_torn_at_any_byte_is_dropped_whole_and_the_rest_stays() {
    let directory = tempfile::tempdir().unwrap();
    let mut auditor = Auditor::start(directory.path());
    let mut gateway = auditor.producer("gateway");
    (0..3).for_each(|number| assert_eq!(gateway.commit(&number.to_string()), number));
    auditor.kill();
    let path = directory.path().join(JOURNAL_PATH);
    let whole = std::fs::read(&path).unwrap();
    let published = ledger::Ledger::open(Files(directory.path().to_owned()), &vkey()).unwrap();
    let published = published.checkpoint().size;
    let groups: Vec<(usize, usize)> = ledger::journal::scan(&whole, published)
        .unwrap()
        .iter()
        .map(|group| (group.offset, group.after))
        .collect();
    let (start, end) = *groups.last().unwrap();
    let files = copy(directory.path());
    for torn in (start..end).step_by(37).chain([start, end - ALIGNMENT]) {
        put_back(directory.path(), &files);
        let mut bytes = whole.clone();
        bytes[torn..end].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        let mut auditor = Auditor::start(directory.path());
        let whole_note = bytes[start..end] == whole[start..end];
        assert_eq!(auditor.size, if whole_note { 3 } else { 2 }, "torn at {}", torn - start);
        assert_eq!(auditor.producer("gateway").commit("after"), auditor.size);
        auditor.checkpoint();
        auditor.verify();
        auditor.kill();
    }
}

fn put_back(directory: &Path, files: &BTreeMap<std::path::PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let removed: io::Result<()> =
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        removed.unwrap();
    }
    for (path, bytes) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// A small generator with a seed of its own, so that a failure can be seen again.
struct Random(u64);

impl Random {
    fn below(&mut self, ceiling: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % ceiling
    }
}
