//! Which commands may be sent again without asking.

use super::facts::Effect;
use super::raw::Command;

/// Which commands are sent again by themselves when the connection died after they were sent and before they were
/// answered, so that nobody knows whether they ran.
///
/// The default is [`Effect::Read`]: what changes nothing. Whatever this says, a command that was not sent goes out on the
/// next connection, until its deadline; what becomes of one that the server refused is up to [`OnRefusal`](crate::OnRefusal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replay {
    upto: Option<Effect>,
    answers: Answers,
}

/// Which answers the second run may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Answers {
    Any,
    Same,
}

impl Replay {
    /// Commands whose effect is this or a lesser one, except those of [`Effect::Never`].
    ///
    /// From [`Effect::ConditionalWrite`] on the *answer* of the second run can differ from that of the first: a
    /// `SET .. NX` that ran and is sent again answers that the key exists.
    pub const fn upto(effect: Effect) -> Self {
        Self { upto: Some(effect), answers: Answers::Any }
    }

    /// Of these, only commands whose second run, with nothing in between, answers what the first one did: `SET`, but not
    /// `SET .. NX`, nor `DEL`, whose second run finds nothing. See [`Facts::answer_repeats`](crate::Facts::answer_repeats).
    #[must_use]
    pub const fn with_the_same_answer(self) -> Self {
        Self { answers: Answers::Same, ..self }
    }

    /// None: whoever sent such a command gets an error with [`Fate::Unknown`](crate::Fate::Unknown).
    pub const fn never() -> Self {
        Self { upto: None, answers: Answers::Any }
    }

    /// Whether the command may be sent again.
    pub(crate) fn allows(self, command: &Command) -> bool {
        self.upto.is_some_and(|upto| {
            let effect = command.effect();
            let answers_so = self.answers == Answers::Any || command.answer_repeats();
            effect <= upto && effect != Effect::Never && answers_so
        })
    }
}

impl Default for Replay {
    fn default() -> Self {
        Self::upto(Effect::Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_a_place_on_the_ladder_and_never_means_never() {
        let allows = |replay: Replay, effect| replay.allows(&Command::new("NOSUCH").with_effect(effect));
        assert!(allows(Replay::default(), Effect::Read) && !allows(Replay::default(), Effect::ConditionalWrite));
        assert!(allows(Replay::upto(Effect::LastWriteWins), Effect::ConditionalWrite));
        assert!(!allows(Replay::upto(Effect::LastWriteWins), Effect::Accumulating));
        assert!(!allows(Replay::upto(Effect::Never), Effect::Never));
        assert!(!allows(Replay::never(), Effect::Read));
    }

    #[test]
    fn a_command_with_another_second_answer_can_be_left_out() {
        let replay = Replay::upto(Effect::LastWriteWins).with_the_same_answer();
        let allows = |line: &str| replay.allows(&Command::new(line));
        assert!(allows("SET k v") && allows("SET k v EX 5") && allows("GET k") && allows("MSET k v"));
        assert!(!allows("SET k v NX") && !allows("DEL k") && !allows("SETNX k v") && !allows("HSET k f v"));
        assert!(!allows("NOSUCH k"));
    }
}
