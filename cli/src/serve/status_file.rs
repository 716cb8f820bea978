//! `status.json`: there while something is served.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::failure::{Result, host, host_call};
use crate::status::{self, StatusFile};
use crate::view::Serving;

/// Removes the status file at its end, if it wrote one.
pub(super) struct StatusGuard {
    path: PathBuf,
    written: bool,
}

impl StatusGuard {
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: status::path(folder), written: false }
    }

    /// Writes the file whole, in place of an older one.
    pub(super) fn write(&mut self, serving: &Serving) -> Result<()> {
        let file = StatusFile {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            serving: serving.clone(),
        };
        let text = serde_json::to_vec(&file).map_err(|error| host_call("write the status", error))?;
        let incoming = self.path.with_extension("json.new");
        // What an interrupted run left is in the way of `create_new`, which follows no link.
        let _ = fs::remove_file(&incoming);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&incoming)
            .and_then(|mut open| open.write_all(&text))
            .and_then(|()| fs::rename(&incoming, &self.path))
            .map_err(|error| host("write", &self.path, &error))?;
        self.written = true;
        Ok(())
    }
}

impl Drop for StatusGuard {
    fn drop(&mut self) {
        if self.written {
            let _ = fs::remove_file(&self.path);
        }
    }
}
