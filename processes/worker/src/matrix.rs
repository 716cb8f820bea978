//! A weight matrix, and its product with rows of input.

mod blocks;
mod input;
mod octets;
mod plain;

use candle_core::quantized::GgmlDType;
use package::gguf::GgmlType;
use package::safetensors::Dtype;

use blocks::Blocks;
pub(crate) use input::Input;
use octets::Octets;
use plain::Plain;
pub(crate) use plain::{Brain, Half, Number, Single, dots};

use crate::threads;

/// Rows of weights as the package has them: none is widened or rounded when it is loaded.
#[derive(Debug)]
pub struct Matrix {
    rows: usize,
    width: usize,
    weights: Weights,
}

#[derive(Debug)]
enum Weights {
    Single(Plain<Single>),
    Half(Plain<Half>),
    Brain(Plain<Brain>),
    Octets(Octets),
    Blocks(Blocks),
}

/// The type of a matrix's numbers in its file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stored {
    /// Four bytes each.
    Single,
    /// IEEE half precision.
    Half,
    /// The upper half of four bytes.
    Brain,
    /// Blocks of 32 bytes with one factor.
    Octets,
    /// Any other of GGUF's blocks, left to candle.
    Blocks(GgmlDType),
}

impl Stored {
    /// The type of a safetensors tensor, when it is one that weights may have.
    pub fn of_safetensors(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F32 => Some(Self::Single),
            Dtype::F16 => Some(Self::Half),
            Dtype::BF16 => Some(Self::Brain),
            _ => None,
        }
    }

    /// The type of a GGUF tensor, when it is one that weights may have.
    pub fn of_gguf(dtype: GgmlType) -> Option<Self> {
        Some(match dtype {
            GgmlType::F32 => Self::Single,
            GgmlType::F16 => Self::Half,
            GgmlType::BF16 => Self::Brain,
            GgmlType::Q8_0 => Self::Octets,
            GgmlType::Q4_0 => Self::Blocks(GgmlDType::Q4_0),
            GgmlType::Q4_1 => Self::Blocks(GgmlDType::Q4_1),
            GgmlType::Q5_0 => Self::Blocks(GgmlDType::Q5_0),
            GgmlType::Q5_1 => Self::Blocks(GgmlDType::Q5_1),
            GgmlType::Q2_K => Self::Blocks(GgmlDType::Q2K),
            GgmlType::Q3_K => Self::Blocks(GgmlDType::Q3K),
            GgmlType::Q4_K => Self::Blocks(GgmlDType::Q4K),
            GgmlType::Q5_K => Self::Blocks(GgmlDType::Q5K),
            GgmlType::Q6_K => Self::Blocks(GgmlDType::Q6K),
            // Blocks for products within a computation, not for storage.
            GgmlType::Q8_1 | GgmlType::Q8_K => return None,
        })
    }

    /// Numbers in one block and its bytes.
    pub fn block(self) -> (usize, usize) {
        match self {
            Self::Single => (1, 4),
            Self::Half | Self::Brain => (1, 2),
            Self::Octets => (octets::BLOCK, octets::BLOCK_BYTES),
            Self::Blocks(dtype) => (dtype.block_size(), dtype.type_size()),
        }
    }
}

impl Matrix {
    /// Takes a matrix's bytes as its file has them.
    ///
    /// # Errors
    /// [`MatrixError`] when they are not as many as rows, width and type say, or candle refuses them.
    pub fn new(rows: usize, width: usize, stored: Stored, bytes: &[u8]) -> Result<Self, MatrixError> {
        let (elements, block_bytes) = stored.block();
        let expected = (rows * width / elements) * block_bytes;
        if !width.is_multiple_of(elements) || bytes.len() != expected {
            return Err(MatrixError::WrongSize { found: bytes.len(), expected });
        }
        let weights = match stored {
            Stored::Single => Weights::Single(Plain::new(bytes)),
            Stored::Half => Weights::Half(Plain::new(bytes)),
            Stored::Brain => Weights::Brain(Plain::new(bytes)),
            Stored::Octets => Weights::Octets(Octets::new(bytes)),
            Stored::Blocks(dtype) => Weights::Blocks(Blocks::new(rows, width, dtype, bytes)?),
        };
        Ok(Self { rows, width, weights })
    }

    /// How many rows it has: the width of its product.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Multiplies every row of `input` with every row of the matrix. `out` gets one row for each of
    /// `input`'s.
    ///
    /// # Errors
    /// [`MatrixError`] when the shapes do not fit, or candle fails.
    pub fn apply(&self, input: &mut Input, out: &mut [f32]) -> Result<(), MatrixError> {
        let count = input.rows();
        if input.width() != self.width || out.len() != count * self.rows {
            return Err(MatrixError::Shape);
        }
        match &self.weights {
            Weights::Blocks(blocks) => return blocks.apply(input, out),
            Weights::Single(plain) => plain.apply(self.rows, input, out),
            Weights::Half(plain) => plain.apply(self.rows, input, out),
            Weights::Brain(plain) => plain.apply(self.rows, input, out),
            Weights::Octets(octets) => octets.apply(self.rows, input, out),
        }
        Ok(())
    }

    /// Writes one of its rows, as plain numbers: an embedding.
    ///
    /// # Errors
    /// [`MatrixError`] when there is no such row, or candle fails.
    pub fn row(&self, row: usize, out: &mut [f32]) -> Result<(), MatrixError> {
        if row >= self.rows || out.len() != self.width {
            return Err(MatrixError::Shape);
        }
        match &self.weights {
            Weights::Single(plain) => plain.row(row, out),
            Weights::Half(plain) => plain.row(row, out),
            Weights::Brain(plain) => plain.row(row, out),
            Weights::Octets(octets) => octets.row(row, out),
            Weights::Blocks(blocks) => return blocks.row(row, out),
        }
        Ok(())
    }
}

/// Why a product cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// The bytes are not those of such a matrix.
    #[error("matrix has {found} bytes, its type and dimensions say {expected}")]
    WrongSize {
        /// Bytes that there are.
        found: usize,
        /// Bytes that there should be.
        expected: usize,
    },
    /// Input or output do not fit the matrix.
    #[error("input or output has another shape than the matrix asks for")]
    Shape,
    /// candle's kernel failed.
    #[error("the arithmetic library failed")]
    Candle(#[from] candle_core::Error),
}

/// Rows of weights in one part of work.
fn part(rows: usize, width: usize, count: usize) -> usize {
    let parts = threads::parts(rows * width * count);
    // Whole tiles, so that only the last part has a remainder.
    rows.div_ceil(parts).next_multiple_of(plain::TILE_ROWS)
}
