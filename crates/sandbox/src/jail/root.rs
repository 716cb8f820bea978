//! The jail's root filesystem, built detached: nothing of it has a path until the child attaches it.

use std::{
    collections::BTreeSet,
    ffi::CString,
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags},
};

use super::{
    fault::{JailError, preparing},
    spec::{JailSpec, Mount, MountSource},
};
use crate::sys::mount::{Attributes, set_attributes};

/// A root filesystem and what is to be attached in it.
#[derive(Debug)]
pub(super) struct Root {
    /// An empty filesystem with only directories and empty files to attach at.
    pub(super) base: OwnedFd,
    /// The mounts, and where below the base each goes.
    pub(super) attachments: Vec<Attachment>,
    /// The folders at the top of the base that mounts are attached in.
    pub(super) folders: Vec<OwnedFd>,
}

/// One mount, ready to be attached.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) tree: OwnedFd,
    /// A path relative to the root.
    pub(super) target: CString,
    pub(super) directory: bool,
    pub(super) writable: bool,
    pub(super) executable: bool,
}

impl Root {
    /// Builds the root of `spec`.
    pub(super) fn build(spec: &JailSpec) -> Result<Self, JailError> {
        check_targets(&spec.mounts)?;
        let base = empty_filesystem().map_err(preparing("make the root filesystem"))?;
        let mut attachments = Vec::with_capacity(spec.mounts.len());
        for mount in &spec.mounts {
            let attachment = attachment(mount, !spec.lacks("read-only-root"))?;
            make_target(base.as_fd(), &mount.target, attachment.directory)
                .map_err(preparing("make a mount's target"))?;
            attachments.push(attachment);
        }
        let folders = top_folders(base.as_fd(), &spec.mounts).map_err(preparing("open a mount's folder"))?;
        if !spec.lacks("read-only-root") {
            set_attributes(base.as_fd(), Attributes::READ_ONLY | Attributes::NO_SYMLINKS)
                .map_err(preparing("make the root filesystem read-only"))?;
        }
        Ok(Self { base, attachments, folders })
    }
}

/// Every target is a plain absolute path, and none lies within another mount.
fn check_targets(mounts: &[Mount]) -> Result<(), JailError> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    let mut seen = BTreeSet::new();
    let all: BTreeSet<&str> = mounts.iter().map(|mount| mount.target.as_str()).collect();
    for mount in mounts {
        let target = mount.target.as_str();
        let within = |(at, _)| target.get(..at).is_some_and(|above| all.contains(above));
        let alone = seen.insert(target) && !target.match_indices('/').any(within);
        let well_formed = target.len() <= TARGET_BYTES_MAX
            && target.strip_prefix('/').is_some_and(|rest| rest.split('/').all(plain));
        if !well_formed || !alone {
            return Err(JailError::Target { target: target.to_owned() });
        }
    }
    Ok(())
}

/// A small tmpfs for directories alone: it never holds content, so it never needs swap.
fn empty_filesystem() -> io::Result<OwnedFd> {
    let make = |swap: bool| -> rustix::io::Result<OwnedFd> {
        let context = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        if !swap {
            rustix::mount::fsconfig_set_flag(&context, "noswap")?;
        }
        for (key, value) in [("mode", "0755"), ("size", "65536"), ("nr_inodes", INODES_MAX)] {
            rustix::mount::fsconfig_set_string(&context, key, value)?;
        }
        rustix::mount::fsconfig_create(&context)?;
        rustix::mount::fsmount(
            &context,
            FsMountFlags::FSMOUNT_CLOEXEC,
            MountAttrFlags::MOUNT_ATTR_NOSUID
                | MountAttrFlags::MOUNT_ATTR_NODEV
                | MountAttrFlags::MOUNT_ATTR_NOEXEC,
        )
    };
    // Kernels before 6.4, and user namespaces, have no `noswap`.
    make(false).or_else(|_| make(true)).map_err(io::Error::from)
}

/// Clones the mount of a source, and takes from the clone every right that isn't declared.
fn attachment(mount: &Mount, restricted: bool) -> Result<Attachment, JailError> {
    let opened;
    let source = match &mount.source {
        MountSource::Descriptor(descriptor) => descriptor.as_fd(),
        MountSource::Path(path) => {
            opened = open_source(path).map_err(preparing("open a mount's source"))?;
            opened.as_fd()
        }
    };
    let status = rustix::fs::fstat(source).map_err(preparing("look at a mount's source"))?;
    let directory = match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => true,
        FileType::RegularFile => false,
        _ => return Err(JailError::Source { target: mount.target.clone() }),
    };
    let tree = rustix::mount::open_tree(
        source,
        "",
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH,
    )
    .map_err(preparing("clone a mount's source"))?;
    let mut attributes = Attributes::NO_SETUID | Attributes::NO_DEVICES | Attributes::NO_SYMLINKS;
    if !mount.writable {
        attributes |= Attributes::READ_ONLY;
    }
    if !mount.executable {
        attributes |= Attributes::NO_EXECUTE;
    }
    if restricted {
        set_attributes(tree.as_fd(), attributes).map_err(preparing("restrict a mount"))?;
    }
    let target = CString::new(mount.target.trim_start_matches('/'))
        .map_err(|_| JailError::Target { target: mount.target.clone() })?;
    Ok(Attachment { tree, target, directory, writable: mount.writable, executable: mount.executable })
}

/// Opens a path without following a symbolic link at its end.
fn open_source(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Makes the empty file or directory to attach at, and the directories above it.
fn make_target(base: BorrowedFd<'_>, target: &str, directory: bool) -> io::Result<()> {
    let mut parts = target.split('/').filter(|part| !part.is_empty()).peekable();
    let mut folder = base.try_clone_to_owned()?;
    while let Some(part) = parts.next() {
        if parts.peek().is_none() && !directory {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            drop(File::from(rustix::fs::openat(&folder, part, flags, Mode::from_raw_mode(0o444))?));
            return Ok(());
        }
        match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o755)) {
            Ok(()) => {
                // The supervisor's umask may have taken what the jail's identity needs to pass.
                rustix::fs::chmodat(&folder, part, Mode::from_raw_mode(0o755), AtFlags::empty())?;
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        folder = open_folder(folder.as_fd(), part)?;
    }
    Ok(())
}

/// The folders at the top of the base that mounts are attached in: not the base, nor a mount itself.
fn top_folders(base: BorrowedFd<'_>, mounts: &[Mount]) -> io::Result<Vec<OwnedFd>> {
    let nested = |mount: &Mount| Some(mount.target.trim_start_matches('/').split_once('/')?.0.to_owned());
    let names: BTreeSet<String> = mounts.iter().filter_map(nested).collect();
    names.iter().map(|name| open_folder(base, name)).collect()
}

fn open_folder(above: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat2(
        above,
        name,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
    )?)
}

/// Files and directories to attach at: a package's most files, in directories of their own.
const INODES_MAX: &str = "65536";

/// Longest mount target.
const TARGET_BYTES_MAX: usize = 1024;
