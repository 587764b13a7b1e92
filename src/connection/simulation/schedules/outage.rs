//! An hour without a server, with ten thousand callers coming and going.

use std::time::Duration;

use super::dice::Dice;
use super::link::Link;
use super::schedule::{Bond, Call, Dial, Door, Effect, Setting, Verb};
use crate::command::Retry;
use crate::connection::{Repeat, Room};

/// Most callers have a deadline, some go away before it, and a few wait for as long as it takes.
#[test]
fn an_hour_offline_with_callers_coming_and_going_holds_no_more_than_those_who_wait() {
    let mut dice = Dice::new(1);
    let mut link = Link::new(&Setting { heartbeat: Some(Duration::from_secs(5)), ..Setting::PLAIN });
    let mut waits_for_ever = 0;
    for caller in 0..CALLERS {
        link.server.door = Door { dial: dice.one_of(&[Dial::Refused, Dial::Slams, Dial::Stalls]), ..Door::OPEN };
        let patient = dice.once_in(500);
        waits_for_ever += usize::from(patient);
        let within = (!patient).then(|| Duration::from_millis(1) + dice.millis(10_000));
        link.post(&[Call { commands: vec![VERB], bond: Bond::Pipeline, within }]);
        if !patient && dice.once_in(5) {
            link.leave(caller);
        }
        link.pass(HOUR / CALLERS as u32);
        let Room { commands, bytes } = link.room;
        assert!(commands <= MOST_WAITING + waits_for_ever, "{commands} are held after {caller} callers");
        // Each is a batch of its own, so its bytes go when it goes.
        assert!(link.session.held() <= bytes, "{} bytes are held for {bytes}", link.session.held());
    }
    // The pauses grow to a second, of which chance takes at most a half; a stalled dial takes longer.
    assert!((1_200..=7_300).contains(&link.counts.dials), "{:?}", link.counts);
    // A dial wakes twice, an end of waiting once.
    let most = 2 * link.counts.dials + CALLERS as u64;
    assert!(link.counts.wakes <= most, "{:?}, more than {most} times woken", link.counts);
    link.server.door = Door::OPEN;
    link.pass(Duration::from_secs(5));
    assert!(link.session.state().is_ready() && link.ledger.is_settled());
    assert_eq!(link.session.held(), 0);
    link.audit();
}

const CALLERS: usize = 10_000;

const HOUR: Duration = Duration::from_secs(3_600);

/// One comes every 360 ms and waits for 10 s at most; who has gone is forgotten with the next attempt.
const MOST_WAITING: usize = 30;

const VERB: Verb = Verb { effect: Effect::Read, key: 0, repeat: Repeat::Allowed, retry: Retry::All, padding: 0 };
