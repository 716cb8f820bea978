//! Reading a request's body: within its ceiling, within its time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Instant;

use hyper::body::{Body as _, Incoming};
use policy::Denial;
use proto::Code;

/// Reads the whole body.
///
/// # Errors
/// [`Code::RequestTooLarge`] once it has more than `bytes_max`, [`Code::RequestTimeout`] when it is not
/// there by `deadline`, [`Code::InvalidRequest`] when its framing is broken.
pub(crate) async fn read(body: &mut Incoming, bytes_max: u64, deadline: Instant) -> Result<Vec<u8>, Denial> {
    tokio::time::timeout_at(deadline.into(), read_within(body, bytes_max))
        .await
        .map_err(|_| Denial::new(Code::RequestTimeout, "the body took too long to arrive"))?
}

async fn read_within(body: &mut Incoming, bytes_max: u64) -> Result<Vec<u8>, Denial> {
    let declared = body.size_hint().exact().unwrap_or(0).min(FIRST_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(declared).unwrap_or(0));
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| Denial::new(Code::InvalidRequest, "the body did not arrive whole"))?;
        // Trailers say nothing that this API reads.
        let Ok(piece) = frame.into_data() else { continue };
        if (bytes.len() + piece.len()) as u64 > bytes_max {
            return Err(Denial::new(
                Code::RequestTooLarge,
                format!("the body has more than {bytes_max} bytes"),
            ));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Reserved at once for a body that declares more: the rest grows as it comes.
const FIRST_BYTES: u64 = 64 * 1024;
