//! Metadata values of GGUF, as views into the file.

use super::GgufError;
use super::cursor::Cursor;

/// A metadata value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the variants are the format's own types")]
pub enum Value<'f> {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    Text(&'f str),
    Array(Array<'f>),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// An array of one kind of value. Arrays of arrays are refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Array<'f> {
    kind: ValueKind,
    length: usize,
    bytes: &'f [u8],
}

/// The kind of an array's values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the variants are the format's own types")]
pub enum ValueKind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    U64,
    I64,
    F64,
}

impl<'f> Value<'f> {
    pub(super) fn read(at: &mut Cursor<'f>, key: &str) -> Result<Self, GgufError> {
        let wrong = || GgufError::ValueType { key: key.to_owned() };
        match at.u32()? {
            ARRAY_ID => {
                let kind = ValueKind::from_id(at.u32()?).ok_or_else(wrong)?;
                Array::read(at, kind).map(Self::Array)
            }
            id => Self::read_one(at, ValueKind::from_id(id).ok_or_else(wrong)?),
        }
    }

    fn read_one(at: &mut Cursor<'f>, kind: ValueKind) -> Result<Self, GgufError> {
        Ok(match kind {
            ValueKind::U8 => Self::U8(at.u8()?),
            ValueKind::I8 => Self::I8(at.u8()?.cast_signed()),
            ValueKind::U16 => Self::U16(at.u16()?),
            ValueKind::I16 => Self::I16(at.u16()?.cast_signed()),
            ValueKind::U32 => Self::U32(at.u32()?),
            ValueKind::I32 => Self::I32(at.u32()?.cast_signed()),
            ValueKind::F32 => Self::F32(f32::from_bits(at.u32()?)),
            ValueKind::U64 => Self::U64(at.u64()?),
            ValueKind::I64 => Self::I64(at.u64()?.cast_signed()),
            ValueKind::F64 => Self::F64(f64::from_bits(at.u64()?)),
            ValueKind::Text => Self::Text(at.text()?),
            ValueKind::Bool => match at.u8()? {
                0 => Self::Bool(false),
                1 => Self::Bool(true),
                _ => return Err(GgufError::NotBool),
            },
        })
    }

    /// The text, when it is one.
    pub const fn as_text(&self) -> Option<&'f str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The truth value, when it is one.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The array, when it is one.
    pub const fn as_array(&self) -> Option<Array<'f>> {
        if let Self::Array(array) = self { Some(*array) } else { None }
    }

    /// The whole number, when it is one that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U8(value) => Some(value.into()),
            Self::U16(value) => Some(value.into()),
            Self::U32(value) => Some(value.into()),
            Self::U64(value) => Some(value),
            Self::I8(value) => value.try_into().ok(),
            Self::I16(value) => value.try_into().ok(),
            Self::I32(value) => value.try_into().ok(),
            Self::I64(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// The number with a fraction, when it is one and finite.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::F32(value) => Some(f64::from(value)),
            Self::F64(value) => Some(value),
            _ => None,
        }
        .filter(|value| value.is_finite())
    }
}

impl<'f> Array<'f> {
    /// Walks over the values once, so that later readers find every one of them well formed.
    fn read(at: &mut Cursor<'f>, kind: ValueKind) -> Result<Self, GgufError> {
        let length = usize::try_from(at.u64()?).map_err(|_| GgufError::Truncated)?;
        // Each value has at least one byte: a length that lies is refused before it is walked.
        let bytes_min = length.checked_mul(kind.bytes_min()).ok_or(GgufError::Truncated)?;
        let mut probe = at.clone();
        let fixed = probe.bytes(bytes_min)?;
        let bytes = match kind {
            ValueKind::Text => {
                probe = at.clone();
                for _ in 0..length {
                    probe.text()?;
                }
                at.bytes(probe.offset() - at.offset())?
            }
            ValueKind::Bool if fixed.iter().any(|&byte| byte > 1) => return Err(GgufError::NotBool),
            _ => at.bytes(bytes_min)?,
        };
        Ok(Self { kind, length, bytes })
    }

    /// The kind of its values.
    pub const fn kind(&self) -> ValueKind {
        self.kind
    }

    /// How many values it has.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Its values in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'f>> + use<'f> {
        let kind = self.kind;
        let mut at = Cursor::new(self.bytes, self.bytes.len());
        // Every value was read once before; the iterator ends early rather than fail.
        (0..self.length).map_while(move |_| Value::read_one(&mut at, kind).ok())
    }

    /// Its texts in order; none when it has values of another kind.
    pub fn texts(&self) -> impl Iterator<Item = &'f str> + use<'f> {
        self.iter().filter_map(|value| value.as_text())
    }
}

impl ValueKind {
    const fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            7 => Self::Bool,
            8 => Self::Text,
            10 => Self::U64,
            11 => Self::I64,
            12 => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of one value in the file; of a text, those of its length.
    const fn bytes_min(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::Text | Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

const ARRAY_ID: u32 = 9;
