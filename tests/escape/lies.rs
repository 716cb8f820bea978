//! Engines that lie about their loading: the start fails with the code that fits, and says whose fault
//! it was.

use stockade_tests::{Options, Package, Stockade};

use crate::siege::{alone, hostile};

fn is_found_out(lie: &str, code: &str) {
    let _one_at_a_time = alone();
    let package = Package::demo_with("attack.txt", &format!("{lie}\n"));
    let options = Options::demo().model("liar", package).replace("stockade-worker", hostile());
    let ran = Stockade::try_start(options).expect_err("it does not come to serve");
    assert_eq!(ran.failure_code(), code, "{ran:?}");
    assert!(!ran.errors.contains('\u{1b}'), "a terminal would obey: {ran:?}");
}

#[test]
fn a_worker_that_announces_a_huge_frame_is_ended() {
    is_found_out("announce_a_huge_frame_while_loading", "worker_misbehaved");
}

#[test]
fn a_worker_that_answers_rubbish_is_ended() {
    is_found_out("answer_rubbish_while_loading", "worker_misbehaved");
}

#[test]
fn a_worker_cannot_accuse_others() {
    is_found_out("accuse_the_ledger_while_loading", "worker_misbehaved");
}

#[test]
fn a_worker_that_ends_while_it_loads_has_crashed() {
    is_found_out("end_while_loading", "worker_crashed");
}
