//! Whether the peer of the present connection gives signs of life.

use std::time::{Duration, Instant};

use super::settings::SessionSettings;

/// What was heard of the peer, and since when it has been silent.
#[derive(Debug)]
pub(crate) struct Liveness {
    /// When bytes were last read, or the connection was made.
    last_read: Instant,
    /// Since when answers are awaited and nothing has been read; `None` while none are awaited.
    waiting_since: Option<Instant>,
    /// When the present connection became ready.
    ready_since: Option<Instant>,
    /// Where the heartbeat that is on its way stands in the log.
    heartbeat: Option<u64>,
}

impl Liveness {
    pub(crate) fn new(now: Instant) -> Self {
        Self { last_read: now, waiting_since: None, ready_since: None, heartbeat: None }
    }

    /// There is a new socket.
    pub(crate) fn handle_dialed(&mut self, now: Instant) {
        self.last_read = now;
    }

    /// When bytes were last read, or the connection was made.
    pub(crate) fn last_read(&self) -> Instant {
        self.last_read
    }

    /// Commands may be sent from now on.
    pub(crate) fn handle_established(&mut self, now: Instant) {
        self.ready_since = Some(now);
    }

    /// Bytes were read.
    pub(crate) fn handle_read(&mut self, now: Instant) {
        self.last_read = now;
        self.waiting_since = self.waiting_since.map(|_| now);
    }

    /// The socket took bytes.
    pub(crate) fn handle_written(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    /// Since when answers are awaited and nothing has been read; `None` while none are awaited.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        self.waiting_since
    }

    /// Everything that was sent is answered.
    pub(crate) fn handle_quiet(&mut self) {
        self.waiting_since = None;
    }

    /// What stands at `place` of the log was answered.
    pub(crate) fn handle_answer(&mut self, place: Option<u64>) {
        if self.heartbeat.is_some() && self.heartbeat == place {
            self.heartbeat = None;
        }
    }

    /// A heartbeat is on its way, at `place` of the log.
    pub(crate) fn handle_beat(&mut self, place: u64) {
        self.heartbeat = Some(place);
    }

    /// Forgets what was true of the last connection alone.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.last_read);
    }

    /// When the server should be sent a `PING`; `None` while one is on its way, or there is no connection to keep.
    pub(crate) fn heartbeat_due(&self, settings: &SessionSettings) -> Option<Instant> {
        let silence = settings.heartbeat.filter(|_| self.is_ready() && self.heartbeat.is_none())?;
        self.last_read.checked_add(silence)
    }

    /// When the silence has lasted too long; `None` while no answer is awaited. Of what the socket has taken, `awaited` bytes
    /// are not answered: some of them may be on their way still, and nobody can say anything to what has not arrived.
    pub(crate) fn silence_due(&self, settings: &SessionSettings, awaited: u64) -> Option<Instant> {
        let limit = settings.silence.filter(|_| self.is_ready())?;
        let on_their_way = Duration::from_millis(awaited / SLOWEST);
        self.waiting_since?.checked_add(limit)?.checked_add(on_their_way)
    }

    /// Whether commands can be sent, or could until the connection was lost just now.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready_since.is_some()
    }

    /// Whether the connection has been good for at least so long.
    pub(crate) fn is_good_for(&self, time: Duration, now: Instant) -> bool {
        self.ready_since.is_some_and(|since| now.duration_since(since) >= time)
    }

    /// How long nothing was read; `None` without a connection.
    pub(crate) fn silent_for(&self, now: Instant) -> Option<Duration> {
        self.ready_since.map(|_| now.duration_since(self.last_read))
    }
}

/// Bytes per millisecond of a network that is not taken for a silent peer, 4 Mbit/s.
const SLOWEST: u64 = 512;
