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

    /// Lets candle's kernels find out what the processor can do, before the filter for serving.
    ///
    /// # Errors
    /// [`MatrixError`] when candle fails.
    pub fn settle() -> Result<(), MatrixError> {
        blocks::settle()
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
            Weights::Blocks(blocks) => return blocks.apply(self.rows, input, out),
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

#[cfg(test)]
mod tests {
    use candle_core::quantized::QTensor;
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::random::Random;

    /// Numbers around zero.
    fn numbers(count: usize, random: &mut Random) -> Vec<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
        let mut number = || random.fraction() as f32 - 0.5;
        (0..count).map(|_| number()).collect()
    }

    /// The product as the definition has it.
    fn product(rows: &[f32], inputs: &[f32], width: usize) -> Vec<f32> {
        let inputs = inputs.chunks_exact(width);
        let dot = |row: &[f32], input: &[f32]| row.iter().zip(input).map(|(a, b)| a * b).sum();
        inputs.flat_map(|input| rows.chunks_exact(width).map(move |row| dot(row, input))).collect()
    }

    fn assert_close(found: &[f32], expected: &[f32], within: f32) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < within, "{found} for {expected}");
        }
    }

    /// Applies a matrix to some inputs, and checks product and rows against its own numbers.
    fn check(matrix: &Matrix, own: &[f32], count: usize, within: f32) {
        let (rows, width) = (matrix.rows, matrix.width);
        let inputs = numbers(count * width, &mut Random::new(3));
        let mut input = Input::default();
        input.set(count, width).copy_from_slice(&inputs);
        let mut out = vec![f32::NAN; count * rows];
        matrix.apply(&mut input, &mut out).unwrap();
        assert_close(&out, &product(own, &inputs, width), within);
        let mut row = vec![f32::NAN; width];
        for (index, own) in own.chunks_exact(width).enumerate() {
            matrix.row(index, &mut row).unwrap();
            assert_close(&row, own, 1e-6);
        }
    }

    #[test]
    fn plain_numbers_of_any_shape_are_multiplied() {
        let mut random = Random::new(1);
        // Odd sizes, more than one step of the width, and enough for several threads.
        for (rows, width, count) in [(1, 1, 1), (7, 33, 2), (4, 8, 3), (9, 1030, 5), (600, 512, 4)] {
            let single = numbers(rows * width, &mut random);
            let bytes: Vec<u8> = single.iter().flat_map(|number| number.to_le_bytes()).collect();
            check(&Matrix::new(rows, width, Stored::Single, &bytes).unwrap(), &single, count, 2e-4);
            let half: Vec<half::f16> = single.iter().map(|&number| half::f16::from_f32(number)).collect();
            let bytes: Vec<u8> = half.iter().flat_map(|number| number.to_le_bytes()).collect();
            let own: Vec<f32> = half.iter().map(|number| number.to_f32()).collect();
            check(&Matrix::new(rows, width, Stored::Half, &bytes).unwrap(), &own, count, 2e-4);
            let brain: Vec<half::bf16> = single.iter().map(|&number| half::bf16::from_f32(number)).collect();
            let bytes: Vec<u8> = brain.iter().flat_map(|number| number.to_le_bytes()).collect();
            let own: Vec<f32> = brain.iter().map(|number| number.to_f32()).collect();
            check(&Matrix::new(rows, width, Stored::Brain, &bytes).unwrap(), &own, count, 2e-4);
        }
    }

    #[test]
    fn every_kind_of_block_is_multiplied() {
        let (rows, width) = (608, 512);
        let kinds = GgmlType::ALL.iter().filter_map(|&kind| Some((kind, Stored::of_gguf(kind)?)));
        for (kind, stored) in kinds.filter(|(_, stored)| stored.block().0 > 1) {
            let dtype = match stored {
                Stored::Blocks(dtype) => dtype,
                _ => GgmlDType::Q8_0,
            };
            let numbers = numbers(rows * width, &mut Random::new(2));
            let tensor = Tensor::from_vec(numbers, (rows, width), &Device::Cpu).unwrap();
            let packed = QTensor::quantize(&tensor, dtype).unwrap();
            let matrix = Matrix::new(rows, width, stored, &packed.data().unwrap()).unwrap();
            let own = packed.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap();
            for count in [1, 3] {
                // The inputs are rounded to bytes: errors of half a 127th, five hundred of them.
                check(&matrix, &own.to_vec1::<f32>().unwrap(), count, 0.15);
            }
            assert_eq!(kind.block_bytes(), stored.block().1);
        }
    }

    #[test]
    fn half_precision_is_widened_exactly() {
        let all: Vec<u16> = (0..=u16::MAX).collect();
        let mut space = vec![0.0; all.len()];
        for (&bits, &wide) in all.iter().zip(Half::widen(&all, &mut space)) {
            let expected = half::f16::from_bits(bits);
            // Numbers that are not finite do not occur in weights that were trained.
            assert!(!expected.is_finite() || wide.to_bits() == expected.to_f32().to_bits(), "{bits:#x}");
        }
    }

    #[test]
    fn bytes_of_another_size_are_refused() {
        for (width, stored, bytes) in [
            (4, Stored::Half, 7),
            (32, Stored::Octets, 33),
            (31, Stored::Octets, 34),
            (256, Stored::Blocks(GgmlDType::Q4K), 143),
        ] {
            assert!(matches!(
                Matrix::new(1, width, stored, &vec![0; bytes]),
                Err(MatrixError::WrongSize { .. })
            ));
        }
    }
}
