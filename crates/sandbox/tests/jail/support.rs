//! What the tests share: a jail that holds this very program.

use std::{
    io::Read as _,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

use sandbox::{
    filter,
    jail::{self, Cause, Ceilings, Identity, JailSpec, Jailed, Network, SealedProgram},
    rootless::Privilege,
};

static PRIVILEGE: OnceLock<Privilege> = OnceLock::new();

pub(crate) fn set_privilege(privilege: Privilege) {
    PRIVILEGE.set(privilege).unwrap();
}

pub(crate) fn privilege() -> Privilege {
    *PRIVILEGE.get().unwrap()
}

pub(crate) fn is_root() -> bool {
    privilege() == Privilege::Root
}

/// This program, sealed once.
pub(crate) fn engine() -> SealedProgram {
    static ENGINE: OnceLock<SealedProgram> = OnceLock::new();
    ENGINE.get_or_init(|| SealedProgram::load(Path::new("/proc/self/exe")).unwrap()).clone()
}

/// A jail in which this program behaves as `behaviour`, with nothing mounted and no link.
pub(crate) fn spec(behaviour: &str) -> JailSpec {
    JailSpec {
        process: behaviour.to_owned(),
        engine: engine(),
        identity: Identity::numbered(privilege(), 900),
        network: Network::None,
        mounts: Vec::new(),
        descriptors: Vec::new(),
        profile: filter::named("worker").unwrap(),
        ceilings: CEILINGS,
        #[cfg(feature = "ablation")]
        removed: jail::Removed::default(),
    }
}

/// A jail with a control link, and our end of it.
pub(crate) fn linked(behaviour: &str) -> (JailSpec, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut spec = spec(behaviour);
    spec.descriptors.push(OwnedFd::from(theirs));
    (spec, ours)
}

/// Starts it; the specification, and with it our copies of its descriptors, is dropped.
#[expect(clippy::needless_pass_by_value, reason = "our copies of its descriptors must be closed")]
pub(crate) fn start(spec: JailSpec) -> Jailed {
    jail::spawn(&spec).unwrap()
}

/// Waits for the end.
pub(crate) fn end(jailed: &mut Jailed) -> Cause {
    jailed.wait(soon()).unwrap().unwrap_or_else(|| panic!("the process did not end")).cause
}

/// Everything that the process wrote, once it has ended.
pub(crate) fn log(jailed: &mut Jailed) -> String {
    let mut text = String::new();
    std::fs::File::from(jailed.take_log().unwrap()).take(64 << 10).read_to_string(&mut text).unwrap();
    text
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Asks until it is so, or time is up.
pub(crate) fn becomes(what: impl Fn() -> bool) -> bool {
    let deadline = soon();
    while Instant::now() < deadline {
        if what() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// A directory that this test alone uses, removed when it is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stockade-jail-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) const CEILINGS: Ceilings = Ceilings {
    memory_bytes_max: 64 << 20,
    pids_max: 16,
    cpu_millicores_max: 1000,
    files_max: 64,
    file_bytes_max: 4096,
};
