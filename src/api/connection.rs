//! Connection: <https://redis.io/docs/latest/commands/?group=connection>.

use std::collections::HashMap;
use std::time::Duration;

use super::{keyless, known, milliseconds, some_after};
use crate::command::{ConversionError, Executor, Fields, FromReply, Reply, Request, ToArg, ToArgs};

/// Commands that concern the connection, or those of others.
///
/// What they say of "this connection" is true of the one that they are sent on. A client makes a new one when it loses
/// its own, and that is another connection to the server.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Connection;
///
/// client.ping().await?;
/// let same: String = client.echo("hello").await?;
/// for other in client.client_list().await? {
///     println!("{} idle for {:?}", other.addr, other.idle);
/// }
/// let ended = client.client_kill().user("app").await?;
/// # Ok(())
/// # }
/// ```
pub trait Connection: Executor {
    /// The connection's name; `None` if it has none.
    /// Since 2.6.9. <https://redis.io/docs/latest/commands/client-getname/>
    fn client_getname(self) -> Request<Self, Option<String>> {
        keyless(self, const { known("CLIENT GETNAME") })
    }

    /// The connection that gets the invalidations of this one: its number, 0 if they are not redirected, -1 if tracking is
    /// off.
    /// Since 6.0. <https://redis.io/docs/latest/commands/client-getredir/>
    fn client_getredir(self) -> Request<Self, i64> {
        keyless(self, const { known("CLIENT GETREDIR") })
    }

    /// The server's help on CLIENT, line by line.
    /// Since 5.0. <https://redis.io/docs/latest/commands/client-help/>
    fn client_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("CLIENT HELP") })
    }

    /// The connection's number on the server.
    /// Since 5.0. <https://redis.io/docs/latest/commands/client-id/>
    fn client_id(self) -> Request<Self, i64> {
        keyless(self, const { known("CLIENT ID") })
    }

    /// What the server knows of this connection.
    /// Since 6.2. <https://redis.io/docs/latest/commands/client-info/>
    fn client_info(self) -> Request<Self, ConnectedClient> {
        keyless(self, const { known("CLIENT INFO") })
    }

    /// Ends the connections that all of the filters fit, but for this one. How many. Filters are methods of the
    /// request, at least one: [`id`](ClientFilterOptions), [`addr`](ClientFilterOptions),
    /// [`user`](ClientFilterOptions), ...; this one too if it fits with [`include_me`](ClientFilterOptions).
    /// Since 2.8.12. <https://redis.io/docs/latest/commands/client-kill/>
    fn client_kill(self) -> Request<Self, u64, ClientFilterOptions> {
        keyless::<_, ()>(self, const { known("CLIENT KILL") }).marked()
    }

    /// The connections of the server. Filters are methods of the request: [`id`](ClientFilterOptions),
    /// [`of_type`](ClientFilterOptions), ...; the default is all.
    /// Since 2.4. <https://redis.io/docs/latest/commands/client-list/>
    fn client_list(self) -> Request<Self, Vec<ConnectedClient>, ClientFilterOptions> {
        keyless::<_, ()>(self, const { known("CLIENT LIST") }).read_by(clients)
    }

    /// Whether the server may end this connection when the memory that connections take together is short. Default: it
    /// may.
    /// Since 7.0. <https://redis.io/docs/latest/commands/client-no-evict/>
    fn client_no_evict(self, switch: Switch) -> Request<Self, ()> {
        keyless(self, const { known("CLIENT NO-EVICT") }).with(switch.word())
    }

    /// The server runs no commands of ordinary connections for this long; they wait. Sent in milliseconds, rounded up.
    /// Options are methods of the request: [`write`](ClientPauseOptions).
    /// Since 3.0. <https://redis.io/docs/latest/commands/client-pause/>
    fn client_pause(self, duration: Duration) -> Request<Self, (), ClientPauseOptions> {
        keyless::<_, ()>(self, const { known("CLIENT PAUSE") }).with(milliseconds(duration)).marked()
    }

    /// Says which library uses this connection. The client does so by itself.
    /// Since 7.2. <https://redis.io/docs/latest/commands/client-setinfo/>
    fn client_setinfo(self, attribute: ClientAttribute, value: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("CLIENT SETINFO") }).with((attribute.word(), value))
    }

    /// Gives this connection a name; an empty one takes it away. The next connection does not have it: for all of them
    /// there is [`Config::with_name`](crate::Config::with_name).
    /// Since 2.6.9. <https://redis.io/docs/latest/commands/client-setname/>
    fn client_setname(self, name: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("CLIENT SETNAME") }).with(name)
    }

    /// How the server tracks which keys this connection has read.
    /// Since 6.2. <https://redis.io/docs/latest/commands/client-trackinginfo/>
    fn client_trackinginfo(self) -> Request<Self, TrackingInfo> {
        keyless(self, const { known("CLIENT TRACKINGINFO") })
    }

    /// Ends the waiting of a connection that is in a blocking command, as if its time was over. Whether it was. Options are
    /// methods of the request: [`error`](ClientUnblockOptions).
    /// Since 5.0. <https://redis.io/docs/latest/commands/client-unblock/>
    fn client_unblock(self, id: i64) -> Request<Self, bool, ClientUnblockOptions> {
        keyless::<_, ()>(self, const { known("CLIENT UNBLOCK") }).with(id).marked()
    }

    /// Ends a pause that [`client_pause`](Self::client_pause) began.
    /// Since 6.2. <https://redis.io/docs/latest/commands/client-unpause/>
    fn client_unpause(self) -> Request<Self, ()> {
        keyless(self, const { known("CLIENT UNPAUSE") })
    }

    /// The message, back.
    /// Since 1.0. <https://redis.io/docs/latest/commands/echo/>
    fn echo<T: FromReply>(self, message: impl ToArg) -> Request<Self, T> {
        keyless(self, const { known("ECHO") }).with(message)
    }

    /// Whether the server answers. Options are methods of the request: [`message`](PingOptions).
    /// Since 1.0. <https://redis.io/docs/latest/commands/ping/>
    fn ping(self) -> Request<Self, (), PingOptions> {
        keyless::<_, ()>(self, const { known("PING") }).marked()
    }
}

impl<E: Executor> Connection for E {}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// `ON`.
    On,
    /// `OFF`.
    Off,
}

impl Switch {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::On => "ON",
            Self::Off => "OFF",
        }
    }
}

/// What a connection can say of the library that uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAttribute {
    /// The library's name (`LIB-NAME`).
    LibName,
    /// The library's version (`LIB-VER`).
    LibVer,
}

impl ClientAttribute {
    fn word(self) -> &'static str {
        match self {
            Self::LibName => "LIB-NAME",
            Self::LibVer => "LIB-VER",
        }
    }
}

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientType {
    /// Ordinary commands, MONITOR too.
    Normal,
    /// To the primary whose replica the server is.
    Primary,
    /// From a replica.
    Replica,
    /// Subscriptions.
    PubSub,
}

impl ClientType {
    fn word(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            // Every version knows this word.
            Self::Primary => "MASTER",
            Self::Replica => "REPLICA",
            Self::PubSub => "PUBSUB",
        }
    }
}

/// Marks a request of [`Connection::ping`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+PingOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct PingOptions;

/// Options of [`Connection::ping`].
impl<E, T> Request<E, T, PingOptions> {
    /// The server answers this message.
    pub fn message<U: FromReply>(self, message: impl ToArg) -> Request<E, U, PingOptions> {
        self.with(message).marked()
    }
}

/// Marks a request of [`Connection::client_pause`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ClientPauseOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClientPauseOptions;

/// Options of [`Connection::client_pause`].
impl<E, T> Request<E, T, ClientPauseOptions> {
    /// Only commands that write, or may do so, wait. Default: all commands. Since 6.2.
    pub fn write(self) -> Self {
        self.with("WRITE")
    }
}

/// Marks a request of [`Connection::client_unblock`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ClientUnblockOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClientUnblockOptions;

/// Options of [`Connection::client_unblock`].
impl<E, T> Request<E, T, ClientUnblockOptions> {
    /// The blocking command ends in the error `UNBLOCKED`. Default: as if its time was over.
    pub fn error(self) -> Self {
        self.with("ERROR")
    }
}

/// Marks a request of [`Connection::client_kill`] and [`Connection::client_list`], whose [filters] are methods.
///
/// [filters]: Request#impl-Request%3CE,+T,+ClientFilterOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClientFilterOptions;

/// Filters of [`Connection::client_kill`] and [`Connection::client_list`]. A list had no more than `id` and `of_type`, one
/// of them, before Valkey 8.1. Each comes once.
impl<E, T> Request<E, T, ClientFilterOptions> {
    /// With this number; of a list, and since Valkey 8.1 of kill, with one of these.
    pub fn id(self, ids: impl ToArgs) -> Self {
        some_after(self, "ID", ids)
    }

    /// Used for this. Of kill since 2.8.12, of a list since 5.0.
    pub fn of_type(self, of: ClientType) -> Self {
        self.with(("TYPE", of.word()))
    }

    /// Of this user. Of kill since 6.0, of a list since Valkey 8.1.
    pub fn user(self, name: impl ToArg) -> Self {
        self.with(("USER", name))
    }

    /// From this address, `ip:port`. Of a list since Valkey 8.1.
    pub fn addr(self, address: impl ToArg) -> Self {
        self.with(("ADDR", address))
    }

    /// To this address of the server, `ip:port`. Of kill since 6.2, of a list since Valkey 8.1.
    pub fn laddr(self, address: impl ToArg) -> Self {
        self.with(("LADDR", address))
    }

    /// This connection too, if it fits (`SKIPME no`): a kill then ends it after its answer. The default of a list.
    pub fn include_me(self) -> Self {
        self.with(("SKIPME", "no"))
    }

    /// Not this connection (`SKIPME yes`). The default of a kill. Of a list since Valkey 8.1.
    pub fn skip_me(self) -> Self {
        self.with(("SKIPME", "yes"))
    }

    /// As old as this at least. Sent in seconds, rounded up. Of kill since Redis 7.4 and Valkey 8.0, of a list since
    /// Valkey 8.1.
    pub fn maxage(self, age: Duration) -> Self {
        self.with(("MAXAGE", seconds(age)))
    }

    /// With this name. Valkey 9.0.
    pub fn name(self, name: impl ToArg) -> Self {
        self.with(("NAME", name))
    }

    /// Idle for this long at least. Sent in seconds, rounded up. Valkey 9.0.
    pub fn idle(self, duration: Duration) -> Self {
        self.with(("IDLE", seconds(duration)))
    }

    /// With all of these flags, such as `N`. Valkey 9.0.
    pub fn flags(self, flags: impl ToArg) -> Self {
        self.with(("FLAGS", flags))
    }

    /// Of this library. Valkey 9.0.
    pub fn lib_name(self, name: impl ToArg) -> Self {
        self.with(("LIB-NAME", name))
    }

    /// Of this version of its library. Valkey 9.0.
    pub fn lib_ver(self, version: impl ToArg) -> Self {
        self.with(("LIB-VER", version))
    }

    /// On this database. Valkey 9.0.
    pub fn db(self, number: u32) -> Self {
        self.with(("DB", number))
    }

    /// With this capability, such as `r`. Valkey 9.0.
    pub fn capa(self, capability: impl ToArg) -> Self {
        self.with(("CAPA", capability))
    }

    /// From this IP address. Valkey 9.0.
    pub fn ip(self, address: impl ToArg) -> Self {
        self.with(("IP", address))
    }

    /// With none of these numbers. Valkey 9.0.
    pub fn not_id(self, ids: impl ToArgs) -> Self {
        some_after(self, "NOT-ID", ids)
    }

    /// Not used for this. Valkey 9.0.
    pub fn not_type(self, of: ClientType) -> Self {
        self.with(("NOT-TYPE", of.word()))
    }

    /// Not of this user. Valkey 9.0.
    pub fn not_user(self, name: impl ToArg) -> Self {
        self.with(("NOT-USER", name))
    }

    /// Not from this address, `ip:port`. Valkey 9.0.
    pub fn not_addr(self, address: impl ToArg) -> Self {
        self.with(("NOT-ADDR", address))
    }

    /// Not to this address of the server, `ip:port`. Valkey 9.0.
    pub fn not_laddr(self, address: impl ToArg) -> Self {
        self.with(("NOT-LADDR", address))
    }

    /// Not with this name. Valkey 9.0.
    pub fn not_name(self, name: impl ToArg) -> Self {
        self.with(("NOT-NAME", name))
    }

    /// With none of these flags. Valkey 9.0.
    pub fn not_flags(self, flags: impl ToArg) -> Self {
        self.with(("NOT-FLAGS", flags))
    }

    /// Not of this library. Valkey 9.0.
    pub fn not_lib_name(self, name: impl ToArg) -> Self {
        self.with(("NOT-LIB-NAME", name))
    }

    /// Not of this version of its library. Valkey 9.0.
    pub fn not_lib_ver(self, version: impl ToArg) -> Self {
        self.with(("NOT-LIB-VER", version))
    }

    /// Not on this database. Valkey 9.0.
    pub fn not_db(self, number: u32) -> Self {
        self.with(("NOT-DB", number))
    }

    /// Without this capability. Valkey 9.0.
    pub fn not_capa(self, capability: impl ToArg) -> Self {
        self.with(("NOT-CAPA", capability))
    }

    /// Not from this IP address. Valkey 9.0.
    pub fn not_ip(self, address: impl ToArg) -> Self {
        self.with(("NOT-IP", address))
    }
}

/// Whole seconds, rounded up.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// What a server knows of one of its connections.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConnectedClient {
    /// Its number.
    pub id: i64,
    /// Where it comes from: `ip:port`, or a path.
    pub addr: String,
    /// Where it came to: `ip:port`, or a path. Empty before 6.2.
    pub laddr: String,
    /// Its name; empty if it has none.
    pub name: String,
    /// How long it has been there, in whole seconds.
    pub age: Duration,
    /// How long ago its last command was, in whole seconds.
    pub idle: Duration,
    /// A letter each, such as `N`, no specific flag, or `P`, subscribed.
    pub flags: String,
    /// Its database.
    pub db: u32,
    /// Its last command, such as `get` or `client|list`.
    pub cmd: String,
    /// Its user; empty before 6.0.
    pub user: String,
    /// Its protocol, 2 or 3; `None` before 7.0.
    pub resp: Option<u8>,
    /// Everything that the server says, by name.
    pub fields: HashMap<String, String>,
}

impl ConnectedClient {
    fn from_line(line: &str) -> Result<Self, ConversionError> {
        let mut fields = HashMap::<String, String>::new();
        let mut last = None;
        for word in line.split(' ') {
            match (word.split_once('='), &last) {
                (Some((name, value)), _) => {
                    fields.insert(name.to_owned(), value.to_owned());
                    last = Some(name.to_owned());
                }
                // A path may hold spaces.
                (None, Some(name)) => {
                    if let Some(value) = fields.get_mut(name) {
                        value.push(' ');
                        value.push_str(word);
                    }
                }
                (None, None) => return Err(ConversionError::new("the fields of a connection", "another text")),
            }
        }
        let text = |name: &str| fields.get(name).cloned().unwrap_or_default();
        Ok(Self {
            id: number(&fields, "id")?,
            addr: text("addr"),
            laddr: text("laddr"),
            name: text("name"),
            age: Duration::from_secs(number(&fields, "age")?),
            idle: Duration::from_secs(number(&fields, "idle")?),
            flags: text("flags"),
            db: number(&fields, "db")?,
            cmd: text("cmd"),
            user: text("user"),
            resp: number(&fields, "resp").ok(),
            fields,
        })
    }
}

impl FromReply for ConnectedClient {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        Self::from_line(String::from_reply(reply)?.trim_end())
    }
}

/// A connection on each line.
fn clients(reply: Reply<'_>) -> Result<Vec<ConnectedClient>, ConversionError> {
    String::from_reply(reply)?.lines().map(ConnectedClient::from_line).collect()
}

fn number<T: std::str::FromStr>(fields: &HashMap<String, String>, name: &str) -> Result<T, ConversionError> {
    let wrong = || ConversionError::new("the fields of a connection", format!("no number called '{name}'"));
    fields.get(name).and_then(|value| value.parse().ok()).ok_or_else(wrong)
}

/// How the server tracks which keys a connection has read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrackingInfo {
    /// Such as `on`, `off`, `bcast`, `optin`.
    pub flags: Vec<String>,
    /// The connection that gets the invalidations; 0 if they are not redirected, -1 if tracking is off.
    pub redirect: i64,
    /// The prefixes of keys that are tracked.
    pub prefixes: Vec<String>,
}

impl FromReply for TrackingInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            flags: fields.required("flags")?,
            redirect: fields.required("redirect")?,
            prefixes: fields.required("prefixes")?,
        })
    }
}
