//! From what lower floors report to the public error.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::command::{Command, ConversionError, Facts, ServerError, Unfit, known};
use crate::connection::{LinkState, Lost, Reason, Sent};
use crate::error::{Detail, Error, ErrorKind, ErrorPart, Report};
use crate::outcome::{Address, Cause, Fate, Stage};
use crate::topology::Asked;
use crate::topology::Unacquired;

/// A command's name and facts, for its error texts and fates.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    facts: &'static Facts,
    /// The name, if it is another than that of the facts.
    unknown: Option<Arc<str>>,
}

impl Name {
    pub(super) fn of(command: &Command) -> Self {
        Self { facts: command.facts(), unknown: command.unknown_name() }
    }

    /// Of a command with these facts, and with a name of its own if they are not its own.
    pub(crate) fn new(facts: &'static Facts, unknown: Option<Arc<str>>) -> Self {
        Self { facts, unknown }
    }

    /// Of a transaction as a whole.
    pub(super) fn transaction() -> Self {
        Self { facts: const { known("EXEC") }, unknown: Some(TRANSACTION.into()) }
    }

    /// Of commands without answers, as a whole.
    pub(super) fn unanswered() -> Self {
        Self { facts: const { known("CLIENT REPLY") }, unknown: Some("the unanswered pipeline".into()) }
    }

    pub(super) fn facts(&self) -> &'static Facts {
        self.facts
    }

    pub(super) fn as_str(&self) -> &str {
        self.unknown.as_deref().unwrap_or(self.facts.name())
    }

    pub(super) fn shown(&self) -> Cow<'static, str> {
        match &self.unknown {
            Some(name) => Cow::Owned(name.to_string()),
            None => Cow::Borrowed(self.facts.name()),
        }
    }
}

/// There will be no connection.
pub(crate) fn unreachable(what: impl Into<Cow<'static, str>>, node: &Address, cause: Cause) -> Error {
    let report = Report::new(kind_of(&cause), Fate::NotSent, what);
    Error::new(Report { detail: Detail::Cause(cause), node: Some(node.clone()), ..report })
}

/// The kind of an error whose cause is known.
pub(crate) fn kind_of(cause: &Cause) -> ErrorKind {
    match cause {
        Cause::Tls(_) => ErrorKind::Tls,
        Cause::Handshake(_) => ErrorKind::Handshake,
        Cause::Protocol { .. } => ErrorKind::Protocol,
        Cause::ClosedHere => ErrorKind::Closed,
        _ => ErrorKind::Connection,
    }
}

/// The connection did not come about in time.
pub(super) fn connect_timeout(
    what: impl Into<Cow<'static, str>>,
    state: &LinkState,
    node: &Address,
    within: Option<Duration>,
) -> Error {
    Error::new(timed_out(what, state, node, within))
}

/// It was not found out in time which nodes there are.
pub(super) fn topology_timeout(what: &'static str, node: &Address, within: Duration, cause: Option<Cause>) -> Error {
    let report = Report::new(ErrorKind::Timeout, Fate::NotSent, what);
    let (stage, node) = (Some(Stage::Topology), Some(node.clone()));
    let detail = cause.map_or(Detail::None, Detail::Cause);
    Error::new(Report { stage, node, within: Some(within), detail, ..report })
}

/// A subscription was not confirmed in time.
pub(crate) fn subscribe_timeout(report: Report, state: &LinkState, asked: Asked) -> Error {
    if state.is_ready() {
        return Error::new(Report { stage: Some(Stage::AwaitingReply), fate: Fate::Unknown, ..report });
    }
    let fate = if asked == Asked::Perhaps { Fate::Unknown } else { report.fate };
    Error::new(Report { fate, ..report })
}

/// How far a link has got that could not be used in time.
pub(crate) fn timed_out(
    what: impl Into<Cow<'static, str>>,
    state: &LinkState,
    node: &Address,
    within: Option<Duration>,
) -> Report {
    let (stage, attempts, detail) = match state {
        LinkState::Connecting { stage, attempt, last, .. } => {
            (*stage, *attempt, last.clone().map_or(Detail::None, Detail::Cause))
        }
        LinkState::Backoff { attempt, cause, .. } => (Stage::Backoff, *attempt, Detail::Cause(cause.clone())),
        _ => (Stage::Queued, 0, Detail::None),
    };
    let report = Report::new(ErrorKind::Timeout, Fate::NotSent, what);
    Report { stage: Some(stage), attempts, detail, node: Some(node.clone()), within, ..report }
}

/// There was no connection of the caller's own.
pub(super) fn unacquired(
    what: impl Into<Cow<'static, str>>,
    node: &Address,
    within: Option<Duration>,
    unacquired: &Unacquired,
) -> Error {
    match unacquired {
        Unacquired::Never(cause) => unreachable(what, node, cause.clone()),
        Unacquired::NotReady(state) => connect_timeout(what, state, node, within),
        Unacquired::NoNode(last) => {
            let report = Report::new(ErrorKind::Timeout, Fate::NotSent, what);
            let detail = last.clone().map_or(Detail::None, Detail::Cause);
            Error::new(Report { stage: Some(Stage::Topology), detail, node: Some(node.clone()), within, ..report })
        }
        Unacquired::NoPlace | Unacquired::Full => {
            let kind = if let Unacquired::Full = unacquired { ErrorKind::Full } else { ErrorKind::Timeout };
            let report = Report::new(kind, Fate::NotSent, what);
            let stage = Some(Stage::AcquiringConnection);
            Error::new(Report { stage, node: Some(node.clone()), within, ..report })
        }
    }
}

/// The deadline came while nothing of the client's was waited for, and before a transaction was sent.
pub(super) fn interrupted(what: &'static str, node: &Address, within: Option<Duration>) -> Error {
    Error::new(Report { node: Some(node.clone()), within, ..Report::new(ErrorKind::Timeout, Fate::NotSent, what) })
}

/// No answer will come.
pub(super) fn lost(name: &Name, node: &Address, within: Option<Duration>, lost: &Lost) -> Error {
    let loss = &lost.loss;
    let (kind, detail) = match &loss.reason {
        Reason::Deadline(last) => (ErrorKind::Timeout, last.clone().map_or(Detail::None, Detail::Cause)),
        Reason::Session(cause) if lost.fate == Fate::NotSent => (ErrorKind::SessionLost, Detail::Cause(cause.clone())),
        Reason::Link(cause) | Reason::Session(cause) => (kind_of(cause), Detail::Cause(cause.clone())),
        Reason::Closed => (ErrorKind::Closed, Detail::None),
        Reason::Full => (ErrorKind::Full, Detail::None),
        // Whoever places commands tries again until the deadline.
        Reason::Displaced(_) => (ErrorKind::Timeout, Detail::None),
    };
    let report = Report::new(kind, lost.fate, name.shown());
    Error::new(Report {
        detail,
        node: Some(node.clone()),
        stage: Some(lost.stage()),
        attempts: loss.attempts,
        within,
        silent: loss.silent,
        waiting: loss.waiting,
        ..report
    })
}

/// The server answered with an error.
pub(crate) fn server(name: &Name, node: &Address, error: ServerError, sent: Sent) -> Error {
    let fate = unless_sent_before(error.fate(name.facts), sent);
    let report = Report::new(ErrorKind::Server, fate, name.shown());
    Error::new(Report { detail: Detail::Server(error), node: Some(node.clone()), ..report })
}

/// The server answered with an error to what came before a command or behind it.
pub(super) fn server_beside(name: &Name, node: &Address, error: ServerError, fate: Fate) -> Error {
    let report = Report::new(ErrorKind::Server, fate, name.shown());
    Error::new(Report { detail: Detail::Server(error), node: Some(node.clone()), ..report })
}

/// Nothing of a transaction ran: the server refused the command of this name; `None`: MULTI or EXEC.
pub(super) fn refused_transaction(name: Option<&Name>, node: &Address, error: ServerError, sent: Sent) -> Error {
    let what = match name {
        Some(name) => Cow::Owned(format!("{TRANSACTION}, at {}", name.as_str())),
        None => Cow::Borrowed(TRANSACTION),
    };
    let report = Report::new(ErrorKind::Server, unless_sent_before(Fate::Refused, sent), what);
    Error::new(Report { detail: Detail::Server(error), node: Some(node.clone()), ..report })
}

/// The server ran commands of a transaction, but not as one.
pub(super) fn not_atomic(node: &Address, error: ServerError) -> Error {
    let report = Report::new(ErrorKind::NotAtomic, Fate::Executed, TRANSACTION);
    Error::new(Report { detail: Detail::Server(error), node: Some(node.clone()), ..report })
}

/// Nothing of a transaction ran, because of a key that was watched.
pub(super) fn conflict(node: &Address, sent: Sent) -> Error {
    let report = Report::new(ErrorKind::Conflict, unless_sent_before(Fate::Refused, sent), TRANSACTION);
    Error::new(Report { node: Some(node.clone()), ..report })
}

/// The reply has another shape than was asked for.
pub(super) fn conversion(name: &Name, node: &Address, error: ConversionError) -> Error {
    let report = Report::new(ErrorKind::Conversion, Fate::Executed, name.shown());
    Error::new(Report { detail: Detail::Conversion(error), node: Some(node.clone()), ..report })
}

/// The command must not be sent.
pub(super) fn unfit(name: &Name, unfit: &Unfit) -> Error {
    let (kind, detail) = match unfit {
        Unfit::Elsewhere(place) => (ErrorKind::NeedsDedicated, Detail::Elsewhere(place)),
        Unfit::CrossSlot(reason) => (ErrorKind::CrossSlot, Detail::Elsewhere(reason)),
        Unfit::Arguments(reason) => (ErrorKind::Arguments, Detail::Arguments(reason.clone())),
    };
    Error::new(Report { detail, ..Report::new(kind, Fate::NotSent, name.shown()) })
}

/// A part of a command that went to several nodes failed, at least.
pub(crate) fn partial(name: &Name, parts: Vec<ErrorPart>) -> Error {
    Error::new(Report::of_parts(name.shown(), parts))
}

/// Nobody was found in time who has all of the slots.
pub(super) fn no_owner(name: &Name, node: &Address, within: Option<Duration>) -> Error {
    let cause = Cause::Refused { message: "CLUSTERDOWN no node serves the slot".into() };
    let (detail, stage) = (Detail::Cause(cause), Some(Stage::Topology));
    let report = Report::new(ErrorKind::Timeout, Fate::NotSent, name.shown());
    Error::new(Report { detail, stage, node: Some(node.clone()), within, ..report })
}

/// The server that gave the cursor is not there any more.
pub(super) fn server_changed(name: &Name, node: &Address) -> Error {
    let report = Report::new(ErrorKind::ServerChanged, Fate::NotSent, name.shown());
    Error::new(Report { node: Some(node.clone()), ..report })
}

/// The client is closed.
pub(super) fn closed(name: &Name) -> Error {
    Error::new(Report::new(ErrorKind::Closed, Fate::NotSent, name.shown()))
}

/// What a sending that was answered says of all of them.
pub(super) fn unless_sent_before(fate: Fate, sent: Sent) -> Fate {
    match (fate, sent) {
        // What was refused, or not sent, is the second sending; the first one may have run.
        (Fate::Refused | Fate::NotSent, Sent::Again) => Fate::Unknown,
        (fate, _) => fate,
    }
}

/// What a transaction is called in error texts.
const TRANSACTION: &str = "MULTI..EXEC";
