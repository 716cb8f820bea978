//! The gateway's program in its jail, under its own filter, with root's rights and once more with those
//! of an ordinary user: it does all that it must, and asks for nothing that is refused.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test: it fails by panicking, and starts itself again as another user"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use proto::frame::{encode, read_frame, write_frame};
use proto::limits::RequestLimits;
use proto::link::engine::{FROM_ENGINE_BYTES_MAX, Finish, FromEngine, TO_ENGINE_BYTES_MAX, ToEngine};
use proto::link::gateway::{ApiKey, FRAME_BYTES_MAX, FromGateway, GatewayConfig, ToGateway};
use proto::link::record::{self, FromAuditor, FromProducer};
use proto::{Digest, ModelName, PackageDigest, Secret, WorkerId};
use sandbox::control::Control;
use sandbox::filter;
use sandbox::jail::{self, Cause, Ceilings, Identity, JailSpec, Jailed, Network, SealedProgram};
use sandbox::observe::{Observer, PROBE_END};
use sandbox::rootless::{self, Privilege};
use sha2::Digest as _;

fn main() -> ExitCode {
    let Ok(privilege) = rootless::enter_if_needed() else {
        say("SKIPPED ordinary-user because the kernel refuses user namespaces to this user");
        return ExitCode::SUCCESS;
    };
    say(&format!("a jailed gateway does all that it must, {privilege:?}"));
    let observer = (privilege == Privilege::Root).then(|| Observer::open().unwrap());
    let mut gateway = Gateway::start(Identity::numbered(privilege, 905));
    gateway.worker_up(1);
    for _ in 0..20 {
        assert!(gateway.chat("").contains("Hello world"));
        assert!(gateway.chat(",\"stream\":true").ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"));
    }
    // Some at once, so that every thread serves; some large, so that memory comes and goes.
    thread::scope(|scope| {
        for _ in 0..16 {
            let gateway = &gateway;
            scope.spawn(move || {
                let large = format!(",\"user\":\"{}\"", "x".repeat(600_000));
                for _ in 0..8 {
                    assert!(gateway.chat(&large).contains("Hello world"));
                }
            });
        }
    });
    assert!(gateway.ask("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n").contains("not_found"));
    assert!(gateway.chat(&format!(",\"user\":\"{}\"", "x".repeat(2_000_000))).contains("request_too_large"));
    gateway.leave();
    gateway.say(&ToGateway::AuditorUp, &[auditor()]);
    gateway.say(&ToGateway::WorkerDown { worker: WorkerId(1) }, &[]);
    gateway.worker_up(2);
    assert!(gateway.chat(",\"stream\":true").contains("Hello"));
    gateway.say(&ToGateway::Stop { drain_ms_max: 1_000 }, &[]);
    assert_eq!(gateway.hear(), FromGateway::Drained);
    assert_eq!(gateway.jailed.wait(Instant::now() + PATIENCE).unwrap().unwrap().cause, Cause::Exited(0));

    if let Some(observer) = observer {
        assert_eq!(refused(observer, gateway.jailed.pid()), Vec::<String>::new());
        return as_an_ordinary_user();
    }
    ExitCode::SUCCESS
}

struct Gateway {
    jailed: Jailed,
    control: UnixStream,
    address: SocketAddr,
}

impl Gateway {
    fn start(identity: Identity) -> Self {
        let (control, theirs) = UnixStream::pair().unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let spec = JailSpec {
            process: "gateway".to_owned(),
            engine: SealedProgram::load(Path::new(env!("CARGO_BIN_EXE_stockade-gateway"))).unwrap(),
            identity,
            network: Network::None,
            mounts: Vec::new(),
            descriptors: vec![theirs.into()],
            profile: filter::named("gateway").unwrap(),
            ceilings: CEILINGS,
        };
        let mut jailed = jail::spawn(&spec).unwrap();
        drop(spec);
        let controls = jailed.report(Instant::now() + PATIENCE).unwrap();
        let enforced = |name: &str| {
            controls.iter().any(|control| control.name == name && control.status == Control::Enforced)
        };
        assert!(enforced("seccomp") && enforced("network-namespace"), "{controls:?}");
        let mut gateway = Self { jailed, control, address: listener.local_addr().unwrap() };
        let frame = encode(&ToGateway::Start(Box::new(config())), FRAME_BYTES_MAX).unwrap();
        let records = auditor();
        sandbox::descriptor::send_with(&gateway.control, &frame, &[listener.as_fd(), records.as_fd()])
            .unwrap();
        assert_eq!(gateway.hear(), FromGateway::Ready);
        gateway
    }

    fn worker_up(&self, id: u64) {
        let up = ToGateway::WorkerUp {
            worker: WorkerId(id),
            model: ModelName::parse("demo").unwrap(),
            package: PackageDigest(Digest::from_bytes([1; 32])),
            context_tokens_max: 1_000,
            requests_max: 64,
        };
        self.say(&up, &[worker()]);
        let started = Instant::now();
        // The other worker may still be leaving.
        while !self.chat("").contains("Hello world") {
            assert!(started.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn say(&self, message: &ToGateway, descriptors: &[UnixStream]) {
        let frame = encode(message, FRAME_BYTES_MAX).unwrap();
        let descriptors: Vec<_> = descriptors.iter().map(|socket| socket.as_fd()).collect();
        sandbox::descriptor::send_with(&self.control, &frame, &descriptors).unwrap();
    }

    fn hear(&mut self) -> FromGateway {
        read_frame(&mut self.control, FRAME_BYTES_MAX).unwrap()
    }

    fn chat(&self, more: &str) -> String {
        self.ask(&question(more))
    }

    /// Says all of it, and reads until the gateway closes.
    fn ask(&self, request: &str) -> String {
        let mut client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        reply
    }

    /// A client that goes away at once.
    fn leave(&self) {
        TcpStream::connect(self.address).unwrap().write_all(question(",\"stream\":true").as_bytes()).unwrap();
    }
}

fn question(more: &str) -> String {
    let body =
        format!("{{\"model\":\"demo\",\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]{more}}}");
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer key\r\nContent-Length:";
    format!("{head} {}\r\n\r\n{body}", body.len())
}

/// The gateway's end of a record link whose auditor commits everything.
fn auditor() -> UnixStream {
    let (mut link, theirs) = UnixStream::pair().unwrap();
    thread::spawn(move || {
        while let Ok(FromProducer::Append { seq, .. }) = read_frame(&mut link, record::FRAME_BYTES_MAX) {
            let _ =
                write_frame(&mut link, &FromAuditor::Committed { seq, index: seq }, record::FRAME_BYTES_MAX);
        }
    });
    theirs
}

/// The gateway's end of an engine link whose worker greets.
fn worker() -> UnixStream {
    let (mut link, theirs) = UnixStream::pair().unwrap();
    thread::spawn(move || {
        while let Ok(message) = read_frame(&mut link, TO_ENGINE_BYTES_MAX) {
            let ToEngine::Generate { request, .. } = message else { continue };
            let piece = |text: &str| FromEngine::Piece { request, text: text.to_owned(), tokens: 1 };
            for answer in [
                FromEngine::Accepted { request, prompt_tokens: 1 },
                piece("Hello"),
                piece(" world"),
                FromEngine::Finished { request, finish: Finish::Stop, output_tokens: 2 },
            ] {
                let _ = write_frame(&mut link, &answer, FROM_ENGINE_BYTES_MAX);
            }
        }
    });
    theirs
}

fn config() -> GatewayConfig {
    GatewayConfig {
        limits: RequestLimits {
            body_bytes_max: 1 << 20,
            header_bytes_max: 8192,
            read_ms_max: 20_000,
            messages_max: 8,
            prompt_tokens_max: 1_000,
            output_tokens_max: 100,
            output_bytes_max: 10_000,
            wall_ms_max: 20_000,
            in_flight_max: 64,
            in_flight_per_key_max: 64,
            connections_max: 64,
        },
        keys: vec![ApiKey {
            name: "test".to_owned(),
            hash: Digest::from_bytes(sha2::Sha256::digest("key").into()),
        }],
        models: vec![ModelName::parse("demo").unwrap()],
        record_key: Secret::new([7; 32]),
        metrics_open: false,
        threads: 4,
    }
}

/// The calls that were refused to the process after its probe. A thread is first asked for by a call
/// whose flags nobody can judge; its refusal leads to the one that is allowed.
fn refused(mut observer: Observer, process: i32) -> Vec<String> {
    let (mut probed, mut found) = (false, Vec::new());
    while let Some(denial) = observer.next(Instant::now() + Duration::from_millis(100)).unwrap() {
        assert_eq!(denial.lost, 0);
        if denial.pid != process {
            continue;
        }
        if denial.call == PROBE_END {
            probed = true;
        } else if probed && denial.call != "clone3" {
            found.push(denial.call);
        }
    }
    assert!(probed, "the probe was not seen: nothing else would be");
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
    memory_bytes_max: 512 << 20,
    pids_max: 16,
    cpu_millicores_max: 2000,
    files_max: 4096,
    file_bytes_max: 0,
};
