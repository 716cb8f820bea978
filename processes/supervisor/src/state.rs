//! The state directory: one supervisor at a time, its keys, its ledger, its store.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use proto::{Code, Secret, code::Failure, digest::to_hex};
use rustix::{
    fs::{FlockOperation, Gid, Uid},
    rand::GetRandomFlags,
};
use sandbox::{jail::Identity, rootless::Privilege};
use store::Store;

use crate::{failure, failure::host, topology};

/// The state directory, locked while this lives.
#[derive(Debug)]
pub(crate) struct State {
    root: PathBuf,
    privilege: Privilege,
    /// Holds the lock.
    _lock: File,
}

/// The secrets of one state directory, made at its first start.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Seed of the key that signs the ledger.
    pub(crate) ledger: Secret,
    /// Key of the keyed digests in records.
    pub(crate) record: Secret,
    /// The ledger's origin line.
    pub(crate) origin: String,
}

impl State {
    /// Makes the directory if it isn't there, and locks it.
    pub(crate) fn open(root: &str, privilege: Privilege) -> Result<Self, Failure> {
        let root = PathBuf::from(root);
        if !root.is_absolute() {
            return Err(Failure::new(Code::ConfigInvalid, "the state directory's path is not absolute"));
        }
        let at = root.display();
        fs::create_dir_all(&root).map_err(host(format!("make the state directory `{at}`")))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(root.join("lock"))
            .map_err(host(format!("open the lock in `{at}`")))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Failure::new(Code::StateInUse, format!("another Stockade uses `{at}`"))
                    .with_hint("stop it first, or choose another directory with --state"));
            }
            Err(error) => return Err(host(format!("lock `{at}`"))(error)),
        }
        Ok(Self { root, privilege, _lock: lock })
    }

    /// The secrets; those that aren't there yet are made.
    pub(crate) fn keys(&self) -> Result<Keys, Failure> {
        let folder = self.folder("keys", None, 0o700)?;
        let key = |name: &str| -> Result<[u8; 32], Failure> {
            secret(&folder.join(name)).map_err(host(format!("read or make `keys/{name}`")))
        };
        let id = key("ledger.id")?;
        Ok(Keys {
            ledger: Secret::new(key("ledger.seed")?),
            record: Secret::new(key("record.key")?),
            origin: format!("stockade.local/{}", to_hex(id.split_at(ORIGIN_BYTES).0)),
        })
    }

    /// The ledger's directory, the auditor's own.
    pub(crate) fn ledger(&self) -> Result<PathBuf, Failure> {
        self.folder("ledger", self.owner(topology::AUDITOR.identity), 0o700)
    }

    /// The store, owned by an identity that no process runs as.
    pub(crate) fn store(&self) -> Result<Store, Failure> {
        Store::open(&self.root.join("store"), self.owner(topology::STORE_IDENTITY))
            .map_err(|error| failure::store(&error))
    }

    /// Writes down the key that verifies the ledger. It never changes by itself.
    pub(crate) fn keep_vkey(&self, vkey: &str) -> Result<(), Failure> {
        let path = self.root.join("ledger.vkey");
        let text = format!("{vkey}\n");
        match fs::read_to_string(&path) {
            Ok(kept) if kept == text => Ok(()),
            Ok(_) => Err(Failure::new(
                Code::LedgerTampered,
                "the ledger is signed with another key than `ledger.vkey` says",
            )
            .with_hint("somebody changed `keys/` or `ledger.vkey` in the state directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_new(&path, text.as_bytes(), 0o644).map_err(host("write `ledger.vkey`"))
            }
            Err(error) => Err(host("read `ledger.vkey`")(error)),
        }
    }

    fn owner(&self, identity: u16) -> Option<u32> {
        (self.privilege == Privilege::Root).then(|| Identity::numbered(self.privilege, identity).id())
    }

    fn folder(&self, name: &str, owner: Option<u32>, mode: u32) -> Result<PathBuf, Failure> {
        let path = self.root.join(name);
        let make = || -> io::Result<()> {
            match fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            let folder = OpenOptions::new().read(true).custom_flags(DIRECTORY_ONLY).open(&path)?;
            if let Some(id) = owner {
                rustix::fs::fchown(folder.as_fd(), Some(Uid::from_raw(id)), Some(Gid::from_raw(id)))?;
            }
            folder.set_permissions(Permissions::from_mode(mode))
        };
        make().map_err(host(format!("make `{name}` in the state directory")))?;
        Ok(path)
    }
}

/// Thirty-two secret bytes from a file, which is made with random ones if it isn't there.
fn secret(path: &Path) -> io::Result<[u8; 32]> {
    match File::open(path) {
        Ok(mut file) => {
            let mut bytes = [0; 32];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let bytes = random()?;
            write_new(path, &bytes, 0o600)?;
            Ok(bytes)
        }
        Err(error) => Err(error),
    }
}

fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    // Never fewer than asked for, up to 256 bytes.
    match rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty())? {
        32 => Ok(bytes),
        _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
    }
}

/// Writes a file that is there whole or not at all.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Enough that two ledgers never share an origin.
const ORIGIN_BYTES: usize = 8;

const DIRECTORY_ONLY: i32 =
    rustix::fs::OFlags::DIRECTORY.union(rustix::fs::OFlags::NOFOLLOW).bits().cast_signed();

#[cfg(test)]
mod tests {
    use super::*;

    fn open(root: &Path) -> Result<State, Failure> {
        State::open(root.to_str().unwrap(), Privilege::Rootless)
    }

    #[test]
    fn a_state_directory_serves_one_supervisor_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path()).unwrap();
        assert_eq!(open(folder.path()).unwrap_err().code, Code::StateInUse);
        drop(first);
        open(folder.path()).unwrap();
    }

    #[test]
    fn keys_are_made_once_and_are_readable_to_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = open(folder.path()).unwrap();
        let (first, second) = (state.keys().unwrap(), state.keys().unwrap());
        assert_eq!(first.ledger.expose(), second.ledger.expose());
        assert_eq!(first.record.expose(), second.record.expose());
        assert_ne!(first.record.expose(), first.ledger.expose());
        assert_eq!(first.origin, second.origin);
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode("keys"), 0o700);
        assert_eq!(mode("keys/ledger.seed"), 0o600);
        assert_eq!(mode("keys/record.key"), 0o600);
    }

    #[test]
    fn a_key_that_was_cut_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let state = open(folder.path()).unwrap();
        state.keys().unwrap();
        fs::write(folder.path().join("keys/record.key"), [1; 31]).unwrap();
        assert_eq!(state.keys().unwrap_err().code, Code::HostIo);
    }

    #[test]
    fn another_key_of_the_ledger_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let state = open(folder.path()).unwrap();
        state.keep_vkey("name+00000000+AAAA").unwrap();
        state.keep_vkey("name+00000000+AAAA").unwrap();
        assert_eq!(state.keep_vkey("name+00000001+BBBB").unwrap_err().code, Code::LedgerTampered);
    }
}
