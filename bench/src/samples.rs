//! Numbers measured, and what to say of them.

use std::time::Duration;

/// Measured values in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Takes values in any order.
    pub(crate) fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        assert!(!values.is_empty(), "nothing was measured");
        Self(values)
    }

    /// Takes durations, as milliseconds.
    pub(crate) fn of_times(times: impl IntoIterator<Item = Duration>) -> Self {
        Self::new(times.into_iter().map(|time| time.as_secs_f64() * 1e3))
    }

    /// The value that this fraction of all values does not exceed.
    pub(crate) fn quantile(&self, fraction: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a fraction of a length is a place in it"
        )]
        let place = ((self.0.len() - 1) as f64 * fraction).round() as usize;
        self.0[place.min(self.0.len() - 1)]
    }

    /// The middle value.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}
