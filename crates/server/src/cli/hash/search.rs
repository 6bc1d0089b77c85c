//! Which parameters come next: as much memory as the target allows, then passes.

use std::time::Duration;

/// The least that is safe (OWASP Password Storage Cheat Sheet, 2024).
const LEAST: Cost = Cost { memory_kib: 19_456, iterations: 2 };
/// The most passes that can be configured.
const MOST_ITERATIONS: u32 = 16;
/// Memory is looked for in steps of a MiB.
const STEP_KIB: u32 = 1024;
/// How many costs are measured at the most.
pub(super) const MOST_STEPS: usize = 6;

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) iterations: u32,
}

impl Cost {
    fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }
}

/// A cost and the time it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) cost: Cost,
    pub(super) time: Duration,
}

/// A search that ends: each step goes where the last measurement says that the target is.
pub(super) struct Search {
    target: Duration,
    max_memory_kib: u32,
    measured: Vec<Measured>,
}

impl Search {
    pub(super) const fn new(target: Duration, max_memory_kib: u32) -> Self {
        let max_memory_kib =
            if max_memory_kib < LEAST.memory_kib { LEAST.memory_kib } else { max_memory_kib };
        Self { target, max_memory_kib, measured: Vec::new() }
    }

    /// What to measure next; nothing where it would be what was measured before.
    pub(super) fn next(&self) -> Option<Cost> {
        let Some(last) = self.measured.last() else { return Some(LEAST) };
        if self.measured.len() >= MOST_STEPS {
            return None;
        }
        let next = self.cost_of_target(*last);
        let is_known = self.measured.iter().any(|known| known.cost == next);
        (!is_known).then_some(next)
    }

    pub(super) fn learn(&mut self, measured: Measured) {
        self.measured.push(measured);
    }

    pub(super) fn steps(&self) -> usize {
        self.measured.len()
    }

    pub(super) fn measured(&self) -> &[Measured] {
        &self.measured
    }

    /// The most work within the target; where nothing is, the least that is safe.
    pub(super) fn best(&self) -> Option<Measured> {
        let within = self.measured.iter().filter(|measured| measured.time <= self.target);
        let best = within.max_by_key(|measured| measured.cost.work());
        best.or_else(|| self.measured.iter().find(|measured| measured.cost == LEAST)).copied()
    }

    /// The cost that would take as long as the target, if time grew with the work.
    fn cost_of_target(&self, last: Measured) -> Cost {
        let scale = self.target.as_secs_f64() / last.time.as_secs_f64().max(1e-6);
        #[expect(clippy::cast_precision_loss, reason = "far from the bounds of either")]
        let work = last.cost.work() as f64 * scale;
        let memory = whole(work / f64::from(LEAST.iterations));
        let memory = memory.clamp(LEAST.memory_kib, self.max_memory_kib);
        let memory_kib = (memory / STEP_KIB * STEP_KIB).max(LEAST.memory_kib);
        let iterations = whole(work / f64::from(memory_kib)).clamp(LEAST.iterations, MOST_ITERATIONS);
        Cost { memory_kib, iterations }
    }
}

/// Rounded down, and within what there is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped to what fits")]
fn whole(number: f64) -> u32 {
    number.clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that does so much work in a millisecond, and loses a fifth where memory is large.
    fn run(target: u64, max_memory_kib: u32, per_milli: f64) -> (Measured, usize) {
        let mut search = Search::new(Duration::from_millis(target), max_memory_kib);
        while let Some(cost) = search.next() {
            let slowness = if cost.memory_kib > 40_000 { 1.2 } else { 1.0 };
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let time = Duration::from_secs_f64(cost.work() as f64 * slowness / per_milli / 1000.0);
            search.learn(Measured { cost, time });
        }
        assert!(search.steps() <= MOST_STEPS);
        (search.best().unwrap(), search.steps())
    }

    #[test]
    fn memory_comes_first_and_the_target_is_nearly_reached() {
        let (best, _) = run(20, 65_536, 4_000.0);
        assert_eq!(best.cost.iterations, 2);
        assert!(best.cost.memory_kib > 30_000 && best.time <= Duration::from_millis(20), "{best:?}");
        assert!(best.time >= Duration::from_millis(17), "{best:?}");
    }

    #[test]
    fn beyond_the_bound_of_memory_come_passes() {
        let (best, _) = run(500, 65_536, 4_000.0);
        assert_eq!(best.cost.memory_kib, 65_536);
        assert!(best.cost.iterations > 10 && best.time <= Duration::from_millis(500), "{best:?}");
        let (best, _) = run(2_000, 19_456, 40_000.0);
        assert_eq!(best.cost, Cost { memory_kib: 19_456, iterations: MOST_ITERATIONS });
    }

    #[test]
    fn a_slow_machine_gets_the_least_that_is_safe_and_ends_at_once() {
        let (best, steps) = run(5, 65_536, 400.0);
        assert_eq!((best.cost, steps), (LEAST, 1));
        assert!(best.time > Duration::from_millis(5));
    }
}
