//! One thing, measured several times.

use std::time::Duration;

/// Measurements in the order in which they were taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Adds a time, which is kept in seconds.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64());
    }

    /// The middle one, or halfway between both; 0 if there is none.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match (sorted.get(middle), sorted.len() % 2) {
            (None, _) => 0.0,
            (Some(value), 1) => *value,
            (Some(above), _) => f64::midpoint(sorted[middle - 1], *above),
        }
    }

    /// The least; 0 if there is none.
    pub(crate) fn minimum(&self) -> f64 {
        self.0.iter().copied().min_by(f64::total_cmp).unwrap_or(0.0)
    }

    /// The greatest; 0 if there is none.
    pub(crate) fn maximum(&self) -> f64 {
        self.0.iter().copied().max_by(f64::total_cmp).unwrap_or(0.0)
    }

    /// Each divided by the other's that was taken in the same round, so that a machine that is
    /// slower for a while slows both.
    pub(crate) fn ratio(&self, other: &Self) -> Self {
        self.paired(other, |one, other| one / other)
    }

    /// Each less the other's of the same round.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.paired(other, |one, other| one - other)
    }

    fn paired(&self, other: &Self, with: impl Fn(f64, f64) -> f64) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(one, other)| with(*one, *other)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, median) in [
            (vec![], 0.0),
            (vec![3.0], 3.0),
            (vec![4.0, 1.0], 2.5),
            (vec![9.0, 1.0, 2.0], 2.0),
        ] {
            assert!((Samples(values).median() - median).abs() < 1e-9);
        }
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let (one, other) = (Samples(vec![2.0, 9.0]), Samples(vec![1.0, 3.0]));
        assert_eq!(one.ratio(&other), Samples(vec![2.0, 3.0]));
    }
}
