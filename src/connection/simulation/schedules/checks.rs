//! What must be true of a link, whatever happens.

use std::time::Duration;

use super::link::{Link, Which};
use super::socket::Socket;
use crate::connection::{LinkState, Room, Tally};

impl Link {
    /// No busy loop: there is a bound to the dials in any second.
    pub(super) fn count_dial(&mut self, which: Which) {
        self.counts.dials += 1;
        let dials = &mut self.dials[which as usize];
        dials.push_back(self.now);
        if dials.len() > DIALS_A_SECOND {
            let first = dials.pop_front().expect("there are several");
            let span = self.now.duration_since(first);
            assert!(span >= Duration::from_secs(1), "{DIALS_A_SECOND} dials in {span:?}");
        }
    }

    /// What is true whenever everything that is due has been done.
    pub(super) fn check(&mut self) {
        self.ledger.check_deadlines(self.now);
        let waits =
            matches!(self.session.state(), LinkState::Idle | LinkState::Backoff { .. } | LinkState::Closed { .. });
        assert!(!waits || matches!(self.socket, Socket::None), "a socket is left over");
        let (commands, bytes) = self.ledger.waiting();
        if waits {
            let Room { commands: held, bytes: len } = self.room;
            assert!(
                held <= commands && len <= bytes,
                "room is held for nobody: {held} of {commands}, {len} of {bytes}"
            );
            assert!(bytes > 0 || self.session.held() == 0, "{} bytes are held for nobody", self.session.held());
        }
        self.check_heartbeat();
    }

    /// A connection on which nothing was read for long enough has been sent a PING that is not answered.
    fn check_heartbeat(&mut self) {
        let Some(interval) = self.setting.heartbeat else { return };
        let Socket::Open(wire) = &self.socket else { return };
        let Some(established) = wire.established else { return };
        let silent = self.now.duration_since(established.max(wire.last_read)) >= interval;
        let handover = !matches!(self.standby, Socket::None);
        let stuck = self.network.up.is_some() || wire.doom.is_some() || handover;
        assert!(!silent || stuck || wire.pings.0 > wire.pings.1, "a silent connection is not sent a PING");
    }

    /// What is true in the end.
    pub(super) fn audit(&self) {
        self.ledger.audit();
        let Tally { sent, answered, abandoned, attempts, unsent, .. } = self.session.tally();
        let present = if let Socket::Open(wire) = &self.socket { wire.taken } else { 0 };
        let handed = self.counts.handed + present;
        assert_eq!((sent, answered + abandoned, unsent), (handed, handed, 0), "sendings are counted wrongly");
        assert!(attempts <= self.counts.dials, "attempts are counted wrongly");
        assert_eq!(self.room, Room::default(), "room was not given back");
        assert!(self.session.held() == 0, "{} bytes are held that nobody needs", self.session.held());
    }
}

/// More than the pauses between attempts allow: a connection that was good for 100 ms makes the first retries immediate again.
const DIALS_A_SECOND: usize = 30;
