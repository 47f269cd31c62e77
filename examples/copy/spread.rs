//! The median and the range of measurements.

/// The median and the range of measurements.
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of nothing, it is 0.
    pub(crate) fn of(measured: impl Iterator<Item = f64>) -> Self {
        let mut sorted = measured.collect::<Vec<_>>();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        Self { median: at(sorted.len() / 2), low: at(0), high: at(sorted.len().saturating_sub(1)) }
    }
}
