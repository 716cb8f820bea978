//! Producers as they should be, and as they should not.

use std::io::Write as _;
use std::time::{Duration, Instant};

use proto::frame::encode;
use proto::link::auditor::{FromAuditor as Control, ToAuditor};
use proto::link::record::{FRAME_BYTES_MAX, FromAuditor, FromProducer, IN_FLIGHT_MAX};

use crate::harness::{Auditor, entries, event, of, said, text, verify};

#[test]
fn a_record_is_answered_with_its_place_and_found_there() {
    let directory = tempfile::tempdir().unwrap();
    let mut auditor = Auditor::start(directory.path());
    assert_eq!(auditor.size, 0);
    let mut gateway = auditor.producer("gateway");
    let mut supervisor = auditor.producer("supervisor");
    assert_eq!(gateway.commit("one"), 0);
    assert_eq!(supervisor.commit("two"), 1);
    assert_eq!(gateway.commit("three"), 2);
    let live = auditor.entries();
    assert_eq!(live.iter().map(text).collect::<Vec<_>>(), ["one", "two", "three"]);
    assert_eq!(of(&live, "gateway").iter().map(|entry| entry.seq).collect::<Vec<_>>(), [0, 1]);
    let note = auditor.checkpoint();
    assert_eq!(auditor.verify().note, note);
    assert_eq!(auditor.stop(), note);
    let summary = verify(directory.path());
    assert_eq!((summary.size, summary.checkpoint.size), (3, 3));
    assert_eq!(Auditor::start(directory.path()).size, 3);
}

#[test]
fn records_sent_together_are_committed_in_groups_and_in_order() {
    const RECORDS: u64 = 3000;
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut gateway = auditor.producer("gateway");
    let mut reader = gateway.stream.try_clone().unwrap();
    let acknowledged = std::thread::spawn(move || {
        let (mut answers, mut last) = (0, None);
        while last != Some(RECORDS - 1) {
            let answer = proto::read_frame(&mut reader, FRAME_BYTES_MAX).unwrap();
            let FromAuditor::Committed { seq, index } = answer else { panic!("{answer:?}") };
            assert_eq!(seq, index);
            assert!(last < Some(seq));
            (answers, last) = (answers + 1, Some(seq));
        }
        answers
    });
    for number in 0..RECORDS {
        gateway.send(&number.to_string()).unwrap();
    }
    assert!(acknowledged.join().unwrap() < RECORDS, "each record had a flush of its own");
    auditor.stop();
    verify(directory.path());
    for (number, entry) in entries(directory.path()).iter().enumerate() {
        assert_eq!((entry.seq, text(entry)), (number as u64, number.to_string().as_str()));
    }
}

#[test]
fn a_gap_is_recorded_and_the_link_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut gateway = auditor.producer("gateway");
    gateway.commit("one");
    gateway.seq = 7;
    gateway.commit("eight");
    gateway.commit("nine");
    auditor.verify();
    let entries = auditor.entries();
    assert_eq!(
        said(&entries, "link_violated"),
        ["{\"process\":\"gateway\",\"worker\":null,\"rule\":\"record 7 came where 1 follows\"}"]
    );
    assert_eq!(of(&entries, "gateway").iter().map(|entry| entry.seq).collect::<Vec<_>>(), [0, 7, 8]);
}

#[test]
fn a_link_that_breaks_a_rule_is_closed_and_recorded_and_others_go_on() {
    let seq = |seq| encode(&FromProducer::Append { seq, event: event("x") }, FRAME_BYTES_MAX).unwrap();
    let cases: [(&str, Vec<u8>); 6] = [
        ("frame has 4294967295 bytes", u32::MAX.to_le_bytes().to_vec()),
        ("frame does not decode", [3_u32.to_le_bytes().as_slice(), &[9, 9, 9]].concat()),
        ("frame does not decode", 0_u32.to_le_bytes().to_vec()),
        ("record 3 came where 0 follows", seq(3)),
        ("record 0 came where 1 follows", [seq(0), seq(0)].concat()),
        ("record beyond the last count", [seq(0), seq(u64::MAX)].concat()),
    ];
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut other = auditor.producer("supervisor");
    for (rule, bytes) in cases {
        let mut hostile = auditor.producer("gateway");
        hostile.stream.write_all(&bytes).unwrap();
        assert!(hostile.is_closed(), "{rule}");
        other.commit("still here");
        let entries = auditor.entries();
        assert!(said(&entries, "link_violated").last().unwrap().contains(rule), "{rule}");
        auditor.verify();
    }
}

#[test]
fn a_link_cut_within_a_frame_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut other = auditor.producer("supervisor");
    let mut dying = auditor.producer("gateway");
    dying.commit("one");
    dying.stream.write_all(&[200, 0, 0, 0, 1]).unwrap();
    drop(dying);
    while said(&auditor.entries(), "link_violated").is_empty() {
        other.commit("still here");
    }
    auditor.verify();
}

#[test]
fn a_producer_that_reads_no_answers_is_cut_off_and_delays_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut hung = auditor.producer("gateway");
    let mut other = auditor.producer("supervisor");
    let mut sent = 0_u64;
    // Each record alone, so that each has an answer of its own.
    while hung.send("never answered").is_ok() {
        other.commit("answered");
        sent += 1;
        assert!(sent < 20_000, "it is never cut off");
    }
    assert!(sent > IN_FLIGHT_MAX as u64);
    let entries = auditor.entries();
    assert!(said(&entries, "link_violated")[0].contains("more than 4096 records in flight"));
    assert_eq!(of(&entries, "supervisor").len() as u64, sent);
    auditor.verify();
}

#[test]
fn a_producer_that_sends_without_end_does_not_starve_others() {
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut flood = auditor.producer("gateway");
    let mut answers = flood.stream.try_clone().unwrap();
    let flooding = std::thread::spawn(move || while flood.send(&"x".repeat(500)).is_ok() {});
    let reading =
        std::thread::spawn(
            move || {
                while proto::read_frame::<FromAuditor>(&mut answers, FRAME_BYTES_MAX).is_ok() {}
            },
        );
    let mut other = auditor.producer("supervisor");
    let begun = Instant::now();
    for number in 0..50 {
        other.commit(&number.to_string());
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
    auditor.stop();
    flooding.join().unwrap();
    reading.join().unwrap();
    verify(directory.path());
}

#[test]
fn a_record_that_grows_too_large_is_refused_alone_and_that_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut gateway = auditor.producer("gateway");
    gateway.commit("one");
    // Six bytes of JSON each.
    let answer = gateway.append(&"\u{1}".repeat(20_000));
    assert!(matches!(answer, FromAuditor::Refused { seq: 1, .. }), "{answer:?}");
    gateway.commit("three");
    auditor.verify();
    let fault = &said(&auditor.entries(), "ledger_fault")[0];
    assert!(fault.starts_with(
        "{\"fault\":\"records_refused\",\"process\":\"gateway\",\"refused_from\":1,\"refused_through\":1"
    ));
}

#[test]
fn a_producer_that_is_started_again_counts_from_zero_after_all_of_its_past() {
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut first = auditor.producer("gateway");
    first.commit("a0");
    for number in 1..50 {
        first.send(&format!("a{number}")).unwrap();
    }
    let mut second = auditor.producer("gateway");
    second.commit("b0");
    let entries = auditor.entries();
    let texts: Vec<String> = entries.iter().map(|entry| text(entry).to_owned()).collect();
    let expected: Vec<String> = (0..50).map(|number| format!("a{number}")).chain(["b0".to_owned()]).collect();
    assert_eq!(texts, expected);
    auditor.verify();
}

#[test]
fn nobody_may_write_under_the_auditors_name() {
    let directory = tempfile::tempdir().unwrap();
    let mut auditor = Auditor::start(directory.path());
    auditor.producer("auditor");
    assert!(matches!(auditor.hear(), Ok(Control::Failed { .. })));
    assert!(!auditor.ended().success());
}

#[test]
fn what_has_no_place_on_the_control_link_ends_the_auditor() {
    let directory = tempfile::tempdir().unwrap();
    let mut auditor = Auditor::start(directory.path());
    auditor.say(&ToAuditor::Producer { process: "gateway".to_owned() }, None);
    assert!(matches!(auditor.hear(), Ok(Control::Failed { .. })));
    assert!(!auditor.ended().success());
}

#[test]
fn what_was_sent_before_stop_is_in_the_last_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut gateway = auditor.producer("gateway");
    for number in 0..100 {
        gateway.send(&number.to_string()).unwrap();
    }
    let note = auditor.stop();
    assert_eq!(note.lines().nth(1), Some("100"));
    assert_eq!(verify(directory.path()).size, 100);
}
