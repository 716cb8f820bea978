//! The ledger, verified by Go's implementation of signed notes and Merkle logs.

use std::{path::PathBuf, process::Stdio, time::Duration};

use stockade_tests::{Options, Stockade, command, demo, eventually, places, skipped};

const PROMISE: &str = "ledger-verified-by-go";

/// Where Debian puts Go's libraries.
const LIBRARIES: &str = "/usr/share/gocode";

fn verifier(folder: &std::path::Path) -> Option<PathBuf> {
    let module = PathBuf::from(LIBRARIES).join("src/golang.org/x/mod/sumdb/tlog");
    if !module.is_dir() {
        return None;
    }
    let program = folder.join("goverify");
    let mut build = places::program("go");
    build.arg("build").arg("-o").arg(&program).arg(".").stdin(Stdio::null());
    build.current_dir(places::workspace().join("tests/interop/goverify"));
    build.env("GO111MODULE", "off").env("GOPATH", LIBRARIES).env("GOFLAGS", "");
    build.env("GOCACHE", folder.join("cache"));
    let ran = command::try_run(build, Duration::from_mins(5))?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    Some(program)
}

#[test]
fn a_verifier_of_others_accepts_the_ledger_and_refuses_a_changed_one() {
    let folder = places::scratch("go");
    let Some(program) = verifier(folder.path()) else {
        return skipped(PROMISE, "Go and its library golang.org/x/mod are not installed");
    };
    let stockade = Stockade::start(Options::demo());
    let request = demo::prompt("greeting").request(2);
    for _ in 0..130 {
        assert_eq!(stockade.post("/v1/chat/completions", &request).status(), 200);
    }
    let size = stockade.records().len();
    assert!(size > 256, "more than one full tile: {size} records");
    let proof = eventually("a proof", || {
        let ran = command::audit(stockade.programs(), stockade.state(), &["prove", "200"]);
        (ran.code == Some(0)).then_some(ran.output)
    });
    let state = stockade.state().to_owned();
    let proof_file = folder.path().join("proof");
    std::fs::write(&proof_file, proof).unwrap();
    let verify = || {
        let mut verify = places::program(&program);
        verify.arg(state.join("ledger")).arg(state.join("ledger.vkey")).arg(&proof_file).stdin(Stdio::null());
        command::run(verify, Duration::from_mins(1))
    };
    // The ledger goes on meanwhile: records are published within a second.
    eventually("more than a tile's records, verified", || {
        let ran = verify();
        let verified: usize = ran.output.trim().parse().unwrap_or(0);
        (ran.code == Some(0) && verified > 256).then_some(())
    });
    let bundle = state.join("ledger/tile/entries/000");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[1000] ^= 1;
    std::fs::set_permissions(&bundle, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(&bundle, bytes).unwrap();
    let ran = verify();
    assert_eq!(ran.code, Some(1), "a changed record is found: {ran:?}");
}
