//! The result as a Markdown table.

use std::fmt::Write;

/// What a value must be.
pub(super) enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Shown for comparison only.
    None,
}

/// One line of the table.
pub(super) struct Row {
    /// What was measured.
    pub(super) what: String,
    /// Our side, with its unit.
    pub(super) ours: String,
    /// What it is compared with, with its unit.
    pub(super) limit: String,
    /// The value that the target is about: a ratio, or ours alone.
    pub(super) value: f64,
    /// How the value is written.
    pub(super) ratio: String,
    /// The target.
    pub(super) target: Target,
    /// How the target is written.
    pub(super) wanted: String,
}

impl Row {
    /// Whether there is a target.
    pub(super) fn has_target(&self) -> bool {
        !matches!(self.target, Target::None)
    }

    /// Whether there is a target that was not reached; a value that could not be computed reaches none.
    pub(super) fn is_missed(&self) -> bool {
        match self.target {
            Target::AtLeast(least) => self.value.is_nan() || self.value < least,
            Target::AtMost(most) => self.value.is_nan() || self.value > most,
            Target::None => false,
        }
    }
}

/// Writes the table.
pub(super) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from("| what | ours | limit | ratio | target |\n|---|---:|---:|---:|---|\n");
    for row in rows {
        let verdict = match (row.has_target(), row.is_missed()) {
            (true, true) => " **missed**",
            (true, false) => " met",
            (false, _) => "",
        };
        let Row { what, ours, limit, ratio, wanted, .. } = row;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {what} | {ours} | {limit} | {ratio} | {wanted}{verdict} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: f64, target: Target) -> Row {
        let (what, ours, limit) = ("a".into(), "1".into(), "2".into());
        Row { what, ours, limit, value, ratio: format!("{value:.2}"), target, wanted: "≥ 0.5".into() }
    }

    #[test]
    fn a_target_is_met_at_its_bound_and_never_by_nonsense() {
        assert!(!row(0.5, Target::AtLeast(0.5)).is_missed());
        assert!(row(0.4, Target::AtLeast(0.5)).is_missed());
        assert!(!row(0.5, Target::AtMost(0.5)).is_missed());
        assert!(row(0.6, Target::AtMost(0.5)).is_missed());
        assert!(row(f64::NAN, Target::AtMost(0.5)).is_missed());
        assert!(!row(0.1, Target::None).is_missed());
        assert!(
            markdown(&[row(0.4, Target::AtLeast(0.5))])
                .ends_with("| a | 1 | 2 | 0.40 | ≥ 0.5 **missed** |\n")
        );
    }
}
