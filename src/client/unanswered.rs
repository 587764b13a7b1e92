//! Commands that the server is told not to answer.

use std::future::poll_fn;

use super::lease::Lease;
use super::queue::{Bond, Flight, Queue};
use super::report::{self, Name};
use crate::command::{Command, ServerError, Unfit};
use crate::connection::Lost;
use crate::driver::Outcome;
use crate::error::Error;
use crate::outcome::Fate;
use crate::resp::Frame;

/// Sends the commands, and waits until the server has run them all.
pub(super) async fn execute(queue: Queue<'_>) -> Result<(), Error> {
    let is_empty = queue.len() == 0;
    let lease = queue.client().lease();
    let unfit = match lease {
        None => Some("answers can be left out on a connection of one's own, see `Client::dedicated`"),
        Some(lease) if lease.may_queue() => Some("between `MULTI` and `EXEC` everything is answered"),
        Some(_) => queue.burden().needs_answers(),
    };
    let mut flight = queue.bound(Bond::Unanswered).launch();
    let outcome = match (lease, unfit) {
        (_, Some(place)) => Err(report::unfit(&Name::unanswered(), &Unfit::Elsewhere(place))),
        (Some(lease), None) if !is_empty => send(&mut flight, lease).await,
        _ => Ok(()),
    };
    flight.tell(flight.plan(), |_| outcome.as_ref().err());
    outcome
}

async fn send(flight: &mut Flight<'_>, lease: &Lease) -> Result<(), Error> {
    if let Some((name, unfit)) = flight.plan().first_unfit() {
        return Err(report::unfit(&name, unfit));
    }
    if !lease.hushes() {
        try_alone(flight, lease).await?;
    }
    let outcome = poll_fn(|cx| flight.poll_outcome(cx)).await;
    let name = Name::unanswered();
    let end = match outcome {
        Outcome::Group(end) => end,
        Outcome::Lost(lost) => return Err(report::lost(&name, flight.node(), flight.within(), &lost)),
        // Several commands are never answered as a single one is.
        Outcome::Answered(..) => return Err(report::closed(&name)),
    };
    match end.answers.first().and_then(error_of) {
        None => Ok(()),
        Some(error) => {
            // What it has answered is not known any more.
            lease.spoil();
            Err(report::server_beside(&name, flight.node(), error, Fate::Unknown))
        }
    }
}

/// Sends what stands behind the commands, without them. A server that refuses it would answer them all, and nobody
/// would be there for these answers.
async fn try_alone(flight: &Flight<'_>, lease: &Lease) -> Result<(), Error> {
    let (name, node) = (Name::unanswered(), flight.node());
    match lease.link().ask(Command::new("CLIENT REPLY").arg("ON"), flight.deadline()).await {
        Ok(answer) => match error_of(&answer) {
            None => {
                lease.note_hushes();
                Ok(())
            }
            Some(error) => Err(report::server_beside(&name, node, error, Fate::Refused)),
        },
        Err(lost) => {
            lease.note_given_up(None);
            Err(report::lost(&name, node, flight.within(), &Lost { fate: Fate::NotSent, ..lost }))
        }
    }
}

fn error_of(answer: &Frame) -> Option<ServerError> {
    answer.has_error().then(|| ServerError::from_bytes(answer.reply().bytes().unwrap_or_default()))
}

/// Has the server answer nothing, this included.
pub(super) const HUSH: &[u8] = b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n";

/// Has it answer again, this included.
pub(super) const SPEAK: &[u8] = b"*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$2\r\nON\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_encloses_the_commands_is_encoded_as_any_command_is() {
        let encoded = |word| Command::new("CLIENT REPLY").arg(word).to_wire();
        assert_eq!((HUSH, SPEAK), (&*encoded("OFF"), &*encoded("ON")));
    }
}
