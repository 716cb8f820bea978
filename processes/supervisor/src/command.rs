//! One command of the operator, from its arrival to its end.

use std::{
    os::fd::OwnedFd,
    process::ExitCode,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use proto::{
    Code,
    code::Failure,
    link::operator::{FromSupervisor, ToSupervisor},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sandbox::{
    jail,
    rootless::{self, Privilege, RootlessError},
    signals::Signals,
};

use crate::{
    doctor,
    event::{Event, WAITING_MAX},
    examine::{self, Examination},
    failure,
    failure::host,
    ground::Ground,
    log,
    operator::{self, Operator, Orders},
    scan, serve, threads, watch,
};

/// Reads one command from standard input, and carries it out.
pub fn obey() -> ExitCode {
    // Before the first thread: a process with threads can neither enter a user namespace nor be sure
    // to hold its signals.
    let privilege = rootless::enter_if_needed();
    let signals = Signals::hold();
    let operator = operator::from_standard_input().and_then(|(operator, orders)| {
        let command = orders.next()?;
        Ok((operator, orders, command))
    });
    let (operator, orders, command, descriptors) = match operator {
        Ok((operator, orders, Some((command, descriptors)))) => (operator, orders, command, descriptors),
        Ok((_, _, None)) => return ExitCode::SUCCESS,
        Err(failure) => {
            log::say("supervisor", &failure.message);
            return ExitCode::FAILURE;
        }
    };
    let operator = Arc::new(operator);
    let outcome = privilege
        .map_err(|error| rootless_refused(&error))
        .and_then(|privilege| Ok((privilege, signals.map_err(host("hold signals"))?)))
        .and_then(|(privilege, signals)| {
            carry_out(command, descriptors, privilege, signals, &operator, orders)
        });
    match outcome {
        Ok(last) => {
            operator.say(&last);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            operator.say(&FromSupervisor::Failed(failure));
            ExitCode::FAILURE
        }
    }
}

/// Carries a command out, and gives what the operator hears last.
fn carry_out(
    command: ToSupervisor,
    descriptors: Vec<OwnedFd>,
    privilege: Privilege,
    signals: Signals,
    operator: &Arc<Operator>,
    orders: Orders,
) -> Result<FromSupervisor, Failure> {
    raise_open_files();
    jail::sweep();
    let accepted = match &command {
        ToSupervisor::Serve(plan) => plan.accepted.clone(),
        ToSupervisor::Examine { accepted, .. } | ToSupervisor::Scan { accepted, .. } => accepted.clone(),
        // To see what isn't enforced is the very purpose.
        ToSupervisor::Doctor => sandbox::control::NAMES.iter().map(|&name| name.to_owned()).collect(),
        ToSupervisor::Stop => return Err(Failure::new(Code::InvalidRequest, "nothing was started")),
    };
    let (events, inbox) = mpsc::sync_channel(WAITING_MAX);
    let ground = Arc::new(Ground::new(privilege, Arc::clone(operator), events, accepted)?);
    watch::signals(Arc::clone(&ground), signals)?;
    watch::denials(Arc::clone(&ground))?;
    listen(Arc::clone(&ground), orders)?;
    match command {
        ToSupervisor::Serve(plan) => {
            let mut descriptors = descriptors.into_iter();
            let (Some(listener), None) = (descriptors.next(), descriptors.next()) else {
                return Err(Failure::new(Code::InvalidRequest, "the listening socket did not arrive"));
            };
            serve::serve(ground, inbox, *plan, listener)
        }
        ToSupervisor::Examine { state, directory, signers, add, .. } => {
            let examination = Examination { state, directory, signers, add };
            at_once(&ground, &inbox, move |ground| examine::examine(ground, &examination))
        }
        ToSupervisor::Scan { path, .. } => at_once(&ground, &inbox, move |ground| scan::scan(ground, &path)),
        _ => at_once(&ground, &inbox, doctor::examine_host),
    }
}

/// Carries out a command that waits for nothing but its own work, which runs beside: this thread
/// starts its jails.
fn at_once(
    ground: &Arc<Ground>,
    inbox: &Receiver<Event>,
    work: impl FnOnce(&Ground) -> Result<FromSupervisor, Failure> + Send + 'static,
) -> Result<FromSupervisor, Failure> {
    let own = Arc::clone(ground);
    threads::start("command", move || {
        let outcome = work(&own);
        let _ = own.events.send(Event::Done(Box::new(outcome)));
    })?;
    let mut ends_by = None;
    loop {
        match inbox.recv_timeout(ends_by.map_or(LOOK_EVERY, |by: Instant| by - Instant::now().min(by))) {
            Ok(Event::Done(outcome)) => return *outcome,
            Ok(Event::Start { spec, reply }) if ends_by.is_none() => {
                let _ = reply.send(jail::spawn(&spec));
            }
            Ok(Event::Stop) if ends_by.is_none() => {
                ends_by = Some(Instant::now() + ENDS_WITHIN);
                ground.roster.kill_all();
            }
            Err(RecvTimeoutError::Disconnected) => return Err(stopped()),
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
        }
        if ends_by.is_some_and(|by| by <= Instant::now()) {
            return Err(stopped());
        }
    }
}

fn stopped() -> Failure {
    Failure::new(Code::ShuttingDown, "the command was stopped")
}

/// Hears what else the operator says: to stop, or by closing his link the same.
fn listen(ground: Arc<Ground>, orders: Orders) -> Result<(), Failure> {
    threads::start("operator", move || {
        // Whatever else he says is not legal now, and ends it too.
        let _ = orders.next();
        let _ = ground.events.send(Event::Stop);
    })
}

/// A package has thousands of files, each open: as many as the operator's hard limit allows.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it stays low, opening says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

fn rootless_refused(error: &RootlessError) -> Failure {
    let failure = Failure::new(Code::SandboxRefused, failure::chain(error));
    match error.hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a command that is stopped may take to clean up after itself.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
