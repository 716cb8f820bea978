//! `stockade audit`, on a ledger in files.
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ledger::hash::leaf_hash;
use ledger::layout::JOURNAL_BYTES;
use ledger::note::Signer;
use ledger::tile::{Kind, TilePath, push_entry};
use ledger::tree::Tree;
use ledger::{Body, Checkpoint, Record};
use proto::Secret;
use proto::event::{Event, Lifecycle};
use serde_json::Value;
use tempfile::TempDir;

/// A state directory whose ledger has this many published records.
struct State {
    folder: TempDir,
    vkey: String,
}

impl State {
    fn new(records: u64) -> Self {
        let state = Self::with_key(records, 7);
        std::fs::write(state.path("ledger.vkey"), format!("{}\n", state.vkey)).unwrap();
        state
    }

    fn with_key(records: u64, seed: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger");
        let put = |path: &str, bytes: &[u8]| {
            let path = ledger.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        let (mut tree, mut tiles, mut bundle) = (Tree::default(), Vec::new(), Vec::new());
        for index in 0..records {
            let record = record(index);
            tree.append(leaf_hash(&record), &mut |tile| tiles.push((tile.path, tile.bytes)));
            push_entry(&mut bundle, &record);
            if (index + 1).is_multiple_of(256) || index + 1 == records {
                let path = TilePath::within(Kind::Entries, index / 256, index + 1).unwrap();
                tiles.push((path, std::mem::take(&mut bundle)));
            }
        }
        tiles.extend(tree.edge().into_iter().map(|tile| (tile.path, tile.bytes)));
        for (path, bytes) in tiles {
            put(&path.to_string(), &bytes);
        }
        let signer = Signer::new("stockade.local/cli", &Secret::new([seed; 32])).unwrap();
        let note = Checkpoint::sign(records, tree.frontier().root(), &signer);
        put("checkpoint", note.as_bytes());
        put("journal", &vec![0; JOURNAL_BYTES]);
        Self { vkey: signer.verifier().vkey(), folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn audit(&self, arguments: &[&str]) -> Output {
        let state = self.folder.path().to_str().unwrap();
        stockade(&[&["--state", state, "audit"], arguments].concat())
    }

    /// What a command printed, when it did what was asked.
    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.audit(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The exit status, code and message of a command that failed.
    fn failed(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.audit(&[arguments, &["--json"]].concat());
        let said: Value = serde_json::from_slice(&output.stderr).unwrap();
        let text = |name: &str| said["error"][name].as_str().unwrap().to_owned();
        (output.status.code(), text("code"), text("message"))
    }
}

#[expect(clippy::disallowed_methods, reason = "the program under test")]
fn stockade(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.args(arguments).env_clear().env("HOME", "/").output().unwrap()
}

fn record(index: u64) -> Vec<u8> {
    let event = Lifecycle { phase: "started".to_owned(), version: format!("v\u{1b}[31m{index}") };
    let body = Body::new(&Event::Lifecycle(event)).unwrap();
    let time_us = 1_700_000_000_000_000 + index;
    Record { index, time_us, nonce: [9; 16], producer: "supervisor", seq: index, body: &body }
        .encode()
        .unwrap()
}

#[test]
fn a_whole_ledger_verifies_and_its_summary_says_what_there_is() {
    let state = State::new(300);
    let summary: Value = serde_json::from_str(&state.printed(&["verify", "--json"])).unwrap();
    assert_eq!(summary["records"], 300);
    assert_eq!(summary["producers"]["supervisor"], 300);
    assert_eq!(summary["first_us"], 1_700_000_000_000_000_u64);
    assert_eq!(summary["vkey"], state.vkey);
    let text = state.printed(&["verify", "--vkey", &state.vkey]);
    assert!(text.contains("2023-11-14T22:13:20.000299Z"), "{text}");
}

#[test]
fn a_changed_ledger_ends_with_its_own_status_and_names_the_place() {
    let state = State::new(300);
    let path = state.path("ledger/tile/entries/001.p/44");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let (status, code, message) = state.failed(&["verify"]);
    assert_eq!((status, code.as_str()), (Some(4), "ledger_tampered"));
    assert_eq!(message, "record 256 in `tile/entries/001.p/44` and its hash in the tree differ");
    assert_eq!(state.failed(&["show", "299"]).0, Some(4));
    assert_eq!(state.failed(&["tail"]).0, Some(4));
}

#[test]
fn a_key_kept_elsewhere_notices_a_ledger_that_was_made_anew_with_its_own_key() {
    let kept = State::new(10).vkey;
    let forged = State::with_key(10, 8);
    std::fs::write(forged.path("ledger.vkey"), &forged.vkey).unwrap();
    forged.printed(&["verify"]);
    assert_eq!(forged.failed(&["verify", "--vkey", &kept]).0, Some(4));
    std::fs::write(forged.path("kept"), &kept).unwrap();
    assert_eq!(forged.failed(&["verify", "--vkey", forged.path("kept").to_str().unwrap()]).0, Some(4));
}

#[test]
fn a_checkpoint_kept_elsewhere_notices_a_ledger_that_was_put_back() {
    let (now, before) = (State::new(300), State::new(200));
    let kept = now.path("ledger/checkpoint");
    let kept = kept.to_str().unwrap();
    now.printed(&["verify", "--checkpoint", kept]);
    let (status, code, message) = before.failed(&["verify", "--checkpoint", kept]);
    assert_eq!((status, code.as_str()), (Some(4), "ledger_tampered"));
    assert!(message.contains("fewer than the 300 of a checkpoint that was kept"), "{message}");
}

#[test]
fn a_copy_of_a_ledger_is_verified_with_a_key_that_is_named() {
    let state = State::new(3);
    let ledger = state.path("ledger");
    let ledger = ledger.to_str().unwrap();
    assert_eq!(
        stockade(&["audit", "verify", "--ledger", ledger, "--vkey", &state.vkey]).status.code(),
        Some(0)
    );
    assert_eq!(stockade(&["audit", "verify", "--ledger", ledger]).status.code(), Some(2));
}

#[test]
fn records_are_printed_as_stored_or_without_what_a_terminal_obeys() {
    let state = State::new(300);
    let lines = state.printed(&["tail", "-n", "2", "--json"]);
    let stored = [record(298), record(299)].map(|record| String::from_utf8(record).unwrap());
    assert_eq!(lines.lines().collect::<Vec<_>>(), stored);
    assert_eq!(state.printed(&["show", "7", "--json"]).trim_end().as_bytes(), record(7));
    for text in [state.printed(&["tail"]), state.printed(&["show", "7"])] {
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    assert_eq!(state.printed(&["tail"]).lines().count(), 20);
    assert_eq!(state.failed(&["show", "300"]).0, Some(2));
}

#[test]
fn a_proof_convinces_who_has_only_the_record_and_the_key() {
    let state = State::new(300);
    let name = state.path("seven");
    state.printed(&["prove", "7", "--out", name.to_str().unwrap()]);
    let files = ["seven.record", "seven.tlog-proof"].map(|file| state.path(file));
    let [record_file, proof] = files.each_ref().map(|file| file.to_str().unwrap());
    let other = State::new(0);
    let checked = other.printed(&["check-proof", record_file, proof, "--vkey", &state.vkey, "--json"]);
    let checked: Value = serde_json::from_str(&checked).unwrap();
    assert_eq!((&checked["index"], &checked["size"]), (&Value::from(7), &Value::from(300)));
    assert_eq!(std::fs::read_to_string(proof).unwrap(), state.printed(&["prove", "7"]));
    std::fs::write(record_file, record(8)).unwrap();
    let (status, code, _) = other.failed(&["check-proof", record_file, proof, "--vkey", &state.vkey]);
    assert_eq!((status, code.as_str()), (Some(4), "ledger_tampered"));
    // Nothing is written over.
    assert_eq!(state.failed(&["prove", "7", "--out", name.to_str().unwrap()]).0, Some(5));
}

#[test]
fn links_in_a_ledger_are_not_followed() {
    let state = State::new(3);
    let moved = state.path("elsewhere");
    std::fs::rename(state.path("ledger/tile"), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, state.path("ledger/tile")).unwrap();
    assert_eq!(state.failed(&["verify"]).0, Some(4));
}

#[test]
fn where_there_is_no_ledger_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for make in [false, true] {
        let ledger = folder.path().join("ledger");
        if make {
            std::fs::create_dir(&ledger).unwrap();
        }
        let output = stockade(&["--state", text(folder.path()), "audit", "verify"]);
        assert_eq!(output.status.code(), Some(5));
        assert!(String::from_utf8_lossy(&output.stderr).contains("there is no ledger"));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
