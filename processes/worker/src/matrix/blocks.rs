//! Weights in GGUF's other blocks, multiplied by candle.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Storage, Tensor};

use super::{Input, MatrixError};

/// Weights as candle keeps them.
#[derive(Debug)]
pub(super) struct Blocks(QTensor);

impl Blocks {
    pub(super) fn new(
        rows: usize,
        width: usize,
        dtype: GgmlDType,
        bytes: &[u8],
    ) -> Result<Self, MatrixError> {
        // candle insists on an address that is a multiple of four; a fresh copy has one.
        let bytes = bytes.to_vec();
        let storage = QStorage::from_data(Cow::Owned(bytes), &Device::Cpu, dtype)?;
        Ok(Self(QTensor::new(storage, (rows, width))?))
    }

    pub(super) fn apply(&self, input: &Input, out: &mut [f32]) -> Result<(), MatrixError> {
        let rows = Tensor::from_slice(input.numbers(), (input.rows(), input.width()), &Device::Cpu)?;
        copy(&rows.apply_op1_no_bwd(&self.0)?, out)
    }

    pub(super) fn row(&self, row: usize, out: &mut [f32]) -> Result<(), MatrixError> {
        let row = u32::try_from(row).map_err(|_| MatrixError::Shape)?;
        copy(&self.0.embedding(&Tensor::new(&[row], &Device::Cpu)?)?, out)
    }
}

fn copy(from: &Tensor, to: &mut [f32]) -> Result<(), MatrixError> {
    let (storage, layout) = from.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { return Err(MatrixError::Shape) };
    let numbers = storage.as_slice::<f32>()?.get(layout.start_offset()..).unwrap_or_default();
    if numbers.len() != to.len() {
        return Err(MatrixError::Shape);
    }
    to.copy_from_slice(numbers);
    Ok(())
}
