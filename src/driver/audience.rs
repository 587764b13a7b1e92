//! Who listens to the subscriptions of a link.

use std::fmt;
use std::time::Instant;

use crate::command::ServerError;
use crate::connection::Topic;
use crate::outcome::Cause;
use crate::resp::Frame;

/// Gets what concerns the subscriptions of a link, from the link's task, in the order of the stream. What it does must be
/// short: nothing else moves on the link in the meantime.
pub(crate) trait Audience: Send + Sync + fmt::Debug {
    /// A push, in stream order, before any later answer is delivered. In RESP2 too it is a [`View::Push`]. False: it is not
    /// for this audience, and is told among the events.
    ///
    /// [`View::Push`]: crate::resp::View::Push
    fn handle_push(&self, push: &Frame) -> bool;

    /// The server has confirmed the latest subscription to a topic that is wanted.
    fn handle_subscribed(&self, topic: &Topic);

    /// The server has refused it. The topic stays wanted: it is asked for again on the next connection.
    fn handle_refused(&self, topic: &Topic, error: &ServerError);

    /// The server has ended a subscription by itself. The topic stays wanted: it is asked for again on the next connection.
    fn handle_withdrawn(&self, topic: &Topic);

    /// Everything that was wanted when the connection was made is confirmed or refused, or not wanted any more.
    fn handle_restored(&self);

    /// A connection that was ready is lost, and with it all subscriptions. Nothing was read since.
    fn handle_lost(&self, cause: &Cause, since: Instant);

    /// The link has ended: nothing more will come.
    fn handle_ended(&self, cause: &Cause);
}
