//! Descriptors: a jail has those it was given, and no start lends one to another.

use std::{
    io::Write as _,
    os::{fd::OwnedFd, unix::net::UnixStream},
    thread,
};

use sandbox::{control::Control, jail::Cause};

use crate::{
    runner::{Ran, Test},
    support::{becomes, end, linked, soon, start},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("descriptors_of_the_supervisor_stay_outside", stay_outside),
        Test::new("processes_started_at_once_share_no_descriptor", at_once),
        Test::new("the_supervisor_sees_a_link_close_when_its_process_ends", link_closes),
    ]
}

/// Even those that the supervisor holds without close-on-exec.
fn stay_outside() -> Ran {
    let leaky = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&leaky, rustix::io::FdFlags::empty()).unwrap();
    let (spec, _link) = linked("waits");
    let mut jailed = start(spec);
    let controls = jailed.report(soon()).unwrap();
    assert!(controls.iter().any(|one| one.name == "descriptors" && one.status == Control::Enforced));
    Ran::Held
}

/// Were a link's far end copied into a neighbour, closing the near one would end nobody.
fn at_once() -> Ran {
    let starts: Vec<_> = (0..12)
        .map(|_| {
            thread::spawn(|| {
                let (spec, link) = linked("waits");
                let mut jailed = start(spec);
                jailed.report(soon()).unwrap();
                drop(link);
                assert_eq!(end(&mut jailed), Cause::Exited(0));
            })
        })
        .collect();
    for start in starts {
        start.join().unwrap();
    }
    Ran::Held
}

fn link_closes() -> Ran {
    let (mut spec, mut link) = linked("exits");
    let (_, theirs) = UnixStream::pair().unwrap();
    spec.descriptors.push(OwnedFd::from(theirs));
    let mut jailed = start(spec);
    jailed.report(soon()).unwrap();
    end(&mut jailed);
    link.set_nonblocking(true).unwrap();
    let closed = |link: &UnixStream| matches!(std::io::Read::read(&mut &*link, &mut [0]), Ok(0));
    assert!(becomes(|| closed(&link)));
    assert!(link.write_all(b"x").is_err());
    Ran::Held
}
