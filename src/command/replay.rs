//! Which commands may be sent again without asking.

use super::facts::Effect;

/// Which commands are sent again by themselves when the connection died after they were sent and before they were
/// answered, so that nobody knows whether they ran.
///
/// The default is [`Effect::Read`]: what changes nothing. Whatever this says, a command that was not sent goes out on the
/// next connection, until its deadline; what becomes of one that the server refused is up to [`OnRefusal`](crate::OnRefusal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replay(Option<Effect>);

impl Replay {
    /// Commands whose effect is this or a lesser one, except those of [`Effect::Never`].
    ///
    /// From [`Effect::ConditionalWrite`] on the *answer* of the second run can differ from that of the first: a
    /// `SET .. NX` that ran and is sent again answers that the key exists.
    pub const fn upto(effect: Effect) -> Self {
        Self(Some(effect))
    }

    /// None: whoever sent such a command gets an error with [`Fate::Unknown`](crate::Fate::Unknown).
    pub const fn never() -> Self {
        Self(None)
    }

    /// Whether a command with this effect may be sent again.
    pub(crate) fn allows(self, effect: Effect) -> bool {
        effect != Effect::Never && self.0.is_some_and(|upto| effect <= upto)
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
        assert!(Replay::default().allows(Effect::Read) && !Replay::default().allows(Effect::ConditionalWrite));
        assert!(Replay::upto(Effect::LastWriteWins).allows(Effect::ConditionalWrite));
        assert!(!Replay::upto(Effect::LastWriteWins).allows(Effect::Accumulating));
        assert!(!Replay::upto(Effect::Never).allows(Effect::Never));
        assert!(!Replay::never().allows(Effect::Read));
    }
}
