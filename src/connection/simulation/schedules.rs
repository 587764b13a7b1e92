//! Random schedules of faults, each from its seed.

use std::time::Duration;

use super::world::{Verb, World};
use crate::connection::More;
use crate::outcome::Cause;

/// Small, seeded, and good enough to choose what happens next.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// One random schedule; panics where a promise is broken.
fn run_schedule(seed: u64) {
    let mut dice = Dice(seed);
    let heartbeat = (dice.below(2) == 0).then(|| Duration::from_millis(dice.below(40) + 1));
    let mut world = World::new(|settings| (settings.seed, settings.heartbeat) = (seed, heartbeat));
    for _ in 0..120 {
        match dice.below(20) {
            0..=5 => {
                let within = (dice.below(3) > 0).then(|| Duration::from_millis(dice.below(50) + 1));
                let commands = if dice.below(4) == 0 { dice.below(4) + 2 } else { 1 };
                let verbs = (0..commands).map(|_| if dice.below(2) == 0 { Verb::Read } else { Verb::Touch });
                let verbs = verbs.collect();
                world.call_of(verbs, within);
            }
            6..=9 => {
                let most = dice.below(80) as usize + 1;
                world.write(most);
            }
            10..=13 => {
                let most = dice.below(40) as usize + 1;
                world.read(most);
            }
            14 => world.cut(Cause::PeerClosed),
            15 => world.inject(b"?"),
            16 if !world.callers.is_empty() => {
                let index = dice.below(world.callers.len() as u64) as usize;
                world.callers[index].gone.set(true);
            }
            _ => world.advance(Duration::from_millis(dice.below(20))),
        }
        if world.session.poll_dial(world.now) {
            if dice.below(4) == 0 {
                world.session.handle_lost(Cause::NotConnected, world.now);
                world.drain();
            } else {
                world.open();
            }
        }
    }
    world.settle();
    world.session.close(world.now + Duration::from_secs(1), More::None);
    world.advance(Duration::from_secs(2));
    assert!(world.session.is_closed());
    world.audit();
}

#[test]
fn no_schedule_of_faults_breaks_a_promise() {
    let seeds = std::env::var("STEADFAST_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000);
    for seed in 0..seeds {
        let outcome = std::panic::catch_unwind(|| run_schedule(seed));
        assert!(outcome.is_ok(), "seed {seed} breaks a promise");
    }
}
