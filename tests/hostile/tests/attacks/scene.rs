//! What an attacker would find outside: a network, other packages, other processes' memory.

use std::{
    fs::{self, Permissions},
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::{PermissionsExt as _, chown},
            net::{SocketAddr, UnixListener},
        },
    },
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use stockade_hostile::{outside, payload};

/// All of it, for one attack. Dropping it removes it.
pub(crate) struct Scene {
    folder: PathBuf,
    tcp: TcpListener,
    udp: UdpSocket,
    _abstract: UnixListener,
    abstract_name: String,
    _engine: UnixListener,
    memory: outside::SharedMemory,
}

impl Scene {
    /// Sets the scene, in a network that the calling thread enters. The package's files belong to `owner`.
    pub(crate) fn set(owner: u32) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("stockade-attack-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        outside::enter_network().unwrap();
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir(&folder).unwrap();
        let put = |path: &str, content: &[u8], mode: u32| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o777)).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            chown(&path, Some(owner), Some(owner)).unwrap();
        };
        put("package/manifest.json", b"{}", 0o666);
        put("package/program", &payload::program("run_a_program"), 0o755);
        put("other/model.safetensors", b"weights", 0o644);
        let engine = UnixListener::bind(folder.join("engine.sock")).unwrap();
        fs::set_permissions(folder.join("engine.sock"), Permissions::from_mode(0o777)).unwrap();
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        Self {
            tcp: TcpListener::bind("0.0.0.0:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            _abstract: UnixListener::bind_addr(&address).unwrap(),
            abstract_name: name,
            _engine: engine,
            memory: outside::SharedMemory::make().unwrap(),
            folder,
        }
    }

    /// The package that the attacker was given.
    pub(crate) fn package(&self) -> PathBuf {
        self.folder.join("package")
    }

    /// Where an attack is to strike; `neighbour` is a process of the same user.
    pub(crate) fn target(&self, attack: &str, neighbour: i32) -> String {
        let port = self.tcp.local_addr().unwrap().port();
        let path = |name: &str| self.folder.join(name).display().to_string();
        match attack {
            "read_another_package" => path("other/model.safetensors"),
            "connect_to_the_container_engine" => path("engine.sock"),
            "connect_to_a_host_port" => format!("127.0.0.1:{port}"),
            "connect_to_the_metadata_service" => port.to_string(),
            "connect_to_an_abstract_socket" => self.abstract_name.clone(),
            "resolve_a_name" => self.udp.local_addr().unwrap().to_string(),
            "signal_another_process" => neighbour.to_string(),
            "find_shared_memory_by_key" => self.memory.key.to_string(),
            "take_all_memory" | "take_all_memory_as_shared" => (4 * MEMORY_BYTES).to_string(),
            "take_all_processor_time" => CPU_MILLICORES.to_string(),
            _ => String::new(),
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The memory that the attacker may use.
pub(crate) const MEMORY_BYTES: u64 = 64 << 20;

/// The processor time that the attacker may use.
pub(crate) const CPU_MILLICORES: u32 = 150;
