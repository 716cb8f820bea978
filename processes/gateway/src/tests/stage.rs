//! The supervisor's part: starts a gateway in a thread and holds its control link.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proto::limits::RequestLimits;
use proto::link::gateway::{ApiKey, FRAME_BYTES_MAX, FromGateway, GatewayConfig, ToGateway};
use proto::{Digest, ModelName, PackageDigest, Secret, WorkerId, read_frame};
use sha2::{Digest as _, Sha256};

use super::auditor::Auditor;
use super::client::{self, Client, Reply};
use super::worker::{Engine, Worker};
use crate::gateway::Patience;

/// The API keys of the tests.
pub(super) const KEY: &str = "sk-test-first";
pub(super) const OTHER_KEY: &str = "sk-test-second";

/// Longer than anything takes, shorter than a person waits.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// A gateway that is running.
pub(super) struct Stage {
    pub(super) address: SocketAddr,
    pub(super) auditor: Auditor,
    control: UnixStream,
    said: Receiver<FromGateway>,
    gateway: Option<JoinHandle<ExitCode>>,
    workers: u64,
}

/// Ceilings that no test meets unless it changes them.
pub(super) fn limits() -> RequestLimits {
    RequestLimits {
        body_bytes_max: 64 * 1024,
        header_bytes_max: 8 * 1024,
        read_ms_max: 5_000,
        messages_max: 16,
        prompt_tokens_max: 1_000,
        output_tokens_max: 100_000,
        output_bytes_max: 1024 * 1024,
        wall_ms_max: 15_000,
        in_flight_max: 64,
        in_flight_per_key_max: 64,
        connections_max: 128,
    }
}

pub(super) fn patience() -> Patience {
    Patience {
        cancel: Duration::from_secs(5),
        commit: Duration::from_secs(5),
        write: Duration::from_secs(5),
        linger: Duration::from_millis(500),
        flush: Duration::from_secs(2),
    }
}

impl Stage {
    /// A gateway without a worker.
    pub(super) fn start(limits: RequestLimits) -> Self {
        Self::start_with(limits, patience())
    }

    /// A gateway with an honest worker.
    pub(super) fn honest(limits: RequestLimits) -> (Self, Worker) {
        let mut stage = Self::start(limits);
        let worker = stage.worker(Engine::answer_honestly);
        (stage, worker)
    }

    pub(super) fn start_with(limits: RequestLimits, patience: Patience) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (control, theirs) = UnixStream::pair().unwrap();
        let (auditor, records) = Auditor::start();
        let gateway = thread::spawn(move || crate::run::run(theirs, patience));
        let config = GatewayConfig {
            limits,
            keys: vec![api_key("first", KEY), api_key("second", OTHER_KEY)],
            models: vec![model("demo"), model("idle")],
            record_key: Secret::new([7; 32]),
            metrics_open: false,
            threads: 2,
        };
        let message = proto::frame::encode(&ToGateway::Start(Box::new(config)), FRAME_BYTES_MAX).unwrap();
        sandbox::descriptor::send_with(&control, &message, &[listener.as_fd(), records.as_fd()]).unwrap();
        let (heard, said) = channel();
        let mut reading = control.try_clone().unwrap();
        thread::spawn(move || {
            while let Ok(message) = read_frame::<FromGateway>(&mut reading, FRAME_BYTES_MAX) {
                if heard.send(message).is_err() {
                    return;
                }
            }
        });
        let stage = Self { address, auditor, control, said, gateway: Some(gateway), workers: 0 };
        assert_eq!(stage.hear(), FromGateway::Ready);
        stage
    }

    /// Brings up a worker of `demo` that does what `script` says, once for each request.
    pub(super) fn worker(
        &mut self,
        script: impl Fn(&mut Engine, proto::RequestId) + Send + 'static,
    ) -> Worker {
        let (worker, link) = Worker::start(self.workers + 1, script);
        let before = self.workers_up();
        self.attach(&link);
        self.await_workers(before + 1);
        worker
    }

    /// Waits until so many workers of `demo` are up.
    pub(super) fn await_workers(&self, count: u32) {
        eventually("workers come and go", || self.workers_up() == count);
    }

    fn workers_up(&self) -> u32 {
        let metrics = self.metrics();
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("stockade_gateway_workers_up{model=\"demo\"} "));
        line.expect("the workers of each model are counted").parse().unwrap()
    }

    /// Replaces the auditor.
    pub(super) fn new_auditor(&mut self) {
        let (auditor, link) = Auditor::start();
        self.auditor = auditor;
        let message = proto::frame::encode(&ToGateway::AuditorUp, FRAME_BYTES_MAX).unwrap();
        sandbox::descriptor::send_with(&self.control, &message, &[link.as_fd()]).unwrap();
    }

    /// Hands the gateway a worker's link that the test holds itself.
    pub(super) fn attach(&mut self, link: &UnixStream) {
        self.workers += 1;
        let message = ToGateway::WorkerUp {
            worker: WorkerId(self.workers),
            model: model("demo"),
            package: package(),
            context_tokens_max: 100_000,
            requests_max: 8,
        };
        let message = proto::frame::encode(&message, FRAME_BYTES_MAX).unwrap();
        sandbox::descriptor::send_with(&self.control, &message, &[link.as_fd()]).unwrap();
    }

    /// Closes the control link.
    pub(super) fn hang_up(&self) {
        self.control.shutdown(std::net::Shutdown::Both).unwrap();
    }

    pub(super) fn say_bytes(&self, bytes: &[u8]) {
        use std::io::Write as _;
        (&self.control).write_all(bytes).unwrap();
    }

    /// Says something to the gateway.
    pub(super) fn say(&self, message: &ToGateway) {
        proto::write_frame(&mut &self.control, message, FRAME_BYTES_MAX).unwrap();
    }

    /// What the gateway says next.
    pub(super) fn hear(&self) -> FromGateway {
        self.said.recv_timeout(LONG).expect("the gateway says something")
    }

    /// Whether the gateway has said nothing more.
    pub(super) fn is_silent(&self) -> bool {
        self.said.try_recv().is_err()
    }

    pub(super) fn metrics(&self) -> String {
        self.get("/metrics").text()
    }

    pub(super) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.client().ask(&client::request("GET", path, KEY, ""))
    }

    pub(super) fn post(&self, path: &str, body: &str) -> Reply {
        self.client().ask(&client::request("POST", path, KEY, body))
    }

    /// Asks for an answer to one message.
    pub(super) fn chat(&self, more: &str) -> Reply {
        self.post("/v1/chat/completions", &chat(more))
    }

    /// Waits for the gateway to exit.
    pub(super) fn exit(&mut self) -> ExitCode {
        self.gateway.take().expect("it exits once").join().expect("it does not panic")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.control.shutdown(std::net::Shutdown::Both);
        if let Some(gateway) = self.gateway.take()
            && !thread::panicking()
        {
            gateway.join().expect("the gateway does not panic");
        }
    }
}

/// The body of a chat request, with `more` fields.
pub(super) fn chat(more: &str) -> String {
    format!("{{\"model\":\"demo\",\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]{more}}}")
}

/// Tries again for a while.
pub(super) fn eventually(claim: &str, mut holds: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !holds() {
        assert!(started.elapsed() < LONG, "not so: {claim}");
        thread::sleep(Duration::from_millis(5));
    }
}

pub(super) fn package() -> PackageDigest {
    PackageDigest(Digest::from_bytes([0xab; 32]))
}

fn model(name: &str) -> ModelName {
    ModelName::parse(name).unwrap()
}

fn api_key(name: &str, key: &str) -> ApiKey {
    ApiKey { name: name.to_owned(), hash: Digest::from_bytes(Sha256::digest(key).into()) }
}
