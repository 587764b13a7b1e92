//! The two sockets of a connection, and the flows between them.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::closing::Ending;
use super::fault::Cut;
use super::flow::{Flow, Step};
use super::line::End;
use super::tally::{Tallied, Tally};
use super::traffic::{Duplex, Traffic};

/// The two sockets of a connection.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
    scratch: Box<[u8]>,
    timer: Pin<Box<Sleep>>,
}

/// What came of trying to move bytes.
enum Moved {
    Something,
    /// A small write was made; others shall run before the next one.
    Slice,
    Nothing,
    NothingUntil(Instant),
    LostReceiver,
    Ended(Ending),
}

impl Relay {
    pub(crate) fn new(client: TcpStream, server: TcpStream) -> Self {
        // Without it bytes may be late by 40 ms; nothing worse.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let timer = Box::pin(sleep_until(Instant::now()));
        Relay { client, server, scratch: vec![0; SCRATCH].into(), timer }
    }

    /// Moves what can be moved; ready when the connection is over.
    pub(crate) fn poll(&mut self, traffic: &mut Traffic, tally: &Tally, context: &mut Context<'_>) -> Poll<Ending> {
        loop {
            let until = match self.turn(traffic, tally, context) {
                Moved::Ended(ending) => return Poll::Ready(ending),
                Moved::NothingUntil(until) => until,
                Moved::Nothing => return Poll::Pending,
                Moved::Something | Moved::Slice | Moved::LostReceiver => continue,
            };
            self.timer.as_mut().reset(until);
            if self.timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// One attempt at each of the four things that can be done: to read from and to write to either side.
    fn turn(&mut self, traffic: &mut Traffic, tally: &Tally, context: &mut Context<'_>) -> Moved {
        let now = Instant::now();
        let Traffic { to_server, to_client, duplex, .. } = traffic;
        let duplex = *duplex;
        let mut upward = Leg { from: &mut self.client, to: &mut self.server, tally: &tally.to_server, now };
        let out_up = upward.forward(to_server, to_client, context);
        let in_up = match duplex {
            Duplex::Half if to_client.is_holding() => Moved::Nothing,
            _ => upward.take_in(to_server, &mut self.scratch, context),
        };
        let mut downward = Leg { from: &mut self.server, to: &mut self.client, tally: &tally.to_client, now };
        let out_down = downward.forward(to_client, to_server, context);
        let in_down = match duplex {
            Duplex::Half if to_server.is_holding() => Moved::Nothing,
            _ => downward.take_in(to_client, &mut self.scratch, context),
        };
        if to_server.is_over() && to_client.is_over() {
            return Moved::Ended(Ending::Closed);
        }
        let moved = [out_up, in_up, out_down, in_down];
        if moved.iter().any(|moved| matches!(moved, Moved::Something | Moved::Slice | Moved::LostReceiver)) {
            traffic.touch(now);
        }
        summary(moved, traffic.idle_until(), now, context)
    }
}

/// What to do after a turn.
fn summary(moved: [Moved; 4], idle: Option<(Instant, Cut)>, now: Instant, context: &mut Context<'_>) -> Moved {
    let (mut until, mut again) = (idle.map(|(until, _)| until), false);
    let mut sliced = false;
    for moved in moved {
        match moved {
            Moved::Ended(ending) => return Moved::Ended(ending),
            Moved::Something | Moved::LostReceiver => again = true,
            Moved::Slice => sliced = true,
            Moved::NothingUntil(other) => until = Some(until.map_or(other, |until| until.min(other))),
            Moved::Nothing => {}
        }
    }
    if let Some((_, cut)) = idle.filter(|(until, _)| *until <= now) {
        return Moved::Ended(Ending::CutNow(cut));
    }
    if sliced {
        context.waker().wake_by_ref();
        return Moved::Nothing;
    }
    if again { Moved::Something } else { until.map_or(Moved::Nothing, Moved::NothingUntil) }
}

/// One direction between the sockets, for one turn.
struct Leg<'a> {
    from: &'a mut TcpStream,
    to: &'a mut TcpStream,
    tally: &'a Tallied,
    now: Instant,
}

impl Leg<'_> {
    /// Writes what is due. `back` is the flow in the other direction.
    fn forward(&mut self, flow: &mut Flow, back: &mut Flow, context: &mut Context<'_>) -> Moved {
        match flow.step(self.now) {
            Step::Write(bytes) => match Pin::new(&mut *self.to).poll_write(context, bytes) {
                Poll::Ready(Ok(written)) => {
                    flow.handle_written(written, self.now);
                    self.tally.count_forwarded(written);
                    if flow.is_sliced() { Moved::Slice } else { Moved::Something }
                }
                Poll::Ready(Err(_)) => {
                    flow.handle_lost_receiver();
                    back.handle_lost_sender();
                    Moved::LostReceiver
                }
                Poll::Pending => Moved::Nothing,
            },
            Step::End(End::Fin) => {
                // On a socket it is done at once, and fails only if the receiver is gone, which reading from it shows.
                let _ = Pin::new(&mut *self.to).poll_shutdown(context);
                flow.finish();
                Moved::Something
            }
            Step::End(End::Rst) => Moved::Ended(Ending::CutBehind(Cut::Rst)),
            Step::Cut(cut) => Moved::Ended(Ending::CutBehind(cut)),
            Step::WaitUntil(until) => Moved::NothingUntil(until),
            Step::Nothing => Moved::Nothing,
        }
    }

    /// Reads what there is room for.
    fn take_in(&mut self, flow: &mut Flow, scratch: &mut [u8], context: &mut Context<'_>) -> Moved {
        let room = flow.room().min(scratch.len());
        if room == 0 {
            return Moved::Nothing;
        }
        let mut buffer = ReadBuf::new(&mut scratch[..room]);
        match Pin::new(&mut *self.from).poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => flow.handle_end(End::Fin, self.now),
            Poll::Ready(Ok(())) => {
                flow.handle_bytes(buffer.filled(), self.now);
                self.tally.count_received(buffer.filled().len());
            }
            Poll::Ready(Err(_)) => flow.handle_end(End::Rst, self.now),
            Poll::Pending => return Moved::Nothing,
        }
        Moved::Something
    }
}

const SCRATCH: usize = 64 << 10;
