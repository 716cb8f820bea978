//! The worker's life: load what the supervisor says, then answer until the link is closed.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::thread::Builder;
use std::time::{Duration, Instant};
use std::{io, panic, process};

use proto::code::Failure;
use proto::limits::EngineLimits;
use proto::link::engine::{Finish, Sampling, TO_ENGINE_BYTES_MAX, ToEngine};
use proto::link::worker::{FRAME_BYTES_MAX, FromWorker, ToWorker};
use proto::{Code, FrameError, read_frame, write_frame};
use sandbox::confine::{self, ConfineError, Confined};
use sandbox::{descriptor, filter};

use crate::generator::Generator;
use crate::inbox::{Heard, Inbox, Ready, Refused, Terms};
use crate::load::{LoadError, Model, Words};
use crate::voice::Voice;
use crate::{message, prompt, threads};

/// Where the jail puts the link to the supervisor, and the one to the gateway.
const CONTROL_AT: u32 = 4;
const ENGINE_AT: u32 = 5;
/// Where it puts the package.
const PACKAGE: &str = "/package";

/// Serves one package, as the supervisor says.
pub fn serve(confined: &Confined) -> ExitCode {
    // A thread that panics would leave its request unanswered: the whole worker ends.
    panic::set_hook(Box::new(|info| {
        log(&format!("panicked: {info}"));
        process::exit(PANICKED);
    }));
    match run(confined) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(&message::of(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(confined: &Confined) -> Result<(), ServeError> {
    let adopt = |number| descriptor::adopt(number).map(UnixStream::from).map_err(ServeError::Descriptor);
    let (mut control, engine) = (adopt(CONTROL_AT)?, adopt(ENGINE_AT)?);
    let ToWorker::Load { limits } = read_frame(&mut control, FRAME_BYTES_MAX).map_err(ServeError::Control)?;
    let loaded = start(&limits);
    let mut say = |message| write_frame(&mut control, &message, FRAME_BYTES_MAX).map_err(ServeError::Control);
    match loaded {
        Err(error) => {
            let Failure { code, message, .. } = error.failure();
            say(FromWorker::Failed { code, message })?;
            Err(ServeError::Load(error))
        }
        Ok(model) => {
            let context_tokens_max = u32::try_from(model.words.context).unwrap_or(u32::MAX);
            answer(model, &limits, engine, || {
                let tighter = filter::named("worker-serve").ok_or(ServeError::NoProfile)?;
                confine::tighten(confined, tighter).map_err(ServeError::Tighten)?;
                say(FromWorker::Loaded { context_tokens_max })
            })
        }
    }
}

fn start(limits: &EngineLimits) -> Result<Model, LoadError> {
    threads::start(limits.threads as usize).map_err(LoadError::Threads)?;
    Model::load(Path::new(PACKAGE), limits)
}

/// Answers what comes on a link until it is closed. `ready` is called once every thread that there
/// will ever be has been started, and before any of them reads the link.
///
/// # Errors
/// [`ServeError`] when a thread cannot be started, or what `ready` says.
pub fn answer(
    mut model: Model,
    limits: &EngineLimits,
    link: UnixStream,
    ready: impl FnOnce() -> Result<(), ServeError>,
) -> Result<(), ServeError> {
    let slots = limits.slots as usize;
    let inbox = Arc::new(Inbox::new(slots + limits.queue_max as usize));
    let voice = Arc::new(Voice::new(link.try_clone().map_err(ServeError::Thread)?));
    let gate = Arc::new(Barrier::new(3));
    let words = Arc::clone(&model.words);
    spawn("hear", (&inbox, &voice, &gate), move |inbox, voice| {
        hear(link, inbox, voice);
        inbox.close();
    })?;
    spawn("prepare", (&inbox, &voice, &gate), move |inbox, voice| {
        while let Some(heard) = inbox.heard() {
            prepare(heard, &words, inbox, voice);
        }
    })?;
    // A thread makes calls of the C library's own before its first of ours: the tighter filter has to
    // find it past them.
    gate.wait();
    ready()?;
    gate.wait();
    Generator::new(&mut model, slots, &inbox, &voice).run();
    Ok(())
}

/// Starts a thread that says at the gate that it runs, and waits there before it does anything.
fn spawn(
    name: &str,
    (inbox, voice, gate): (&Arc<Inbox>, &Arc<Voice>, &Arc<Barrier>),
    work: impl FnOnce(&Inbox, &Voice) + Send + 'static,
) -> Result<(), ServeError> {
    let (inbox, voice, gate) = (Arc::clone(inbox), Arc::clone(voice), Arc::clone(gate));
    let started = Builder::new().name(name.to_owned()).spawn(move || {
        gate.wait();
        gate.wait();
        work(&inbox, &voice);
    });
    started.map(drop).map_err(ServeError::Thread)
}

/// Reads the link until it is closed or its rules are broken.
fn hear(mut link: UnixStream, inbox: &Inbox, voice: &Voice) {
    loop {
        match read_frame(&mut link, TO_ENGINE_BYTES_MAX) {
            Err(FrameError::Closed) => return,
            Err(error) => return log(&message::of(&error)),
            Ok(ToEngine::Cancel { request }) => inbox.cancel(request),
            Ok(ToEngine::Generate { request, prompt, sampling, limits }) => {
                let deadline = Instant::now().checked_add(Duration::from_millis(limits.wall_ms_max));
                let terms = Terms { sampling, limits, deadline };
                match inbox.put(Heard { request, prompt, terms }) {
                    Ok(()) => {}
                    Err(Refused::Full) => {
                        voice.refused(inbox, request, Code::TooManyRequests, FULL.to_owned());
                    }
                    Err(Refused::Known) => return log("a request came twice"),
                }
            }
        }
    }
}

/// Turns a prompt into tokens, or says why not.
fn prepare(heard: Heard, words: &Words, inbox: &Inbox, voice: &Voice) {
    let Heard { request, prompt, terms } = heard;
    if inbox.is_cancelled(request) {
        return voice.finished(inbox, request, Finish::Cancelled, 0);
    }
    if let Err(message) = check(&terms.sampling) {
        return voice.failed(inbox, request, Code::InvalidRequest, message.to_owned());
    }
    // One place must be left for the answer.
    let room = words.context.saturating_sub(1);
    let tokens_max = room.min(terms.limits.prompt_tokens_max as usize);
    match prompt::encode(&prompt, &words.tokens, words.template.as_ref(), tokens_max) {
        Ok(tokens) => inbox.pass(Ready { request, tokens, terms }),
        Err(error) => voice.failed(inbox, request, error.code(), message::of(&error)),
    }
}

/// The gateway checks these too; here they keep the arithmetic within what it was made for.
fn check(sampling: &Sampling) -> Result<(), &'static str> {
    let Sampling {
        temperature, top_p, min_p, repetition_penalty, frequency_penalty, presence_penalty, ..
    } = *sampling;
    let share = 0.0..=1.0;
    let numbers = [frequency_penalty, presence_penalty];
    if !(0.0..=100.0).contains(&temperature) || !share.contains(&top_p) || !share.contains(&min_p) {
        Err("temperature, top_p or min_p is out of range")
    } else if !(0.01..=100.0).contains(&repetition_penalty)
        || numbers.iter().any(|p| !(-100.0..=100.0).contains(p))
    {
        Err("a penalty is out of range")
    } else if sampling.stop.len() > STOPS_MAX
        || sampling.stop.iter().any(|stop| !(1..=STOP_BYTES_MAX).contains(&stop.len()))
    {
        Err("a stop text is empty or too long, or there are too many")
    } else {
        Ok(())
    }
}

/// Writes a line to the log that the supervisor reads.
fn log(line: &str) {
    // Without a log there is nobody to tell.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Why a worker ends other than by its link.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A link is not where the jail puts it.
    #[error("failed to take over a link")]
    Descriptor(#[source] io::Error),
    /// The supervisor said nothing that is legal, or is gone.
    #[error("link to the supervisor failed")]
    Control(#[source] FrameError),
    /// The package cannot be loaded.
    #[error("package cannot be loaded")]
    Load(#[source] LoadError),
    /// A thread could not be started.
    #[error("failed to start a thread")]
    Thread(#[source] io::Error),
    /// There is no tighter filter.
    #[error("the filter for serving is not built in")]
    NoProfile,
    /// The tighter filter was refused.
    #[error("failed to tighten the filter")]
    Tighten(#[source] ConfineError),
}

const FULL: &str = "as many requests as the engine takes are waiting";
const STOPS_MAX: usize = 16;
const STOP_BYTES_MAX: usize = 1024;
/// The exit code of a panic, as the runtime has it.
const PANICKED: i32 = 101;
