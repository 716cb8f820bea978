//! Ceilings. None has a `Default`: each is written down where it is chosen.

use serde::{Deserialize, Serialize};

/// Ceilings on one client request, enforced by the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLimits {
    /// Most bytes of an HTTP request body.
    pub body_bytes_max: u64,
    /// Most bytes of all HTTP request headers.
    pub header_bytes_max: u32,
    /// Most milliseconds a client may take to send its headers and body.
    pub read_ms_max: u64,
    /// Most messages in one conversation.
    pub messages_max: u32,
    /// Most tokens of prompt.
    pub prompt_tokens_max: u32,
    /// Most tokens of answer.
    pub output_tokens_max: u32,
    /// Most bytes of answer.
    pub output_bytes_max: u64,
    /// Most milliseconds from the request's arrival to the last byte of its answer.
    pub wall_ms_max: u64,
    /// Most requests in flight at once, over all clients; one more is answered 429.
    pub in_flight_max: u32,
    /// Most requests in flight at once for one API key.
    pub in_flight_per_key_max: u32,
    /// Most open client connections; one more is closed at once.
    pub connections_max: u32,
}

/// Ceilings on one jailed process, enforced by the kernel outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Most bytes of memory, page cache included, swap off.
    pub memory_bytes_max: u64,
    /// Most processes and threads.
    pub pids_max: u32,
    /// Processor time in thousandths of one core.
    pub cpu_millicores_max: u32,
    /// Most open descriptors.
    pub files_max: u32,
    /// Most bytes that one written file may have.
    pub file_bytes_max: u64,
}

/// What one generation may use, enforced by the worker and, for wall time and bytes, again by the
/// gateway, which does not trust the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateLimits {
    /// Most tokens of prompt.
    pub prompt_tokens_max: u32,
    /// Most tokens of answer.
    pub output_tokens_max: u32,
    /// Most bytes of answer.
    pub output_bytes_max: u64,
    /// Most milliseconds from start to end.
    pub wall_ms_max: u64,
}

/// What a worker reserves at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineLimits {
    /// Sequences that generate at the same time; each owns a slot of the key-value cache.
    pub slots: u32,
    /// Tokens a slot holds, prompt and answer together.
    pub context_tokens_max: u32,
    /// Requests that may wait for a slot; one more is refused.
    pub queue_max: u32,
    /// Threads of arithmetic.
    pub threads: u32,
}
