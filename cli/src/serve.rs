//! `serve`: bind, start the supervisor, say what protects what is served, and end in order.

pub(crate) mod keys;
pub(crate) mod report;
mod status_file;
mod stop;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use clap::Args;
use proto::link::operator::{FromSupervisor, ServePlan, ToSupervisor};
use serde_json::json;

use crate::arguments::{Common, Trust};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::{Result, host_call};
use crate::output::{Output, Paint};
use crate::progress::Progress;
use crate::secret::KeyText;
use crate::supervisor::{Supervisor, unexpected};
use crate::text::harmless;
use crate::view::Serving;
use crate::{plan, signers, state};
use status_file::StatusGuard;

/// What to serve, and to whom.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Packages to serve, each a directory or the digest (sha256:…) of one in the store, with the name
    /// that clients ask for before it. Without any: the models of the configuration.
    #[arg(value_name = "[NAME=]PACKAGE")]
    packages: Vec<String>,
    /// Address and port of the API, in place of the configuration's. Only here can it be an address
    /// that other machines reach; there is no TLS.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// A file with an API key; the file's name without its ending is the key's name.
    #[arg(long = "key-file", value_name = "FILE")]
    key_files: Vec<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

/// Serves until it is told to stop.
pub(crate) fn serve(arguments: &ServeArguments, common: &Common, output: Output) -> Result<Exit> {
    let config = Config::load(common.config.as_deref())?;
    let folder = state::directory(common.state.as_deref(), &config)?;
    let address = plan::address(arguments.listen.as_deref(), &config)?;
    let mut keys = plan::keys(&config)?;
    keys.extend(keys::from_files(&arguments.key_files)?);
    let one_time = if keys.is_empty() { Some(KeyText::generate()?) } else { None };
    keys.extend(one_time.iter().map(|key| key.entry("one-time")));
    let mut plan = ServePlan {
        state: state::text(&folder)?,
        models: plan::models(&arguments.packages, &config)?,
        signers: signers::trusted(&arguments.trust.signers, &config)?,
        keys,
        requests: plan::request_limits(&config),
        metrics_open: config.file.metrics_open,
        accepted: plan::accepted(&arguments.trust.accepted.controls, &config)?,
        start_ms_max: config.file.start_ms_max,
        listen: String::new(),
    };
    // Before anything of this process can be interrupted in the middle.
    let signals = stop::hold()?;
    let (listener, address) = bind(address)?;
    if !address.ip().is_loopback() {
        output.note(
            &output.paint_note(&format!("warning: {address} is open to others, without TLS"), Paint::Warning),
        );
    }
    plan.listen = address.to_string();
    let supervisor = start(plan, listener)?;
    stop::on_signal(signals, supervisor.stopper()?)?;
    let mut session = Session { output, url: url(address), status: StatusGuard::new(&folder), one_time };
    session.follow(supervisor)
}

/// Binds the API's listener; with port 0 the kernel chooses one.
pub(crate) fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let doing = format!("listen at {address}");
    let listener = TcpListener::bind(address)
        .map_err(|error| host_call(&doing, error).with_hint("choose another port: --listen 127.0.0.1:0"))?;
    let address = listener.local_addr().map_err(|error| host_call(&doing, error))?;
    Ok((listener, address))
}

/// Starts a supervisor and tells it what to serve. The listener goes with it: none stays here.
pub(crate) fn start(plan: ServePlan, listener: TcpListener) -> Result<Supervisor> {
    let supervisor = Supervisor::start()?;
    supervisor.send(&ToSupervisor::Serve(Box::new(plan)), &[listener.as_fd()])?;
    drop(listener);
    Ok(supervisor)
}

/// Where the API is, for clients.
pub(crate) fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// One run of `serve`.
struct Session {
    output: Output,
    url: String,
    status: StatusGuard,
    /// The key that was made for this run, until it is shown.
    one_time: Option<KeyText>,
}

impl Session {
    /// Shows what the supervisor says, until everything has ended.
    fn follow(&mut self, mut supervisor: Supervisor) -> Result<Exit> {
        let mut progress = Progress::new(self.output);
        loop {
            match supervisor.next()? {
                FromSupervisor::Progress { stage, done, all } => progress.show(&stage, done, all),
                FromSupervisor::Serving(report) => {
                    progress.clear();
                    let serving = Serving::new(*report, self.url.clone());
                    self.status.write(&serving)?;
                    self.show(&serving);
                }
                FromSupervisor::WorkerRestarting { model, worker, cause, backoff_ms } => {
                    self.restarting(model.as_str(), worker.0, &cause, backoff_ms);
                }
                FromSupervisor::Stopped { checkpoint } => {
                    progress.clear();
                    self.stopped(&checkpoint);
                    return Ok(Exit::Done);
                }
                FromSupervisor::Examined { .. }
                | FromSupervisor::Scanned(_)
                | FromSupervisor::Host(_)
                | FromSupervisor::Failed(_) => {
                    return Err(unexpected());
                }
            }
        }
    }

    fn show(&mut self, serving: &Serving) {
        let key = self.one_time.take();
        let key = key.as_ref().map(KeyText::expose);
        if self.output.json() {
            self.output.value(&json!({"event": "serving", "api_key": key, "serving": serving}));
            return;
        }
        self.output.lines(&report::lines(serving, self.output));
        if let Some(key) = key {
            let once = self.output.paint("(shown once, for this run)", Paint::Faint);
            self.output.line(&format!("API key   {key} {once}"));
        }
        self.output.note(&self.output.paint_note("Stop with control-C.", Paint::Faint));
    }

    fn restarting(&self, model: &str, worker: u64, cause: &str, backoff_ms: u64) {
        if self.output.json() {
            self.output.value(&json!({
                "event": "worker_restarting", "model": model, "worker": worker, "cause": cause,
                "backoff_ms": backoff_ms,
            }));
        } else {
            let cause = harmless(cause);
            let text =
                format!("worker {worker} of {model} ended ({cause}); the next starts in {backoff_ms} ms");
            self.output.note(&self.output.paint_note(&text, Paint::Warning));
        }
    }

    fn stopped(&self, checkpoint: &str) {
        if self.output.json() {
            self.output.value(&json!({"event": "stopped", "checkpoint": checkpoint}));
        } else {
            self.output.line("stopped; the ledger's last checkpoint:");
            self.output.line(harmless(checkpoint).trim_end());
        }
    }
}
