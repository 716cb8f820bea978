//! The command line by itself: what it says, where, and with which exit status. Nothing is started.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Runs `stockade` in a directory of its own, with nothing of our environment.
fn stockade(folder: &Path, arguments: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the test runs what a person would run")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.args(arguments).current_dir(folder).env_clear().env("HOME", folder).stdin(Stdio::null());
    command.output().unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn warned(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> String {
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    error["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_failure_is_told_to_people_with_a_hint_and_a_page() {
    let folder = folder();
    let output = stockade(folder.path(), &["serve", "a=/nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(said(&output), "");
    let lines: Vec<String> = warned(&output).lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("error: `/nowhere`"), "{lines:?}");
    assert!(lines[1].starts_with("hint: "), "{lines:?}");
    assert_eq!(lines[2], "see docs/errors/config_invalid.md");
}

#[test]
fn a_failure_is_told_to_programs_as_json() {
    let folder = folder();
    let output = stockade(folder.path(), &["serve", "--json", "a=/nowhere"]);
    assert_eq!((output.status.code(), code(&output).as_str()), (Some(2), "config_invalid"));
    assert_eq!(said(&output), "");
}

#[test]
fn what_is_not_running_is_said_to_be_so() {
    let folder = folder();
    for stale in [false, true] {
        if stale {
            // What a killed Stockade left: nobody listens at port 1.
            let serving = r#"{"url":"http://127.0.0.1:1","privilege":"root","models":[],"processes":[],"checkpoint":"","vkey":""}"#;
            let text = format!(r#"{{"version":"0","pid":1,"serving":{serving}}}"#);
            fs::write(folder.path().join("status.json"), text).unwrap();
        }
        let output = stockade(folder.path(), &["status", "--json", "--state", "."]);
        assert_eq!((output.status.code(), code(&output).as_str()), (Some(6), "not_running"), "{stale}");
    }
}

#[test]
fn wrong_arguments_have_the_status_for_usage() {
    let folder = folder();
    for arguments in [&["frob"][..], &["serve", "--frob"], &["key", "new"], &["key", "new", "a b"], &[]] {
        let output = stockade(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(said(&output), "", "{arguments:?}");
    }
}

#[test]
fn a_configuration_that_cannot_be_is_refused_before_anything_starts() {
    let folder = folder();
    for text in
        ["frob = 1", "[limits]\nwall-ms-max = 0", "listen = \"0.0.0.0:80\"", "state = [", "listen = \"x\""]
    {
        fs::write(folder.path().join("c.toml"), text).unwrap();
        let output = stockade(folder.path(), &["serve", "--json", "--config", "c.toml"]);
        assert_eq!((output.status.code(), code(&output).as_str()), (Some(2), "config_invalid"), "{text}");
    }
}

#[test]
fn a_configuration_in_the_working_directory_is_not_read() {
    let folder = folder();
    fs::write(folder.path().join("stockade.toml"), "frob = 1").unwrap();
    let output = stockade(folder.path(), &["package", "list", "--state", "."]);
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""));
}

#[test]
fn a_key_is_printed_with_the_entry_that_the_configuration_takes() {
    let folder = folder();
    let output = stockade(folder.path(), &["key", "new", "alice"]);
    let text = said(&output);
    let (key, entry) = text.split_once("\n\n").unwrap();
    let hash = package::hash::sha256(key.as_bytes());
    assert_eq!(entry, format!("[[keys]]\nname = \"alice\"\nhash = \"{hash}\"\n"));
    assert!(!warned(&output).contains(key));
}

#[test]
fn signing_with_a_new_key_gives_a_package_that_the_key_verifies() {
    let folder = folder();
    let at = folder.path();
    fs::create_dir(at.join("tiny")).unwrap();
    fs::write(at.join("tiny/model.gguf"), "weights").unwrap();
    assert_eq!(stockade(at, &["package", "keygen", "k"]).status.code(), Some(0));
    let output = stockade(at, &["package", "sign", "tiny", "--key", "k.pem", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said(&output)).unwrap();
    let manifest = fs::read(at.join("tiny/manifest.json")).unwrap();
    assert_eq!(report["digest"], package::Manifest::digest_of(&manifest).to_string());
    let pem = fs::read_to_string(at.join("k.pub.pem")).unwrap();
    let signers = [proto::link::inspector::TrustedSigner::with_key("k", pem)];
    let trust = package::Trust { signers: &signers, now_s: 0 };
    let bundle = fs::read(at.join("tiny/model.sig")).unwrap();
    assert_eq!(package::oms::verify(&bundle, &trust).unwrap().resources.len(), 2);
}

#[test]
fn a_link_is_not_signed_and_the_status_says_rejected() {
    let folder = folder();
    let at = folder.path();
    fs::create_dir(at.join("tiny")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", at.join("tiny/model.gguf")).unwrap();
    stockade(at, &["package", "keygen", "k"]);
    let output = stockade(at, &["package", "sign", "tiny", "--key", "k.pem"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(warned(&output).contains("error: package rejected: \"model.gguf\" is a link"), "{output:?}");
}

#[test]
fn completions_and_manual_pages_are_made_for_every_command() {
    let folder = folder();
    let at = folder.path();
    for shell in ["bash", "zsh", "fish"] {
        assert!(said(&stockade(at, &["completions", shell])).contains("accept-degraded"), "{shell}");
    }
    assert!(said(&stockade(at, &["man"])).contains(".TH stockade"));
    fs::create_dir(at.join("man")).unwrap();
    stockade(at, &["man", "--out", "man"]);
    for page in ["stockade.1", "stockade-serve.1", "stockade-package-sign.1"] {
        assert!(at.join("man").join(page).exists(), "{page}");
    }
}
