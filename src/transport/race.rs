//! Staggered attempts over all addresses of a name: Happy Eyeballs (RFC 8305, section 5).

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::connector::BoxFuture;
use super::options::SocketOptions;
use super::progress::Progress;
use super::tcp;
use crate::outcome::{ConnectFailure, Stage};

/// The addresses that are still worth trying, and what became of the others.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// In the order in which to try them.
    pub(super) open: Vec<SocketAddr>,
    /// In the order in which they failed.
    pub(super) failed: Vec<(Option<SocketAddr>, ConnectFailure)>,
}

impl Candidates {
    /// Strikes an address off, for the reason given.
    pub(super) fn fail(&mut self, address: SocketAddr, failure: ConnectFailure) {
        self.open.retain(|candidate| *candidate != address);
        self.failed.push((Some(address), failure));
    }
}

/// The first connection that comes about, or `None` when every candidate has failed.
///
/// An attempt begins when the one before it has failed, or is [`STAGGER`] old. The losers are dropped and remain
/// candidates, so that a winner which fails later (in TLS) leaves somewhere to go.
pub(super) async fn first_connected(
    candidates: &mut Candidates,
    options: &SocketOptions,
    progress: &Progress,
) -> Option<(SocketAddr, TcpStream)> {
    let mut waiting = candidates.open.clone().into_iter();
    let mut running: Vec<Attempt<'_>> = Vec::new();
    let mut stagger = pin!(sleep(Duration::ZERO));
    poll_fn(|cx| {
        loop {
            let may_start = running.is_empty() || is_over(stagger.as_mut(), cx);
            if may_start {
                if let Some(address) = waiting.next() {
                    progress.enter(Stage::Connecting, Some(address));
                    running.push(Attempt { address, connecting: Box::pin(tcp::open(address, options)) });
                    stagger.as_mut().reset(Instant::now() + STAGGER);
                } else if running.is_empty() {
                    return Poll::Ready(None);
                }
            }
            match poll_attempts(&mut running, cx) {
                Poll::Ready((address, Ok(stream))) => return Poll::Ready(Some((address, stream))),
                // The next one need not wait any longer.
                Poll::Ready((address, Err(error))) => {
                    candidates.fail(address, ConnectFailure::from(&error));
                    stagger.as_mut().reset(Instant::now());
                }
                Poll::Pending if waiting.len() == 0 || !is_over(stagger.as_mut(), cx) => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    })
    .await
}

/// RFC 8305's recommended "Connection Attempt Delay".
const STAGGER: Duration = Duration::from_millis(250);

struct Attempt<'a> {
    address: SocketAddr,
    connecting: BoxFuture<'a, io::Result<TcpStream>>,
}

/// The first attempt that has ended, taken out of the list.
fn poll_attempts(running: &mut Vec<Attempt<'_>>, cx: &mut Context<'_>) -> Poll<(SocketAddr, io::Result<TcpStream>)> {
    for index in 0..running.len() {
        if let Poll::Ready(result) = running[index].connecting.as_mut().poll(cx) {
            return Poll::Ready((running.remove(index).address, result));
        }
    }
    Poll::Pending
}

fn is_over(timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> bool {
    timer.poll(cx).is_ready()
}
