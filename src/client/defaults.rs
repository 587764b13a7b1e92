//! The defaults of every setting, in one place.
//!
//! The first column is the option's name in a [URL](super::Config::from_url), the third the default as a URL would
//! spell it. The methods are those of [`Config`](super::Config), and say what is gained and lost by another value.
//! The user and the password stand in front of a URL's host and have no default;
//! [`with_credentials_provider`](super::Config::with_credentials_provider),
//! [`with_resolver`](super::Config::with_resolver), [`with_connector`](super::Config::with_connector),
//! [`with_address_map`](super::Config::with_address_map), [`with_server_names`](super::Config::with_server_names),
//! `with_sentinel_tls`, [`with_observer`](super::Config::with_observer) and
//! [`with_orphan_hook`](super::Config::with_orphan_hook) have no place in a URL. The options of sockets apply to TCP only,
//! those of TLS where TLS is spoken, those of several nodes where there are several. What bounds connections, and what waits for
//! them, does so for each of several nodes by itself.
//!
//! | option | set by | default | what it is |
//! |---|---|---|---|
//! | `db` | [`with_database`](super::Config::with_database) | `0` | the database; also the path of a TCP URL, as in `/3` |
//! | `name` | [`with_name`](super::Config::with_name) | not set | the name of the connections, for `CLIENT LIST` |
//! | `protocol` | [`with_protocol`](super::Config::with_protocol) | `auto` | the version of the protocol; `auto` is RESP3, or RESP2 where the server has no RESP3 |
//! | `library_info` | [`without_library_info`](super::Config::without_library_info) | `on` | whether the server is told this library's name and version |
//! | `no_evict` | [`with_no_evict`](super::Config::with_no_evict) | `off` | whether the server is asked to spare the connections when it evicts clients |
//! | `subscriptions` | [`with_subscriptions`](super::Config::with_subscriptions) | `own` | which connection subscriptions use: one of their `own`, or in RESP3 the `shared` one of the commands |
//! | `deadline` | [`with_deadline`](super::Config::with_deadline), [`without_deadline`](super::Config::without_deadline) | `5s` | how long a call may take, all in all |
//! | `connect_timeout` | [`with_connect_timeout`](super::Config::with_connect_timeout) | `2s` | how long one attempt to connect may take, with TLS and the Redis handshake |
//! | `heartbeat` | [`with_heartbeat`](super::Config::with_heartbeat), [`without_heartbeat`](super::Config::without_heartbeat) | `5s` | after how much silence of the server it is sent a `PING` |
//! | `silence_limit` | [`with_silence_limit`](super::Config::with_silence_limit), [`without_silence_limit`](super::Config::without_silence_limit) | `2s` | after how much silence of the server, while answers are due, a second connection is tried |
//! | `backoff_first` | [`with_backoff`](super::Config::with_backoff) | `20ms` | the first pause between attempts to connect |
//! | `backoff_max` | [`with_backoff`](super::Config::with_backoff) | `2s` | the longest pause between attempts to connect |
//! | `backoff_jitter` | [`with_backoff`](super::Config::with_backoff) | `50` | by how many percent, at most, chance shortens a pause |
//! | `close_grace` | [`with_close_grace`](super::Config::with_close_grace) | `1s` | how long sent commands may take to finish after the last clone of the client is dropped |
//! | `max_idle` | [`with_max_idle`](super::Config::with_max_idle) | `1m` | how long a connection for one caller is kept that nobody uses |
//! | `max_lifetime` | [`with_max_lifetime`](super::Config::with_max_lifetime) | not set | how long such a connection is lent again after it was made |
//! | `max_pending_commands` | [`with_max_pending_commands`](super::Config::with_max_pending_commands) | `65536` | commands a link may hold that are queued or sent and not answered |
//! | `max_pending_bytes` | [`with_max_pending_bytes`](super::Config::with_max_pending_bytes) | `64MiB` | bytes of such commands |
//! | `max_blocking` | [`with_max_blocking`](super::Config::with_max_blocking) | `256` | blocking commands that may be under way at once, each on a connection of its own |
//! | `max_dedicated` | [`with_max_dedicated`](super::Config::with_max_dedicated) | `64` | connections that callers may have for themselves at once |
//! | `at_capacity` | [`with_at_capacity`](super::Config::with_at_capacity) | `wait` | what a call does that finds no room: `wait` under its deadline, or `fail` at once |
//! | `offline` | [`with_offline`](super::Config::with_offline) | `wait` | what a call does that finds no connection: `wait` under its deadline, or `fail` at once |
//! | `replay` | [`with_replay`](super::Config::with_replay) | `read` | which commands are sent again when nobody knows whether they ran: none, those that change nothing, also those that write under a condition, that write the same again, or that add |
//! | `on_refusal` | [`with_on_refusal`](super::Config::with_on_refusal) | `wait` | what a call does whose command the server refused for the time being (`LOADING`, `READONLY`, ...): `wait` to be tried again under its deadline, or `fail` at once |
//! | `read_buffer` | [`with_read_buffer`](super::Config::with_read_buffer) | `64KiB` | bytes read from the socket at once |
//! | `max_reply_depth` | [`with_limits`](super::Config::with_limits) | `1024` | how deep the aggregates of a reply may nest |
//! | `max_reply_elements` | [`with_limits`](super::Config::with_limits) | `4294967295` | elements of one aggregate |
//! | `max_reply_bulk` | [`with_limits`](super::Config::with_limits) | `512MiB` | bytes of one bulk string |
//! | `max_reply_line` | [`with_limits`](super::Config::with_limits) | `1MiB` | bytes of one line: a simple string, an error, a number |
//! | `max_reply_frame` | [`with_limits`](super::Config::with_limits) | `1GiB` | bytes of one whole reply |
//! | `read_from` | [`with_read_from`](super::Config::with_read_from) | `primary` | of several nodes, which answer commands that only read |
//! | `split_writes` | [`with_split_writes`](super::Config::with_split_writes) | `off` | whether a command that writes keys of several slots is split, and not atomic, or fails |
//! | `refresh_interval` | [`with_refresh_interval`](super::Config::with_refresh_interval) | `500ms` | how much time passes at least between two times of asking what the deployment looks like |
//! | `refresh_every` | [`with_refresh_every`](super::Config::with_refresh_every), [`without_refresh_every`](super::Config::without_refresh_every) | `30s` | after how much time that is asked also where nothing gives reason to |
//! | `sentinel_user` | [`with_sentinel_credentials`](super::Config::with_sentinel_credentials) | not set | the user to authenticate as with Sentinels; needs `sentinel_password` beside it |
//! | `sentinel_password` | [`with_sentinel_credentials`](super::Config::with_sentinel_credentials), [`with_sentinel_password`](super::Config::with_sentinel_password) | not set | the password to authenticate with Sentinels; it is always shown as `***` |
//! | `sentinel_tls` | [`without_sentinel_tls`](super::Config::without_sentinel_tls) | `inherit` | how TLS is spoken with Sentinels: `inherit` is as with the servers, `off` plaintext |
//! | `nodelay` | [`with_socket`](super::Config::with_socket) | `on` | `TCP_NODELAY`: small segments are sent at once |
//! | `keepalive` | [`with_socket`](super::Config::with_socket) | `10s,5s,3` | TCP keepalive: silence before the first probe, interval, and how many unanswered ones end the connection |
//! | `user_timeout` | [`with_socket`](super::Config::with_socket) | `30s` | `TCP_USER_TIMEOUT`: how long sent bytes may stay unacknowledged |
//! | `linger` | [`with_socket`](super::Config::with_socket) | `system` | what closing does with unsent bytes: leave them to the `system`, or `reset` the connection |
//! | `bind_address` | [`with_socket`](super::Config::with_socket) | not set | the local IP address to connect from |
//! | `interface` | [`with_socket`](super::Config::with_socket) | not set | the network interface to use (Linux) |
//! | `send_buffer_size` | [`with_socket`](super::Config::with_socket) | not set | `SO_SNDBUF` |
//! | `receive_buffer_size` | [`with_socket`](super::Config::with_socket) | not set | `SO_RCVBUF` |
//! | `tls_ca` | `with_tls` | not set | a PEM file of certificates to trust: these, and nobody else unless `tls_roots` says so |
//! | `tls_roots` | `with_tls` | not set | certificate authorities to trust: the `system`'s, or Mozilla's as compiled in (`webpki`); where neither this nor `tls_ca` is set, the system's if the feature `system-roots` is on, else Mozilla's |
//! | `tls_cert` | `with_tls` | not set | a PEM file with the client certificate and its intermediates |
//! | `tls_key` | `with_tls` | not set | a PEM file with the client certificate's key; where it is not set, the file of `tls_cert` |
//! | `tls_server_name` | `with_tls` | not set | the name that the server's certificate must carry; where it is not set, the host |
//! | `tls_crl` | `with_tls` | not set | a file of certificate revocation lists, one for every issuer |
//! | `tls_pin` | `with_tls` | not set | public keys of which the server's certificate chain must have one, besides all else |
//! | `tls_min` | `with_tls` | `1.2` | the oldest version of TLS |
//! | `tls_max` | `with_tls` | `1.3` | the newest version of TLS |
//! | `tls_resumption` | `with_tls` | `on` | whether TLS sessions are resumed |
//! | `tls_crypto` | `with_tls` | not set | the implementation of cryptography; where it is not set, the one that is compiled in, and of both `ring` |
//! | `danger_tls_accept_invalid_certificates` | `with_tls` | `off` | accept any certificate of anyone: whoever is in between can read and change everything |
//! | `danger_tls_accept_invalid_names` | `with_tls` | `off` | accept a trusted certificate that was issued for other names |

use std::time::Duration;

/// The port of a URL that names none.
pub const PORT: u16 = 6379;

/// The port of a Sentinel in a URL that names none.
pub const SENTINEL_PORT: u16 = 26379;

/// How long a call may take, all in all.
///
/// Long enough for a reconnection after a restart or a failover that is already under way, short enough for a person
/// who waits.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// How long one attempt to connect may take: resolution, TCP, TLS and the Redis handshake.
///
/// Below half of [`DEADLINE`], so that a call outlives one attempt that hangs and sees a second one.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// After how much silence of the server it is sent a `PING`.
///
/// Shorter than the idle times that proxies are usually set to, and seldom enough to cost nothing.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// After how much silence of the server, while answers are due, a second connection is tried.
///
/// Below half of [`DEADLINE`], so that a call that was sent into the void still lives to be answered by the second one.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(2);

/// The first pause between attempts to connect.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(20);

/// The longest pause between attempts to connect.
///
/// Below half of [`DEADLINE`], so that a call made in the longest pause still lives to see the next attempt.
pub const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// By how many percent, at most, chance shortens a pause.
pub const BACKOFF_JITTER: u8 = 50;

/// How many commands a link may hold that are not answered.
///
/// A server takes 100,000 to 1,000,000 small commands a second, so this is at most about 0.7 seconds of work: what is let in can
/// still be answered within [`DEADLINE`].
pub const MAX_PENDING_COMMANDS: usize = 65_536;

/// How many bytes of commands a link may hold that are not answered.
///
/// About half a second of a 1 Gbit/s network; also an average of 1 KiB for each of [`MAX_PENDING_COMMANDS`].
pub const MAX_PENDING_BYTES: usize = 64 << 20;

/// How many bytes are read from the socket at once.
pub const READ_BUFFER: usize = 64 << 10;

/// How long sent commands may take to finish after the last clone of the client is dropped.
pub const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// How many messages a subscription keeps for a reader that is slow.
///
/// A tenth of a second of a server's full speed, and small enough to be noticed soon.
pub const SUBSCRIPTION_MESSAGES: usize = 4096;

/// How many bytes these messages may take up.
///
/// What a server keeps by default for a connection that lags behind for a minute.
pub const SUBSCRIPTION_BYTES: usize = 8 << 20;

/// How many blocking commands may be under way at once, each on a connection of its own.
///
/// More than most programs have workers, and few enough to leave room for other files where a process may open 1,024.
pub const MAX_BLOCKING: usize = 256;

/// How many connections of their own callers may have at once.
pub const MAX_DEDICATED: usize = 64;

/// How long a connection of a caller's own, or of a blocking command, is kept for the next one.
///
/// Long enough for the pauses between jobs, and shorter than most proxies wait.
pub const MAX_IDLE: Duration = Duration::from_secs(60);

/// How much time passes at least between two times of asking what a deployment of several nodes looks like.
///
/// Shorter than a failover takes, and seldom enough to cost the nodes nothing.
pub const REFRESH_INTERVAL: Duration = Duration::from_millis(500);

/// After how much time that is asked also where nothing gives reason to.
pub const REFRESH_EVERY: Duration = Duration::from_secs(30);
