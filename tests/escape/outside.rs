//! What the attackers are sent after: listeners, memory and files of this test, on this machine.

use std::{
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
};

use stockade_hostile::outside::SharedMemory;
use stockade_tests::places;
use tempfile::TempDir;

pub(crate) struct Outside {
    tcp: TcpListener,
    udp: UdpSocket,
    abstract_name: String,
    memory: SharedMemory,
    folder: TempDir,
    listeners: [UnixListener; 2],
}

impl Outside {
    pub(crate) fn new() -> Self {
        let folder = places::scratch("outside");
        let abstract_name = folder.path().display().to_string();
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        std::fs::write(folder.path().join("model.safetensors"), "weights").unwrap();
        Self {
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            abstract_name,
            memory: SharedMemory::make().unwrap(),
            listeners: [
                UnixListener::bind_addr(&address).unwrap(),
                UnixListener::bind(folder.path().join("engine.sock")).unwrap(),
            ],
            folder,
        }
    }

    /// Where an attack is to strike; what it finds by itself, when this is empty.
    pub(crate) fn target(&self, attack: &str) -> String {
        let port = self.tcp.local_addr().unwrap().port();
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        match attack {
            "read_another_package" => path("model.safetensors"),
            "connect_to_the_container_engine" => path("engine.sock"),
            "connect_to_a_host_port" => format!("127.0.0.1:{port}"),
            "connect_to_the_metadata_service" => port.to_string(),
            "connect_to_an_abstract_socket" => self.abstract_name.clone(),
            "resolve_a_name" => self.udp.local_addr().unwrap().to_string(),
            "signal_another_process" => std::process::id().to_string(),
            "find_shared_memory_by_key" => self.memory.key.to_string(),
            _ => String::new(),
        }
    }

    /// Whether anybody came.
    pub(crate) fn was_reached(&self) -> bool {
        self.tcp.set_nonblocking(true).unwrap();
        self.udp.set_nonblocking(true).unwrap();
        self.tcp.accept().is_ok()
            || self.udp.recv(&mut [0; 512]).is_ok()
            || self.listeners.iter().any(|listener| {
                listener.set_nonblocking(true).unwrap();
                listener.accept().is_ok()
            })
    }
}
