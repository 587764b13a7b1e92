//! Makes a schedule that fails shorter.

use super::schedule::Schedule;

/// A schedule that still fails, and would not without any one of its steps; or as short as `attempts` attempts make it.
pub(super) fn shrink(schedule: &Schedule, mut attempts: usize, fails: impl Fn(&Schedule) -> bool) -> Schedule {
    let mut best = schedule.clone();
    let mut size = best.steps.len().div_ceil(2).max(1);
    loop {
        let mut shorter = false;
        let mut at = 0;
        while at < best.steps.len() && attempts > 0 {
            attempts -= 1;
            let mut candidate = best.clone();
            candidate.steps.drain(at..(at + size).min(best.steps.len()));
            if fails(&candidate) {
                best = candidate;
                shorter = true;
            } else {
                at += size;
            }
        }
        if attempts == 0 || (size == 1 && !shorter) {
            return best;
        }
        size = size.div_ceil(2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::schedule::Step;
    use super::*;

    #[test]
    fn only_the_steps_that_matter_are_left() {
        let mut schedule = Schedule::from_seed(1);
        schedule.steps = (0..50).map(|millis| Step::Pass(Duration::from_millis(millis))).collect();
        let has = |schedule: &Schedule, wanted: u64| {
            schedule.steps.iter().any(|step| matches!(step, Step::Pass(time) if time.as_millis() == u128::from(wanted)))
        };
        let shrunk = shrink(&schedule, 1_000, |schedule| has(schedule, 7) && has(schedule, 40));
        assert_eq!(shrunk.steps.len(), 2);
    }
}
