//! Reaching anything by a socket.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

use crate::attack::{Attack, Outcome, all, judge, judge_io};
use crate::raw::call;

const NETWORK: &[&str] = &["network-namespace", "seccomp", "landlock"];

pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "connect_to_a_host_port", guards: NETWORK, deadly: false, run: connect_target },
    Attack { name: "connect_to_the_metadata_service", guards: NETWORK, deadly: false, run: metadata },
    Attack { name: "resolve_a_name", guards: &["network-namespace", "seccomp"], deadly: false, run: resolve },
    Attack { name: "listen_on_a_port", guards: &["seccomp", "landlock"], deadly: false, run: listen },
    Attack { name: "open_a_raw_socket", guards: &["seccomp", "capabilities"], deadly: false, run: raw_socket },
    Attack { name: "open_a_netlink_socket", guards: &["seccomp"], deadly: false, run: netlink },
    Attack { name: "open_a_vsock", guards: &["seccomp"], deadly: false, run: vsock },
    Attack { name: "open_exotic_sockets", guards: &["seccomp"], deadly: false, run: exotic },
    Attack { name: "connect_to_an_abstract_socket", guards: &["network-namespace", "seccomp", "landlock"], deadly: false, run: abstract_socket },
];

/// The target is `address:port` of a listener outside of the sandbox.
fn connect_target(target: &str) -> Outcome {
    target.parse().map_or_else(
        |_| Outcome::Succeeded("the test gave no address".to_owned()),
        |address| judge_io(TcpStream::connect_timeout(&address, Duration::from_secs(1)), target),
    )
}

fn metadata(_: &str) -> Outcome {
    connect_target("169.254.169.254:80")
}

/// Sends one query to the resolver's address that the test put on its own loopback interface.
fn resolve(target: &str) -> Outcome {
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", target));
    judge_io(sent, target)
}

fn listen(_: &str) -> Outcome {
    all([judge_io(TcpListener::bind("127.0.0.1:0"), "tcp"), judge_io(TcpListener::bind("0.0.0.0:0"), "tcp")])
}

fn socket(family: i32, kind: i32, protocol: i32) -> Outcome {
    let opened = call(libc::SYS_socket, [family as usize, kind as usize, protocol as usize, 0, 0, 0]);
    judge(opened, &format!("socket({family}, {kind}, {protocol})"))
}

fn raw_socket(_: &str) -> Outcome {
    all([socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP), socket(libc::AF_PACKET, libc::SOCK_RAW, 0x0300)])
}

fn netlink(_: &str) -> Outcome {
    all([0, 9, 15, 16].map(|protocol| socket(libc::AF_NETLINK, libc::SOCK_RAW, protocol)))
}

fn vsock(_: &str) -> Outcome {
    all([socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0), socket(libc::AF_VSOCK, libc::SOCK_DGRAM, 0)])
}

fn exotic(_: &str) -> Outcome {
    // Local, IPv6, key, Bluetooth, kernel crypto, CAN, TIPC, XDP.
    all([libc::AF_UNIX, libc::AF_INET6, 15, 31, 38, 29, 30, 44].map(|family| socket(family, libc::SOCK_STREAM, 0)))
}

fn abstract_socket(target: &str) -> Outcome {
    judge_io(SocketAddr::from_abstract_name(target).and_then(|address| UnixStream::connect_addr(&address)), target)
}
