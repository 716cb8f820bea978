//! A client's connection, as the HTTP library reads and writes it, with a limit on how slowly the
//! client may read.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBufCursor, Sleep, Timer, Write};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use crate::sync::locked;

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    arrival: Arc<Arrival>,
    stall: Option<Stall>,
    written: u64,
    write_max: Duration,
}

/// When the request that is being read began to arrive.
#[derive(Debug, Default)]
pub(crate) struct Arrival(Mutex<Option<Instant>>);

impl Arrival {
    /// When its first byte came; nothing while the connection is idle.
    pub(crate) fn began(&self) -> Option<Instant> {
        *locked(&self.0)
    }

    /// The request has been read: the next byte begins another one.
    pub(crate) fn reset(&self) {
        *locked(&self.0) = None;
    }
}

/// The client does not take what is written to it.
#[derive(Debug)]
struct Stall {
    timer: Pin<Box<tokio::time::Sleep>>,
    written: u64,
}

impl Socket {
    /// Wraps an accepted connection. A client that takes less than [`WRITE_BYTES_MIN`] in `write_max`
    /// while more waits for it is given up.
    pub(crate) fn new(stream: TcpStream, arrival: Arc<Arrival>, write_max: Duration) -> Self {
        Self { stream, arrival, stall: None, written: 0, write_max }
    }

    /// Says a last thing, and lets the client find it: were the connection closed while bytes of the
    /// client are unread, the kernel would throw away what the client has not yet read.
    pub(crate) async fn part(mut self, last: &[u8], linger: Duration) {
        let goodbye = async {
            self.stream.write_all(last).await?;
            self.stream.shutdown().await?;
            let mut rest = [0; 4096];
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // Neither its errors nor its end matter any more.
        let _ = tokio::time::timeout(linger, goodbye).await;
    }

    /// Judges what became of an attempt to write `wanted` bytes.
    fn judge(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(taken)) => {
                self.written += taken as u64;
                if taken == wanted {
                    self.stall = None;
                }
                Poll::Ready(Ok(taken))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let (written, write_max) = (self.written, self.write_max);
                let stall = self
                    .stall
                    .get_or_insert_with(|| Stall { timer: Box::pin(tokio::time::sleep(write_max)), written });
                while stall.timer.as_mut().poll(cx).is_ready() {
                    if written - stall.written < WRITE_BYTES_MIN {
                        return Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)));
                    }
                    *stall = Stall { timer: Box::pin(tokio::time::sleep(write_max)), written };
                }
                Poll::Pending
            }
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_BYTES];
        let room = bytes.len().min(buf.remaining());
        let mut part = ReadBuf::new(bytes.get_mut(..room).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        if !part.filled().is_empty() {
            locked(&self.arrival.0).get_or_insert_with(Instant::now);
        }
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(cx, outcome, buf.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = bufs.iter().map(|buf| buf.len()).sum();
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge(cx, outcome, wanted)
    }
}

/// The runtime's clock, for the HTTP library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock;

impl Timer for Clock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Nap(Box::pin(tokio::time::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Nap(Box::pin(tokio::time::sleep_until(deadline.into()))))
    }
}

struct Nap(Pin<Box<tokio::time::Sleep>>);

impl Sleep for Nap {}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

const READ_BYTES: usize = 8 * 1024;

/// Least bytes that a client must take in one period of patience.
const WRITE_BYTES_MIN: u64 = 4 * 1024;
