//! Reaching files that are not the package's.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
};

use crate::{
    attack::{Attack, Outcome, all, judge, judge_io},
    raw::{call, number, text},
};

const PACKAGE_FILE: &str = "/package/manifest.json";

const HIDDEN: &[&str] = &["private-root", "landlock"];
const READ_ONLY: &[&str] = &["read-only-root", "seccomp", "landlock"];

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("read_host_accounts", read_host_accounts).guarded(HIDDEN),
    Attack::new("read_host_by_climbing", read_host_by_climbing).guarded(HIDDEN),
    Attack::new("read_another_package", read_target).guarded(HIDDEN),
    Attack::new("list_other_directories", list_other_directories).guarded(&[
        "private-root",
        "landlock",
        "seccomp",
    ]),
    Attack::new("read_other_processes", read_other_processes).guarded(HIDDEN),
    Attack::new("open_devices", open_devices).guarded(HIDDEN),
    Attack::new("write_into_the_package", write_into_package)
        .guarded(READ_ONLY)
        .refused(&["openat", "truncate", "unlink", "unlinkat"]),
    Attack::new("create_a_file", create_a_file).guarded(READ_ONLY).refused(&["openat"]),
    Attack::new("change_modes", change_modes)
        .guarded(&["read-only-root", "seccomp"])
        .refused(&["chmod", "fchmodat"]),
    Attack::new("make_a_device", make_a_device).guarded(READ_ONLY).refused(&["mknodat"]),
    Attack::new("connect_to_the_container_engine", container_engine)
        .guarded(&["private-root", "seccomp"])
        .refused(&["socket"]),
];

fn read(path: &str) -> Outcome {
    judge_io(fs::read(path), path)
}

fn read_host_accounts(_: &str) -> Outcome {
    all(["/etc/passwd", "/etc/shadow", "/etc/hostname", "/root/.ssh/id_rsa"].map(read))
}

fn read_host_by_climbing(_: &str) -> Outcome {
    let up = "../".repeat(64);
    let paths = [format!("/{up}etc/passwd"), format!("/package/{up}etc/passwd"), format!("{up}etc/passwd")];
    all(paths.iter().map(|path| read(path)))
}

/// The target is a file of another package, as the host names it.
fn read_target(target: &str) -> Outcome {
    all([target, "/models/other/model.safetensors"].map(read))
}

/// Anything in the root beside the package is a leak.
fn list_other_directories(_: &str) -> Outcome {
    let Ok(entries) = fs::read_dir("/") else {
        return Outcome::Denied("the root can't be listed".to_owned());
    };
    let foreign: Vec<_> =
        entries.flatten().map(|entry| entry.file_name()).filter(|name| name != "package").collect();
    if foreign.is_empty() {
        Outcome::Denied("only the package is there".to_owned())
    } else {
        Outcome::Succeeded(format!("{foreign:?}"))
    }
}

fn read_other_processes(_: &str) -> Outcome {
    let files = ["/proc/1/environ", "/proc/1/maps", "/proc/self/status", "/proc/kallsyms", "/proc/config.gz"];
    all(files.map(read))
}

fn open_devices(_: &str) -> Outcome {
    let devices = [
        "/dev/mem",
        "/dev/kmsg",
        "/dev/sda",
        "/dev/vda",
        "/dev/kvm",
        "/dev/fuse",
        "/dev/net/tun",
        "/dev/ptmx",
        "/dev/null",
    ];
    all(devices.map(|path| judge_io(File::open(path), path)))
}

fn write_into_package(_: &str) -> Outcome {
    let write = OpenOptions::new().write(true).open(PACKAGE_FILE);
    let truncate = call(libc::SYS_truncate, [text(c"/package/manifest.json"), 0, 0, 0, 0, 0]);
    all([
        judge_io(write, "opened for writing"),
        judge(truncate, "truncated"),
        judge_io(fs::remove_file(PACKAGE_FILE), "removed"),
    ])
}

fn create_a_file(_: &str) -> Outcome {
    let paths = ["/planted", "/package/planted", "/tmp/planted", "/dev/shm/planted", "/dev/planted"];
    all(paths.map(|path| judge_io(File::create_new(path), path)))
}

fn change_modes(_: &str) -> Outcome {
    let mode = fs::set_permissions(PACKAGE_FILE, Permissions::from_mode(0o777));
    let owner = std::os::unix::fs::chown(PACKAGE_FILE, Some(0), Some(0));
    all([judge_io(mode, "mode changed"), judge_io(owner, "owner changed")])
}

/// A disk, which takes a right of the host's; then what any user may make in a folder of his own.
fn make_a_device(_: &str) -> Outcome {
    let disk = usize::try_from(libc::makedev(8, 0)).unwrap_or(0);
    let wanted = [
        (c"/package/disk", libc::S_IFBLK, disk),
        (c"/package/whiteout", libc::S_IFCHR, 0),
        (c"/package/pipe", libc::S_IFIFO, 0),
    ];
    all(wanted.map(|(path, kind, device)| {
        let kind = (kind | 0o666) as usize;
        let made = call(libc::SYS_mknodat, [number(libc::AT_FDCWD), text(path), kind, device, 0, 0]);
        judge(made, "device made")
    }))
}

/// The target is the path of a socket that stands for it.
fn container_engine(target: &str) -> Outcome {
    let paths = [target, "/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock"];
    all(paths.map(|path| judge_io(UnixStream::connect(path), path)))
}
