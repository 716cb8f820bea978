//! What the kernel says that processes were denied by their filters.
//!
//! The kernel tells every listener of its audit log, whether auditing is on or not. Listening takes
//! `CAP_AUDIT_READ` in the first user and network namespace: an ordinary user can't, and then only the
//! ends of processes show what they tried.

mod call;
mod record;

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Instant,
};

use rustix::net::{
    AddressFamily, RecvFlags, SocketAddrAny, SocketFlags, SocketType, bind, netlink, recvfrom, socket_with,
    sockopt,
};

use crate::{descriptor::readable, sys};

/// The last call that [`confine::enter`](crate::confine::enter) tries. What a process was denied before
/// is its probe of the jail, and no attack.
pub const PROBE_END: &str = "vserver";

/// A call that a filter refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The process, as the host counts.
    pub pid: i32,
    /// The call's name; its number after `i386:`, `x32:` or `x86_64:` where it has none.
    pub call: String,
    /// Whether the process was killed for it.
    pub killed: bool,
    /// How many records were lost since the last denial: they came faster than they were read.
    pub lost: u64,
}

/// A listener of the kernel's audit log.
#[derive(Debug)]
pub struct Observer {
    socket: OwnedFd,
    /// How many records the kernel has dropped on this socket so far; the count wraps.
    dropped: u32,
}

impl Observer {
    /// Starts listening. Denials wait in the kernel, up to a ceiling, until they are read.
    ///
    /// # Errors
    /// [`io::ErrorKind::PermissionDenied`] without `CAP_AUDIT_READ`, and the kernel's own where it has no
    /// audit log.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(netlink::AUDIT))?;
        // Best effort: with a shorter queue more is lost, and counted.
        let _ = sockopt::set_socket_recv_buffer_size_force(&socket, QUEUE_BYTES);
        bind(&socket, &netlink::SocketAddrNetlink::new(0, READ_LOG))?;
        Ok(Self { socket, dropped: 0 })
    }

    /// The next denial of any process of the host; `None` when the deadline passed first. With a
    /// deadline that has passed it gives what is waiting.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn next(&mut self, deadline: Instant) -> io::Result<Option<Denial>> {
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        loop {
            match recvfrom(&self.socket, &mut buffer, RecvFlags::empty()) {
                Ok((length, _, from)) => {
                    let record = buffer.get(..length).filter(|_| is_kernel(from)).and_then(denial);
                    if let Some(record::Record { pid, call, killed }) = record {
                        return Ok(Some(Denial { pid, call, killed, lost: self.newly_lost()? }));
                    }
                    // Records of other kinds may never end; the deadline holds all the same.
                    if Instant::now() >= deadline {
                        return Ok(None);
                    }
                }
                Err(rustix::io::Errno::AGAIN) => {
                    if !readable(self.socket.as_fd(), deadline)? {
                        return Ok(None);
                    }
                }
                // The kernel says once that it dropped records; they are counted apart.
                Err(rustix::io::Errno::INTR | rustix::io::Errno::NOBUFS) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn newly_lost(&mut self) -> io::Result<u64> {
        let dropped = sys::socket::dropped(self.socket.as_fd())?;
        let new = dropped.wrapping_sub(self.dropped);
        self.dropped = dropped;
        Ok(new.into())
    }
}

impl AsFd for Observer {
    /// Readable when there is something for [`next`](Self::next).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Nobody but the kernel is believed.
fn is_kernel(from: Option<SocketAddrAny>) -> bool {
    from.and_then(|address| netlink::SocketAddrNetlink::try_from(address).ok())
        .is_some_and(|address| address.pid() == 0)
}

/// A filter's denial in one datagram: the header of struct nlmsghdr, then the text.
fn denial(datagram: &[u8]) -> Option<record::Record> {
    let (header, text) = datagram.split_at_checked(HEADER_BYTES)?;
    let kind = header.get(4..6)?.try_into().ok().map(u16::from_ne_bytes)?;
    if kind == SECCOMP { record::parse(text) } else { None }
}

/// Bytes of struct nlmsghdr.
const HEADER_BYTES: usize = 16;

/// The kind of record that tells of filters: `AUDIT_SECCOMP`.
const SECCOMP: u16 = 1326;

/// The group of listeners: `AUDIT_NLGRP_READLOG`, as a bit.
const READ_LOG: u32 = 1;

/// Larger than any record.
const DATAGRAM_BYTES_MAX: usize = 16 * 1024;

/// How much may wait to be read: some thousand records.
const QUEUE_BYTES: usize = 8 << 20;
