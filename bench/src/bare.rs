//! A server that does nothing but answer: what loopback and the client cost, and an upstream for peers.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
};

/// Reads requests and answers each with the same bytes at once, until this program ends.
pub(crate) fn serve() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a listener");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
    let answer = format!("{head} {}\r\n\r\n{BODY}", BODY.len());
    let _ = stream.set_nodelay(true);
    let mut received: Vec<u8> = Vec::new();
    let mut bytes = [0; 8192];
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        received.extend_from_slice(&bytes[..read]);
        // The client waits for each answer, so a body's end is the end of what was received.
        if received.ends_with(b"}") && stream.write_all(answer.as_bytes()).is_ok() {
            received.clear();
        }
    }
}

const BODY: &str = r#"{"id":"chatcmpl-0","object":"chat.completion","created":1700000000,"model":"demo","choices":[{"index":0,"message":{"role":"assistant","content":"12345678901234 "},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
