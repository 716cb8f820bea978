//! The bytes of a worker's link.

use std::io;
use std::sync::Arc;

use proto::FrameError;
use proto::frame::{self, HEADER_BYTES};
use proto::link::engine::{FROM_ENGINE_BYTES_MAX, FromEngine};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;

use super::{Ended, Outgoing, Worker};

/// Serves a worker's link until it ends, and says why. All that the worker was asked has then failed.
pub(crate) async fn tend(worker: Arc<Worker>, link: UnixStream, outgoing: mpsc::Receiver<Outgoing>) -> Ended {
    let (reading, writing) = link.into_split();
    let mut ending = worker.ending.subscribe();
    let told = async {
        match ending.wait_for(Option::is_some).await {
            Ok(reason) => reason.unwrap_or(Ended::Gone),
            Err(_dropped) => Ended::Gone,
        }
    };
    let ended = tokio::select! {
        ended = listen(&worker, reading) => ended,
        ended = told => ended,
        ended = speak(&worker, writing, outgoing) => ended,
    };
    worker.end(ended);
    worker.close(ended);
    ended
}

async fn listen(worker: &Worker, reading: impl AsyncRead + Unpin) -> Ended {
    let mut reading = BufReader::with_capacity(READ_AHEAD_BYTES, reading);
    let mut body = Vec::new();
    loop {
        let message = match read_frame(&mut reading, &mut body).await {
            Ok(message) => message,
            Err(FrameError::TooLarge { .. }) => {
                return Ended::Misbehaved("it announced a frame over its ceiling");
            }
            Err(FrameError::Malformed) => return Ended::Misbehaved("it sent what is no message"),
            Err(FrameError::Closed | FrameError::Io(_)) => return Ended::Gone,
        };
        if let Err(breach) = worker.receive(message) {
            return Ended::Misbehaved(breach);
        }
    }
}

/// Reads one frame. `body` is a buffer that is used again.
async fn read_frame(
    reading: &mut (impl AsyncRead + Unpin),
    body: &mut Vec<u8>,
) -> Result<FromEngine, FrameError> {
    let mut header = [0; HEADER_BYTES];
    reading.read_exact(&mut header).await.map_err(FrameError::Io)?;
    body.clear();
    body.resize(frame::body_length(header, FROM_ENGINE_BYTES_MAX)?, 0);
    reading.read_exact(body).await.map_err(FrameError::Io)?;
    frame::decode(body)
}

async fn speak(
    worker: &Worker,
    mut writing: OwnedWriteHalf,
    mut outgoing: mpsc::Receiver<Outgoing>,
) -> Ended {
    while let Some((asks, bytes)) = outgoing.recv().await {
        let written: io::Result<()> = writing.write_all(&bytes).await;
        if written.is_err() {
            // What the worker said before it left still counts: the reading side finds the end.
            return std::future::pending().await;
        }
        // Noted before the answer can be read: one task does both.
        if let Some(request) = asks {
            worker.asked(request);
        }
    }
    Ended::Gone
}

const READ_AHEAD_BYTES: usize = 32 * 1024;
