//! One record: fixed-order JSON, whose bytes are the leaf.

use proto::event::Event;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::Object;
use crate::{event, schema};

/// Most bytes a record has.
pub const RECORD_BYTES_MAX: usize = 60 * 1024;

/// The version of the records' form, in each of them.
pub const RECORD_VERSION: u32 = 1;

/// Most bytes of the fields that stand before an event's own.
const HEADER_BYTES_MAX: usize = 1024;

/// Most bytes of a producer's name.
pub const PRODUCER_BYTES_MAX: usize = 64;

/// An event's own fields, written. They are all of a record that a producer decides.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Body {
    event: &'static str,
    data: String,
}

impl Body {
    /// Writes an event's fields.
    ///
    /// # Errors
    /// [`RecordError::TooLarge`] when no record would have room for them.
    pub fn new(event: &Event) -> Result<Self, RecordError> {
        let name = event::name(event);
        let fields = schema::event(name).ok_or(RecordError::Schema { event: name })?.fields;
        let mut data = String::with_capacity(512);
        let mut object = Object::open(&mut data, fields);
        event::write(event, &mut object);
        if !object.close() {
            return Err(RecordError::Schema { event: name });
        }
        let found = data.len() + HEADER_BYTES_MAX;
        if found > RECORD_BYTES_MAX {
            Err(RecordError::TooLarge { found })
        } else {
            Ok(Self { event: name, data })
        }
    }

    /// Bytes of the longest record with this body.
    pub const fn record_bytes_max(&self) -> usize {
        self.data.len() + HEADER_BYTES_MAX
    }
}

/// What a record is made from.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its place in the ledger.
    pub index: u64,
    /// Microseconds since 1970-01-01T00:00:00Z; never less than the record's before.
    pub time_us: u64,
    /// Fresh random bytes, so that no digest of a record can be guessed from its content.
    pub nonce: [u8; 16],
    /// Whose link it came by: at most [`PRODUCER_BYTES_MAX`] bytes.
    pub producer: &'a str,
    /// The producer's own count on that link.
    pub seq: u64,
    /// What happened.
    pub body: &'a Body,
}

impl Record<'_> {
    /// The bytes that are stored, hashed and never written a second time.
    ///
    /// # Errors
    /// [`RecordError`] when the producer's name is too long.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        if self.producer.len() > PRODUCER_BYTES_MAX {
            return Err(RecordError::TooLarge { found: self.body.record_bytes_max() + self.producer.len() });
        }
        let Body { event, data } = self.body;
        Ok(render(self.index, self.time_us, &self.nonce, self.producer, self.seq, event, data))
    }
}

/// A record as it was read back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its place in the ledger.
    pub index: u64,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub time_us: u64,
    /// Its random bytes, in hexadecimal.
    pub nonce: String,
    /// Whose link it came by.
    pub producer: String,
    /// The producer's own count.
    pub seq: u64,
    /// The event's name.
    pub event: String,
    /// The event's fields: a JSON object, as it was stored.
    pub data: String,
}

impl Entry {
    /// Reads a stored record.
    ///
    /// # Errors
    /// [`RecordError`] when the bytes are not in the one form that [`Record::encode`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(RecordError::TooLarge { found: bytes.len() });
        }
        let form: Form<'_> = serde_json::from_slice(bytes).map_err(|_| RecordError::Malformed)?;
        let nonce = parse_nonce(&form.nonce).ok_or(RecordError::Malformed)?;
        let (name, data) = (form.event, form.data.get());
        let again = render(form.index, form.time_us, &nonce, &form.producer, form.seq, &name, data);
        if form.v != RECORD_VERSION || again != bytes {
            return Err(RecordError::Malformed);
        }
        Ok(Self {
            index: form.index,
            time_us: form.time_us,
            nonce: form.nonce,
            producer: form.producer,
            seq: form.seq,
            event: name,
            data: data.to_owned(),
        })
    }
}

/// Why a record cannot be written or read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// It is over the ceiling.
    #[error("record has {found} bytes, at most {RECORD_BYTES_MAX} are allowed")]
    TooLarge {
        /// Bytes it has.
        found: usize,
    },
    /// It is not fixed-order JSON with the header's fields.
    #[error("record is not in the form in which records are written")]
    Malformed,
    /// The event's writer and the schema disagree.
    #[error("event `{event}` does not follow its schema")]
    Schema {
        /// The event's name.
        event: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form<'a> {
    v: u32,
    index: u64,
    time_us: u64,
    nonce: String,
    producer: String,
    seq: u64,
    event: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

fn render(
    index: u64,
    time_us: u64,
    nonce: &[u8; 16],
    producer: &str,
    seq: u64,
    event: &str,
    data: &str,
) -> Vec<u8> {
    let mut text = String::with_capacity(data.len() + 192);
    let mut header = Object::open(&mut text, schema::HEADER);
    header.number("v", RECORD_VERSION);
    header.number("index", index);
    header.number("time_us", time_us);
    header.hex("nonce", nonce);
    header.text("producer", producer);
    header.number("seq", seq);
    header.text("event", event);
    header.close();
    // The header's closing brace makes room for the event's object.
    text.pop();
    text.push_str(",\"data\":");
    text.push_str(data);
    text.push('}');
    text.into_bytes()
}

fn parse_nonce(hex: &str) -> Option<[u8; 16]> {
    if hex.len() != 32 || !hex.is_ascii() {
        return None;
    }
    let mut nonce = [0; 16];
    for (byte, pair) in nonce.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(nonce)
}
