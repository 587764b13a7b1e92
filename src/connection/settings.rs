//! What a link is told when it is made.

use std::fmt;
use std::time::Duration;

use crate::resp::Limits;

/// Which protocol to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolChoice {
    /// RESP3, or RESP2 if the server does not know it.
    #[default]
    Auto,
    /// RESP3 only: a server that does not know it is an error.
    Resp3,
    /// RESP2, without asking for more.
    Resp2,
}

/// What a session needs to know.
#[derive(Clone, Debug)]
pub(crate) struct SessionSettings {
    /// The steps of the handshake.
    pub(crate) handshake: HandshakePlan,
    /// Bounds of what a server may send.
    pub(crate) limits: Limits,
    /// Pauses between attempts.
    pub(crate) backoff: BackoffSettings,
    /// How long one attempt may take, from resolving to the end of the handshake.
    pub(crate) connect_timeout: Duration,
    /// Whether commands wait while there is no connection.
    pub(crate) offline: Offline,
    /// Makes the jitter of links differ.
    pub(crate) seed: u64,
}

/// What commands do while there is no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Offline {
    /// They wait for it, until their deadline.
    #[default]
    Wait,
    /// They fail at once.
    FailFast,
}

/// Pauses between attempts to connect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BackoffSettings {
    /// The pause before the second retry; it doubles from there. The first retry is at once.
    pub(crate) first: Duration,
    /// The longest pause, and the pause after a failure that only a change of settings can mend.
    pub(crate) max: Duration,
}

/// What to say to a server before the first command.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandshakePlan {
    /// Which protocol to speak.
    pub(crate) protocol: ProtocolChoice,
    /// Who we are; `None` sends no AUTH.
    pub(crate) credentials: Option<Credentials>,
    /// CLIENT SETNAME.
    pub(crate) name: Option<String>,
    /// SELECT; 0 is not sent.
    pub(crate) database: u32,
    /// CLIENT SETINFO LIB-NAME and LIB-VER.
    pub(crate) library: Option<(&'static str, &'static str)>,
    /// CLIENT NO-EVICT ON.
    pub(crate) no_evict: bool,
}

/// A user and a password. Shows neither.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// `None` is the user `default`, by the form of AUTH that old servers know.
    pub(crate) username: Option<String>,
    /// The password.
    pub(crate) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}
