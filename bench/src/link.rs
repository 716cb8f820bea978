//! A worker driven by hand, inside its jail or outside of one: this program stands where the
//! supervisor and the gateway stand.

use std::{
    fs,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::Child,
    time::{Duration, Instant},
};

use proto::{
    RequestId,
    limits::{EngineLimits, GenerateLimits},
    link::{
        engine::{
            FROM_ENGINE_BYTES_MAX, FromEngine, Message, Prompt, Role, Sampling, TO_ENGINE_BYTES_MAX, ToEngine,
        },
        worker::{self, FromWorker, ToWorker},
    },
    read_frame, write_frame,
};
use sandbox::{
    filter,
    jail::{self, Ceilings, Identity, JailSpec, Jailed, Mount, MountSource, Network, SealedProgram},
    rootless::Privilege,
};
use stockade_tests::places;
use tempfile::TempDir;

/// A worker that has loaded its package.
pub(crate) struct Worker {
    engine: UnixStream,
    _control: UnixStream,
    process: Process,
    next: u64,
}

enum Process {
    Jailed { jailed: Box<Jailed>, log: std::thread::JoinHandle<()> },
    Outside { child: Child, _root: TempDir },
    Ended,
}

impl Worker {
    /// Starts the worker in its jail.
    pub(crate) fn inside(program: &Path, package: &Path) -> Self {
        let (control, engine, ends) = links();
        let spec = JailSpec {
            process: "worker".to_owned(),
            engine: SealedProgram::load(program).expect("the worker is sealed"),
            identity: Identity::numbered(Privilege::Root, 2),
            network: Network::None,
            mounts: vec![Mount {
                source: MountSource::Path(package.to_owned()),
                target: "/package".to_owned(),
                writable: false,
                executable: false,
            }],
            descriptors: ends.into(),
            profile: filter::named("worker").expect("the worker's filter"),
            ceilings: CEILINGS,
            #[cfg(feature = "outside")]
            removed: jail::Removed::default(),
        };
        let mut jailed = jail::spawn(&spec).expect("the jail starts");
        drop(spec);
        let mut log = fs::File::from(jailed.take_log().expect("a log"));
        let log = std::thread::spawn(move || {
            let _ = std::io::copy(&mut log, &mut std::io::stderr());
        });
        jailed.report(Instant::now() + WITHIN).expect("the worker reports");
        Self::load(control, engine, Process::Jailed { jailed: Box::new(jailed), log })
    }

    /// Starts the same worker with nothing around it but another root directory, where its package is.
    pub(crate) fn outside(program: &Path, package: &Path) -> Self {
        let (control, engine, [control_end, engine_end]) = links();
        let root = places::scratch("outside");
        stockade_tests::demo::copy(package, &root.path().join("package"));
        fs::copy(program, root.path().join("worker")).expect("copy the worker");
        let mut command = places::program("sh");
        command.args(["-c", "exec chroot \"$0\" /worker 4<&0 5<&1 </dev/null >&2"]).arg(root.path());
        let child =
            command.env_clear().stdin(control_end).stdout(engine_end).spawn().expect("the worker starts");
        drop(command);
        Self::load(control, engine, Process::Outside { child, _root: root })
    }

    fn load(mut control: UnixStream, engine: UnixStream, process: Process) -> Self {
        for link in [&control, &engine] {
            link.set_read_timeout(Some(WITHIN)).expect("a time limit");
        }
        write_frame(&mut control, &ToWorker::Load { limits: ENGINE }, worker::FRAME_BYTES_MAX).expect("load");
        let answer: FromWorker =
            read_frame(&mut control, worker::FRAME_BYTES_MAX).expect("the worker answers");
        assert!(matches!(answer, FromWorker::Loaded { .. }), "{answer:?}");
        Self { engine, _control: control, process, next: 1 }
    }

    /// Lets it repeat a word for so many tokens; gives back its tokens for each second after the first.
    pub(crate) fn repeat(&mut self, tokens: u32) -> f64 {
        let request = RequestId(self.next);
        self.next += 1;
        let asked =
            ToEngine::Generate { request, prompt: prompt(), sampling: greedy(), limits: limits(tokens) };
        write_frame(&mut self.engine, &asked, TO_ENGINE_BYTES_MAX).expect("ask the worker");
        let mut first = None;
        loop {
            let message = read_frame(&mut self.engine, FROM_ENGINE_BYTES_MAX).expect("the worker answers");
            match message {
                FromEngine::Accepted { .. } => {}
                FromEngine::Piece { .. } => first = first.or_else(|| Some(Instant::now())),
                FromEngine::Finished { output_tokens, .. } => {
                    assert_eq!(output_tokens, tokens, "it repeats for ever");
                    let first: Instant = first.expect("text came");
                    return f64::from(tokens - 1) / first.elapsed().as_secs_f64();
                }
                FromEngine::Failed { code, message, .. } => panic!("{code}: {message}"),
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.process, Process::Ended) {
            Process::Jailed { jailed, log } => {
                drop(jailed);
                let _ = log.join();
            }
            Process::Outside { mut child, .. } => {
                let _ = child.kill();
                let _ = child.wait();
            }
            Process::Ended => {}
        }
    }
}

/// Our ends of the control and the engine link, and the worker's.
fn links() -> (UnixStream, UnixStream, [OwnedFd; 2]) {
    let (control, control_end) = UnixStream::pair().expect("a link");
    let (engine, engine_end) = UnixStream::pair().expect("a link");
    (control, engine, [control_end.into(), engine_end.into()])
}

fn prompt() -> Prompt {
    let message = Message {
        role: Role::User,
        content: "Repeat the word lamp forever.".to_owned(),
        tool_calls: None,
        tool_call_id: None,
        name: None,
    };
    Prompt::Chat { messages: vec![message], tools: None }
}

fn greedy() -> Sampling {
    Sampling {
        temperature: 0.0,
        top_p: 1.0,
        top_k: 0,
        min_p: 0.0,
        repetition_penalty: 1.0,
        frequency_penalty: 0.0,
        presence_penalty: 0.0,
        seed: 0,
        stop: Vec::new(),
    }
}

fn limits(tokens: u32) -> GenerateLimits {
    GenerateLimits {
        prompt_tokens_max: 2048,
        output_tokens_max: tokens,
        output_bytes_max: 1 << 20,
        wall_ms_max: 60_000,
    }
}

const ENGINE: EngineLimits = EngineLimits { slots: 1, context_tokens_max: 2048, queue_max: 1, threads: 2 };

const CEILINGS: Ceilings = Ceilings {
    memory_bytes_max: 2 << 30,
    pids_max: 16,
    cpu_millicores_max: 2000,
    files_max: 64,
    file_bytes_max: 0,
};

/// Longest that a worker may take for anything.
const WITHIN: Duration = Duration::from_mins(1);
