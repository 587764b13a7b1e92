//! Who hears what a link is subscribed to.

use std::fmt;
use std::time::Instant;

use crate::command::ServerError;
use crate::connection::Topic;
use crate::outcome::Cause;
use crate::resp::Frame;

/// Who hears what a link is subscribed to. Called by the link's task: must not wait.
pub(crate) trait Audience: Send + Sync + fmt::Debug {
    /// A push, in stream order, before any later answer is delivered. False: not for us (it goes to the events).
    fn handle_push(&self, push: &Frame) -> bool;
    fn handle_subscribed(&self, topic: &Topic);
    fn handle_refused(&self, topic: &Topic, error: &ServerError);
    fn handle_withdrawn(&self, topic: &Topic);
    fn handle_restored(&self);
    /// The connection is lost; nothing was read since.
    fn handle_lost(&self, cause: &Cause, since: Instant);
    fn handle_ended(&self, cause: &Cause);
}
