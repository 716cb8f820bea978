//! Disks that are full, and files that somebody takes away.

use std::path::Path;
use std::process::Command;

use ledger::layout::{CHECKPOINT_PATH, JOURNAL_PATH};
use proto::link::record::FromAuditor;

use crate::harness::{Auditor, command, copy, entries, of, said, text, verify};

/// Puts the auditor under a ceiling of bytes for each file, whose breach is an error and no signal.
#[expect(clippy::disallowed_methods, reason = "the shell sets a limit that the auditor inherits")]
fn limited(file_bytes: usize) -> Command {
    let auditor = command();
    let mut shell = Command::new("/bin/sh");
    let script = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
    // The shell counts blocks of 512 bytes.
    shell.args(["-c", script, "sh", &(file_bytes / 512).to_string()]);
    shell.arg(auditor.get_program()).args(auditor.get_args());
    shell
}

/// Gives the auditor a disk of its own with little room: the journal fits, what it publishes soon
/// does not.
#[expect(clippy::disallowed_methods, reason = "a disk of its own needs a mount namespace of its own")]
fn on_small_disk(disk: &Path) -> Command {
    let auditor = command();
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let script = "mount -t tmpfs -o size=40m none \"$0\" && mkdir \"$0/ledger\" && \
                  head -c 20M /dev/zero >\"$0/ballast\" && exec \"$@\"";
    unshare.args(["/bin/sh", "-c", script]).arg(disk);
    unshare.arg(auditor.get_program()).args(auditor.get_args());
    unshare
}

#[test]
fn on_a_full_disk_records_are_refused_and_nothing_acknowledged_is_lost() {
    let mount = tempfile::tempdir().unwrap();
    let auditor = Auditor::start_by(on_small_disk(mount.path()), &mount.path().join("ledger")).unwrap();
    let mut gateway = auditor.producer("gateway");
    let (mut committed, mut refused) = (0_u64, 0_u64);
    let record = |number: u64| format!("{number}/{}", "x".repeat(50_000));
    while refused < 5 {
        match gateway.append(&record(gateway.seq)) {
            FromAuditor::Committed { index, .. } => {
                assert_eq!((index, refused), (committed, 0));
                committed += 1;
            }
            FromAuditor::Refused { why, .. } => {
                assert_eq!(why, "disk full");
                refused += 1;
            }
        }
        assert!(committed < 1000, "it is never refused");
    }
    // As the auditor sees it; nobody else does.
    let disk = auditor.root().join(mount.path().strip_prefix("/").unwrap());
    assert_eq!(verify(&disk.join("ledger")).size, committed);
    std::fs::remove_file(disk.join("ballast")).unwrap();
    while matches!(gateway.append(&record(gateway.seq)), FromAuditor::Refused { .. }) {
        refused += 1;
        assert!(refused < 10_000, "it never recovers");
    }
    let summary = verify(&disk.join("ledger"));
    let entries = entries(&disk.join("ledger"));
    let kept = of(&entries, "gateway");
    assert_eq!(kept.len() as u64, committed + 1);
    for (number, entry) in kept.iter().enumerate().take(usize::try_from(committed).unwrap()) {
        assert_eq!(text(entry), record(number as u64));
    }
    let faults = said(&entries, "ledger_fault");
    let (first, last) = (committed, committed + refused - 1);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].contains(&format!("\"refused_from\":{first},\"refused_through\":{last}")),
        "{faults:?}"
    );
    assert_eq!(summary.size, committed + 2);
    assert!(auditor.stop().contains(&format!("\n{}\n", summary.size)));
}

#[test]
fn a_disk_too_small_for_the_journal_is_said_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let why = Auditor::start_by(limited(1024 * 1024), directory.path()).err().unwrap();
    assert!(why.starts_with("the ledger's directory cannot be used"), "{why}");
}

type Taking = fn(&Path);

#[test]
fn a_journal_that_is_taken_away_is_made_again_and_recorded() {
    let takings: [(&str, Taking); 3] = [
        ("journal_missing", |path| std::fs::remove_file(path).unwrap()),
        ("journal_replaced", |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::remove_file(path).unwrap();
            std::fs::write(path, bytes).unwrap();
        }),
        ("journal_replaced", |path| {
            std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(4096).unwrap();
        }),
    ];
    let directory = tempfile::tempdir().unwrap();
    let mut auditor = Auditor::start(directory.path());
    let mut gateway = auditor.producer("gateway");
    let mut expected = Vec::new();
    for (number, (fault, take)) in takings.into_iter().enumerate() {
        for part in ["before", "after"] {
            let text = format!("{part} {number}");
            gateway.commit(&text);
            expected.push(text);
            if part == "before" {
                take(&directory.path().join(JOURNAL_PATH));
            }
        }
        auditor.verify();
        let faults = said(&auditor.entries(), "ledger_fault");
        assert_eq!(faults.len(), number + 1);
        assert!(faults[number].contains(fault), "{faults:?}");
    }
    // What was acknowledged to a journal that is gone was not lost with it, not even in a crash.
    auditor.kill();
    let auditor = Auditor::start(directory.path());
    let entries = auditor.entries();
    assert_eq!(of(&entries, "gateway").into_iter().map(text).collect::<Vec<_>>(), expected);
    auditor.stop();
    verify(directory.path());
}

#[test]
fn published_files_that_are_taken_away_are_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let mut auditor = Auditor::start(directory.path());
    let mut gateway = auditor.producer("gateway");
    let mut step = |auditor: &mut Auditor, fault: &str| {
        gateway.commit("more");
        // Publishing finds it; by the next answer it is recorded.
        auditor.checkpoint();
        auditor.checkpoint();
        let faults = said(&auditor.entries(), "ledger_fault");
        assert!(faults.last().is_some_and(|last| last.contains(fault)), "{fault}: {faults:?}");
    };
    auditor.checkpoint();
    std::fs::remove_file(directory.path().join(CHECKPOINT_PATH)).unwrap();
    step(&mut auditor, "checkpoint_missing");
    auditor.checkpoint();
    std::fs::remove_file(directory.path().join(CHECKPOINT_PATH)).unwrap();
    std::fs::write(directory.path().join(CHECKPOINT_PATH), "mine").unwrap();
    step(&mut auditor, "checkpoint_replaced");
    auditor.verify();
    auditor.checkpoint();
    std::fs::remove_dir_all(directory.path().join("tile")).unwrap();
    step(&mut auditor, "tile_missing");
}

#[test]
fn a_damaged_ledger_is_not_continued() {
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    let mut gateway = auditor.producer("gateway");
    (0..5).for_each(|number| assert_eq!(gateway.commit(&number.to_string()), number));
    auditor.stop();
    let files = copy(directory.path());
    // Partial tiles of earlier times are not needed to go on.
    let needed = |path: &&std::path::PathBuf| path.ends_with("5") || path.ends_with(CHECKPOINT_PATH);
    let needed: Vec<_> = files.keys().filter(needed).collect();
    assert_eq!(needed.len(), 3);
    for path in needed {
        let path = directory.path().join(path);
        let (mut bytes, mode) =
            (std::fs::read(&path).unwrap(), std::fs::metadata(&path).unwrap().permissions());
        let whole = bytes.clone();
        std::fs::remove_file(&path).unwrap();
        let missing = Auditor::start_by(command(), directory.path()).err();
        assert!(
            missing.is_some_and(|why| why.starts_with("the ledger is damaged")),
            "without {}",
            path.display()
        );
        bytes[10] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let changed = Auditor::start_by(command(), directory.path()).err();
        assert!(
            changed.is_some_and(|why| why.starts_with("the ledger is damaged")),
            "changed {}",
            path.display()
        );
        std::fs::write(&path, whole).unwrap();
        std::fs::set_permissions(&path, mode).unwrap();
    }
    assert_eq!(Auditor::start(directory.path()).size, 5);
}

#[test]
fn a_journal_missing_at_the_start_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let auditor = Auditor::start(directory.path());
    auditor.producer("gateway").commit("one");
    auditor.stop();
    std::fs::remove_file(directory.path().join(JOURNAL_PATH)).unwrap();
    let auditor = Auditor::start(directory.path());
    assert_eq!(auditor.size, 1);
    auditor.producer("gateway").commit("two");
    auditor.verify();
    assert!(said(&auditor.entries(), "ledger_fault")[0].contains("journal_missing"));
}

#[test]
fn two_auditors_never_write_one_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let running = Auditor::start(directory.path());
    let why = Auditor::start_by(command(), directory.path()).err().unwrap();
    assert!(why.contains("cannot be used"), "{why}");
    running.producer("gateway").commit("alone");
}
