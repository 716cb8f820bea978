//! A client that says exactly the bytes that it is given.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::stage::LONG;

/// One connection.
pub(super) struct Client(BufReader<TcpStream>);

/// One answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// A request as text, with the headers that every client sends.
pub(super) fn request(method: &str, path: &str, key: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    pub(super) fn ask(&mut self, request: &str) -> Reply {
        self.send(request);
        self.reply()
    }

    /// Reads the rest of a stream.
    pub(super) fn reply_rest(&mut self) -> Reply {
        let mut reply = Reply { status: 200, headers: Vec::new(), body: Vec::new() };
        while let Some(chunk) = self.chunk() {
            reply.body.extend(chunk);
        }
        reply
    }

    /// Reads a whole answer.
    pub(super) fn reply(&mut self) -> Reply {
        let mut reply = self.head();
        if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                reply.body.extend(chunk);
            }
        } else {
            let length = reply.header("content-length").unwrap_or("0").parse().unwrap();
            reply.body.resize(length, 0);
            self.0.read_exact(&mut reply.body).unwrap();
        }
        reply
    }

    /// Reads the status and the headers.
    pub(super) fn head(&mut self) -> Reply {
        let status = self.line();
        let status =
            status.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {status:?}")).parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        Reply { status, headers, body: Vec::new() }
    }

    /// Reads one chunk; nothing at the last one.
    pub(super) fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.line();
        let length =
            usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("no chunk length in {line:?}"));
        let mut chunk = vec![0; length];
        self.0.read_exact(&mut chunk).unwrap();
        assert_eq!(self.line(), "");
        (length > 0).then_some(chunk)
    }

    /// Reads chunks until one has this text.
    pub(super) fn chunk_with(&mut self, text: &str) {
        while let Some(chunk) = self.chunk() {
            if String::from_utf8_lossy(&chunk).contains(text) {
                return;
            }
        }
        panic!("the answer ended without {text:?}");
    }

    /// Whether the gateway closes the connection and says nothing before.
    pub(super) fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0))
            || self.0.get_ref().take_error().is_ok_and(|error| error.is_some())
    }

    /// Whether the gateway says nothing for a while.
    pub(super) fn is_silent(&mut self) -> bool {
        self.0.get_ref().set_read_timeout(Some(std::time::Duration::from_millis(150))).unwrap();
        let silent = self.0.fill_buf().is_err();
        self.0.get_ref().set_read_timeout(Some(LONG)).unwrap();
        silent
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON in {:?}", self.text()))
    }

    /// The data of each event.
    pub(super) fn events(&self) -> Vec<String> {
        let text = self.text();
        text.split("\n\n")
            .filter(|event| !event.is_empty())
            .map(|event| event.strip_prefix("data: ").unwrap().to_owned())
            .collect()
    }

    /// The code of the error, having checked its shape.
    pub(super) fn code(&self) -> String {
        let json = self.json();
        let error = json["error"].as_object().expect("errors have OpenAI's shape");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert!(error["type"].is_string() && error.contains_key("param") && error.len() == 4);
        assert!(matches!(self.header("x-should-retry"), Some("true" | "false")));
        error["code"].as_str().unwrap().to_owned()
    }

    /// The code of the error that ends a stream, having checked that nothing follows it.
    pub(super) fn last_error(&self) -> String {
        let events = self.events();
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        last["error"]["code"].as_str().expect("the stream ends with an error").to_owned()
    }
}
