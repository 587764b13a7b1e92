//! Room in a link's queue: what callers take and answers give back.

/// Commands and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) commands: usize,
    pub(crate) bytes: usize,
}

impl Room {
    /// Takes more.
    pub(crate) fn take(&mut self, room: Self) {
        self.commands += room.commands;
        self.bytes += room.bytes;
    }

    /// Gives some back.
    pub(crate) fn give_back(&mut self, room: Self) {
        self.commands = self.commands.saturating_sub(room.commands);
        self.bytes = self.bytes.saturating_sub(room.bytes);
    }

    /// Whether `more` fits within `bounds`. Where nothing is taken, everything fits: else it could never be served.
    pub(crate) fn has(&self, more: Self, bounds: Self) -> bool {
        self.commands == 0
            || (self.commands.saturating_add(more.commands) <= bounds.commands
                && self.bytes.saturating_add(more.bytes) <= bounds.bytes)
    }
}
