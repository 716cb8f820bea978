//! What the tests put around the jail for an attack to find: a network of its own, shared memory.
//!
//! All of it is made in namespaces of the test, or removed again: nothing of it reaches the host.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::raw::{call, number};

/// Moves the calling thread into an empty network of its own in which loopback is up, and the address
/// of a cloud's metadata service is this machine.
///
/// # Errors
/// The kernel's own.
pub fn enter_network() -> io::Result<()> {
    let done = |result: Result<usize, i32>| result.map_err(io::Error::from_raw_os_error);
    done(call(libc::SYS_unshare, [number(libc::CLONE_NEWNET), 0, 0, 0, 0, 0]))?;
    let socket = done(call(libc::SYS_socket, [number(libc::AF_INET), number(libc::SOCK_DGRAM), 0, 0, 0, 0]))?;
    let mut requests = [
        (SIOCSIFFLAGS, request("lo", &(IFF_UP | IFF_RUNNING).to_ne_bytes())),
        (SIOCSIFADDR, request("lo:1", &internet_address(METADATA))),
        (SIOCSIFNETMASK, request("lo:1", &internet_address([255; 4]))),
    ];
    for (kind, request) in &mut requests {
        done(call(libc::SYS_ioctl, [socket, *kind, request.as_mut_ptr() as usize, 0, 0, 0]))?;
    }
    done(call(libc::SYS_close, [socket, 0, 0, 0, 0, 0])).map(drop)
}

/// struct ifreq: a name, and what is said of it.
fn request(name: &str, value: &[u8]) -> [u8; 40] {
    let mut request = [0; 40];
    for (place, byte) in request.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    for (place, byte) in request.iter_mut().skip(16).zip(value) {
        *place = *byte;
    }
    request
}

/// struct `sockaddr_in`, without a port.
fn internet_address([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    let mut address = [0, 0, 0, 0, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0];
    let family = u16::try_from(libc::AF_INET).unwrap_or(0).to_ne_bytes();
    for (place, byte) in address.iter_mut().zip(family) {
        *place = byte;
    }
    address
}

/// A segment of System V memory that every user of the host may attach. Dropping it removes it.
#[derive(Debug)]
pub struct SharedMemory {
    /// The key that it is found by.
    pub key: usize,
    id: usize,
}

impl SharedMemory {
    /// Makes a segment with a key of this process's own.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn make() -> io::Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let key =
            0x0100_0000 | (std::process::id() as usize) << 8 | NEXT.fetch_add(1, Ordering::Relaxed) & 0xff;
        let flags = number(libc::IPC_CREAT | libc::IPC_EXCL) | 0o666;
        let id = call(libc::SYS_shmget, [key, 4096, flags, 0, 0, 0]).map_err(io::Error::from_raw_os_error)?;
        Ok(Self { key, id })
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        let _ = call(libc::SYS_shmctl, [self.id, number(libc::IPC_RMID), 0, 0, 0, 0]);
    }
}

const METADATA: [u8; 4] = [169, 254, 169, 254];
const SIOCSIFFLAGS: usize = 0x8914;
const SIOCSIFADDR: usize = 0x8916;
const SIOCSIFNETMASK: usize = 0x891c;
const IFF_UP: u16 = 1;
const IFF_RUNNING: u16 = 0x40;
