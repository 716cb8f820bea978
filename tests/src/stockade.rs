//! A whole Stockade, started as a person would and used from outside.

use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    command::{self, Ran},
    http::{Connection, Response},
    ledger::Ledger,
    options::Options,
    places,
    sse::Stream,
    tree::{Process, tree},
    wait::{PATIENCE, eventually, within},
};

/// A running Stockade. Dropping it ends it and everything that it started.
#[derive(Debug)]
pub struct Stockade {
    child: Child,
    serving: Value,
    address: SocketAddr,
    said: Arc<Mutex<Said>>,
    key: String,
    programs: PathBuf,
    state: PathBuf,
    _options: Options,
    _folder: TempDir,
}

/// What `serve --json` said so far.
#[derive(Debug, Default)]
struct Said {
    events: Vec<Value>,
    errors: String,
}

impl Stockade {
    /// Starts one and waits until it serves.
    ///
    /// # Panics
    /// When it does not come to serve.
    pub fn start(options: Options) -> Self {
        Self::try_start(options).unwrap_or_else(|ran| panic!("stockade did not come to serve: {ran:?}"))
    }

    /// Starts one; if it does not come to serve, this is how it ended.
    ///
    /// # Errors
    /// How it ended.
    ///
    /// # Panics
    /// When it neither serves nor ends.
    pub fn try_start(options: Options) -> Result<Self, Ran> {
        let folder = places::scratch("state");
        let programs = options.programs();
        let state = options.state_directory().map_or_else(|| folder.path().join("state"), Path::to_owned);
        let key = format!("sk-test-{}", package::hash::sha256(state.display().to_string().as_bytes()).hex());
        let configuration = folder.path().join("stockade.toml");
        fs::write(&configuration, options.configuration(folder.path(), &state, &key)).expect("write");
        let mut command = command::prepared(&programs);
        command.args(["serve", "--json", "--config"]).arg(&configuration);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("stockade starts");
        let said = Arc::new(Mutex::new(Said::default()));
        listen(&mut child, &said);
        let found = within(START, || {
            let event = lock(&said).events.iter().find(|event| event["event"] == "serving").cloned();
            match (event, child.try_wait()) {
                (Some(event), _) => Some(Ok(event)),
                (None, Ok(Some(status))) => Some(Err(status)),
                _ => None,
            }
        });
        match found {
            Some(Ok(event)) => {
                let serving = event["serving"].clone();
                let address = address(&serving);
                Ok(Self {
                    child,
                    serving,
                    address,
                    said,
                    key,
                    programs,
                    state,
                    _options: options,
                    _folder: folder,
                })
            }
            Some(Err(status)) => Err(refused(status, &said)),
            None => {
                end(&mut child);
                panic!("neither serving nor ended within {START:?}: {:?}", lock(&said));
            }
        }
    }

    /// One Stockade with the shipped model, for all tests of a process that only ask. It ends with the
    /// last test that holds it.
    ///
    /// # Panics
    /// As [`Stockade::start`].
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Stockade>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start(Options::demo()));
        *shared = Arc::downgrade(&started);
        started
    }

    /// What it said when it came to serve.
    pub fn serving(&self) -> &Value {
        &self.serving
    }

    /// Every event that it has told so far.
    pub fn events(&self) -> Vec<Value> {
        lock(&self.said).events.clone()
    }

    /// What it has written to its standard error so far.
    pub fn errors(&self) -> String {
        lock(&self.said).errors.clone()
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The API key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The directory of its programs.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// A connection to the API.
    ///
    /// # Panics
    /// When nobody listens.
    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Sends a request with exactly these headers beside `Host` and `Content-Length`.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        self.try_request(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}; {:?}", self.errors()))
    }

    /// As [`Stockade::request`]; there may be no answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        let mut connection = Connection::try_open(self.address)?;
        // What refuses a request early may close before all of it is sent; the answer counts.
        let _ = connection.send(&message(method, path, headers, body));
        connection.response()
    }

    /// Sends a request with the API key on a connection that stays open.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn send_on(&self, connection: &mut Connection, method: &str, path: &str, body: &Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let bearer = self.bearer();
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        connection.send(&message(method, path, &headers, body.as_bytes())).expect("send a request");
    }

    /// Asks with the API key.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[("Authorization", &self.bearer())], b"")
    }

    /// Asks with the API key; there may be no answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn try_get(&self, path: &str) -> io::Result<Response> {
        self.try_request("GET", path, &[("Authorization", &self.bearer())], b"")
    }

    /// Sends JSON with the API key.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.try_post(path, body).unwrap_or_else(|error| panic!("{path}: {error}; {:?}", self.errors()))
    }

    /// Sends JSON with the API key; there may be no answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn try_post(&self, path: &str, body: &Value) -> io::Result<Response> {
        let bearer = self.bearer();
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        self.try_request("POST", path, &headers, body.to_string().as_bytes())
    }

    /// Says one thing to the shipped model, greedily.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn chat(&self, text: &str) -> Response {
        self.post(CHAT, &hello(text))
    }

    /// As [`Stockade::chat`]; there may be no answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn try_chat(&self, text: &str) -> io::Result<Response> {
        self.try_post(CHAT, &hello(text))
    }

    /// Sends JSON with the API key and takes the answer as events.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn stream(&self, path: &str, body: &Value) -> Stream {
        let mut connection = self.connect();
        self.send_on(&mut connection, "POST", path, body);
        Stream::new(connection).unwrap_or_else(|error| panic!("{path}: {error}; {:?}", self.errors()))
    }

    /// Its processes: `stockade`, the supervisor, and all below.
    pub fn processes(&self) -> Vec<Process> {
        tree(i32::try_from(self.child.id()).unwrap_or(0))
    }

    /// Its processes of one name, oldest first.
    pub fn named(&self, name: &str) -> Vec<Process> {
        let mut found = self.processes();
        found.retain(|process| process.name == name);
        found.sort_by_key(|process| (process.started, process.pid));
        found
    }

    /// Its process of one name.
    ///
    /// # Panics
    /// When there is none, or more than one, for too long.
    pub fn process(&self, name: &str) -> Process {
        eventually(&format!("one process {name}"), || {
            let found = self.named(name);
            if let [process] = found.as_slice() { Some(process.clone()) } else { None }
        })
    }

    /// Its ledger.
    pub fn ledger(&self) -> Ledger<'_> {
        Ledger::new(&self.programs, &self.state)
    }

    /// Every record so far.
    pub fn records(&self) -> Vec<Value> {
        self.ledger().records()
    }

    /// Every record so far of one event.
    pub fn records_named(&self, event: &str) -> Vec<Value> {
        let mut records = self.records();
        records.retain(|record| record["event"] == event);
        records
    }

    /// Asks it to stop, as a service manager does, and waits for its end.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(mut self) -> Ran {
        let processes = self.processes();
        if let Some(pid) = processes.first().and_then(|process| rustix::process::Pid::from_raw(process.pid)) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let code = command::ended(&mut self.child, PATIENCE);
        assert!(code.is_some(), "it does not stop: {:?}", self.errors());
        eventually("the end of every process", || (!processes.iter().any(Process::lives)).then_some(()));
        let output = lines(&self.events());
        Ran { code, output, errors: self.errors() }
    }

    /// Kills every process of it at once, as a power cut does.
    pub fn kill(mut self) {
        let processes = self.processes();
        processes.iter().for_each(Process::kill);
        end(&mut self.child);
        eventually("the end of every process", || (!processes.iter().any(Process::lives)).then_some(()));
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }
}

impl Drop for Stockade {
    fn drop(&mut self) {
        let processes = self.processes();
        end(&mut self.child);
        // Each dies with its parent; what does not is a fault that another test finds.
        if within(Duration::from_secs(5), || (!processes.iter().any(Process::lives)).then_some(())).is_none()
        {
            processes.iter().for_each(Process::kill);
        }
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn message(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

fn hello(text: &str) -> Value {
    json!({"model": "demo", "temperature": 0, "messages": [{"role": "user", "content": text}]})
}

/// Takes in what it says, line by line, beside the test.
fn listen(child: &mut Child, said: &Arc<Mutex<Said>>) {
    let (output, errors) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let events = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
            lock(&events).events.push(event);
        }
    });
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        let mut errors = errors;
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = errors.read(&mut bytes) {
            let mut said = lock(&said);
            if said.errors.len() < ERRORS_MAX {
                said.errors.push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        }
    });
}

fn lock(said: &Mutex<Said>) -> std::sync::MutexGuard<'_, Said> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(status: ExitStatus, said: &Mutex<Said>) -> Ran {
    // The readers may be a moment behind the end.
    std::thread::sleep(Duration::from_millis(100));
    let said = lock(said);
    let output = lines(&said.events);
    Ran { code: status.code(), output, errors: said.errors.clone() }
}

/// Events as they came: one JSON text a line.
fn lines(events: &[Value]) -> String {
    events.iter().fold(String::new(), |text, event| text + &event.to_string() + "\n")
}

fn address(serving: &Value) -> SocketAddr {
    let url = serving["url"].as_str().unwrap_or_else(|| panic!("no address: {serving}"));
    url.trim_start_matches("http://").parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Longest that everything may take to come up on a busy machine.
const START: Duration = Duration::from_mins(2);

const CHAT: &str = "/v1/chat/completions";

/// Most bytes of standard error that are kept.
const ERRORS_MAX: usize = 1024 * 1024;
