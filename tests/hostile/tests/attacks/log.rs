//! The log of a jailed attacker, read as it is written.

use std::{
    fs::File,
    io::Read as _,
    os::fd::OwnedFd,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use stockade_hostile::VERDICT;

/// What an attacker said of its attack.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Denied(String),
    Succeeded(String),
}

/// Waits for the verdict; nothing when the log ends first.
pub(crate) fn verdict(log: OwnedFd, attack: &str) -> Option<Verdict> {
    let lines = lines(log);
    loop {
        let line = match lines.recv_timeout(Duration::from_secs(30)) {
            Ok(line) => line,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
            Err(error) => panic!("{attack}: {error}"),
        };
        let words = line.strip_prefix(VERDICT).and_then(|rest| rest.trim_start().strip_prefix(attack));
        match words.map(str::trim_start).and_then(|rest| rest.split_once(": ")) {
            Some(("denied", how)) => return Some(Verdict::Denied(how.to_owned())),
            Some(("succeeded", what)) => return Some(Verdict::Succeeded(what.to_owned())),
            Some(_) => panic!("{line}"),
            None => {}
        }
    }
}

/// Reads for as long as anybody writes, keeps short lines, and throws the rest away.
fn lines(log: OwnedFd) -> Receiver<String> {
    const LINE_BYTES_MAX: usize = 4096;
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let (mut log, mut line, mut buffer) = (File::from(log), Vec::new(), vec![0; 64 << 10]);
        while let Ok(length @ 1..) = log.read(&mut buffer) {
            for byte in buffer.iter().take(length) {
                if *byte == b'\n' {
                    let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
                    line.clear();
                } else if line.len() < LINE_BYTES_MAX {
                    line.push(*byte);
                }
            }
        }
    });
    receiver
}
