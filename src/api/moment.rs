//! Moments in replies: a number of units since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::command::{ConversionError, FromReply, Reply};

/// A moment that is sent in whole seconds.
pub(super) struct UnixSeconds(pub(super) SystemTime);

/// A moment that is sent in whole milliseconds.
pub(super) struct UnixMilliseconds(pub(super) SystemTime);

impl FromReply for UnixSeconds {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        after_1970(Duration::from_secs(u64::from_reply(reply)?)).map(Self)
    }
}

impl FromReply for UnixMilliseconds {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        after_1970(Duration::from_millis(u64::from_reply(reply)?)).map(Self)
    }
}

/// The moment so long after the beginning of 1970.
pub(super) fn after_1970(duration: Duration) -> Result<SystemTime, ConversionError> {
    let too_late = || ConversionError::new("a time that the system can express", format!("{duration:?} since 1970"));
    UNIX_EPOCH.checked_add(duration).ok_or_else(too_late)
}
