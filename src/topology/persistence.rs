//! How often a command is sent on at once, and how long it pauses then.

use std::time::Duration;

/// What was sent on so often is sent on only after a pause.
pub(super) const MOST_AT_ONCE: u32 = 4;

/// The pause after so many others: each is twice as long as the one before it, from 10 ms to 640 ms.
pub(super) fn pause(earlier: u32) -> Duration {
    FIRST_PAUSE * (1 << earlier.min(MOST_DOUBLINGS))
}

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MOST_DOUBLINGS: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let pauses: Vec<_> = [0, 1, 2, 5, 6, 7, u32::MAX].map(|earlier| pause(earlier).as_millis()).into();
        assert_eq!(pauses, [10, 20, 40, 320, 640, 640, 640]);
    }
}
