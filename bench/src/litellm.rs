//! `LiteLLM`, a gateway of others, measured the same way where it is installed.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use stockade_tests::{Connection, places, within};

use crate::{
    bare, peers,
    samples::Samples,
    table::{Row, Table},
};

/// Measures what it adds to a request: no record, no sandbox, no key.
pub(crate) fn measure(table: &mut Table) {
    let own = places::workspace().join(".venv/bin/litellm");
    let Some(program) = Some(own).filter(|own| own.is_file()).or_else(|| peers::installed("litellm")) else {
        return table.skip(NAME, "it is not installed: .venv/bin/pip install 'litellm[proxy]'");
    };
    let upstream = bare::serve();
    let Some(proxy) = Proxy::start(program, upstream) else { return table.skip(NAME, "it did not start") };
    let (mut direct, mut through) = (Connection::open(upstream), Connection::open(proxy.address));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..REQUESTS + WARM {
        let (one, other) = (exchange(&mut direct), exchange(&mut through));
        if round >= WARM {
            without.push(one);
            with.push(other);
        }
    }
    let (without, with) = (Samples::of_times(without), Samples::of_times(with));
    let added = |fraction: f64| with.quantile(fraction) - without.quantile(fraction);
    let note = format!("p99 {:.1} ms; one worker process, no records, no keys", added(0.99));
    table.add(Row::new(NAME, added(0.5), "ms").note(note));
}

/// A running proxy, ended when it is dropped.
struct Proxy {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Proxy {
    fn start(program: PathBuf, upstream: SocketAddr) -> Option<Self> {
        let folder = places::scratch("litellm");
        let configuration = folder.path().join("config.yaml");
        let mut file = std::fs::File::create(&configuration).ok()?;
        write!(
            file,
            "model_list:\n- model_name: demo\n  litellm_params:\n    model: openai/demo\n    \
             api_base: http://{upstream}/v1\n    api_key: none\n"
        )
        .ok()?;
        // Free a moment ago; nobody else is looking for one.
        let address = TcpListener::bind(("127.0.0.1", 0)).ok()?.local_addr().ok()?;
        let mut command = places::program(program);
        command.arg("--config").arg(&configuration).args(["--host", "127.0.0.1", "--num_workers", "1"]);
        command.arg("--port").arg(address.port().to_string()).env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir(folder.path());
        let proxy = Self { child: command.spawn().ok()?, address, _folder: folder };
        let answers = || Connection::try_open(address).ok();
        within(START, answers).map(|_| proxy)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exchange(connection: &mut Connection) -> Duration {
    let body = r#"{"model":"demo","messages":[{"role":"user","content":"Hello!"}]}"#;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let begun = Instant::now();
    connection.send(request.as_bytes()).expect("send a request");
    let answer = connection.response().expect("an answer");
    let took = begun.elapsed();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    took
}

const NAME: &str = "LiteLLM adds to a request, p50";
const WARM: usize = 20;
const REQUESTS: usize = 300;

/// Longest that it may take to import itself.
const START: Duration = Duration::from_mins(2);
