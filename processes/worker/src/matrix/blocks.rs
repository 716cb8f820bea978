//! Weights in GGUF's other blocks, multiplied by candle.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{DType, Device, Storage, Tensor};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::{Input, MatrixError};
use crate::threads;

/// Weights as candle keeps them, some rows after the others, so that threads can share the work.
#[derive(Debug)]
pub(super) struct Blocks {
    shards: Vec<QTensor>,
    /// Rows of every shard but the last.
    rows: usize,
}

impl Blocks {
    pub(super) fn new(
        rows: usize,
        width: usize,
        dtype: GgmlDType,
        bytes: &[u8],
    ) -> Result<Self, MatrixError> {
        let shards = threads::parts(rows * width).min(rayon::current_num_threads());
        let shard_rows = rows.div_ceil(shards).next_multiple_of(TILE_ROWS);
        let row_bytes = bytes.len() / rows.max(1);
        let shards = bytes.chunks(shard_rows * row_bytes).map(|bytes| {
            let shape = (bytes.len() / row_bytes, width);
            // candle insists on an address that is a multiple of four; a fresh copy has one.
            let storage = QStorage::from_data(Cow::Owned(bytes.to_vec()), &Device::Cpu, dtype)?;
            QTensor::new(storage, shape)
        });
        Ok(Self { shards: shards.collect::<Result<_, _>>()?, rows: shard_rows })
    }

    pub(super) fn apply(&self, rows: usize, input: &Input, out: &mut [f32]) -> Result<(), MatrixError> {
        let inputs = Tensor::from_slice(input.numbers(), (input.rows(), input.width()), &Device::Cpu)?;
        let products: Vec<Tensor> =
            self.shards.par_iter().map(|shard| inputs.apply_op1_no_bwd(shard)).collect::<Result<_, _>>()?;
        let mut first = 0;
        for product in products {
            let width = product.dim(1)?;
            read(&product, |numbers| {
                for (out, numbers) in out.chunks_exact_mut(rows).zip(numbers.chunks_exact(width)) {
                    if let Some(out) = out.get_mut(first..first + width) {
                        out.copy_from_slice(numbers);
                    }
                }
            })?;
            first += width;
        }
        Ok(())
    }

    pub(super) fn row(&self, row: usize, out: &mut [f32]) -> Result<(), MatrixError> {
        let shard = self.shards.get(row / self.rows).ok_or(MatrixError::Shape)?;
        let row = u32::try_from(row % self.rows).map_err(|_| MatrixError::Shape)?;
        let found = shard.embedding(&Tensor::new(&[row], &Device::Cpu)?)?;
        read(&found, |numbers| out.copy_from_slice(numbers.get(..out.len()).unwrap_or_default()))
    }
}

/// Makes candle find out now what the processor can do. For some blocks it asks the kernel, when it
/// first multiplies this many rows, whether it may use a matrix unit (AMX): once the worker serves, its
/// filter would kill it for asking.
pub(super) fn settle() -> Result<(), MatrixError> {
    const ROWS: usize = 32;
    const BLOCK: usize = 256;
    let zeros = |rows| Tensor::zeros((rows, BLOCK), DType::F32, &Device::Cpu);
    zeros(ROWS)?.apply_op1_no_bwd(&QTensor::quantize(&zeros(TILE_ROWS)?, GgmlDType::Q4K)?)?;
    Ok(())
}

/// Rows that candle's fastest kernels multiply together.
const TILE_ROWS: usize = 16;

fn read(tensor: &Tensor, with: impl FnOnce(&[f32])) -> Result<(), MatrixError> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { return Err(MatrixError::Shape) };
    let numbers = storage.as_slice::<f32>()?.get(layout.start_offset()..).unwrap_or_default();
    if numbers.len() != tensor.elem_count() {
        return Err(MatrixError::Shape);
    }
    with(numbers);
    Ok(())
}
