//! Commands for a connection of one's own: <https://redis.io/docs/latest/commands/?group=transactions>,
//! <https://redis.io/docs/latest/commands/?group=connection>.

use std::time::Duration;

use super::{Switch, block_milliseconds, keyless, keys_only, known};
use crate::command::{Exclusive, Request, ToArgs};

/// Commands that change what their connection is, or speak of what went over it before: only on a connection that nobody
/// else uses, which `client.dedicated()` gives. On a client, in a pipeline and in a transaction they don't exist, and sent
/// by name they fail with [`NeedsDedicated`](crate::ErrorKind::NeedsDedicated).
///
/// All other commands work on such a connection too.
///
/// # Giving the connection back
/// What it watches is forgotten. After `select`, `client_no_touch`, `readonly` or `readwrite` it is another connection than
/// others would expect, and is closed instead.
///
/// # What is not here
/// MULTI, EXEC and DISCARD are what `transaction()` sends. CLIENT TRACKING and CLIENT CACHING are of use only to a cache.
/// CLIENT REPLY would take answers away that somebody waits for.
pub trait OwnConnection: Exclusive {
    /// Whether the commands of this connection count as use of their keys when the server looks for what to evict, or for
    /// what was idle: with `On` only TOUCH does. Default: `Off`.
    /// Since 7.2. <https://redis.io/docs/latest/commands/client-no-touch/>
    fn client_no_touch(self, switch: Switch) -> Request<Self, ()> {
        keyless(self, const { known("CLIENT NO-TOUCH") }).with(switch.word())
    }

    /// A replica in a cluster answers reads on this connection, from data that may be old, and sends them to its primary no
    /// more.
    /// Since 3.0. <https://redis.io/docs/latest/commands/readonly/>
    fn readonly(self) -> Request<Self, ()> {
        keyless(self, const { known("READONLY") })
    }

    /// Ends what [`readonly`](Self::readonly) began.
    /// Since 3.0. <https://redis.io/docs/latest/commands/readwrite/>
    fn readwrite(self) -> Request<Self, ()> {
        keyless(self, const { known("READWRITE") })
    }

    /// From now on this connection's commands are about the database of this number; how many there are is the server's
    /// setting `databases`, 16 if nothing is set.
    /// Since 1.0. <https://redis.io/docs/latest/commands/select/>
    fn select(self, database: u32) -> Request<Self, ()> {
        keyless(self, const { known("SELECT") }).with(database)
    }

    /// Forgets all keys that this connection watches.
    /// Since 2.2. <https://redis.io/docs/latest/commands/unwatch/>
    fn unwatch(self) -> Request<Self, ()> {
        keyless(self, const { known("UNWATCH") })
    }

    /// Waits until so many replicas have all that this connection wrote before, and says how many have: fewer than that if
    /// the `timeout` was over first. It is sent in milliseconds, rounded up, and of zero it waits without end; the default deadline is
    /// added to it, see [commands that wait](crate::api#commands-that-wait). Nothing is undone if too few have it.
    /// Since 3.0. <https://redis.io/docs/latest/commands/wait/>
    fn wait(self, replicas: u64, timeout: Duration) -> Request<Self, u64> {
        keyless(self, const { known("WAIT") }).with((replicas, block_milliseconds(timeout)))
    }

    /// Waits until all that this connection wrote before is on disk, in the append-only file: of the server itself if
    /// `local` is 1 (of 0 that does not matter), and of so many `replicas`. Answers both numbers, each lower than asked if the
    /// `timeout` was over first; that is as for [`wait`](Self::wait). A server without such a file refuses to wait for its
    /// own.
    /// Since 7.2. <https://redis.io/docs/latest/commands/waitaof/>
    fn waitaof(self, local: u64, replicas: u64, timeout: Duration) -> Request<Self, (u64, u64)> {
        keyless(self, const { known("WAITAOF") }).with((local, replicas, block_milliseconds(timeout)))
    }

    /// Watches keys: if one of them was written to by anybody, expired or was evicted before this connection's next
    /// transaction is executed, that transaction does nothing. Whatever becomes of it, after it nothing is watched any more.
    /// Since 2.2. <https://redis.io/docs/latest/commands/watch/>
    fn watch(self, keys: impl ToArgs) -> Request<Self, ()> {
        keys_only(self, const { known("WATCH") }, keys)
    }
}

impl<E: Exclusive> OwnConnection for E {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Block, Executor, Needs, Sealed};

    struct Nobody;

    impl Sealed for Nobody {}
    impl Executor for Nobody {}
    impl Exclusive for Nobody {}

    fn words<T>(request: &Request<Nobody, T>) -> String {
        let wire = String::from_utf8(request.command().to_wire()).unwrap();
        wire.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_function_sends_its_command_and_none_would_share_a_connection() {
        let half = Duration::from_micros(500);
        let sent = [
            (Nobody.client_no_touch(Switch::On), "CLIENT NO-TOUCH ON"),
            (Nobody.readonly(), "READONLY"),
            (Nobody.readwrite(), "READWRITE"),
            (Nobody.select(3), "SELECT 3"),
            (Nobody.unwatch(), "UNWATCH"),
            (Nobody.watch(["a", "b"]), "WATCH a b"),
            (Nobody.wait(2, half).answer_as(), "WAIT 2 1"),
            (Nobody.waitaof(1, 2, half).answer_as(), "WAITAOF 1 2 1"),
        ];
        for (request, wished) in &sent {
            assert_eq!(words(request), *wished);
            assert_eq!(request.command().needs(), Needs::Dedicated, "{wished}");
        }
        assert_eq!(Nobody.watch(["a", "b"]).command().keys(), [b"a", b"b"]);
    }

    #[test]
    fn without_a_timeout_they_wait_without_end_and_with_the_longest_one_no_server_overflows() {
        assert_eq!(Nobody.wait(1, Duration::ZERO).command().block(), Some(Block::Forever));
        assert_eq!(Nobody.waitaof(1, 0, Duration::ZERO).command().block(), Some(Block::Forever));
        let longest = Nobody.wait(1, Duration::MAX);
        assert_eq!(words(&longest), format!("WAIT 1 {}", i64::MAX / 2));
    }
}
