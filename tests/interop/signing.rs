//! `OpenSSF` Model Signing's reference tool and our packages, both ways.

use std::{fs, path::Path, process::Stdio, time::Duration};

use stockade_tests::{Package, Ran, Signer, accepted, command, places, skipped};

use crate::python;

const PROMISE: &str = "model-signing-reference-tool";

fn tool(python: &Path, arguments: &[&str]) -> Ran {
    let mut command = places::program(python);
    command.args(["-m", "model_signing"]).args(arguments).stdin(Stdio::null());
    command::run(command, Duration::from_mins(2))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn the_reference_tool_accepts_our_signature_and_refuses_a_changed_package() {
    let Some(python) = python::with("model_signing") else {
        return skipped(PROMISE, "it cannot be installed here");
    };
    let (package, keys) = (Package::demo(), places::scratch("keys"));
    let (key, private) = (keys.path().join("key.pub.pem"), keys.path().join("key.pem"));
    let programs = places::programs(places::Build::Development);
    // By the commands that a publisher uses.
    let made = command::stockade(programs, &["package", "keygen", &text(&keys.path().join("key"))]);
    assert_eq!(made.code, Some(0), "{made:?}");
    fs::remove_file(package.file("model.sig")).unwrap();
    fs::remove_file(package.file("manifest.json")).unwrap();
    let sign = [
        "package",
        "sign",
        "--key",
        &text(&private),
        "--name",
        "demo",
        "--version",
        "1.0",
        &text(package.path()),
    ];
    let signed = command::stockade(programs, &sign);
    assert_eq!(signed.code, Some(0), "{signed:?}");
    let (signature, model) = (text(&package.file("model.sig")), text(package.path()));
    let verify = ["verify", "key", &model, "--signature", &signature, "--public_key", &text(&key)];
    let verified = tool(&python, &verify);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let weights = package.file("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    bytes[1_000_000] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let refused = tool(&python, &verify);
    assert!(refused.code.is_some_and(|code| code != 0), "{refused:?}");
}

#[test]
fn we_accept_what_the_reference_tool_signed() {
    let Some(python) = python::with("model_signing") else {
        return skipped(PROMISE, "it cannot be installed here");
    };
    let (package, keys) = (Package::demo(), places::scratch("keys"));
    let (private, public) = (keys.path().join("key.pem"), keys.path().join("key.pub.pem"));
    fs::write(&private, Signer::trusted().private_pem()).unwrap();
    fs::write(&public, Signer::trusted().public_pem()).unwrap();
    let signature = package.file("model.sig");
    fs::remove_file(&signature).unwrap();
    let sign = [
        "sign",
        "key",
        &text(package.path()),
        "--signature",
        &text(&signature),
        "--private_key",
        &text(&private),
    ];
    let made = tool(&python, &sign);
    assert_eq!(made.code, Some(0), "{made:?}");
    let programs = places::programs(places::Build::Development);
    let signer = format!("publisher={}", text(&public));
    let accepted: Vec<String> =
        accepted(programs).iter().map(|name| format!("--accept-degraded={name}")).collect();
    let (model, state) = (text(package.path()), text(keys.path()));
    let mut verify = vec!["package", "verify", "--json", "--state", &state, "--signer", &signer, &model];
    verify.extend(accepted.iter().map(String::as_str));
    let verified = command::stockade(programs, &verify);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
