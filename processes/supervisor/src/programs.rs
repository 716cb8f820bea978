//! The programs of the processes, in sealed memory.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use proto::{Code, code::Failure};
use sandbox::jail::SealedProgram;

use crate::{failure::host, topology::Process};

/// Programs that stand beside the supervisor's own. Each is loaded once, when it is first needed, and
/// then is what it was, whatever becomes of its file.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    loaded: Mutex<Vec<(&'static str, SealedProgram)>>,
}

impl Programs {
    /// The programs beside the running one.
    pub(crate) fn find() -> Result<Self, Failure> {
        let own = std::env::current_exe().map_err(host("find the supervisor's own program"))?;
        let folder = own.parent().map(PathBuf::from).unwrap_or_default();
        Ok(Self { folder, loaded: Mutex::default() })
    }

    /// The program of a process.
    pub(crate) fn of(&self, process: &Process) -> Result<SealedProgram, Failure> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, program)) = loaded.iter().find(|(name, _)| *name == process.name) {
            return Ok(program.clone());
        }
        let path = self.folder.join(format!("stockade-{}", process.name));
        let program = SealedProgram::load(&path).map_err(|error| {
            Failure::new(Code::HostIo, format!("failed to load `{}`: {error}", path.display()))
                .with_hint("install all of Stockade's programs in one directory")
        })?;
        loaded.push((process.name, program.clone()));
        Ok(program)
    }
}
