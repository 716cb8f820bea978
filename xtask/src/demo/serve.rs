//! A running `stockade serve`, until the demo is over.

use std::io::{BufRead as _, BufReader};
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
        command.stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| Failure::io("failed to start stockade", &error))?;
        let lines = lines_of(&mut child);
        let mut served = Self { url: String::new(), key: String::new(), child, signals };
        let said = lines.recv_timeout(START_WITHIN).map_err(|_| {
            Failure::new("Stockade did not start").with_hint("what it says is above; try `stockade doctor`")
        })?;
        let report: Value =
            serde_json::from_str(&said).map_err(|error| Failure::new(format!("stockade serve: {error}")))?;
        let text = |place: &str| report.pointer(place).and_then(Value::as_str).map(str::to_owned);
        match (text("/serving/url"), text("/api_key")) {
            (Some(url), Some(key)) => (served.url, served.key) = (url, key),
            _ => return Err(Failure::new("Stockade did not start").with_hint("what it says is above")),
        }
        Ok(served)
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
    doctor.args(["doctor", "--json"]).stderr(Stdio::inherit());
    let output = doctor.output().map_err(|error| Failure::io("failed to run stockade doctor", &error))?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| Failure::new("this host cannot build a sandbox").with_hint("see above"))?;
    let refusing = report.get("refusing").and_then(Value::as_array);
    let names =
        refusing.ok_or_else(|| Failure::new("this host cannot build a sandbox").with_hint("see above"))?;
    let names: Vec<String> = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    for name in &names {
        screen::line(format_args!(
            "  accepting `{name}` by name: this host does not fully enforce it for this user"
        ));
    }
    Ok(names)
}

/// Every line that it prints, read for as long as it prints.
fn lines_of(child: &mut Child) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // Only the first is waited for; the others are read so that it never blocks.
                let _ = sender.try_send(line);
            }
        });
    }
    receiver
}

const START_WITHIN: Duration = Duration::from_mins(3);
