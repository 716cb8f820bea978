//! Rows of input to a product, and the same rows rounded to bytes where a matrix asks for it.

use super::octets::{self, BLOCK};

/// Rows of numbers, kept from one product to the next so that none is allocated twice.
#[derive(Debug, Default)]
pub struct Input {
    rows: usize,
    width: usize,
    numbers: Vec<f32>,
    octets: Vec<i8>,
    factors: Vec<f32>,
    rounded: bool,
    /// Where a product stands column by column before it is turned.
    product: Vec<f32>,
}

impl Input {
    /// Becomes `rows` rows of `width`, to be written by the caller.
    pub fn set(&mut self, rows: usize, width: usize) -> &mut [f32] {
        self.rows = rows;
        self.width = width;
        self.rounded = false;
        self.numbers.resize(rows * width, 0.0);
        &mut self.numbers
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Numbers in one row.
    pub fn width(&self) -> usize {
        self.width
    }

    pub(super) fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// The rows and an empty product of `columns` for each.
    pub(super) fn plain(&mut self, columns: usize) -> (&[f32], &mut [f32]) {
        self.product.clear();
        self.product.resize(self.rows * columns, 0.0);
        (&self.numbers, &mut self.product)
    }

    /// The rows in bytes with a factor for each block, and an empty product of `columns` for each.
    pub(super) fn octets(&mut self, columns: usize) -> (&[i8], &[f32], &mut [f32]) {
        if !self.rounded {
            self.octets.resize(self.numbers.len(), 0);
            self.factors.resize(self.numbers.len() / BLOCK, 0.0);
            octets::round(&self.numbers, &mut self.octets, &mut self.factors);
            self.rounded = true;
        }
        self.product.clear();
        self.product.resize(self.rows * columns, 0.0);
        (&self.octets, &self.factors, &mut self.product)
    }

    /// Writes the product row by row.
    pub(super) fn turn(&self, out: &mut [f32]) {
        if self.rows == 1 {
            return out.copy_from_slice(&self.product);
        }
        let columns = out.len() / self.rows.max(1);
        for (index, row) in out.chunks_exact_mut(columns).enumerate() {
            for (number, column) in row.iter_mut().zip(self.product.chunks_exact(self.rows)) {
                *number = column.get(index).copied().unwrap_or_default();
            }
        }
    }
}
