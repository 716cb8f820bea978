//! `status`: what the status file says, and whether the API answers.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use proto::Code;
use proto::code::Failure;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::arguments::Common;
use crate::client;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::{Result, host};
use crate::output::{Output, Paint};
use crate::serve::report;
use crate::state;
use crate::view::Serving;

/// What `status.json` holds while something is served.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StatusFile {
    /// The version that serves.
    pub(crate) version: String,
    /// The process that serves.
    pub(crate) pid: u32,
    /// What it serves.
    pub(crate) serving: Serving,
}

/// Says what is served from the state directory.
pub(crate) fn status(common: &Common, output: Output) -> Result<Exit> {
    let config = Config::load(common.config.as_deref())?;
    let folder = state::directory(common.state.as_deref(), &config)?;
    let file = read(&folder)?;
    let ready = client::readiness(&file.serving.url).map_err(|why| {
        not_running(&folder, &format!("its API at {} does not answer: {why}", file.serving.url))
    })?;
    if output.json() {
        output.value(
            &json!({"ready": ready, "version": file.version, "pid": file.pid, "serving": file.serving}),
        );
        return Ok(if ready { Exit::Done } else { Exit::Failed });
    }
    let (word, paint) = if ready { ("ready", Paint::Good) } else { ("not ready", Paint::Bad) };
    let word = output.paint(word, paint);
    output.line(&format!("Stockade {} is {word}, process {}.", file.version, file.pid));
    output.lines(&report::lines(&file.serving, output));
    Ok(if ready { Exit::Done } else { Exit::Failed })
}

/// Where the status file stands.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join("status.json")
}

fn read(folder: &Path) -> Result<StatusFile> {
    let path = path(folder);
    let mut text = String::new();
    match std::fs::File::open(&path) {
        Ok(file) => {
            file.take(BYTES_MAX).read_to_string(&mut text).map_err(|error| host("read", &path, &error))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(not_running(folder, "there is no status file"));
        }
        Err(error) => return Err(host("read", &path, &error)),
    };
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(Code::HostIo, format!("`{}` is no status file: {error}", path.display()))
    })
}

fn not_running(folder: &Path, why: &str) -> Failure {
    Failure::new(Code::NotRunning, format!("Stockade is not running in `{}`: {why}", folder.display()))
        .with_hint("start it with `stockade serve`, or name another directory with --state")
}

const BYTES_MAX: u64 = 64 * 1024 * 1024;
