//! A running `stockade serve`, until the demo is over.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sandbox::signals::{Arrival, Signals};
use serde_json::Value;

use crate::failure::Failure;
use crate::{command, screen, tree};

/// Stockade, serving the shipped model. Dropping it ends it.
pub(super) struct Served {
    pub(super) url: String,
    pub(super) key: String,
    child: Child,
    signals: Signals,
}

impl Served {
    /// Starts it, and waits until the API answers.
    pub(super) fn start(programs: &Path, state: &Path) -> Result<Self, Failure> {
        screen::heading("starting Stockade");
        let mut command = command::program(programs.join("stockade"));
        command.arg("serve").arg("--json").arg("--state").arg(state);
        command.args(["--listen", "127.0.0.1:0", "--signer"]).arg(signer());
        for control in not_enforced(programs)? {
            command.args(["--accept-degraded", &control]);
        }
        command.arg(format!("demo={}", tree::root().join("models/demo/package").display()));
        // Control-C reaches this program alone, which then ends Stockade in order.
        let signals = Signals::hold().map_err(|error| Failure::io("signals", &error))?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| Failure::io("failed to start stockade", &error))?;
        let lines = mpsc::sync_channel(LINES_MAX);
        // Results and notes are told apart by what is in them: one list keeps their order.
        read_lines(child.stdout.take(), &lines.0);
        read_lines(child.stderr.take(), &lines.0);
        let mut served = Self { url: String::new(), key: String::new(), child, signals };
        served.follow(&lines.1)?;
        Ok(served)
    }

    /// Shows what is being started, until the API answers.
    fn follow(&mut self, lines: &mpsc::Receiver<String>) -> Result<(), Failure> {
        let deadline = Instant::now() + START_WITHIN;
        let mut last_stage = String::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = lines.recv_timeout(left).map_err(|_| Failure::new("Stockade did not start"))?;
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            let text = |place: &str| event.pointer(place).and_then(Value::as_str).map(str::to_owned);
            if let (Some(url), Some(key)) = (text("/serving/url"), text("/api_key")) {
                (self.url, self.key) = (url, key);
                return Ok(());
            }
            if let Some(failure) = failure_in(&event) {
                return Err(failure);
            }
            match text("/stage") {
                Some(stage) if stage != last_stage => {
                    screen::line(format_args!("  {}", screen::dim(&stage)));
                    last_stage = stage;
                }
                Some(_) => {}
                None => screen::line(format_args!("  {line}")),
            }
        }
    }

    /// Waits for control-C.
    pub(super) fn wait_for_interrupt(&self) -> Result<(), Failure> {
        loop {
            let until = Instant::now() + Duration::from_mins(1);
            match self.signals.next(until).map_err(|error| Failure::io("signals", &error))? {
                Some(Arrival::Stop) => return Ok(()),
                Some(Arrival::Lease) | None => {}
            }
        }
    }

    /// Ends it in order, and waits for the end.
    pub(super) fn stop(mut self) -> Result<(), Failure> {
        self.ask_to_stop();
        let status = self.child.wait().map_err(|error| Failure::io("stockade", &error))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("stockade serve ended with {status}")))
        }
    }

    fn ask_to_stop(&self) {
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(process, Signal::TERM);
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.ask_to_stop();
            let _ = self.child.wait();
        }
    }
}

/// The publisher of the shipped package, with the name that records show.
fn signer() -> String {
    format!("demo={}", tree::root().join("models/demo/publisher.pub.pem").display())
}

/// The controls that this host does not enforce for us. A demo accepts them by name, and says so.
fn not_enforced(programs: &Path) -> Result<Vec<String>, Failure> {
    let mut doctor = command::program(programs.join("stockade"));
    doctor.args(["doctor", "--json"]);
    let output = doctor.output().map_err(|error| Failure::io("failed to run stockade doctor", &error))?;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let Some(names) = report.get("refusing").and_then(Value::as_array) else {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let failure = said.lines().rev().find_map(|line| failure_in(&serde_json::from_str(line).ok()?));
        return Err(
            failure.unwrap_or_else(|| Failure::new("this host cannot build a sandbox").with_hint(said))
        );
    };
    let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    for name in &names {
        screen::line(format_args!(
            "  accepting `{name}` by name: this host does not fully enforce it for this user"
        ));
    }
    Ok(names)
}

/// The failure that one line of a program's JSON tells.
fn failure_in(event: &Value) -> Option<Failure> {
    let text = |place: &str| event.pointer(place).and_then(Value::as_str);
    let failure = Failure::new(text("/error/message")?);
    Some(match text("/error/hint") {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    })
}

/// Reads every line of a stream for as long as there is one; nobody may listen any more.
fn read_lines(stream: Option<impl Read + Send + 'static>, lines: &mpsc::SyncSender<String>) {
    let lines = lines.clone();
    if let Some(stream) = stream {
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let _ = lines.try_send(line);
            }
        });
    }
}

const START_WITHIN: Duration = Duration::from_mins(3);

/// Lines that wait to be looked at; later ones are dropped.
const LINES_MAX: usize = 1024;
