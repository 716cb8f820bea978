//! Finding what was left behind for the engine to find.

use std::os::fd::BorrowedFd;

use crate::attack::{Attack, Outcome};
use crate::raw::call;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "find_secrets_in_the_environment", guards: &["environment"], deadly: false, run: environment },
    Attack { name: "find_foreign_descriptors", guards: &["descriptors"], deadly: false, run: descriptors },
    Attack { name: "read_its_own_log", guards: &["descriptors"], deadly: false, run: read_log },
];

fn environment(_: &str) -> Outcome {
    let found: Vec<_> = std::env::vars_os().collect();
    if found.is_empty() { Outcome::Denied("empty".to_owned()) } else { Outcome::Succeeded(format!("{found:?}")) }
}

/// 0 to 2 are the null device and the log, 4 and 5 the links; 3 was closed after the report.
fn descriptors(_: &str) -> Outcome {
    let open = |number: &usize| call(libc::SYS_fcntl, [*number, libc::F_GETFD as usize, 0, 0, 0, 0]).is_ok();
    let foreign: Vec<usize> = (6..4096).filter(open).collect();
    if foreign.is_empty() { Outcome::Denied("none".to_owned()) } else { Outcome::Succeeded(format!("{foreign:?}")) }
}

fn read_log(_: &str) -> Outcome {
    let mut buffer = [0_u8; 1];
    let log: BorrowedFd<'static> = std::os::fd::AsFd::as_fd(Box::leak(Box::new(std::io::stdout())));
    let number = std::os::fd::AsRawFd::as_raw_fd(&log) as usize;
    match call(libc::SYS_read, [number, buffer.as_mut_ptr() as usize, 1, 0, 0, 0]) {
        Ok(_) => Outcome::Succeeded("the log can be read back".to_owned()),
        Err(error) => Outcome::Denied(format!("errno {error}")),
    }
}
