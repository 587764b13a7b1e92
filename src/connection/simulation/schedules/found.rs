//! What random schedules have found, as schedules.

use std::time::Duration;

use super::run::run;
use super::schedule::{
    Call, Door, Effect, Greeting, Known, Mood, Network, Refused, Schedule, Setting, Step, Verb, Wakes,
};
use crate::command::Retry;
use crate::connection::{Offline, Repeat};

const SETTING: Setting = Setting {
    heartbeat: None,
    silence: None,
    offline: Offline::Wait,
    connect_timeout: Duration::from_secs(1),
    read_buffer: 4096,
    identity: Known::Nobody,
    wakes: Wakes::WhenAsked,
    seed: 1,
};

const READ: Verb = Verb { effect: Effect::Read, key: 0, repeat: Repeat::Allowed, retry: Retry::All, padding: 0 };
const WRITE: Verb = Verb { effect: Effect::Write, ..READ };
const NEVER: Verb = Verb { retry: Retry::Never, ..READ };

fn call(commands: &[Verb], within: u64) -> Call {
    Call { commands: commands.to_vec(), within: Some(Duration::from_millis(within)) }
}

fn pass(millis: u64) -> Step {
    Step::Pass(Duration::from_millis(millis))
}

#[test]
fn a_read_only_server_that_does_not_say_so_is_not_dialed_in_a_busy_loop() {
    run(&Schedule {
        setting: SETTING,
        steps: vec![
            Step::Mood(Mood::Refuses(Refused::ReadOnly)),
            Step::Door(Door { greeting: Greeting::Old, ..Door::OPEN }),
            Step::Post(vec![call(&[WRITE], 5_000)]),
            pass(5_000),
        ],
    });
}

#[test]
fn x() {
    let us = |us| Duration::from_micros(us);
    let p = |verb: Verb, padding: usize| Verb { padding, ..verb };
    let claim = Verb { effect: Effect::Claim, repeat: Repeat::Forbidden, key: 13, ..READ };
    let count = Verb { effect: Effect::Count, key: 2, ..NEVER };
    let count1 = Verb { effect: Effect::Count, key: 1, ..READ };
    run(&Schedule {
        setting: Setting {
            seed: 10907207900756843381,
            wakes: Wakes::Always,
            read_buffer: 256,
            silence: Some(Duration::from_millis(383)),
            connect_timeout: Duration::from_millis(919),
            ..SETTING
        },
        steps: vec![
            Step::Mood(Mood::Refuses(Refused::ClusterDown)),
            Step::Post(vec![
                call(&[p(READ, 9)], 27),
                call(&[p(WRITE, 10), READ, p(claim, 8), p(READ, 7), p(READ, 9), p(count, 5)], 2206),
                call(&[p(count1, 17)], 2606),
            ]),
            Step::Network(Network { latency: us(5626), gulp: 51, ..Network::FREE }),
            pass(107),
            Step::Network(Network { latency: us(4876), up: Some(78), down: Some(57), ..Network::FREE }),
            pass(840),
        ],
    });
}
