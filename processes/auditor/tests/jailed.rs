//! The auditor's program in its jail, under its own filter, with root's rights and once more with those
//! of an ordinary user: it does all that it must, and asks for nothing that is refused.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test: it fails by panicking, and starts itself again as another user"
)]

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use proto::Secret;
use proto::event::{Event, Lifecycle};
use proto::frame::{encode, read_frame, write_frame};
use proto::link::{auditor, record};
use sandbox::control::Control;
use sandbox::filter;
use sandbox::jail::{
    self, Cause, Ceilings, Identity, JailSpec, Jailed, Mount, MountSource, Network, SealedProgram,
};
use sandbox::observe::{Observer, PROBE_END};
use sandbox::rootless::{self, Privilege};

/// More than fill two bundles.
const RECORDS: u64 = 700;

fn main() -> ExitCode {
    let Ok(privilege) = rootless::enter_if_needed() else {
        say("SKIPPED ordinary-user because the kernel refuses user namespaces to this user");
        return ExitCode::SUCCESS;
    };
    say(&format!("a jailed auditor does all that it must, {privilege:?}"));
    let observer = (privilege == Privilege::Root).then(|| Observer::open().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("ledger");
    std::fs::create_dir(&ledger).unwrap();
    let identity = Identity::numbered(privilege, 904);
    if privilege == Privilege::Root {
        std::os::unix::fs::chown(&ledger, Some(identity.id()), Some(identity.id())).unwrap();
    }

    let mut first = Auditor::start(identity, &ledger, 0);
    let mut gateway = first.producer();
    commit(&mut gateway, 0, RECORDS);
    first.checkpoint();
    // It makes a new journal when this one is gone.
    std::fs::remove_file(ledger.join("journal")).unwrap();
    commit(&mut gateway, RECORDS, RECORDS + 1);
    first.jailed.kill().unwrap();
    first.end();

    let mut second = Auditor::start(identity, &ledger, RECORDS + 2);
    second.say(&auditor::ToAuditor::Stop, None);
    second.hear_checkpoint();
    assert_eq!(second.end(), Cause::Exited(0));

    if let Some(observer) = observer {
        assert_eq!(refused(observer, &[first.jailed.pid(), second.jailed.pid()]), Vec::<String>::new());
        return as_an_ordinary_user();
    }
    ExitCode::SUCCESS
}

struct Auditor {
    jailed: Jailed,
    control: UnixStream,
}

impl Auditor {
    fn start(identity: Identity, ledger: &Path, size: u64) -> Self {
        let (control, theirs) = UnixStream::pair().unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        let spec = JailSpec {
            process: "auditor".to_owned(),
            engine: SealedProgram::load(Path::new(env!("CARGO_BIN_EXE_stockade-auditor"))).unwrap(),
            identity,
            network: Network::None,
            mounts: vec![Mount {
                source: MountSource::Path(ledger.to_owned()),
                target: "/ledger".to_owned(),
                writable: true,
                executable: false,
            }],
            descriptors: vec![theirs.into()],
            profile: filter::named("auditor").unwrap(),
            ceilings: CEILINGS,
        };
        let mut jailed = jail::spawn(&spec).unwrap();
        drop(spec);
        let controls = jailed.report(Instant::now() + PATIENCE).unwrap();
        let enforced = |name: &str| {
            controls.iter().any(|control| control.name == name && control.status == Control::Enforced)
        };
        assert!(enforced("seccomp") && enforced("landlock"), "{controls:?}");
        let mut auditor = Self { jailed, control };
        let start = auditor::ToAuditor::Start {
            origin: "stockade.local/jailed".to_owned(),
            key: Secret::new([7; 32]),
        };
        auditor.say(&start, None);
        assert_eq!(auditor.hear(), auditor::FromAuditor::Ready { size });
        auditor
    }

    fn producer(&self) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        self.say(&auditor::ToAuditor::Producer { process: "gateway".to_owned() }, Some(&theirs));
        ours
    }

    fn checkpoint(&mut self) {
        self.say(&auditor::ToAuditor::Checkpoint, None);
        self.hear_checkpoint();
    }

    fn say(&self, message: &auditor::ToAuditor, descriptor: Option<&UnixStream>) {
        let frame = encode(message, auditor::FRAME_BYTES_MAX).unwrap();
        let descriptors: Vec<_> = descriptor.iter().map(|socket| socket.as_fd()).collect();
        sandbox::descriptor::send_with(&self.control, &frame, &descriptors).unwrap();
    }

    fn hear(&mut self) -> auditor::FromAuditor {
        read_frame(&mut self.control, auditor::FRAME_BYTES_MAX).unwrap()
    }

    fn hear_checkpoint(&mut self) {
        let heard = self.hear();
        assert!(matches!(heard, auditor::FromAuditor::Checkpoint { .. }), "{heard:?}");
    }

    fn end(&mut self) -> Cause {
        self.jailed.wait(Instant::now() + PATIENCE).unwrap().unwrap().cause
    }
}

/// Sends records, each alone, and waits for its answer.
fn commit(gateway: &mut UnixStream, from: u64, to: u64) {
    for seq in from..to {
        let event = Lifecycle { phase: "started".to_owned(), version: seq.to_string() };
        let message = record::FromProducer::Append { seq, event: Event::Lifecycle(event) };
        write_frame(gateway, &message, record::FRAME_BYTES_MAX).unwrap();
        let answer: record::FromAuditor = read_frame(gateway, record::FRAME_BYTES_MAX).unwrap();
        assert!(matches!(answer, record::FromAuditor::Committed { seq: found, .. } if found == seq));
    }
}

/// The calls that were refused to these processes after their probes. A thread is first asked for by
/// a call whose flags nobody can judge; its refusal leads to the one that is allowed.
fn refused(mut observer: Observer, processes: &[i32]) -> Vec<String> {
    let (mut probed, mut found) = (Vec::new(), Vec::new());
    while let Some(denial) = observer.next(Instant::now() + Duration::from_millis(100)).unwrap() {
        assert_eq!(denial.lost, 0);
        if processes.contains(&denial.pid) && denial.call == PROBE_END {
            probed.push(denial.pid);
        } else if probed.contains(&denial.pid) && denial.call != "clone3" {
            found.push(denial.call);
        }
    }
    assert_eq!(probed.len(), processes.len(), "the probes were not seen: nothing else would be");
    found
}

fn as_an_ordinary_user() -> ExitCode {
    const NOBODY: u32 = 65534;
    let mut again = Command::new("/proc/self/exe");
    again.uid(NOBODY).gid(NOBODY).current_dir("/");
    if again.status().unwrap().success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

const PATIENCE: Duration = Duration::from_secs(30);

const CEILINGS: Ceilings = Ceilings {
    memory_bytes_max: 256 << 20,
    pids_max: 8,
    cpu_millicores_max: 1000,
    files_max: 256,
    file_bytes_max: 1 << 30,
};
