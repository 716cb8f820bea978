//! Finding what was left behind for the engine to find.

use std::{io, os::fd::AsRawFd as _};

use crate::{
    attack::{Attack, Outcome, judge},
    raw::{call, number},
};

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("find_secrets_in_the_environment", environment).guarded(&["environment"]),
    Attack::new("find_foreign_descriptors", descriptors).guarded(&["descriptors"]),
    Attack::new("learn_the_host_name", host_name).guarded(&["uts-namespace"]),
    Attack::new("read_its_log_back", read_log),
];

fn environment(_: &str) -> Outcome {
    let found: Vec<_> = std::env::vars_os().collect();
    if found.is_empty() {
        Outcome::Denied("it is empty".to_owned())
    } else {
        Outcome::Succeeded(format!("{} variables", found.len()))
    }
}

/// 0 to 2 are the null device and the log, 4 and 5 the links; 3 was closed after the report.
fn descriptors(_: &str) -> Outcome {
    let open = |at: &usize| call(libc::SYS_fcntl, [*at, number(libc::F_GETFD), 0, 0, 0, 0]).is_ok();
    let foreign: Vec<usize> = [3].into_iter().chain(6..4096).filter(open).collect();
    if foreign.is_empty() {
        Outcome::Denied("there are none".to_owned())
    } else {
        Outcome::Succeeded(format!("{foreign:?}"))
    }
}

fn host_name(_: &str) -> Outcome {
    // struct utsname: six texts of 65 bytes, the node's name the second.
    let mut names = [0_u8; 6 * 65];
    let asked = call(libc::SYS_uname, [names.as_mut_ptr() as usize, 0, 0, 0, 0, 0]);
    let own: Vec<u8> = names.iter().skip(65).copied().take_while(|byte| *byte != 0).collect();
    match asked {
        Ok(_) if own == b"worker" => Outcome::Denied("it sees its own name".to_owned()),
        other => judge(other, &String::from_utf8_lossy(&own)),
    }
}

fn read_log(_: &str) -> Outcome {
    let mut buffer = [0_u8; 1];
    let log = number(io::stdout().as_raw_fd());
    judge(call(libc::SYS_read, [log, buffer.as_mut_ptr() as usize, 1, 0, 0, 0]), "the log can be read back")
}
