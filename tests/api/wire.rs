//! HTTP itself, bent.

use std::time::Duration;

use stockade_tests::{Options, Stockade, eventually};

fn serves(stockade: &Stockade) {
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?");
}

/// Sends bytes and gives back the status of every answer, until the connection is closed or silent.
fn statuses(stockade: &Stockade, bytes: &[u8]) -> Vec<u16> {
    let mut connection = stockade.connect();
    connection.wait_at_most(SILENCE);
    let _ = connection.send(bytes);
    let mut found = Vec::new();
    while let Ok(answer) = connection.response() {
        found.push(answer.status());
        assert!(found.len() < 100);
    }
    found
}

/// A connection that is silent for so long has no answer more.
const SILENCE: Duration = Duration::from_secs(3);

#[test]
fn what_is_not_http_is_refused_and_others_are_served() {
    let stockade = Stockade::shared();
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(200_000));
    let many = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(20_000));
    let wide = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: {}\r\n\r\n", "b".repeat(200_000));
    let requests: &[&[u8]] = &[
        b"\r\n\r\n\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA b: c\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: \x01\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n folded: y\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
        long.as_bytes(),
        many.as_bytes(),
        wide.as_bytes(),
    ];
    for request in requests {
        let found = statuses(&stockade, request);
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        assert!(found.iter().all(|status| (400..=505).contains(status)), "{shown:?}: {found:?}");
    }
    serves(&stockade);
}

#[test]
fn a_request_whose_length_is_told_twice_or_two_ways_is_refused_and_nothing_is_smuggled() {
    let stockade = Stockade::shared();
    let hidden = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let chat = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n";
    let length = hidden.len();
    let requests = [
        format!("{chat}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!("{chat}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{chat}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{chat}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{chat}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{chat}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("{chat}Content-Length: -1\r\n\r\n{hidden}"),
        format!("{chat}Content-Length: +{length}\r\n\r\n{hidden}"),
        format!("{chat}Content-Length: 0x10\r\n\r\n{hidden}"),
        format!("{chat}Content-Length: 99999999999999999999999\r\n\r\n{hidden}"),
        format!("{chat}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{hidden}"),
        format!("{chat}Transfer-Encoding: chunked\r\n\r\n-1\r\n{hidden}"),
    ];
    for request in requests {
        let found = statuses(&stockade, request.as_bytes());
        assert!(!found.contains(&200), "a hidden request was answered: {request:?}: {found:?}");
        assert!(found.len() <= 1, "{request:?}: {found:?}");
    }
    serves(&stockade);
}

#[test]
fn requests_that_come_one_behind_the_other_are_answered_in_order() {
    let stockade = Stockade::shared();
    let one = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let two = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let found = statuses(&stockade, format!("{one}{two}{one}{last}").as_bytes());
    assert_eq!(found.first(), Some(&200));
    assert!(found == [200, 404, 200, 200] || found == [200, 401, 200, 200], "{found:?}");
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let stockade = Stockade::shared();
    let mut connection = stockade.connect();
    for _ in 0..20 {
        stockade.send_on(&mut connection, "GET", "/v1/models", &serde_json::Value::Null);
        assert_eq!(connection.response().unwrap().status(), 200);
    }
}

#[test]
fn a_client_that_reads_nothing_holds_up_nobody_else() {
    let stockade = Stockade::start(Options::demo());
    let mut silent: Vec<_> = (0..4).map(|_| stockade.connect()).collect();
    for connection in &mut silent {
        let mut request = stockade_tests::demo::prompt("repeat_forever").request(1500);
        request["stream"] = serde_json::json!(true);
        stockade.send_on(connection, "POST", "/v1/chat/completions", &request);
    }
    serves(&stockade);
    drop(silent);
    eventually("their ends", || (stockade.records_named("request_ended").len() == 5).then_some(()));
}

#[test]
fn a_page_of_another_host_name_cannot_ask_through_a_browser() {
    let stockade = Stockade::shared();
    for host in ["evil.example", "localhost.evil.example", "169.254.169.254", "127.0.0.1.evil.example:80"] {
        let request = format!(
            "GET /v1/models HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            stockade.key()
        );
        assert_eq!(statuses(&stockade, request.as_bytes()), [400], "{host}");
    }
}
