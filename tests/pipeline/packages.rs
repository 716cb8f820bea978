//! A package that is not what its signer signed is refused with its code, and nothing is started.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use stockade_tests::{Options, Package, Signer, Stockade, command, places};

/// Tries to serve the package, and expects the refusal.
fn refused(package: &Package, code: &str) {
    let programs = places::programs(places::Build::Development);
    let state = places::scratch("refused");
    let options = Options::empty().model_at("demo", package.path()).state(state.path());
    let Err(ran) = Stockade::try_start(options) else { panic!("served, where {code} should refuse it") };
    assert_eq!((ran.code, ran.failure_code().as_str()), (Some(3), code), "{ran:?}");
    assert!(!ran.output.contains("\"serving\""), "{ran:?}");
    let audit = command::audit(programs, state.path(), &["tail", "--json"]);
    if audit.code == Some(0) {
        assert!(!audit.output.contains("\"process\":\"worker\""), "no worker was started: {}", audit.output);
    }
    let stored = fs::read_dir(state.path().join("store/packages")).into_iter().flatten().count();
    assert_eq!(stored, 0, "nothing of it is in the store");
    verified_as(package, code);
}

/// `package verify` says the same.
fn verified_as(package: &Package, code: &str) {
    let keys = places::scratch("keys");
    let key = keys.path().join("publisher.pem");
    fs::write(&key, Signer::trusted().public_pem()).unwrap();
    let signer = format!("publisher={}", key.display());
    let programs = places::programs(places::Build::Development);
    let state = keys.path().display().to_string();
    let mut arguments = vec!["package", "verify", "--json", "--state", &state, "--signer", &signer];
    let path = package.path().display().to_string();
    arguments.push(&path);
    let accepted: Vec<String> =
        stockade_tests::accepted(programs).iter().map(|name| format!("--accept-degraded={name}")).collect();
    arguments.extend(accepted.iter().map(String::as_str));
    let ran = command::stockade(programs, &arguments);
    let expected = if code.is_empty() { (Some(0), "") } else { (Some(3), code) };
    assert_eq!((ran.code, ran.failure_code().as_str()), expected, "{ran:?}");
}

fn change(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = offset.min(bytes.len() - 1);
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_package_that_is_as_it_was_signed_is_accepted() {
    verified_as(&Package::demo(), "");
    verified_as(&Package::demo_gguf(), "");
}

#[test]
fn a_flipped_bit_in_the_weights_is_refused() {
    let package = Package::demo();
    change(&package.file("model.safetensors"), 5_000_000);
    refused(&package, "digest_mismatch");
}

#[test]
fn a_flipped_bit_in_any_file_is_refused() {
    for entry in fs::read_dir(Package::demo().path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let package = Package::demo();
        change(&package.file(&name), 40);
        let keys = places::scratch("keys");
        let key = keys.path().join("publisher.pem");
        fs::write(&key, Signer::trusted().public_pem()).unwrap();
        let options = Options::empty().model_at("demo", package.path());
        let ran = Stockade::try_start(options).err().unwrap_or_else(|| panic!("served with {name} changed"));
        assert_eq!(ran.code, Some(3), "{name}: {ran:?}");
        let code = ran.failure_code();
        let expected: &[&str] = match name.as_str() {
            "model.sig" => &["signature_malformed", "signature_invalid", "signer_untrusted"],
            "manifest.json" => &["digest_mismatch", "manifest_invalid"],
            _ => &["digest_mismatch"],
        };
        assert!(expected.contains(&code.as_str()), "{name}: {code}");
    }
}

#[test]
fn a_missing_file_is_refused() {
    let package = Package::demo();
    fs::remove_file(package.file("generation_config.json")).unwrap();
    refused(&package, "file_missing");
}

#[test]
fn a_file_more_is_refused() {
    let package = Package::demo();
    fs::write(package.file("extra.json"), "{}").unwrap();
    refused(&package, "file_unexpected");
}

#[test]
fn a_hidden_file_more_is_refused() {
    let package = Package::demo();
    fs::create_dir(package.file(".git")).unwrap();
    fs::write(package.file(".git/config"), "[core]").unwrap();
    let ran = Stockade::try_start(Options::empty().model_at("demo", package.path())).unwrap_err();
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(matches!(ran.failure_code().as_str(), "file_unexpected" | "path_invalid"), "{ran:?}");
}

#[test]
fn a_renamed_file_is_refused() {
    let package = Package::demo();
    fs::rename(package.file("model.safetensors"), package.file("weights.safetensors")).unwrap();
    let ran = Stockade::try_start(Options::empty().model_at("demo", package.path())).unwrap_err();
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(matches!(ran.failure_code().as_str(), "file_missing" | "file_unexpected"), "{ran:?}");
}

#[test]
fn two_files_that_changed_places_are_refused() {
    let package = Package::demo();
    let (one, other) = (package.file("config.json"), package.file("generation_config.json"));
    let (first, second) = (fs::read(&one).unwrap(), fs::read(&other).unwrap());
    fs::write(&one, second).unwrap();
    fs::write(&other, first).unwrap();
    refused(&package, "digest_mismatch");
}

#[test]
fn a_link_is_refused_even_to_the_right_bytes() {
    let package = Package::demo();
    let elsewhere = places::scratch("elsewhere");
    let target = elsewhere.path().join("model.safetensors");
    fs::rename(package.file("model.safetensors"), &target)
        .or_else(|_| fs::copy(package.file("model.safetensors"), &target).map(|_| ()))
        .unwrap();
    let _ = fs::remove_file(package.file("model.safetensors"));
    symlink(&target, package.file("model.safetensors")).unwrap();
    refused(&package, "file_not_regular");
}

#[test]
fn a_directory_reached_through_a_link_and_a_pipe_are_refused() {
    let package = Package::demo();
    symlink("/etc", package.file("etc")).unwrap();
    refused(&package, "file_not_regular");
    let package = Package::demo();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        package.file("notes.txt"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    refused(&package, "file_not_regular");
}

#[test]
fn a_package_of_another_signer_is_refused() {
    let package = Package::demo();
    Signer::stranger().sign(package.path(), "demo", package::Format::Safetensors);
    refused(&package, "signer_untrusted");
}

#[test]
fn a_package_without_a_signature_is_refused() {
    let package = Package::demo();
    fs::remove_file(package.file("model.sig")).unwrap();
    refused(&package, "signature_missing");
}

#[test]
fn a_package_without_a_manifest_is_refused() {
    let package = Package::demo();
    fs::remove_file(package.file("manifest.json")).unwrap();
    refused(&package, "manifest_invalid");
}

#[test]
fn a_signed_package_whose_weights_are_malformed_is_refused() {
    let package = Package::demo();
    let weights = package.file("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&weights, bytes).unwrap();
    Signer::trusted().sign(package.path(), "demo", package::Format::Safetensors);
    refused(&package, "format_invalid");
}

#[test]
fn a_signed_package_with_a_kind_of_file_that_can_run_code_is_refused() {
    for name in ["tokenizer.pkl", "modeling_demo.py", "model.bin", "run.sh", "lib.so"] {
        let package = Package::demo();
        fs::write(package.file(name), "x").unwrap();
        fs::set_permissions(package.file(name), Permissions::from_mode(0o755)).unwrap();
        Signer::trusted().sign(package.path(), "demo", package::Format::Safetensors);
        let ran = Stockade::try_start(Options::empty().model_at("demo", package.path())).unwrap_err();
        assert_eq!(
            (ran.code, ran.failure_code().as_str()),
            (Some(3), "format_unsupported"),
            "{name}: {ran:?}"
        );
    }
}

#[test]
fn a_refused_package_stops_a_start_in_which_others_are_good() {
    let bad = Package::demo();
    change(&bad.file("model.safetensors"), 100_000);
    let options = Options::demo().model_at("bad", bad.path());
    let ran = Stockade::try_start(options).unwrap_err();
    assert_eq!((ran.code, ran.failure_code().as_str()), (Some(3), "digest_mismatch"), "{ran:?}");
}
