//! What is in the store and what is served from it cannot be changed unseen.

use std::{
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use stockade_tests::{Options, Package, Stockade, eventually, places};

/// The stored weights: the largest file of the store.
fn weights(state: &Path) -> PathBuf {
    let files = fs::read_dir(state.join("store/files")).unwrap().map(|entry| entry.unwrap().path());
    files.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

fn package(stockade: &Stockade) -> String {
    stockade.serving()["models"][0]["package"]["digest"].as_str().unwrap().to_owned()
}

/// Makes a stored file writable for whoever runs the tests, as an intruder on the host would.
fn unlock(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn a_stored_package_is_served_by_its_digest_alone() {
    let state = places::scratch("state");
    let stockade = Stockade::start(Options::demo().state(state.path()));
    let digest = package(&stockade);
    stockade.stop();
    let stockade = Stockade::start(Options::empty().model_at("demo", &digest).state(state.path()));
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?");
    assert_eq!(package(&stockade), digest);
}

#[test]
fn a_changed_byte_in_the_store_is_refused_before_the_next_load() {
    let state = places::scratch("state");
    let stockade = Stockade::start(Options::demo().state(state.path()));
    let digest = package(&stockade);
    stockade.stop();
    let file = weights(state.path());
    unlock(&file);
    let mut bytes = fs::read(&file).unwrap();
    bytes[3_000_000] ^= 0x10;
    fs::write(&file, bytes).unwrap();
    let ran =
        Stockade::try_start(Options::empty().model_at("demo", &digest).state(state.path())).unwrap_err();
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(matches!(ran.failure_code().as_str(), "store_tampered" | "digest_mismatch"), "{ran:?}");
    let ledger = stockade_tests::Ledger::new(places::programs(places::Build::Development), state.path());
    let records = ledger.records();
    let refused = records.iter().rev().find(|record| record["event"] == "package_examined").unwrap();
    assert_eq!(refused["data"]["purpose"], "load");
    assert!(refused["data"]["refused"].is_string(), "{refused}");
    assert_eq!(ledger.verify().code, Some(0));
}

#[test]
fn a_stored_file_that_is_gone_is_refused() {
    let state = places::scratch("state");
    let stockade = Stockade::start(Options::demo().state(state.path()));
    let digest = package(&stockade);
    stockade.stop();
    fs::remove_file(weights(state.path())).unwrap();
    let ran =
        Stockade::try_start(Options::empty().model_at("demo", &digest).state(state.path())).unwrap_err();
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(matches!(ran.failure_code().as_str(), "store_tampered" | "file_missing"), "{ran:?}");
}

#[test]
fn a_package_that_is_not_in_the_store_is_not_found() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let ran = Stockade::try_start(Options::empty().model_at("demo", &digest)).unwrap_err();
    assert_eq!(ran.failure_code(), "package_not_found", "{ran:?}");
    assert!(ran.code.is_some_and(|code| code != 0));
}

#[test]
fn opening_a_served_file_for_writing_ends_its_worker_and_is_recorded() {
    let state = places::scratch("state");
    let options = Options::demo().model("other", Package::demo_gguf()).state(state.path());
    let stockade = Stockade::start(options);
    let file = weights(stockade.state());
    unlock(&file);
    // Refused at once where it would have to wait; the holder of the lease is told all the same.
    let opened = OpenOptions::new().write(true).custom_flags(libc_nonblock()).open(&file);
    assert!(opened.is_err(), "nobody can write while it is served");
    eventually("the record of the broken lease", || {
        let records = stockade.records();
        records.iter().any(|record| record.to_string().contains("lease_broken")).then_some(())
    });
    let answer = eventually("the refusal", || {
        let answer = stockade.chat("Hello!");
        (answer.status() != 200).then_some(answer)
    });
    assert_eq!((answer.status(), answer.code().as_str()), (503, "model_not_ready"), "{}", answer.text());
    let request = serde_json::json!({"model": "other", "temperature": 0,
        "messages": [{"role": "user", "content": "Hello!"}]});
    assert_eq!(stockade.post("/v1/chat/completions", &request).status(), 200, "the other model is served");
    // It stays so: a quarantined package is not loaded again.
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(stockade.chat("Hello!").status(), 503);
}

#[test]
fn the_packages_own_directory_may_change_while_it_is_served() {
    let package = Package::demo();
    let stockade = Stockade::start(Options::empty().model_at("demo", package.path()));
    fs::write(package.file("model.safetensors"), "gone").unwrap();
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?");
    stockade.process("worker").kill();
    eventually("an answer after the restart, from the store", || {
        stockade.try_chat("Hello!").ok().filter(|answer| answer.status() == 200).map(|_| ())
    });
}

fn libc_nonblock() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}
