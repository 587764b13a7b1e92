//! What random schedules have found, as schedules.

use std::time::Duration;

use super::run::run;
use super::schedule::{Bond, Call, Door, Effect, Greeting, Mood, Network, Refused, Schedule, Setting, Step, Verb};
use crate::command::Retry;
use crate::connection::Repeat;

const READ: Verb = Verb { effect: Effect::Read, key: 0, repeat: Repeat::Allowed, retry: Retry::All, padding: 0 };
const WRITE: Verb = Verb { effect: Effect::Write, ..READ };

fn call(commands: &[Verb], within: u64) -> Call {
    Call { commands: commands.to_vec(), bond: Bond::Pipeline, within: Some(Duration::from_millis(within)) }
}

fn pass(millis: u64) -> Step {
    Step::Pass(Duration::from_millis(millis))
}

#[test]
fn a_read_only_server_that_does_not_say_so_is_not_dialed_in_a_busy_loop() {
    run(&Schedule {
        setting: Setting::PLAIN,
        steps: vec![
            Step::Mood(Mood::Refuses(Refused::ReadOnly)),
            Step::Door(Door { greeting: Greeting::Old, ..Door::OPEN }),
            Step::Post(vec![call(&[WRITE], 5_000)]),
            pass(5_000),
        ],
    });
}

#[test]
fn what_a_pipeline_was_refused_before_its_connection_was_replaced_is_sent_again() {
    run(&Schedule {
        setting: Setting { silence: Some(Duration::from_millis(300)), ..Setting::PLAIN },
        steps: vec![
            Step::Mood(Mood::Refuses(Refused::ClusterDown)),
            Step::Post(vec![call(&[WRITE, READ, WRITE, READ], 5_000)]),
            // It is tried again: the first answer comes, and the others do not.
            Step::Network(Network { down: Some("-CLUSTERDOWN nobody has it 0\r\n".len()), ..Network::FREE }),
            pass(200),
            Step::Mood(Mood::Well),
            pass(200),
            Step::Network(Network::FREE),
            pass(1_000),
        ],
    });
}
