//! What is told of every single command, for metrics and traces.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::driver::Passage;
use crate::error::Error;
use crate::outcome::Address;

/// Is told of every command once its call has ended. Installed by [`Config::with_observer`](super::Config::with_observer).
///
/// ```
/// use std::sync::Arc;
/// use steadfast::Config;
/// use steadfast::client::{Observation, Observer};
///
/// struct Slow;
///
/// impl Observer for Slow {
///     fn observe(&self, observation: &Observation<'_>) {
///         if observation.duration().as_millis() > 100 {
///             eprintln!("{observation:?}");
///         }
///     }
/// }
///
/// let config = Config::tcp("localhost", 6379).with_observer(Arc::new(Slow));
/// ```
pub trait Observer: Send + Sync + 'static {
    /// A command's call has ended: it was answered, it failed, or its caller dropped it. Of a pipeline or a transaction,
    /// each of its commands, in their order; `MULTI` and `EXEC` are none. A transaction that ended as a whole ends so for
    /// each of them, with the same error. A call that was dropped before it was ever polled is not told of.
    ///
    /// Called on the caller's task before it gets the result, by many at the same time. It delays that caller alone, must
    /// not block, and must not panic: it may be called while a future is dropped.
    fn observe(&self, observation: &Observation<'_>);
}

/// What there is to say of one command whose call has ended.
///
/// It holds no argument of the command and nothing secret. [`attributes`](Self::attributes) gives the names that
/// OpenTelemetry has for it; [`duration`](Self::duration) is its metric `db.client.operation.duration`.
#[derive(Clone, Copy)]
pub struct Observation<'a> {
    pub(super) name: &'a str,
    pub(super) node: &'a Address,
    pub(super) namespace: &'a str,
    pub(super) batch_size: usize,
    pub(super) queued: Instant,
    pub(super) passage: Passage,
    pub(super) ended: Instant,
    pub(super) ending: Ending<'a>,
}

/// How a command's call ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Ending<'a> {
    /// It was answered, and not with an error. (The replies of a pipeline or a transaction are converted later: that this
    /// failed is not told.)
    Answered,
    /// Its caller got this error.
    Failed(&'a Error),
    /// Its caller dropped it, after it was polled and before it had its end. If it was sent, the server runs it all the same.
    Cancelled,
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttributeValue<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Integer(i64),
}

impl<'a> Observation<'a> {
    /// The command's name, such as `"GET"` or `"CLIENT LIST"`: `db.operation.name`.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The node that it was for, as configured: `server.address` and `server.port`. With several nodes, the first address of the
    /// configuration, whichever of them had it: [`Error::node`] names that one.
    pub fn node(&self) -> &'a Address {
        self.node
    }

    /// How many commands its call consisted of, if that was a pipeline or a transaction (`MULTI` and `EXEC` not counted);
    /// 1 for a single one. Above 1 it is `db.operation.batch.size`.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// How it ended.
    pub fn ending(&self) -> Ending<'a> {
        self.ending
    }

    /// The error that its caller got, if it got one.
    pub fn error(&self) -> Option<&'a Error> {
        match self.ending {
            Ending::Failed(error) => Some(error),
            Ending::Answered | Ending::Cancelled => None,
        }
    }

    /// How many times it was sent: its last byte was handed over. 0 if it never was; more than 1 if it was sent again,
    /// after its connection was lost or the server had refused it for the time being.
    ///
    /// A transaction is sent with the last byte of its `EXEC`, and answered with the answer to that: this,
    /// [`written`](Self::written) and [`answered`](Self::answered) are the same for all its commands.
    pub fn attempts(&self) -> u32 {
        self.passage.attempts
    }

    /// When its call was first polled.
    pub fn queued(&self) -> Instant {
        self.queued
    }

    /// When its last byte was handed over, the last time. `None` if it never was.
    ///
    /// This and [`answered`](Self::answered) are the beginning of the turn in which the connection's task did it: they may be
    /// early by the length of a turn, well under a millisecond unless the thread was busy.
    pub fn written(&self) -> Option<Instant> {
        self.passage.written.map(|written| written.max(self.queued))
    }

    /// When its answer was read from the socket. `None` if none came.
    pub fn answered(&self) -> Option<Instant> {
        self.passage.answered.map(|answered| answered.max(self.queued))
    }

    /// When its caller had the result, or dropped the call.
    pub fn ended(&self) -> Instant {
        self.answered().map_or(self.ended, |answered| answered.max(self.ended))
    }

    /// From [`queued`](Self::queued) to [`ended`](Self::ended): `db.client.operation.duration`, a histogram in seconds.
    pub fn duration(&self) -> Duration {
        self.ended().saturating_duration_since(self.queued)
    }

    /// How long it waited here before it was sent, the last time: for the connection, or behind others. `None` if it was
    /// never sent.
    pub fn waited(&self) -> Option<Duration> {
        Some(self.written()?.saturating_duration_since(self.queued))
    }

    /// How long the server and the way to it took, for the last sending. `None` if no answer came.
    pub fn round_trip(&self) -> Option<Duration> {
        Some(self.answered()?.saturating_duration_since(self.written()?))
    }

    /// Names and values as OpenTelemetry has them for metrics and spans of database clients, where there is something to
    /// say. See <https://opentelemetry.io/docs/specs/semconv/db/redis/>.
    ///
    /// | attribute | value |
    /// |---|---|
    /// | `db.system.name` | `redis` |
    /// | `db.operation.name` | [`name`](Self::name) |
    /// | `db.namespace` | the configured database, as a text |
    /// | `db.operation.batch.size` | [`batch_size`](Self::batch_size), where it is above 1 |
    /// | `db.response.status_code` | the first word of the server's error, such as `WRONGTYPE` |
    /// | `error.type` | the same; of an error of another kind, [`ErrorKind::as_str`](crate::ErrorKind::as_str), such as `timeout`; `cancelled` |
    /// | `server.address` | the configured host, or the path of the Unix socket |
    /// | `server.port` | the configured port |
    ///
    /// The conventions give a pipeline as a whole one span with the name `PIPELINE`, and a transaction one with the name
    /// `MULTI`; here each command of it has its own name.
    pub fn attributes(&self) -> impl Iterator<Item = (&'static str, AttributeValue<'a>)> + use<'a> {
        let text = |name, value: Option<&'a str>| value.map(|value| (name, AttributeValue::Text(value)));
        let number = |name, value: Option<i64>| value.map(|value| (name, AttributeValue::Integer(value)));
        let status = self.error().and_then(Error::server).map(|server| server.code());
        let kind = match self.ending {
            Ending::Answered => None,
            Ending::Failed(error) => Some(error.kind().as_str()),
            Ending::Cancelled => Some("cancelled"),
        };
        let (host, port) = match self.node {
            Address::Tcp { host, port } => (Some(host.as_str()), Some(i64::from(*port))),
            Address::Unix(path) => (path.to_str(), None),
        };
        let batch = i64::try_from(self.batch_size).ok().filter(|size| *size > 1);
        let all = [
            text("db.system.name", Some("redis")),
            text("db.operation.name", Some(self.name)),
            text("db.namespace", Some(self.namespace)),
            number("db.operation.batch.size", batch),
            text("db.response.status_code", status),
            text("error.type", status.or(kind)),
            text("server.address", host),
            number("server.port", port),
        ];
        all.into_iter().flatten()
    }
}

impl fmt::Debug for Observation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation")
            .field("name", &self.name)
            .field("node", &format_args!("{}", self.node))
            .field("attempts", &self.attempts())
            .field("ending", &self.ending)
            .field("duration", &self.duration())
            .field("waited", &self.waited())
            .field("round_trip", &self.round_trip())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for AttributeValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
        }
    }
}

/// The observer of a configuration, if it has one.
#[derive(Clone, Default)]
pub(super) struct Installed(pub(super) Option<Arc<dyn Observer>>);

impl fmt::Debug for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "the user's own" } else { "none" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Report};
    use crate::outcome::Fate;

    fn observation<'a>(node: &'a Address, ending: Ending<'a>) -> Observation<'a> {
        let now = Instant::now();
        Observation {
            name: "GET",
            node,
            namespace: "3",
            batch_size: 1,
            queued: now,
            passage: Passage::default(),
            ended: now,
            ending,
        }
    }

    fn shown(observation: &Observation<'_>) -> String {
        let pairs: Vec<_> = observation.attributes().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ")
    }

    #[test]
    fn attributes_have_the_names_of_the_conventions_and_only_where_there_is_something_to_say() {
        let tcp = Address::tcp("host", 6379);
        let expected = "db.system.name=redis db.operation.name=GET db.namespace=3 server.address=host server.port=6379";
        assert_eq!(shown(&observation(&tcp, Ending::Answered)), expected);
        let unix = Address::Unix("/run/redis".into());
        let error = Error::new(Report::new(ErrorKind::Timeout, Fate::Unknown, "GET"));
        let failed = Observation { batch_size: 7, ..observation(&unix, Ending::Failed(&error)) };
        let expected = "db.system.name=redis db.operation.name=GET db.namespace=3 db.operation.batch.size=7 \
                        error.type=timeout server.address=/run/redis";
        assert_eq!(shown(&failed), expected);
        assert!(shown(&observation(&tcp, Ending::Cancelled)).contains("error.type=cancelled"));
    }

    /// The connection's task notes the beginning of its turn, which may be before the call was made.
    #[test]
    fn times_never_run_backwards() {
        let node = Address::tcp("host", 6379);
        let queued = Instant::now() + Duration::from_secs(9);
        let [before, after] = [queued - Duration::from_secs(1), queued + Duration::from_secs(1)];
        for (written, answered, ended) in [(before, before, queued), (before, after, queued), (after, after, after)] {
            let passage = Passage { attempts: 1, written: Some(written), answered: Some(answered) };
            let observed = Observation { queued, passage, ended, ..observation(&node, Ending::Answered) };
            let times = [Some(observed.queued()), observed.written(), observed.answered(), Some(observed.ended())];
            assert!(times.is_sorted(), "{times:?}");
            let parts = observed.waited().unwrap() + observed.round_trip().unwrap();
            assert!(parts <= observed.duration());
        }
    }
}
