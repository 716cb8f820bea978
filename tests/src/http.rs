//! HTTP over a plain socket: what a test sends is what goes over the wire, byte for byte.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::wait::PATIENCE;

/// A client's connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of the current answer's body that have not been read; `None` between answers.
    body: Option<Body>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Body {
    Length(usize),
    Chunked,
    UntilClosed,
}

/// An answer's first lines.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its first lines.
    pub head: Head,
    /// Its body, chunks joined.
    pub body: Vec<u8>,
}

impl Head {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let split = |line: &str| {
            line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Some(Self { status, headers: lines.filter_map(split).collect() })
    }
}

impl Response {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: no JSON ({error}): {}", self.status(), self.text()))
    }

    /// The stable code in an error's body; empty when there is none.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The first choice's text, of a chat or a completion.
    ///
    /// # Panics
    /// When the answer has none.
    pub fn answer(&self) -> String {
        assert_eq!(self.status(), 200, "{}", self.text());
        let choice = &self.json()["choices"][0];
        let text = choice["message"]["content"].as_str().or(choice["text"].as_str());
        text.unwrap_or_else(|| panic!("no text: {}", self.text())).to_owned()
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    pub fn open(address: SocketAddr) -> Self {
        Self::try_open(address).unwrap_or_else(|error| panic!("connect to {address}: {error}"))
    }

    /// Connects, if somebody listens.
    pub fn try_open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new(), body: None })
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits at most so long for each piece of an answer.
    ///
    /// # Panics
    /// When the time is zero.
    pub fn wait_at_most(&self, longest: Duration) {
        self.stream.set_read_timeout(Some(longest)).expect("a time limit");
    }

    /// Reads one answer's first lines; its body comes by [`Connection::response`] or
    /// [`Connection::event`].
    pub fn head(&mut self) -> io::Result<Head> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(io::Error::other("the answer's head does not end"));
            }
            self.more()?;
        };
        let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end + 4);
        let head =
            Head::parse(&text).ok_or_else(|| io::Error::other(format!("not an HTTP answer: {text:?}")))?;
        let chunked = head.header("transfer-encoding").is_some_and(|value| value == "chunked");
        let length = head.header("content-length").and_then(|value| value.parse().ok());
        self.body = Some(match length {
            _ if chunked => Body::Chunked,
            Some(length) => Body::Length(length),
            None if matches!(head.status, 100 | 204 | 304) => Body::Length(0),
            None => Body::UntilClosed,
        });
        Ok(head)
    }

    /// Reads one whole answer.
    pub fn response(&mut self) -> io::Result<Response> {
        let head = self.head()?;
        let mut body = Vec::new();
        while let Some(piece) = self.piece()? {
            body.extend_from_slice(&piece);
            if body.len() > BODY_BYTES_MAX {
                return Err(io::Error::other("the answer's body does not end"));
            }
        }
        Ok(Response { head, body })
    }

    /// Reads the next piece of the body; `None` at its end.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.body {
            None => Ok(None),
            Some(Body::Length(0)) => {
                self.body = None;
                Ok(None)
            }
            Some(Body::Length(left)) => {
                self.fill(1)?;
                let piece: Vec<u8> = self.buffer.drain(..left.min(self.buffer.len())).collect();
                self.body = Some(Body::Length(left - piece.len()));
                Ok(Some(piece))
            }
            Some(Body::UntilClosed) => {
                if self.buffer.is_empty() && !self.try_more()? {
                    self.body = None;
                    return Ok(None);
                }
                Ok(Some(std::mem::take(&mut self.buffer)))
            }
            Some(Body::Chunked) => self.chunk(),
        }
    }

    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                break end;
            }
            self.more()?;
        };
        let size = String::from_utf8_lossy(&self.buffer[..line]).into_owned();
        let size = usize::from_str_radix(&size, 16).map_err(|_| io::Error::other("no chunk size"))?;
        self.fill(line + 2 + size + 2)?;
        let chunk = self.buffer[line + 2..line + 2 + size].to_vec();
        self.buffer.drain(..line + 2 + size + 2);
        if size == 0 {
            self.body = None;
            return Ok(None);
        }
        Ok(Some(chunk))
    }

    /// Whether the peer has closed the connection, once everything before that is read.
    pub fn is_closed(&mut self) -> bool {
        loop {
            match self.try_more() {
                Ok(true) if self.buffer.len() <= BODY_BYTES_MAX => {}
                Ok(true) => return false,
                Ok(false) => return true,
                Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
            }
        }
    }

    /// Whether anything has come that nobody has read yet.
    pub fn has_sent(&self) -> bool {
        let _ = self.stream.set_nonblocking(true);
        let waiting = self.stream.peek(&mut [0]).is_ok();
        let _ = self.stream.set_nonblocking(false);
        waiting || !self.buffer.is_empty()
    }

    fn fill(&mut self, bytes: usize) -> io::Result<()> {
        while self.buffer.len() < bytes {
            self.more()?;
        }
        Ok(())
    }

    fn more(&mut self) -> io::Result<()> {
        if self.try_more()? { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof)) }
    }

    fn try_more(&mut self) -> io::Result<bool> {
        let mut bytes = vec![0; 64 * 1024];
        let read = self.stream.read(&mut bytes)?;
        self.buffer.extend_from_slice(&bytes[..read]);
        Ok(read > 0)
    }
}

/// Where `wanted` begins in `bytes`.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Most bytes that a test reads as an answer's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Most bytes that a test reads as an answer's body.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
