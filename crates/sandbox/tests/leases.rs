//! Leases on files, in a process of one thread: the signal of a broken lease ends a process in which
//! any thread does not hold it, and the usual harness has such threads.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::{
    fs::{self, File},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use sandbox::{
    lease::{LeaseError, Leases},
    signals::{Arrival, Signals},
};
use stockade_sandbox as sandbox;

fn main() {
    let signals = Signals::hold().unwrap();
    a_lease_is_refused_while_a_writer_exists();
    a_writer_is_noticed_and_waits_until_the_lease_is_given_up(&signals);
    a_file_that_is_only_read_keeps_its_lease(&signals);
}

fn a_lease_is_refused_while_a_writer_exists() {
    let path = file("writer");
    let writer = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let found = Leases::take(vec![File::open(&path).unwrap()]);
    assert!(matches!(found, Err(LeaseError::OpenForWriting { place: 0 })));
    drop(writer);
    assert!(Leases::take(vec![File::open(&path).unwrap()]).unwrap().are_intact());
    fs::remove_file(path).unwrap();
}

fn a_writer_is_noticed_and_waits_until_the_lease_is_given_up(signals: &Signals) {
    let path = file("broken");
    let weights = File::open(&path).unwrap();
    // A thread that has ended by then took it: the process is told all the same.
    let leases = thread::spawn(|| Leases::take(vec![weights]).unwrap()).join().unwrap();
    let writer = thread::spawn({
        let path = path.clone();
        move || fs::write(path, "changed").unwrap()
    });
    let deadline = Instant::now() + Duration::from_secs(20);
    while leases.are_intact() {
        assert_eq!(signals.next(deadline).unwrap(), Some(Arrival::Lease));
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "weights");
    drop(leases);
    writer.join().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "changed");
    fs::remove_file(path).unwrap();
}

fn a_file_that_is_only_read_keeps_its_lease(signals: &Signals) {
    let path = file("read");
    let leases = Leases::take(vec![File::open(&path).unwrap(), File::open(&path).unwrap()]).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "weights");
    assert!(leases.are_intact());
    assert_eq!(signals.next(Instant::now()).unwrap(), None);
    drop(leases);
    fs::remove_file(path).unwrap();
}

fn file(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("stockade-lease-{}-{name}", std::process::id()));
    fs::write(&path, "weights").unwrap();
    path
}
