//! The program that a jail runs, as bytes that nobody can change any more.

use std::{fs::File, io, os::fd::AsFd, path::Path, sync::Arc};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// A program in sealed memory. Loaded once, started often; cloning shares it.
#[derive(Clone, Debug)]
pub struct SealedProgram(Arc<File>);

impl SealedProgram {
    /// Copies the program at `path` into memory and seals it.
    ///
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`] above 512 MiB; what opening and copying fail with.
    pub fn load(path: &Path) -> io::Result<Self> {
        let mut source = File::open(path)?;
        if !source.metadata()?.is_file() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let descriptor = match memfd_create("engine", SEALABLE | MemfdFlags::EXEC) {
            Ok(descriptor) => descriptor,
            // Before Linux 6.3 every memfd could be executed, and the flag is unknown.
            Err(rustix::io::Errno::INVAL) => memfd_create("engine", SEALABLE)?,
            Err(error) => return Err(error.into()),
        };
        let mut sealed = File::from(descriptor);
        let copied = io::copy(&mut io::Read::take(&mut source, PROGRAM_BYTES_MAX + 1), &mut sealed)?;
        if copied > PROGRAM_BYTES_MAX {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        rustix::fs::fchmod(&sealed, rustix::fs::Mode::from_raw_mode(0o555))?;
        fcntl_add_seals(&sealed, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?;
        Ok(Self(Arc::new(sealed)))
    }

    pub(super) fn descriptor(&self) -> impl AsFd + '_ {
        self.0.as_fd()
    }
}

/// Largest program that is loaded.
const PROGRAM_BYTES_MAX: u64 = 512 << 20;

const SEALABLE: MemfdFlags = MemfdFlags::CLOEXEC.union(MemfdFlags::ALLOW_SEALING);
