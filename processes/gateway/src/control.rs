//! The control link: what the supervisor says, and what it is told.
//!
//! Two threads of their own, because descriptors travel on the link and both directions may wait for
//! the supervisor, which no client should notice.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use proto::frame;
use proto::link::gateway::{FRAME_BYTES_MAX, FromGateway, ToGateway};
use tokio::sync::mpsc;

/// One message of the supervisor with the descriptors that it needs.
pub(crate) type Command = (ToGateway, Vec<OwnedFd>);

/// Says things to the supervisor without waiting for it.
#[derive(Clone, Debug)]
pub(crate) struct Sayer(SyncSender<FromGateway>);

impl Sayer {
    /// Queues a message. A supervisor that lets [`QUEUE_MAX`] of them lie is past telling.
    pub(crate) fn say(&self, message: FromGateway) {
        if self.0.try_send(message).is_err() {
            eprintln!("gateway: the supervisor does not read its link");
        }
    }
}

/// Both directions of the link.
pub(crate) struct Control {
    /// What the supervisor says. Ends when the link closes or is breached.
    pub(crate) commands: mpsc::Receiver<Command>,
    /// What it is told.
    pub(crate) sayer: Sayer,
    writer: JoinHandle<()>,
}

impl Control {
    /// Starts to serve the link.
    pub(crate) fn open(link: UnixStream) -> std::io::Result<Self> {
        let writing = link.try_clone()?;
        let (sayer, said) = sync_channel(QUEUE_MAX);
        let (heard, commands) = mpsc::channel(QUEUE_MAX);
        let writer =
            thread::Builder::new().name("control-out".to_owned()).spawn(move || write(writing, &said))?;
        thread::Builder::new().name("control-in".to_owned()).spawn(move || read(&link, &heard))?;
        Ok(Self { commands, sayer: Sayer(sayer), writer })
    }

    /// Waits until everything that was said is written. Every clone of the sayer must be gone.
    pub(crate) fn finish(self) {
        let Self { sayer, writer, .. } = self;
        drop(sayer);
        // Its panic, if it had one, has been reported already.
        let _ = writer.join();
    }
}

fn write(mut link: UnixStream, said: &Receiver<FromGateway>) {
    while let Ok(message) = said.recv() {
        let Ok(bytes) = frame::encode(&message, FRAME_BYTES_MAX) else { continue };
        if link.write_all(&bytes).is_err() {
            return;
        }
    }
}

fn read(link: &UnixStream, heard: &mpsc::Sender<Command>) {
    loop {
        let Ok(Some((body, descriptors))) = sandbox::descriptor::read_frame_with(link, FRAME_BYTES_MAX)
        else {
            return;
        };
        let Ok(message) = frame::decode::<ToGateway>(&body) else { return };
        if descriptors.len() != descriptors_of(&message)
            || heard.blocking_send((message, descriptors)).is_err()
        {
            return;
        }
    }
}

/// How many descriptors travel with a message.
fn descriptors_of(message: &ToGateway) -> usize {
    match message {
        ToGateway::Start(_) => 2,
        ToGateway::WorkerUp { .. } | ToGateway::AuditorUp => 1,
        ToGateway::WorkerDown { .. } | ToGateway::Stop { .. } => 0,
    }
}

/// Most messages that wait, in either direction.
const QUEUE_MAX: usize = 256;
