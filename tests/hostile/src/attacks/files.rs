//! Reaching files that are not the package's.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::attack::{Attack, Outcome, all, judge, judge_io};
use crate::raw::call;

const PACKAGE_FILE: &str = "/package/manifest.json";

pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "read_host_accounts", guards: &["private-root"], deadly: false, run: read_host_accounts },
    Attack { name: "read_host_by_climbing", guards: &["private-root"], deadly: false, run: read_host_by_climbing },
    Attack { name: "read_a_host_file", guards: &["private-root"], deadly: false, run: read_target },
    Attack { name: "list_other_directories", guards: &["private-root"], deadly: false, run: list_other_directories },
    Attack { name: "read_other_processes", guards: &["private-root"], deadly: false, run: read_other_processes },
    Attack { name: "write_into_the_package", guards: &["read-only-root"], deadly: false, run: write_into_package },
    Attack { name: "create_a_file", guards: &["read-only-root"], deadly: false, run: create_a_file },
    Attack { name: "change_modes", guards: &["read-only-root", "seccomp"], deadly: false, run: change_modes },
    Attack { name: "open_devices", guards: &["private-root"], deadly: false, run: open_devices },
    Attack { name: "open_the_container_socket", guards: &["private-root", "seccomp"], deadly: false, run: container_socket },
    Attack { name: "make_a_device", guards: &["seccomp", "capabilities"], deadly: false, run: make_a_device },
];

fn read(path: &str) -> Outcome {
    judge_io(fs::read(path), path)
}

fn read_host_accounts(_: &str) -> Outcome {
    all(["/etc/passwd", "/etc/shadow", "/etc/hostname", "/root/.ssh/id_rsa"].map(read))
}

fn read_host_by_climbing(_: &str) -> Outcome {
    let up = "../".repeat(64);
    all([format!("/{up}etc/passwd"), format!("/package/{up}etc/passwd"), format!("{up}etc/passwd")].iter().map(|p| read(p)))
}

fn read_target(target: &str) -> Outcome {
    read(target)
}

/// Anything in the root beside the package is a leak.
fn list_other_directories(_: &str) -> Outcome {
    let Ok(entries) = fs::read_dir("/") else { return Outcome::Denied("the root can't be listed".to_owned()) };
    let foreign: Vec<_> =
        entries.flatten().map(|entry| entry.file_name()).filter(|name| name != "package" && name != "dev").collect();
    if foreign.is_empty() {
        Outcome::Denied("only the package is there".to_owned())
    } else {
        Outcome::Succeeded(format!("{foreign:?}"))
    }
}

fn read_other_processes(_: &str) -> Outcome {
    all(["/proc/1/environ", "/proc/1/maps", "/proc/self/status", "/proc/kallsyms", "/proc/config.gz", "/sys/kernel/notes"].map(read))
}

fn write_into_package(_: &str) -> Outcome {
    let write = OpenOptions::new().write(true).open(PACKAGE_FILE);
    let truncate = call(libc::SYS_truncate, [b"/package/manifest.json\0".as_ptr() as usize, 0, 0, 0, 0, 0]);
    all([judge_io(write, "opened for writing"), judge(truncate, "truncated"), judge_io(fs::remove_file(PACKAGE_FILE), "removed")])
}

fn create_a_file(_: &str) -> Outcome {
    all(["/planted", "/package/planted", "/tmp/planted", "/dev/shm/planted", "/dev/planted"]
        .map(|path| judge_io(File::create_new(path), path)))
}

fn change_modes(_: &str) -> Outcome {
    let mode = fs::set_permissions(PACKAGE_FILE, fs::Permissions::from_mode(0o777));
    let owner = std::os::unix::fs::chown(PACKAGE_FILE, Some(0), Some(0));
    let link = std::os::unix::fs::symlink("/etc/passwd", "/package/link");
    all([judge_io(mode, "mode changed"), judge_io(owner, "owner changed"), judge_io(link, "link made")])
}

fn open_devices(_: &str) -> Outcome {
    let devices = ["/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/ptmx", "/dev/tty"];
    all(devices.map(|path| judge_io(OpenOptions::new().read(true).open(path), path)))
}

fn container_socket(_: &str) -> Outcome {
    all(["/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/systemd/private"]
        .map(|path| judge_io(std::os::unix::net::UnixStream::connect(Path::new(path)), path)))
}

fn make_a_device(_: &str) -> Outcome {
    let null = libc::makedev(1, 3) as usize;
    let made = call(libc::SYS_mknod, [c"/package/null".as_ptr() as usize, libc::S_IFCHR as usize | 0o666, null, 0, 0, 0]);
    let root = File::open("/");
    let at = root.map_or(libc::AT_FDCWD as usize, |root| root.as_raw_fd() as usize);
    let made_at = call(libc::SYS_mknodat, [at, c"null".as_ptr() as usize, libc::S_IFCHR as usize | 0o666, null, 0, 0]);
    all([judge(made, "device made"), judge(made_at, "device made")])
}
