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
    /// Its bytes; none when only the file's header was read.
    pub bytes: &'f [u8],
}

impl<'f> GgufIndex<'f> {
    /// Reads a whole file's metadata and tensor list, and checks that they account for every byte.
    ///
    /// # Errors
    /// [`GgufError`] for the first thing that is wrong.
    pub fn parse(file: &'f [u8]) -> Result<Self, GgufError> {
        let (mut index, gaps) = Self::parse_header(file, file.len() as u64)?;
        for gap in gaps {
            padding_is_zero(file.get(gap).ok_or(GgufError::Truncated)?)?;
        }
        for tensor in &mut index.tensors {
            tensor.bytes = file
                .get(tensor.range.clone())
                .ok_or_else(|| GgufError::OutsideFile { name: tensor.name.to_owned() })?;
        }
        Ok(index)
    }

    /// Reads metadata and tensor list from the beginning of a file of `file_bytes`, for who need not
    /// have all of it. Tensors have their ranges but no bytes. Also says where the gaps between them
    /// are, whose bytes [`padding_is_zero`] must be asked about.
    ///
    /// # Errors
    /// [`GgufError::Truncated`] when `beginning` ends too early; otherwise the first thing that is
    /// wrong.
    pub fn parse_header(
        beginning: &'f [u8],
        file_bytes: u64,
    ) -> Result<(Self, Vec<Range<usize>>), GgufError> {
        let mut at = Cursor::new(beginning, HEADER_BYTES_MAX);
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
        let end = usize::try_from(file_bytes).map_err(|_| GgufError::Truncated)?;
        let mut gaps = Vec::new();
        let tensors = place(at.offset()..end, alignment, announced, &mut gaps)?;
        Ok((Self { version, alignment, metadata, tensors }, gaps))
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

/// Gives each tensor its range within `file`, which begins behind the tensor list: each begins where
/// the one before it ended and was padded, so that none overlap and nothing lies between but padding.
fn place<'f>(
    file: Range<usize>,
    alignment: usize,
    announced: Vec<Announced<'f>>,
    gaps: &mut Vec<Range<usize>>,
) -> Result<Vec<GgufTensor<'f>>, GgufError> {
    let mut names = std::collections::BTreeSet::new();
    let mut tensors = Vec::with_capacity(announced.len());
    let base = align(file.start, alignment).ok_or(GgufError::Truncated)?;
    let mut end = file.start;
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
        let to = from.checked_add(bytes).filter(|&to| to <= file.end).ok_or_else(outside)?;
        if end < from {
            gaps.push(end..from);
        }
        end = to;
        tensors.push(GgufTensor { name, dtype, dimensions, range: from..to, bytes: &[] });
    }
    // The end of the last tensor, or of a list without tensors, may be padded like the others, or not.
    if end != file.end && align(end, alignment) != Some(file.end) {
        return Err(GgufError::WrongEnd { found: end, expected: file.end });
    }
    if end < file.end {
        gaps.push(end..file.end);
    }
    Ok(tensors)
}

fn align(offset: usize, alignment: usize) -> Option<usize> {
    offset.checked_next_multiple_of(alignment)
}

/// Checks the bytes of one gap: what belongs to nothing must say nothing.
///
/// # Errors
/// [`GgufError::Padding`] when a byte is not zero.
pub fn padding_is_zero(gap: &[u8]) -> Result<(), GgufError> {
    if gap.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(GgufError::Padding) }
}
