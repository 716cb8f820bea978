//! The GGUF format (versions 2 and 3, little-endian), strictly, over the bytes of a whole file.
//!
//! Nothing is allocated by a length that the file claims: every length is first compared with the
//! bytes that are there. Texts, arrays and tensors are views into the file.

mod cursor;
mod dtype;
mod error;
mod value;

use std::collections::BTreeMap;
use std::ops::Range;

use cursor::Cursor;
pub use dtype::GgmlType;
pub use error::GgufError;
pub use value::{Array, Value, ValueKind};

/// Most metadata entries.
pub const METADATA_MAX: usize = 4096;
/// Most bytes from the start of the file to the end of its tensor list.
pub const HEADER_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most tensors.
pub const TENSORS_MAX: usize = 65_536;
/// Most bytes of a metadata key or a tensor's name.
pub const NAME_BYTES_MAX: usize = 256;
/// Most dimensions of one tensor: the format's own ceiling.
pub const DIMENSIONS_MAX: usize = 4;
/// The alignment of a file that names none.
pub const ALIGNMENT_DEFAULT: usize = 32;
/// Largest alignment.
pub const ALIGNMENT_MAX: usize = 65_536;

/// What a GGUF file holds.
#[derive(Clone, Debug)]
pub struct GgufIndex<'f> {
    /// 2 or 3.
    pub version: u32,
    /// What every tensor's first byte is a multiple of, counted from the first tensor's.
    pub alignment: usize,
    /// Metadata by key.
    pub metadata: BTreeMap<&'f str, Value<'f>>,
    /// Every tensor, in the order of its bytes.
    pub tensors: Vec<GgufTensor<'f>>,
}

/// One tensor of a GGUF file.
#[derive(Clone, Debug)]
pub struct GgufTensor<'f> {
    /// Its name.
    pub name: &'f str,
    /// The type of its blocks.
    pub dtype: GgmlType,
    /// Its dimensions in the file's order: **innermost first**; none is zero.
    pub dimensions: Vec<usize>,
    /// Where its bytes stand in the file.
    pub range: Range<usize>,
    /// Its bytes.
    pub bytes: &'f [u8],
}

impl<'f> GgufIndex<'f> {
    /// Reads a whole file's metadata and tensor list, and checks that they account for every byte.
    ///
    /// # Errors
    /// [`GgufError`] for the first thing that is wrong.
    pub fn parse(file: &'f [u8]) -> Result<Self, GgufError> {
        let mut at = Cursor::new(file, HEADER_BYTES_MAX);
        if at.bytes(4)? != b"GGUF" {
            return Err(GgufError::Magic);
        }
        let version = at.u32()?;
        if !matches!(version, 2 | 3) {
            return Err(GgufError::Version { found: version });
        }
        let tensors = count(at.u64()?, TENSORS_MAX, "tensors")?;
        let entries = count(at.u64()?, METADATA_MAX, "metadata entries")?;
        let metadata = metadata(&mut at, entries)?;
        let alignment = alignment(&metadata)?;
        let announced = (0..tensors).map(|_| announce(&mut at)).collect::<Result<Vec<_>, _>>()?;
        let base = align(at.offset(), alignment).ok_or(GgufError::Truncated)?;
        padding_is_zero(file, at.offset()..base)?;
        let tensors = place(file, base, alignment, announced)?;
        Ok(Self { version, alignment, metadata, tensors })
    }

    /// The metadata value of that key.
    pub fn get(&self, key: &str) -> Option<&Value<'f>> {
        self.metadata.get(key)
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&GgufTensor<'f>> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

impl GgufTensor<'_> {
    /// How many numbers it has.
    pub fn elements(&self) -> usize {
        // Cannot overflow: `parse` multiplied the same dimensions with checks.
        self.dimensions.iter().product()
    }

    /// Its dimensions as safetensors and most libraries have them: outermost first.
    pub fn shape(&self) -> Vec<usize> {
        self.dimensions.iter().rev().copied().collect()
    }
}

/// A tensor as the list announces it, its place not yet checked.
struct Announced<'f> {
    name: &'f str,
    dtype: GgmlType,
    dimensions: Vec<usize>,
    bytes: usize,
    offset: u64,
}

fn count(found: u64, max: usize, what: &'static str) -> Result<usize, GgufError> {
    usize::try_from(found).ok().filter(|&found| found <= max).ok_or(GgufError::TooMany { what, found })
}

fn metadata<'f>(at: &mut Cursor<'f>, entries: usize) -> Result<BTreeMap<&'f str, Value<'f>>, GgufError> {
    let mut metadata = BTreeMap::new();
    for _ in 0..entries {
        let key = at.name()?;
        let value = Value::read(at, key)?;
        if metadata.insert(key, value).is_some() {
            return Err(GgufError::DuplicateKey { key: key.to_owned() });
        }
    }
    Ok(metadata)
}

fn alignment(metadata: &BTreeMap<&str, Value<'_>>) -> Result<usize, GgufError> {
    let found = match metadata.get("general.alignment") {
        None => return Ok(ALIGNMENT_DEFAULT),
        Some(Value::U32(found)) => *found as usize,
        Some(_) => 0,
    };
    if found.is_power_of_two() && (8..=ALIGNMENT_MAX).contains(&found) {
        Ok(found)
    } else {
        Err(GgufError::Alignment)
    }
}

fn announce<'f>(at: &mut Cursor<'f>) -> Result<Announced<'f>, GgufError> {
    let name = at.name()?;
    let wrong = || GgufError::Shape { name: name.to_owned() };
    let ranks = at.u32()? as usize;
    if !(1..=DIMENSIONS_MAX).contains(&ranks) {
        return Err(wrong());
    }
    let mut dimensions = Vec::with_capacity(ranks);
    for _ in 0..ranks {
        dimensions.push(usize::try_from(at.u64()?).ok().filter(|&size| size > 0).ok_or_else(wrong)?);
    }
    let id = at.u32()?;
    let dtype = GgmlType::from_id(id).ok_or_else(|| GgufError::Dtype { name: name.to_owned(), id })?;
    let row = dimensions.first().copied().unwrap_or(0);
    if row % dtype.block_elements() != 0 {
        return Err(wrong());
    }
    let elements = dimensions.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    let bytes = elements
        .and_then(|elements| (elements / dtype.block_elements()).checked_mul(dtype.block_bytes()))
        .ok_or_else(wrong)?;
    Ok(Announced { name, dtype, dimensions, bytes, offset: at.u64()? })
}

/// Gives each tensor its bytes: each begins where the one before it ended and was padded, so that
/// none overlap and nothing lies between.
fn place<'f>(
    file: &'f [u8],
    base: usize,
    alignment: usize,
    announced: Vec<Announced<'f>>,
) -> Result<Vec<GgufTensor<'f>>, GgufError> {
    let mut names = std::collections::BTreeSet::new();
    let mut tensors = Vec::with_capacity(announced.len());
    let mut end = base;
    for tensor in announced {
        let Announced { name, dtype, dimensions, bytes, offset } = tensor;
        if !names.insert(name) {
            return Err(GgufError::DuplicateTensor { name: name.to_owned() });
        }
        let outside = || GgufError::OutsideFile { name: name.to_owned() };
        let from = align(end, alignment).ok_or_else(outside)?;
        if usize::try_from(offset).ok().and_then(|offset| base.checked_add(offset)) != Some(from) {
            return Err(GgufError::NotContiguous { name: name.to_owned() });
        }
        let to = from.checked_add(bytes).ok_or_else(outside)?;
        let slice = file.get(from..to).ok_or_else(outside)?;
        padding_is_zero(file, end..from)?;
        end = to;
        tensors.push(GgufTensor { name, dtype, dimensions, range: from..to, bytes: slice });
    }
    // The last tensor may be padded like the others, or not.
    let left = file.len().saturating_sub(end);
    if left != 0 && align(end, alignment) != Some(file.len()) {
        return Err(GgufError::WrongEnd { found: end, expected: file.len() });
    }
    padding_is_zero(file, end..file.len().max(end))?;
    Ok(tensors)
}

fn align(offset: usize, alignment: usize) -> Option<usize> {
    offset.checked_next_multiple_of(alignment)
}

/// Bytes that belong to nothing must say nothing. A file without tensors may end before them.
fn padding_is_zero(file: &[u8], range: Range<usize>) -> Result<(), GgufError> {
    let padding = file.get(range.start..range.end.min(file.len()).max(range.start)).unwrap_or_default();
    if padding.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(GgufError::Padding) }
}
