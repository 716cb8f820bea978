//! What this program does when it finds itself in a jail: its argument zero says.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::UdpSocket,
    os::unix::net::UnixStream,
    process::ExitCode,
    thread,
    time::Duration,
};

use sandbox::{
    confine::{self, Confined},
    descriptor, filter,
};

type Behaviour = fn() -> ExitCode;

/// The behaviour of that name.
pub(crate) fn named(name: &str) -> Option<Behaviour> {
    BEHAVIOURS.iter().find(|(known, _)| *known == name).map(|(_, behaviour)| *behaviour)
}

const BEHAVIOURS: &[(&str, Behaviour)] = &[
    ("waits", waits),
    ("sleeps", sleeps),
    ("exits", exits),
    ("aborts", aborts),
    ("is-killed-for-a-call", is_killed_for_a_call),
    ("tries-a-socket", tries_a_socket),
    ("is-denied-often", is_denied_often),
    ("allocates", allocates),
    ("spins", spins),
    ("starts-threads", starts_threads),
    ("opens-descriptors", opens_descriptors),
    ("floods-its-log", floods_its_log),
    ("uses-its-mounts", uses_its_mounts),
    ("never-reports", never_reports),
    ("reports-rubbish", reports_rubbish),
    ("reports-too-much", reports_too_much),
    ("is-another", is_another),
];

fn enter() -> Confined {
    confine::enter(&std::env::args().next().unwrap()).unwrap()
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Lives until its link is closed.
fn waits() -> ExitCode {
    enter();
    let mut link = UnixStream::from(descriptor::adopt(4).unwrap());
    let _ = link.read(&mut [0]);
    ExitCode::SUCCESS
}

/// Lives, whatever becomes of its links.
fn sleeps() -> ExitCode {
    enter();
    loop {
        thread::sleep(Duration::from_mins(1));
    }
}

fn exits() -> ExitCode {
    enter();
    ExitCode::from(7)
}

fn aborts() -> ExitCode {
    enter();
    std::process::abort()
}

fn is_killed_for_a_call() -> ExitCode {
    let confined = enter();
    confine::tighten(&confined, filter::named("worker-serve").unwrap()).unwrap();
    let _ = File::open("/");
    ExitCode::SUCCESS
}

fn tries_a_socket() -> ExitCode {
    enter();
    ExitCode::from(u8::from(UdpSocket::bind("127.0.0.1:0").is_ok()))
}

fn is_denied_often() -> ExitCode {
    enter();
    ExitCode::from(u8::from((0..500).any(|_| UdpSocket::bind("127.0.0.1:0").is_ok())))
}

/// Takes eight times its ceiling, if nobody stops it.
fn allocates() -> ExitCode {
    enter();
    let mut held: Vec<Vec<u8>> = Vec::new();
    for _ in 0..512 {
        let mut block = Vec::new();
        if block.try_reserve_exact(1 << 20).is_err() {
            return ExitCode::from(3);
        }
        block.resize(1 << 20, 1);
        held.push(block);
    }
    ExitCode::from(u8::from(held.len() != 512))
}

fn spins() -> ExitCode {
    enter();
    loop {
        std::hint::spin_loop();
    }
}

fn starts_threads() -> ExitCode {
    enter();
    let sleeper = || thread::sleep(Duration::from_secs(30));
    let started = (0..256).take_while(|_| thread::Builder::new().stack_size(64 << 10).spawn(sleeper).is_ok());
    say(&started.count().to_string());
    ExitCode::SUCCESS
}

fn opens_descriptors() -> ExitCode {
    enter();
    let first = UnixStream::from(descriptor::adopt(4).unwrap());
    let copies: Vec<UnixStream> = (0..4096).map_while(|_| first.try_clone().ok()).collect();
    say(&copies.len().to_string());
    ExitCode::SUCCESS
}

fn floods_its_log() -> ExitCode {
    enter();
    while std::io::stdout().write_all(&[b'x'; 4096]).is_ok() {}
    ExitCode::SUCCESS
}

/// One line for each thing tried below its mounts.
fn uses_its_mounts() -> ExitCode {
    enter();
    let tried = [
        ("read", std::fs::read("/in/file").map(drop)),
        ("write to a read-only mount", std::fs::write("/in/file", "x")),
        ("create in a read-only mount", File::create_new("/in/new").map(drop)),
        ("follow a link", std::fs::read("/in/link").map(drop)),
        ("list the root", std::fs::read_dir("/").map(drop)),
        ("list a mount", std::fs::read_dir("/in").map(drop)),
        ("climb", std::fs::read("/in/../../../../etc/passwd").map(drop)),
        ("read one file", std::fs::read("/one").map(drop)),
        ("write", std::fs::write("/out/new", "x")),
        ("write beyond the ceiling", std::fs::write("/out/large", vec![0; 64 << 10])),
    ];
    for (what, outcome) in tried {
        say(&format!("{what}: {}", if outcome.is_ok() { "yes" } else { "no" }));
    }
    ExitCode::SUCCESS
}

fn never_reports() -> ExitCode {
    let _pipe = descriptor::adopt(3).unwrap();
    loop {
        thread::sleep(Duration::from_mins(1));
    }
}

fn reports_rubbish() -> ExitCode {
    File::from(descriptor::adopt(3).unwrap()).write_all(&[0xff; 100]).unwrap();
    ExitCode::SUCCESS
}

fn reports_too_much() -> ExitCode {
    let mut pipe = File::from(descriptor::adopt(3).unwrap());
    while pipe.write_all(&[0; 4096]).is_ok() {}
    ExitCode::SUCCESS
}

fn is_another() -> ExitCode {
    let _ = confine::enter("worker");
    ExitCode::SUCCESS
}
