//! Runs a schedule to its end, and beyond it: when the faults stop, everything comes right again.

use std::time::Duration;

use super::link::Link;
use super::schedule::{
    Affliction, Bond, Call, Close, Cut, Door, Effect, Greeting, Login, Mood, Network, Provider, Saying, Schedule, Step,
    Verb,
};
use crate::command::Retry;
use crate::connection::{More, Repeat};
use crate::outcome::Cause;

/// Panics where a promise is broken.
pub(super) fn run(schedule: &Schedule) {
    let mut link = Link::new(&schedule.setting);
    for step in &schedule.steps {
        take(step, &mut link);
        link.work();
    }
    let setting = &schedule.setting;
    stop_faults(&mut link);
    if setting.silence.is_none() {
        // Nothing else ends a connection on which nothing comes.
        end_silence(&mut link);
    }
    link.pass(setting.connect_timeout + Duration::from_secs(3));
    if link.closing.is_none() {
        assert!(link.session.state().is_ready(), "the link has not come back: {:?}", link.session.state());
        let probe = link.ledger.callers() as u32;
        let verb = Verb { effect: Effect::Read, key: 0, repeat: Repeat::Allowed, retry: Retry::All, padding: 0 };
        link.post(&[Call { commands: vec![verb], bond: Bond::Pipeline, within: None }]);
        link.pass(setting.silence.unwrap_or_default() + setting.connect_timeout + Duration::from_secs(2));
        assert!(link.ledger.is_answered(probe), "the link is ready and does not answer");
        assert!(link.ledger.is_settled(), "somebody waits although everything is well");
        link.hearing.check_at_rest(link.socket.wire().expect("the link is ready"));
    }
    close(Close::Within(Duration::from_secs(1)), &mut link);
    link.pass(Duration::from_secs(1));
    assert!(link.session.is_closed(), "the link does not end: {:?}", link.session.state());
    link.audit();
}

fn take(step: &Step, link: &mut Link) {
    match step {
        Step::Post(calls) => link.post(calls),
        Step::Leave(back) => {
            if let Some(caller) = link.ledger.callers().checked_sub(1 + back) {
                link.leave(caller);
            }
        }
        Step::Pass(time) => link.pass(*time),
        Step::Network(network) => link.network = *network,
        Step::Mood(mood) => link.server.mood = *mood,
        Step::Door(door) => link.server.door = *door,
        Step::Afflict(affliction) => {
            if let Some(wire) = link.socket.wire() {
                wire.afflict(*affliction);
            }
        }
        Step::Cut(cut) => {
            let at = link.now + link.network.latency;
            match (link.socket.wire(), cut) {
                (Some(wire), Cut::Finish) => wire.finish(),
                (Some(wire), Cut::Reset { arrive }) => wire.cut(*arrive, at),
                (None, _) => {}
            }
        }
        Step::Provider(provider) => link.provider = *provider,
        Step::Login(login) => link.server.login = *login,
        Step::Change => link.change_credentials(),
        Step::Say(saying) => say(*saying, link),
        Step::Wish(wishes) => link.wish(wishes),
        Step::Publish(named) => link.publish(*named),
        Step::Move(number) => link.move_shard(*number),
        Step::Close(how) => close(*how, link),
    }
}

fn say(saying: Saying, link: &mut Link) {
    let Network { gulp, down, latency, .. } = link.network;
    // An answer that comes while one is due is taken for it: nobody could know better.
    let at_once = gulp == usize::MAX && down.is_none();
    let now = link.now;
    let Some(wire) = link.socket.wire() else { return };
    match saying {
        Saying::Push => wire.say(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n", now + latency),
        Saying::Answer if at_once && wire.is_idle() => wire.spoil(b"+surprise\r\n", now),
        Saying::Answer => {}
        Saying::Gibberish => wire.spoil(b"?", now + latency),
        Saying::Confirmation => wire.spoil(b">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n", now + latency),
    }
}

fn close(how: Close, link: &mut Link) {
    match how {
        Close::Drop => {
            link.closing = Some(More::None);
            link.session.finish(Cause::RuntimeGone, link.now);
        }
        Close::Within(time) => {
            link.closing = Some(More::None);
            link.session.close(link.now + time, More::None);
        }
        Close::WithMore(time) if link.closing.is_none() => {
            link.closing = Some(More::Possible);
            link.session.close(link.now + time, More::Possible);
        }
        Close::WithMore(_) => {}
    }
}

fn stop_faults(link: &mut Link) {
    link.network = Network::FREE;
    link.server.mood = Mood::Well;
    link.server.door = Door::OPEN;
    link.server.login = Login::Taken;
    link.provider = Provider::Gives(Duration::ZERO);
    for wire in link.wires() {
        wire.doom = None;
        wire.affliction = wire.affliction.filter(|affliction| *affliction != Affliction::ReadOnly);
        if wire.greeting == Greeting::ThenMute {
            wire.greeting = Greeting::Well;
        }
    }
}

fn end_silence(link: &mut Link) {
    let now = link.now;
    for wire in link.wires() {
        if wire.affliction.is_some_and(|affliction| affliction != Affliction::ReadOnly) {
            wire.cut(0, now);
        }
    }
}
