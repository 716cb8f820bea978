//! One attack in one jail, with a neighbour beside it.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use proto::{
    RequestId,
    limits::{EngineLimits, GenerateLimits},
    link::{
        engine::{Prompt, Sampling, TO_ENGINE_BYTES_MAX, ToEngine},
        worker::{FRAME_BYTES_MAX, ToWorker},
    },
    write_frame,
};
use sandbox::{
    control::{Control, ControlReport},
    filter,
    jail::{self, Cause, Ceilings, Identity, JailSpec, Jailed, Mount, MountSource, Network, SealedProgram},
    observe::{Denial, Observer, PROBE_END},
    rootless::Privilege,
};
use stockade_hostile::Attack;

use crate::{
    log::{self, Verdict},
    scene::{self, Scene},
};

static PRIVILEGE: OnceLock<Privilege> = OnceLock::new();

pub(crate) fn set_privilege(privilege: Privilege) {
    PRIVILEGE.set(privilege).unwrap();
}

pub(crate) fn is_root() -> bool {
    PRIVILEGE.get() == Some(&Privilege::Root)
}

/// What became of an attack.
pub(crate) struct Trial {
    /// What the attacker said; nothing when it was ended before it could.
    pub(crate) verdict: Option<Verdict>,
    /// How it ended, when it did not outlive its attack.
    pub(crate) cause: Option<Cause>,
    /// Whether the kernel's log told of one of the refused calls; nothing where nobody may listen.
    pub(crate) recorded: Option<bool>,
    /// Whether the neighbour still answers.
    pub(crate) neighbour_alive: bool,
    /// What the jail reported of itself.
    controls: Vec<ControlReport>,
}

impl Trial {
    /// Whether the jail's report says that it has this control.
    pub(crate) fn has(&self, control: &str) -> bool {
        self.controls.iter().any(|found| found.name == control && found.status == Control::Enforced)
    }

    /// Runs an attack with these controls left out, in a thread of its own: it moves to another network.
    pub(crate) fn run(attack: &Attack, removed: &[&'static str]) -> Self {
        thread::scope(|scope| scope.spawn(|| Self::here(attack, removed)).join()).unwrap()
    }

    fn here(attack: &Attack, removed: &[&'static str]) -> Self {
        // Before the network is left: the kernel tells only listeners of the first one.
        let observer = (is_root() && removed.is_empty()).then(|| Observer::open().unwrap());
        let identity = Identity::numbered(*PRIVILEGE.get().unwrap(), 901);
        let scene = Scene::set(identity.id());
        let (mut neighbour, mut to_neighbour) = neighbour(identity);
        let order = format!("{}\n{}", attack.name, scene.target(attack.name, neighbour.pid()));
        let (spec, mut control, mut engine) = attacker(identity, &scene, &order, removed);
        let mut jailed = jail::spawn(&spec).unwrap();
        drop(spec);
        let controls = jailed.report(soon()).unwrap();
        write_frame(&mut control, &ToWorker::Load { limits: LIMITS }, FRAME_BYTES_MAX).unwrap();
        write_frame(&mut engine, &question(), TO_ENGINE_BYTES_MAX).unwrap();
        let verdict = log::verdict(jailed.take_log().unwrap(), attack.name);
        let cause =
            if verdict.is_none() { jailed.wait(soon()).unwrap().map(|exit| exit.cause) } else { None };
        let recorded = observer.map(|observer| recorded(observer, jailed.pid(), attack.refused));
        drop(engine);
        let neighbour_alive = answers(&mut to_neighbour);
        drop(to_neighbour);
        neighbour.wait(soon()).unwrap();
        Self { verdict, cause, recorded, neighbour_alive, controls }
    }
}

fn neighbour(identity: Identity) -> (Jailed, UnixStream) {
    let (control, their_control) = UnixStream::pair().unwrap();
    let (engine, their_engine) = UnixStream::pair().unwrap();
    let spec = spec(identity, vec![their_control.into(), their_engine.into()], Vec::new());
    let mut jailed = jail::spawn(&spec).unwrap();
    jailed.report(soon()).unwrap();
    drop(control);
    engine.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (jailed, engine)
}

fn answers(neighbour: &mut UnixStream) -> bool {
    let mut byte = [0];
    neighbour.write_all(b"?").is_ok() && neighbour.read_exact(&mut byte).is_ok() && byte == *b"?"
}

/// A jail as the supervisor makes it for a worker, our ends of its links, and its order.
fn attacker(
    identity: Identity,
    scene: &Scene,
    order: &str,
    removed: &[&'static str],
) -> (JailSpec, UnixStream, UnixStream) {
    let (control, their_control) = UnixStream::pair().unwrap();
    let (engine, their_engine) = UnixStream::pair().unwrap();
    let (reading, writing) = std::io::pipe().unwrap();
    File::from(OwnedFd::from(writing)).write_all(order.as_bytes()).unwrap();
    let package = Mount {
        source: MountSource::Path(scene.package()),
        target: "/package".to_owned(),
        writable: false,
        executable: false,
    };
    let descriptors = vec![their_control.into(), their_engine.into(), reading.into()];
    #[cfg_attr(not(feature = "ablation"), expect(unused_mut, reason = "nothing can be left out"))]
    let mut spec = spec(identity, descriptors, vec![package]);
    #[cfg(feature = "ablation")]
    removed.clone_into(&mut spec.removed.0);
    assert!(removed.is_empty() || cfg!(feature = "ablation"));
    (spec, control, engine)
}

fn spec(identity: Identity, descriptors: Vec<OwnedFd>, mounts: Vec<Mount>) -> JailSpec {
    static ENGINE: OnceLock<SealedProgram> = OnceLock::new();
    JailSpec {
        process: "worker".to_owned(),
        engine: ENGINE.get_or_init(|| SealedProgram::load(Path::new("/proc/self/exe")).unwrap()).clone(),
        identity,
        network: Network::None,
        mounts,
        descriptors,
        profile: filter::named("worker").unwrap(),
        ceilings: Ceilings {
            memory_bytes_max: scene::MEMORY_BYTES,
            pids_max: 16,
            cpu_millicores_max: scene::CPU_MILLICORES,
            files_max: 64,
            file_bytes_max: 0,
        },
        #[cfg(feature = "ablation")]
        removed: jail::Removed::default(),
    }
}

fn question() -> ToEngine {
    ToEngine::Generate {
        request: RequestId(1),
        prompt: Prompt::Text("Go.".to_owned()),
        sampling: Sampling {
            temperature: 0.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            seed: 0,
            stop: Vec::new(),
        },
        limits: GenerateLimits {
            prompt_tokens_max: 1,
            output_tokens_max: 1,
            output_bytes_max: 1,
            wall_ms_max: 1000,
        },
    }
}

/// Whether the kernel's log tells that the process was denied one of these calls after its probe.
fn recorded(mut observer: Observer, process: i32, calls: &[&str]) -> bool {
    let mut probed = false;
    let deadline = Instant::now() + Duration::from_secs(if calls.is_empty() { 0 } else { 5 });
    while let Some(Denial { pid, call, lost, .. }) = observer.next(deadline).unwrap() {
        assert_eq!(lost, 0);
        if pid == process && probed && calls.contains(&call.as_str()) {
            return true;
        }
        probed |= pid == process && call == PROBE_END;
    }
    calls.is_empty()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

const LIMITS: EngineLimits = EngineLimits { slots: 1, context_tokens_max: 64, queue_max: 1, threads: 1 };
