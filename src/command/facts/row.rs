//! How a row of the table is written.

use super::keys::KeySpec;
use super::policy::{RequestPolicy, ResponsePolicy};
use super::{Access, BlockTime, Effect, Facts, Home, Mark, Refusals, Sharing, Version, WireName};

/// A command that servers mark as one that only reads.
pub(super) const fn read(name: &'static str, arity: i8, since: &str) -> Facts {
    row(name, arity, since, Access::Read, Effect::Read)
}

/// A command that servers mark as one that may write.
pub(super) const fn write(name: &'static str, arity: i8, since: &str, effect: Effect) -> Facts {
    row(name, arity, since, Access::Write, effect)
}

/// A command that is about something else than data.
pub(super) const fn other(name: &'static str, arity: i8, since: &str, effect: Effect) -> Facts {
    row(name, arity, since, Access::Other, effect)
}

/// What must be assumed of a container's subcommands that have no row.
pub(super) const fn container(name: &'static str, since: &str) -> Facts {
    Facts { sharing: Sharing::BySubcommand, ..row(name, -2, since, Access::Other, Effect::Never) }
}

const fn row(name: &'static str, arity: i8, since: &str, access: Access, effect: Effect) -> Facts {
    Facts {
        name,
        wire_name: WireName::of(name),
        since: Version::of(since),
        arity,
        access,
        effect,
        options: &[],
        options_from: 0,
        answer_repeats: matches!(effect, Effect::Read),
        derives: false,
        blocks: None,
        keys: &[],
        sharing: Sharing::Shared,
        mark: Mark::Nothing,
        refusals: Refusals::Usual,
        home: Home::Any,
        request_policy: None,
        response_policy: None,
    }
}

impl Facts {
    /// Where its keys are.
    pub(super) const fn keyed(self, keys: &'static [KeySpec]) -> Self {
        Self { keys, ..self }
    }

    /// Options that change its effect, if they stand at the word `from` or later.
    pub(super) const fn but(self, from: u8, options: &'static [(&'static str, Effect)]) -> Self {
        Self { options, options_from: from, ..self }
    }

    /// It answers the same when it runs a second time.
    pub(super) const fn same_answer(self) -> Self {
        Self { answer_repeats: true, ..self }
    }

    /// It writes to one key what it makes of others: see [`Facts::derives`].
    pub(super) const fn derived(self) -> Self {
        Self { derives: true, ..self }
    }

    /// It may answer only later, when something happens: after this time at the latest.
    pub(super) const fn blocking(self, time: BlockTime) -> Self {
        Self { blocks: Some(time), sharing: Sharing::Blocking, ..self }
    }

    /// It would change or silence the connection for everybody. Whoever has it alone can't give it to another one then,
    /// unless [`marks`](Self::marks) says better.
    pub(super) const fn dedicated(self) -> Self {
        Self { sharing: Sharing::Dedicated, mark: Mark::Spoils, ..self }
    }

    /// It is about what a connection is subscribed to.
    pub(super) const fn subscribes(self) -> Self {
        Self { sharing: Sharing::Subscription, mark: Mark::Seizes, ..self }
    }

    /// What it makes of the connection.
    pub(super) const fn marks(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }

    /// It can answer with any error that its author thought of.
    pub(super) const fn script(self) -> Self {
        Self { refusals: Refusals::BeforeScripts, ..self }
    }

    /// It means something only to the server that gave it its cursor.
    pub(super) const fn cursor(self) -> Self {
        Self { home: Home::Cursor, ..self }
    }

    /// Which nodes of a cluster it goes to.
    pub(super) const fn asks(self, policy: RequestPolicy) -> Self {
        Self { request_policy: Some(policy), ..self }
    }

    /// How the answers of several nodes become one.
    pub(super) const fn gathers(self, policy: ResponsePolicy) -> Self {
        Self { response_policy: Some(policy), ..self }
    }
}
