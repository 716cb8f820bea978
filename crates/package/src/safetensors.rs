//! The safetensors format, strictly: every byte of the file belongs to the header or to one tensor.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use proto::Code;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Most bytes of header: the format's own ceiling.
pub const HEADER_BYTES_MAX: usize = 100_000_000;
/// Most tensors in one file.
pub const TENSORS_MAX: usize = 65_536;
/// Most bytes of a tensor's name.
pub const NAME_BYTES_MAX: usize = 256;
/// Most dimensions of one tensor.
pub const DIMENSIONS_MAX: usize = 8;
/// Most bytes of all metadata keys and values.
pub const METADATA_BYTES_MAX: usize = 1024 * 1024;

/// What a safetensors file holds. Tensors are in the order of their bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct SafetensorsIndex {
    /// Every tensor, in the order of its bytes.
    pub tensors: Vec<Tensor>,
}

/// One tensor of a safetensors file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// The type of its numbers.
    pub dtype: Dtype,
    /// Its dimensions, outermost first; none is zero.
    pub shape: Vec<usize>,
    /// Where its bytes stand in the file.
    pub range: Range<usize>,
}

/// The type of a tensor's numbers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the variants are the format's own names")]
pub enum Dtype {
    Bool,
    U8,
    I8,
    F8E5M2,
    F8E4M3,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    F64,
    I64,
    U64,
}

impl SafetensorsIndex {
    /// Reads the header of a whole file and checks that it accounts for every byte.
    ///
    /// # Errors
    /// [`SafetensorsError`] for the first thing that is wrong.
    pub fn parse(file: &[u8]) -> Result<Self, SafetensorsError> {
        Self::parse_header(file, file.len() as u64)
    }

    /// Reads the header from the beginning of a file of `file_bytes`, for who need not have all of
    /// it. [`header_end`] says how much is needed.
    ///
    /// # Errors
    /// [`SafetensorsError::Truncated`] when `beginning` ends too early; otherwise the first thing
    /// that is wrong.
    pub fn parse_header(beginning: &[u8], file_bytes: u64) -> Result<Self, SafetensorsError> {
        let end = header_end(beginning)?;
        let file_bytes = usize::try_from(file_bytes).map_err(|_| SafetensorsError::Truncated)?;
        let buffer = file_bytes.checked_sub(end).ok_or(SafetensorsError::Truncated)?;
        let header = beginning.get(8..end).ok_or(SafetensorsError::Truncated)?;
        if header.first() != Some(&b'{') {
            return Err(SafetensorsError::HeaderNotObject);
        }
        let header: Header = serde_json::from_slice(header).map_err(SafetensorsError::Header)?;
        place(header.entries, end, buffer)
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

impl Tensor {
    /// Its bytes, within the file that it was read from. Empty when `file` is another, shorter one.
    pub fn bytes<'f>(&self, file: &'f [u8]) -> &'f [u8] {
        file.get(self.range.clone()).unwrap_or_default()
    }

    /// How many numbers it has.
    pub fn elements(&self) -> usize {
        // Cannot overflow: `parse` multiplied the same dimensions with checks.
        self.shape.iter().product()
    }
}

impl Dtype {
    /// Bytes of one number.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 | Self::F8E5M2 | Self::F8E4M3 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// The format's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::U8 => "U8",
            Self::I8 => "I8",
            Self::F8E5M2 => "F8_E5M2",
            Self::F8E4M3 => "F8_E4M3",
            Self::I16 => "I16",
            Self::U16 => "U16",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::I32 => "I32",
            Self::U32 => "U32",
            Self::F32 => "F32",
            Self::F64 => "F64",
            Self::I64 => "I64",
            Self::U64 => "U64",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dtype| dtype.name() == name)
    }

    const ALL: [Self; 15] = [
        Self::Bool,
        Self::U8,
        Self::I8,
        Self::F8E5M2,
        Self::F8E4M3,
        Self::I16,
        Self::U16,
        Self::F16,
        Self::BF16,
        Self::I32,
        Self::U32,
        Self::F32,
        Self::F64,
        Self::I64,
        Self::U64,
    ];
}

/// Why a safetensors file is refused.
#[derive(Debug, thiserror::Error)]
pub enum SafetensorsError {
    /// It ends within its header.
    #[error("safetensors file ends within its header")]
    Truncated,
    /// The header is over the format's ceiling.
    #[error("safetensors header has {found} bytes, at most {HEADER_BYTES_MAX} are allowed")]
    HeaderTooLarge {
        /// Bytes announced.
        found: usize,
    },
    /// The header does not begin an object at its first byte.
    #[error("safetensors header is no JSON object")]
    HeaderNotObject,
    /// The header is malformed, has a key twice, or passes a ceiling.
    #[error("safetensors header is malformed")]
    Header(#[source] serde_json::Error),
    /// A tensor has numbers of a type that is not supported.
    #[error("tensor {name:?} has a type of numbers that is not supported")]
    Dtype {
        /// The tensor.
        name: String,
    },
    /// A tensor's dimensions are zero, or more than memory can have.
    #[error("tensor {name:?} has a dimension of zero, or too many numbers")]
    Shape {
        /// The tensor.
        name: String,
    },
    /// A tensor's bytes are not as many as its type and dimensions say.
    #[error("tensor {name:?} has {found} bytes, its type and dimensions say {expected}")]
    WrongSize {
        /// The tensor.
        name: String,
        /// Bytes between its offsets.
        found: usize,
        /// Bytes of its numbers.
        expected: usize,
    },
    /// Two tensors overlap, or bytes belong to none, or they lie outside the file.
    #[error("tensor {name:?} does not begin where the one before it ends")]
    NotContiguous {
        /// The tensor.
        name: String,
    },
    /// The last tensor does not end where the file ends.
    #[error("tensors end at byte {found}, the file has {expected}")]
    WrongEnd {
        /// Where the tensors end.
        found: usize,
        /// Where the file ends.
        expected: usize,
    },
}

impl SafetensorsError {
    /// The code under which operators know it.
    pub const fn code(&self) -> Code {
        match self {
            Self::Dtype { .. } => Code::FormatUnsupported,
            _ => Code::FormatInvalid,
        }
    }
}

/// Where a file's header ends, from its first eight bytes.
///
/// # Errors
/// [`SafetensorsError`] when there are fewer, or the header is over its ceiling.
pub fn header_end(beginning: &[u8]) -> Result<usize, SafetensorsError> {
    let length = beginning.first_chunk::<8>().ok_or(SafetensorsError::Truncated)?;
    match usize::try_from(u64::from_le_bytes(*length)) {
        Ok(length) if length <= HEADER_BYTES_MAX => Ok(8 + length),
        found => Err(SafetensorsError::HeaderTooLarge { found: found.unwrap_or(usize::MAX) }),
    }
}

/// Puts the tensors in the order of their bytes and checks that they fill the file.
fn place(
    mut entries: Vec<(String, Entry<'_>)>,
    base: usize,
    buffer_bytes: usize,
) -> Result<SafetensorsIndex, SafetensorsError> {
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut tensors = Vec::with_capacity(entries.len());
    let mut end = 0;
    for (name, entry) in entries {
        let Some(dtype) = Dtype::parse(&entry.dtype) else {
            return Err(SafetensorsError::Dtype { name });
        };
        let shape = entry.shape.0;
        let elements = shape.iter().try_fold(1_usize, |product, &size| match size {
            0 => None,
            _ => product.checked_mul(size),
        });
        let Some(expected) = elements.and_then(|elements| elements.checked_mul(dtype.bytes())) else {
            return Err(SafetensorsError::Shape { name });
        };
        let [from, to] = entry.data_offsets;
        if from != end || to < from || to > buffer_bytes {
            return Err(SafetensorsError::NotContiguous { name });
        }
        if to - from != expected {
            return Err(SafetensorsError::WrongSize { name, found: to - from, expected });
        }
        end = to;
        tensors.push(Tensor { name, dtype, shape, range: base + from..base + to });
    }
    if end == buffer_bytes {
        Ok(SafetensorsIndex { tensors })
    } else {
        Err(SafetensorsError::WrongEnd { found: base + end, expected: base + buffer_bytes })
    }
}

/// The header: `__metadata__` is checked and dropped, everything else is a tensor.
struct Header<'h> {
    entries: Vec<(String, Entry<'h>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'h> {
    #[serde(borrow)]
    dtype: Cow<'h, str>,
    shape: Shape,
    data_offsets: [usize; 2],
}

struct Shape(Vec<usize>);

impl<'de: 'h, 'h> Deserialize<'de> for Header<'h> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(HeaderVisitor(std::marker::PhantomData))
    }
}

struct HeaderVisitor<'h>(std::marker::PhantomData<&'h ()>);

impl<'de: 'h, 'h> Visitor<'de> for HeaderVisitor<'h> {
    type Value = Header<'h>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header<'h>, A::Error> {
        let mut entries = Vec::new();
        let mut names = BTreeSet::new();
        while let Some(Name(name)) = map.next_key()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a key stands twice"));
            }
            if name == "__metadata__" {
                map.next_value::<Metadata>()?;
            } else if entries.len() == TENSORS_MAX {
                return Err(A::Error::custom("too many tensors"));
            } else {
                entries.push((name, map.next_value()?));
            }
        }
        Ok(Header { entries })
    }
}

/// A name, refused before it is copied when it is too long.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
        if (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control) {
            Ok(Name(name.to_owned()))
        } else {
            Err(E::custom("a name is empty, too long, or has control characters"))
        }
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of dimensions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut shape = Vec::new();
        while let Some(size) = items.next_element()? {
            if shape.len() == DIMENSIONS_MAX {
                return Err(A::Error::custom("too many dimensions"));
            }
            shape.push(size);
        }
        Ok(Shape(shape))
    }
}

/// Texts by name. Nothing of ours uses them; they are only read to be bounded.
struct Metadata;

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MetadataVisitor)
    }
}

struct MetadataVisitor;

impl<'de> Visitor<'de> for MetadataVisitor {
    type Value = Metadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
        let mut keys = BTreeSet::new();
        let mut left = METADATA_BYTES_MAX;
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            left = left
                .checked_sub(key.len() + value.len())
                .ok_or_else(|| A::Error::custom("too much metadata"))?;
            if !keys.insert(key) {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Metadata)
    }
}
