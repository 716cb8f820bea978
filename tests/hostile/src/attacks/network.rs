//! Reaching anything by a socket.

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixStream},
    },
    time::Duration,
};

use crate::{
    attack::{Attack, Outcome, all, judge, judge_io},
    raw::{call, number},
};

const SOCKET: &[&str] = &["socket"];
const OUTSIDE: &[&str] = &["network-namespace", "seccomp", "landlock"];

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("connect_to_a_host_port", connect).guarded(OUTSIDE).refused(SOCKET),
    Attack::new("connect_to_the_metadata_service", metadata).guarded(OUTSIDE).refused(SOCKET),
    Attack::new("connect_to_an_abstract_socket", abstract_socket).guarded(OUTSIDE).refused(SOCKET),
    Attack::new("resolve_a_name", resolve).guarded(&["network-namespace", "seccomp"]).refused(SOCKET),
    Attack::new("listen_on_a_port", listen).guarded(&["seccomp", "landlock"]).refused(SOCKET),
    Attack::new("open_a_raw_socket", raw_socket).guarded(&["seccomp", "capabilities"]).refused(SOCKET),
    Attack::new("open_a_netlink_socket", netlink).guarded(&["seccomp"]).refused(SOCKET),
    Attack::new("open_a_virtual_machine_socket", vsock).guarded(&["seccomp"]).refused(SOCKET),
    Attack::new("open_exotic_sockets", exotic).guarded(&["seccomp"]).refused(SOCKET),
];

/// The target is `address:port` of a listener outside of the sandbox.
fn connect(target: &str) -> Outcome {
    match target.parse() {
        Ok(address) => judge_io(TcpStream::connect_timeout(&address, Duration::from_secs(1)), target),
        Err(_) => Outcome::Succeeded("the test gave no address".to_owned()),
    }
}

/// The target is the port at which the test listens on that address, outside.
fn metadata(target: &str) -> Outcome {
    connect(&format!("169.254.169.254:{target}"))
}

/// The target is the name of a listener outside.
fn abstract_socket(target: &str) -> Outcome {
    let connected =
        SocketAddr::from_abstract_name(target).and_then(|address| UnixStream::connect_addr(&address));
    judge_io(connected, target)
}

/// The target is the address of a resolver outside. The question needs no answer to have leaked.
fn resolve(target: &str) -> Outcome {
    let question = b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01";
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(question, target));
    judge_io(sent, target)
}

fn listen(_: &str) -> Outcome {
    all(["127.0.0.1:0", "0.0.0.0:0", "[::]:0"].map(|address| judge_io(TcpListener::bind(address), address)))
}

fn socket(family: i32, kind: i32, protocol: i32) -> Outcome {
    let opened = call(libc::SYS_socket, [number(family), number(kind), number(protocol), 0, 0, 0]);
    judge(opened, &format!("socket({family}, {kind}, {protocol})"))
}

fn raw_socket(_: &str) -> Outcome {
    all([
        socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        socket(libc::AF_PACKET, libc::SOCK_RAW, 0x0300),
    ])
}

fn netlink(_: &str) -> Outcome {
    // Routes, audit, events, generic.
    all([0, 9, 15, 16].map(|protocol| socket(libc::AF_NETLINK, libc::SOCK_RAW, protocol)))
}

fn vsock(_: &str) -> Outcome {
    all([socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0), socket(libc::AF_VSOCK, libc::SOCK_DGRAM, 0)])
}

fn exotic(_: &str) -> Outcome {
    let families = [
        libc::AF_UNIX,
        libc::AF_INET6,
        libc::AF_KEY,
        libc::AF_BLUETOOTH,
        libc::AF_ALG,
        libc::AF_CAN,
        libc::AF_TIPC,
        libc::AF_XDP,
    ];
    all(families.map(|family| socket(family, libc::SOCK_STREAM, 0)))
}
