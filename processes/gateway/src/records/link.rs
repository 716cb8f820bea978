//! The bytes of the record link.

use std::time::Duration;

use proto::FrameError;
use proto::frame::{self, HEADER_BYTES};
use proto::link::record::{FRAME_BYTES_MAX, FromAuditor};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;

use super::Records;

/// Serves a record link until it fails. True when that means that records are lost now, false when
/// another link had taken its place.
pub(crate) async fn tend(
    records: &Records,
    number: u64,
    link: UnixStream,
    outgoing: mpsc::Receiver<Vec<u8>>,
    commit_max: Duration,
) -> bool {
    let (reading, writing) = link.into_split();
    tokio::select! {
        () = listen(records, number, reading) => {}
        () = speak(writing, outgoing) => {}
        () = watch(records, number, commit_max) => {}
    }
    records.lose(number)
}

async fn listen(records: &Records, number: u64, reading: impl AsyncRead + Unpin) {
    let mut reading = BufReader::new(reading);
    let mut body = Vec::new();
    while let Ok(answer) = read_frame(&mut reading, &mut body).await {
        if !records.receive(number, &answer) {
            return;
        }
    }
}

/// Reads one frame. `body` is a buffer that is used again.
async fn read_frame(
    reading: &mut (impl AsyncRead + Unpin),
    body: &mut Vec<u8>,
) -> Result<FromAuditor, FrameError> {
    let mut header = [0; HEADER_BYTES];
    reading.read_exact(&mut header).await.map_err(FrameError::Io)?;
    body.clear();
    body.resize(frame::body_length(header, FRAME_BYTES_MAX)?, 0);
    reading.read_exact(body).await.map_err(FrameError::Io)?;
    frame::decode(body)
}

/// Writes what waits in as few calls as it takes.
async fn speak(mut writing: OwnedWriteHalf, mut outgoing: mpsc::Receiver<Vec<u8>>) {
    let mut batch = Vec::new();
    while let Some(first) = outgoing.recv().await {
        batch.clear();
        batch.extend_from_slice(&first);
        while batch.len() < BATCH_BYTES
            && let Ok(next) = outgoing.try_recv()
        {
            batch.extend_from_slice(&next);
        }
        if writing.write_all(&batch).await.is_err() {
            return;
        }
    }
}

/// Gives up on an auditor that leaves a record uncommitted for too long.
async fn watch(records: &Records, number: u64, commit_max: Duration) {
    loop {
        tokio::time::sleep(commit_max / 4).await;
        if records.oldest(number).is_some_and(|since| since.elapsed() > commit_max) {
            return;
        }
    }
}

const BATCH_BYTES: usize = 32 * 1024;
