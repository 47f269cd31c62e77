//! [`Spread`]: the median of several measurements, and their spread.

use serde::Serialize;

/// The median of several measurements, and their spread.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    /// Half of them are not above it.
    pub(crate) median: f64,
    /// The lower end: the smallest, or the first quartile.
    pub(crate) low: f64,
    /// The upper end: the largest, or the third quartile.
    pub(crate) high: f64,
    /// How many there are.
    pub(crate) count: usize,
}

impl Spread {
    /// Median and range.
    pub(crate) fn range(measured: &[f64]) -> Self {
        Self::between(measured, 0.0, 1.0)
    }

    /// Median and quartiles: for many measurements, some of which are disturbed by other load.
    pub(crate) fn quartiles(measured: &[f64]) -> Self {
        Self::between(measured, 0.25, 0.75)
    }

    /// A figure that is the same in every measurement.
    pub(crate) fn exact(figure: f64) -> Self {
        Self { median: figure, low: figure, high: figure, count: 1 }
    }

    /// The largest distance of the ends from the median.
    pub(crate) fn deviation(&self) -> f64 {
        (self.high - self.median).max(self.median - self.low)
    }

    fn between(measured: &[f64], low: f64, high: f64) -> Self {
        assert!(!measured.is_empty(), "nothing was measured");
        let mut sorted = measured.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len() - 1;
        let at = |share: f64| sorted[(share * last as f64).round() as usize];
        Self { median: at(0.5), low: at(low), high: at(high), count: sorted.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads() {
        let spread = Spread::range(&[3.0, 1.0, 2.0]);
        assert_eq!((spread.median, spread.low, spread.high, spread.count), (2.0, 1.0, 3.0, 3));
        assert_eq!(spread.deviation(), 1.0);
        let spread = Spread::quartiles(&[9.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!((spread.median, spread.low, spread.high), (3.0, 2.0, 4.0));
    }
}
