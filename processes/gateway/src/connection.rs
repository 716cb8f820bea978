//! Connections: how many, how long they may be silent, and how they end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use policy::Denial;
use proto::Code;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::exchange::{self, Caller};
use crate::gateway::Gateway;
use crate::reply;
use crate::socket::{Arrival, Clock, Socket};

/// Accepts clients until the gateway stops. One over the ceiling is closed at once.
pub(crate) async fn accept(gateway: Arc<Gateway>, listener: TcpListener, places: Arc<Semaphore>) {
    let mut stopping = gateway.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        let Ok((stream, _peer)) = accepted else {
            // Out of descriptors, or a client that left already: neither passes by trying at once.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            gateway.metrics.connection_refused();
            continue;
        };
        let gateway = Arc::clone(&gateway);
        tokio::spawn(async move {
            serve(&gateway, stream).await;
            drop(place);
        });
    }
}

async fn serve(gateway: &Arc<Gateway>, stream: TcpStream) {
    // Without it small pieces of a stream wait for the client's acknowledgement of the last one.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let limits = gateway.config.limits;
    let arrival = Arc::new(Arrival::default());
    let caller = Arc::new(Caller::new(Arc::clone(&arrival)));
    let socket = Socket::new(stream, Arc::clone(&arrival), gateway.patience.write);
    let header_bytes_max = limits.header_bytes_max as usize;
    let service = service_fn(|request| {
        let (gateway, caller) = (Arc::clone(gateway), Arc::clone(&caller));
        Box::pin(async move { Ok::<_, Infallible>(exchange::answer(&gateway, &caller, request).await) })
    });
    let mut connection = http1::Builder::new()
        .timer(Clock)
        .header_read_timeout(gateway.read_max())
        .max_header_size(header_bytes_max)
        .max_buf_size(header_bytes_max.max(BUFFER_BYTES_MIN))
        .serve_connection(socket, service);
    let mut stopping = gateway.stopping.subscribe();
    let mut told = false;
    let outcome = loop {
        let ended = tokio::select! {
            outcome = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(outcome),
            _ = stopping.wait_for(|stopping| *stopping), if !told => None,
        };
        if let Some(outcome) = ended {
            break outcome;
        }
        told = true;
        Pin::new(&mut connection).graceful_shutdown();
    };
    // Takes the request in flight with it, if there is one: its generation is cancelled.
    let socket = connection.into_parts().io;
    let last = match outcome {
        Ok(()) if caller.left_unread() => Vec::new(),
        Ok(()) => return,
        Err(error) => match denial_of(&error, &arrival) {
            // Told by the HTTP library, which did not understand enough for our shape.
            Some(denial) if error.is_parse() && !error.is_parse_version_h2() => {
                exchange::record_unparsed(gateway, &denial).await;
                Vec::new()
            }
            Some(denial) => reply::last_words(&exchange::record_unparsed(gateway, &denial).await),
            None => return,
        },
    };
    socket.part(&last, gateway.patience.linger).await;
}

/// What a connection that failed is refused for; nothing when the client just left.
fn denial_of(error: &hyper::Error, arrival: &Arrival) -> Option<Denial> {
    if error.is_parse_too_large() {
        Some(Denial::new(Code::RequestTooLarge, "the headers are larger than their ceiling"))
    } else if error.is_parse() {
        Some(Denial::new(Code::InvalidRequest, "this is not HTTP/1.1"))
    } else if error.is_timeout() && arrival.began().is_some() {
        Some(Denial::new(Code::RequestTimeout, "the headers took too long to arrive"))
    } else {
        None
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The HTTP library's own least buffer.
const BUFFER_BYTES_MIN: usize = 8 * 1024;
