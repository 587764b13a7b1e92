//! Requests of one node of several, whatever the topology says of it: for answers that mean something to that node only.

use std::sync::Arc;
use std::time::Instant;

use super::handle::{Client, deadline_of};
use super::report::{self, Name};
use super::settings::policy;
use crate::command::{Encoded, Reader, Request, ServerError};
use crate::connection::{LinkState, Lost, SessionFacts};
use crate::error::Error;
use crate::outcome::Fate;
use crate::topology::{Delivered, Deployed, Dispatch, End, Form, Node, Parcel, Route, Routing, Settled};

/// What several nodes are made of; `None`: the client has one server, or one connection of its own.
pub(super) fn routing(client: &Client) -> Option<Arc<Routing>> {
    match client.deployed() {
        Deployed::Many(routes) if client.lease().is_none() => Some(Arc::clone(routes)),
        _ => None,
    }
}

/// The connection to a node that there is now.
pub(super) fn session(node: &Node) -> Option<Arc<SessionFacts>> {
    match &*node.link().standing() {
        LinkState::Ready { session } => Some(Arc::clone(session)),
        _ => None,
    }
}

/// Whether another try, perhaps at another node, may do better: the connection failed, or the node has left.
pub(super) fn may_be_repeated(error: &Error, until: Option<Instant>, now: Instant) -> bool {
    use crate::error::ErrorKind::{Connection, Timeout};

    let has_time = until.is_none_or(|until| now < until);
    has_time && matches!(error.kind(), Connection | Timeout) && error.fate() != Fate::Executed
}

/// Asks this node.
pub(super) async fn ask<T, O>(request: Request<&Client, T, O>, node: Arc<Node>) -> Result<T, Error> {
    let Request { executor: client, command, deadline, replay, on_refusal, reader, .. } = request;
    let name = Name::of(&command);
    let Some(routing) = routing(client) else { return Err(report::closed(&name)) };
    let within = client.within(deadline);
    let policy = policy(replay.unwrap_or(client.replay()), client.on_refusal(on_refusal), &command);
    let mut bytes = Encoded::default();
    let range = 0..command.write_to(&mut bytes);
    let (form, route) = (Form::Single(policy), Route::Node(Arc::clone(&node)));
    let parcel = Parcel { source: Arc::new(bytes), range, form, route, reads: false, is_counted: true };
    let mut open = Open(Some((client, name)));
    let delivered = Dispatch::new(routing, vec![parcel], deadline_of(within)).run().await;
    let Some((_, name)) = open.0.take() else { return Err(report::closed(&Name::of(&command))) };
    let result = match read(&name, &node, delivered, reader) {
        Ok(result) => result,
        Err(lost) => Err(report::lost(&name, node.address(), within, &lost)),
    };
    client.ended(&name, None, &result);
    result
}

fn read<T>(name: &Name, node: &Node, delivered: Delivered, reader: Reader<T>) -> Result<Result<T, Error>, Lost> {
    let Delivered { frames, mut settled } = delivered;
    match settled.pop() {
        Some(Settled { end: End::Lost(lost), .. }) => Err(lost),
        Some(Settled { end: End::Answered { frame, reply, sent }, .. }) => {
            let reply = frames.get(frame).and_then(|frame| frame.replies().nth(reply));
            let Some(reply) = reply else { return Ok(Err(report::closed(name))) };
            if reply.is_error() {
                let error = ServerError::from_bytes(reply.bytes().unwrap_or_default());
                return Ok(Err(report::server(name, node.address(), error, sent)));
            }
            Ok(reader(reply).map_err(|error| report::conversion(name, node.address(), error)))
        }
        // A single command is never answered as several are.
        _ => Ok(Err(report::closed(name))),
    }
}

/// Counts what its caller has given up.
struct Open<'c>(Option<(&'c Client, Name)>);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some((client, name)) = self.0.take() {
            client.cancelled_on_its_own(&name, None);
        }
    }
}
