//! Alternating rounds and their medians.

use std::time::Duration;

/// How often and how long both sides of a comparison are measured.
pub(super) struct Rounds {
    /// How many rounds.
    pub(super) count: u32,
    /// How long one side of one round lasts.
    pub(super) span: Duration,
}

/// The two sides of a comparison, one measurement a round.
#[derive(Default)]
pub(super) struct Comparison {
    rounds: Vec<(f64, f64)>,
}

impl Comparison {
    /// Adds a round.
    pub(super) fn add(&mut self, what: &str, ours: f64, limit: f64) {
        println!("  {what}, round {}: {ours:.1} against {limit:.1}", self.rounds.len() + 1);
        self.rounds.push((ours, limit));
    }

    /// The median of our side.
    pub(super) fn ours(&self) -> f64 {
        median(self.rounds.iter().map(|(ours, _)| *ours))
    }

    /// The median of the limit.
    pub(super) fn limit(&self) -> f64 {
        median(self.rounds.iter().map(|(_, limit)| *limit))
    }

    /// The median of the rounds' ratios.
    pub(super) fn ratio(&self) -> f64 {
        median(self.rounds.iter().map(|(ours, limit)| ours / limit))
    }
}

/// The middle value, the lower one of two; not a number where there is none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(values, 1, 2)
}

/// The value that `numerator / denominator` of all values do not exceed.
pub(super) fn quantile(values: impl Iterator<Item = f64>, numerator: usize, denominator: usize) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * numerator).div_ceil(denominator);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_ratios_not_the_ratio_of_medians() {
        let mut comparison = Comparison::default();
        for (ours, limit) in [(10.0, 20.0), (30.0, 40.0), (20.0, 100.0)] {
            comparison.add("test", ours, limit);
        }
        assert!((comparison.ratio() - 0.5).abs() < 1e-9);
        assert!((comparison.ours() - 20.0).abs() < 1e-9);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values = || (1..=200).rev().map(f64::from);
        assert!((quantile(values(), 99, 100) - 198.0).abs() < 1e-9);
        assert!((median(values()) - 100.0).abs() < 1e-9);
        assert!(median(std::iter::empty()).is_nan());
    }
}
