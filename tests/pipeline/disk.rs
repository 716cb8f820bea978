//! A disk that is full.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
};

use stockade_tests::{Options, Stockade, eventually, is_root, places, skipped};

use crate::crashes::{ask, missing};

/// A small disk of this test's own, taken away when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        if !is_root() {
            return None;
        }
        fs::create_dir_all(at).unwrap();
        let mut mount = places::program("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "stockade-test"]).arg(at);
        let mounted = mount.stdin(Stdio::null()).stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    /// Fills it to the last byte; removing the file gives the room back.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        let block = vec![0x5a; 64 * 1024];
        let mut size = block.len();
        for _ in 0..1_000_000 {
            match file.write(&block[..size]) {
                Ok(written) if written > 0 => {}
                _ if size > 1 => size /= 2,
                _ => break,
            }
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut unmount = places::program("umount");
        let _ = unmount.arg("--lazy").arg(&self.0).stdin(Stdio::null()).stderr(Stdio::null()).status();
    }
}

#[test]
fn on_a_full_disk_requests_fail_closed_and_nothing_is_lost_when_there_is_room_again() {
    let state = places::scratch("state");
    let Some(disk) = SmallDisk::mount(&state.path().join("ledger"), 160) else {
        return skipped("disk-full", "only root can mount a small disk");
    };
    let stockade = Stockade::start(Options::demo().state(state.path()));
    assert_eq!(stockade.chat("Hello!").status(), 200);
    let filler = disk.fill();
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for number in 0..400 {
        let answer = ask(&stockade, 400 + number).unwrap();
        if answer.status() == 200 {
            acknowledged.push(400 + number);
        } else {
            assert_eq!(
                (answer.status(), answer.code().as_str()),
                (503, "ledger_unavailable"),
                "{}",
                answer.text()
            );
            refused += 1;
            if refused > 20 {
                break;
            }
        }
    }
    fs::remove_file(filler).unwrap();
    eventually("answers when there is room", || {
        let answer = stockade.chat("Hello!");
        (answer.status() == 200).then_some(())
    });
    assert_eq!(missing(&stockade.records(), &acknowledged), Vec::<usize>::new());
    let state_directory = stockade.state().to_owned();
    let programs = stockade.programs().to_owned();
    assert_eq!(stockade.stop().code, Some(0));
    assert_eq!(stockade_tests::Ledger::new(&programs, &state_directory).verify().code, Some(0));
}

#[test]
fn with_no_room_for_a_ledger_nothing_is_started() {
    let state = places::scratch("state");
    let Some(disk) = SmallDisk::mount(&state.path().join("ledger"), 1) else {
        return skipped("disk-full-at-start", "only root can mount a small disk");
    };
    disk.fill();
    let ran = Stockade::try_start(Options::demo().state(state.path())).unwrap_err();
    assert!(matches!(ran.failure_code().as_str(), "ledger_unavailable" | "host_io"), "{ran:?}");
    assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
}
