//! How much at once, and how large: what is decided before a body is read.

use proto::Code;
use proto::limits::RequestLimits;

use crate::Denial;

/// What is in flight when a request arrives, itself not counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Load {
    /// Requests of everybody.
    pub in_flight: u32,
    /// Requests of the same API key.
    pub in_flight_of_key: u32,
}

/// Whether one more request may be in flight.
///
/// # Errors
/// [`Code::TooManyRequests`] when a ceiling is reached.
pub fn check_load(load: Load, limits: &RequestLimits) -> Result<(), Denial> {
    if load.in_flight >= limits.in_flight_max {
        return Err(Denial::new(Code::TooManyRequests, "too many requests are in flight; try again shortly"));
    }
    if load.in_flight_of_key >= limits.in_flight_per_key_max {
        return Err(Denial::new(
            Code::TooManyRequests,
            "too many requests of this API key are in flight; try again shortly",
        ));
    }
    Ok(())
}

/// Whether a body of the declared length may be read; without one it is bounded while it is read.
///
/// # Errors
/// [`Code::RequestTooLarge`] when it is over its ceiling.
pub fn check_declared_body(bytes: Option<u64>, limits: &RequestLimits) -> Result<(), Denial> {
    match bytes {
        Some(bytes) if bytes > limits.body_bytes_max => Err(Denial::new(
            Code::RequestTooLarge,
            format!("the body has {bytes} bytes, at most {} are allowed", limits.body_bytes_max),
        )),
        _ => Ok(()),
    }
}
