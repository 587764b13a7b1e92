//! How a client connects and how it behaves: every setting, with a default for all but the address.

mod backoff;
mod builder;
mod convert;
mod deployment;
mod error;
mod limits;
mod login;
mod mask;
pub(super) mod options;
pub(super) mod percent;
mod route;
mod routing;
pub(super) mod sentinels;
mod socket;
#[cfg(test)]
mod tests;
#[cfg_attr(not(feature = "tls"), path = "config/without_tls.rs")]
mod tls;
pub(super) mod validate;
pub(super) mod values;

use std::sync::Arc;
use std::time::Duration;

pub use self::backoff::Backoff;
pub use self::convert::IntoConfig;
pub(crate) use self::deployment::Deployment;
pub(super) use self::deployment::check_service;
pub use self::error::{ConfigError, ConfigErrorKind};
pub(super) use self::login::Login;
pub(super) use self::mask::Masked;
pub use self::options::UrlOption;
use self::route::Route;
use self::routing::Routing;
use self::sentinels::Sentinels;
use crate::client::Secret;
use crate::client::defaults;
use crate::client::observer::{Installed, Observer};
use crate::client::orphan::OrphanHook;
use crate::command::{OnRefusal, Replay};
use crate::connection::Credentials;
pub use crate::connection::{Offline, ProtocolChoice};
pub use crate::driver::AtCapacity;
use crate::resp::Limits;
pub use crate::topology::{ReadFrom, Subscriptions};

/// How a client connects and how it behaves.
///
/// Made from an address, or from several, and refined by `with_*` and `without_*` methods, or from a URL, where most settings can stand
/// as options. Everything but the address has a default; [`defaults`] has them all
/// in one table, with the names of the URL options.
///
/// ```
/// use std::time::Duration;
/// use steadfast::client::{Config, Offline};
///
/// let built = Config::tcp("cache.example.com", 6379)
///     .with_credentials("app", "secret")
///     .with_database(3)
///     .with_deadline(Duration::from_secs(1))
///     .with_offline(Offline::FailFast);
/// let parsed = Config::from_url("redis://app:secret@cache.example.com/3?deadline=1s&offline=fail")?;
/// assert_eq!(built.to_string(), parsed.to_string());
/// # Ok::<(), steadfast::client::ConfigError>(())
/// ```
///
/// A password never shows: `Debug` and `Display` print `***` in its place. `Display` gives the configuration as a URL,
/// with the settings that are not at their defaults.
///
/// Nothing is checked until the configuration is used (or [`validate`](Self::validate) is called), so that the methods
/// chain without `?`.
#[derive(Clone, Debug)]
pub struct Config {
    deployment: Deployment,
    route: Route,
    login: Login,
    sentinels: Sentinels,
    routing: Routing,
    database: u32,
    name: Option<String>,
    protocol: ProtocolChoice,
    deadline: Option<Duration>,
    connect_timeout: Duration,
    heartbeat: Option<Duration>,
    silence_limit: Option<Duration>,
    backoff: Backoff,
    max_pending_commands: usize,
    max_pending_bytes: usize,
    at_capacity: AtCapacity,
    offline: Offline,
    on_refusal: OnRefusal,
    replay: Replay,
    read_buffer: usize,
    limits: Limits,
    close_grace: Duration,
    library_info: bool,
    no_evict: bool,
    subscriptions: Subscriptions,
    observer: Installed,
    max_blocking: usize,
    max_dedicated: usize,
    max_idle: Duration,
    max_lifetime: Option<Duration>,
    orphan_hook: OrphanHook,
    /// `None`: another one for each client.
    seed: Option<u64>,
}

impl Config {
    /// A configuration for `deployment`, with every other setting at its default.
    pub(super) fn of(deployment: Deployment) -> Self {
        Self {
            deployment,
            route: Route::default(),
            login: Login::default(),
            sentinels: Sentinels::default(),
            routing: Routing::default(),
            database: 0,
            name: None,
            protocol: ProtocolChoice::default(),
            deadline: Some(defaults::DEADLINE),
            connect_timeout: defaults::CONNECT_TIMEOUT,
            heartbeat: Some(defaults::HEARTBEAT),
            silence_limit: Some(defaults::SILENCE_LIMIT),
            backoff: Backoff::default(),
            max_pending_commands: defaults::MAX_PENDING_COMMANDS,
            max_pending_bytes: defaults::MAX_PENDING_BYTES,
            at_capacity: AtCapacity::default(),
            offline: Offline::default(),
            on_refusal: OnRefusal::default(),
            replay: Replay::default(),
            read_buffer: defaults::READ_BUFFER,
            limits: Limits::default(),
            close_grace: defaults::CLOSE_GRACE,
            library_info: true,
            no_evict: false,
            subscriptions: Subscriptions::default(),
            observer: Installed::default(),
            max_blocking: defaults::MAX_BLOCKING,
            max_dedicated: defaults::MAX_DEDICATED,
            max_idle: defaults::MAX_IDLE,
            max_lifetime: None,
            orphan_hook: OrphanHook::default(),
            seed: None,
        }
    }

    /// The user to authenticate as; `None` for the server's user `default`, for no authentication, and where a
    /// [provider](Self::with_credentials_provider) says who.
    pub fn username(&self) -> Option<&str> {
        self.login.credentials().and_then(Credentials::username)
    }

    /// The password to authenticate with; `None` for no authentication, and where a provider has it.
    pub(super) fn password(&self) -> Option<&Secret> {
        self.login.credentials().map(Credentials::secret)
    }

    /// How connections say who they are.
    pub(super) fn login(&self) -> &Login {
        &self.login
    }

    /// The database that connections select.
    pub fn database(&self) -> u32 {
        self.database
    }

    /// The name that connections give themselves.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The version of the protocol.
    pub fn protocol(&self) -> ProtocolChoice {
        self.protocol
    }

    /// How long a call may take, all in all; `None` for without end.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// How long one attempt to connect may take.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// After how much silence of the server it is sent a `PING`; `None` is never.
    pub fn heartbeat(&self) -> Option<Duration> {
        self.heartbeat
    }

    /// After how much silence, while answers are due, a second connection is tried; `None` is never.
    pub fn silence_limit(&self) -> Option<Duration> {
        self.silence_limit
    }

    /// What a call does whose command the server refused for the time being.
    pub fn on_refusal(&self) -> OnRefusal {
        self.on_refusal
    }

    /// The pauses between attempts to connect.
    pub fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// How many commands a link may hold that are not answered.
    pub fn max_pending_commands(&self) -> usize {
        self.max_pending_commands
    }

    /// How many bytes of commands a link may hold that are not answered.
    pub fn max_pending_bytes(&self) -> usize {
        self.max_pending_bytes
    }

    /// What a call does that finds the link's queue full.
    pub fn at_capacity(&self) -> AtCapacity {
        self.at_capacity
    }

    /// What a call does that finds its link without a connection.
    pub fn offline(&self) -> Offline {
        self.offline
    }

    /// Which commands are sent again when nobody knows whether they ran.
    pub fn replay(&self) -> Replay {
        self.replay
    }

    /// How many bytes are read from the socket at once.
    pub fn read_buffer(&self) -> usize {
        self.read_buffer
    }

    /// What a server may send in one reply.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How long sent commands may take to finish after the last clone of the client is dropped.
    pub fn close_grace(&self) -> Duration {
        self.close_grace
    }

    /// Whether connections tell the server this library's name and version.
    pub fn library_info(&self) -> bool {
        self.library_info
    }

    /// Whether connections ask to be spared from client eviction.
    pub fn no_evict(&self) -> bool {
        self.no_evict
    }

    /// Which connection subscriptions use.
    pub fn subscriptions(&self) -> Subscriptions {
        self.subscriptions
    }

    /// How many blocking commands may be under way at once.
    pub fn max_blocking(&self) -> usize {
        self.max_blocking
    }

    /// How many connections callers may have for themselves at once.
    pub fn max_dedicated(&self) -> usize {
        self.max_dedicated
    }

    /// How long a connection for one caller is kept that nobody uses.
    pub fn max_idle(&self) -> Duration {
        self.max_idle
    }

    /// How long such a connection is lent again after it was made; `None` is for ever.
    pub fn max_lifetime(&self) -> Option<Duration> {
        self.max_lifetime
    }

    /// Where the chance in pauses comes from; `None` is from the system.
    pub(in crate::client) fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// Who is given what blocking commands took away for callers who had gone.
    pub(in crate::client) fn orphan_hook(&self) -> OrphanHook {
        self.orphan_hook.clone()
    }

    /// Who is told of every command; `None` is nobody.
    pub(crate) fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.observer.0.clone()
    }
}
