//! Calls that are given up at any moment, while connections are cut: nobody gets another's reply, and nothing is left over.
//! Alone in its process, so that the memory it looks at is its own.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast::api::{Connection, Strings};
use steadfast::client::{AtCapacity, Call};
use steadfast::testing::{Cut, FaultProxy};
use steadfast::{Client, Error, ErrorKind, Fate, FromReply};

use faults::{PLACES, healed, in_each, tell, tireless};
use live::{PATIENCE, clients_of, connected, within};

const CALLS: usize = 100_000;
const CALLERS: usize = 50;
/// How many calls the client may hold. Every one of those has to be free again at the end.
const ROOM: usize = 500;

#[test]
fn calls_that_are_dropped_while_connections_are_cut_disturb_nobody_and_leave_nothing() {
    in_each(&PLACES[..1], async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let config = tireless(place.config_at(proxy.port()));
        let config = config.with_max_pending_commands(ROOM).with_at_capacity(AtCapacity::FailFast);
        let client = connected(config).await;
        let counts = Arc::new(Counts::default());
        // The first fifth brings memory to where it stays.
        storm(&client, &proxy, &counts, CALLS / 5).await;
        let before = resident();
        storm(&client, &proxy, &counts, CALLS - CALLS / 5).await;
        let grown = resident().saturating_sub(before);
        let [answered, dropped, failed] =
            [&counts.answered, &counts.dropped, &counts.failed].map(|count| count.load(Ordering::SeqCst));
        tell(&format!("{answered} answered, {dropped} dropped, {failed} failed, {} KiB more memory", grown >> 10));
        assert!(answered > CALLS / 10 && dropped > CALLS / 2, "the calls were not what they should be");
        assert!(grown < 16 << 20, "{grown} bytes more memory");

        healed(&client, &server).await;
        let ran: i64 = server.raw(&["GET", "n"]).parse().unwrap();
        let [acknowledged, at_most] = [&counts.acknowledged, &counts.perhaps].map(|count| count.load(Ordering::SeqCst));
        assert!(
            acknowledged <= ran && ran <= acknowledged + at_most,
            "{ran} ran, {acknowledged} and {at_most} at most"
        );
        server.stop();
        let taken = fill(&client);
        server.cont();
        for (number, call) in taken.into_iter().enumerate() {
            assert_eq!(within(PATIENCE, call).await.unwrap(), number.to_string());
        }
        assert_eq!(clients_of(&server).len(), 1);
        assert_eq!(proxy.open(), 1);
    });
}

#[derive(Default)]
struct Counts {
    answered: AtomicUsize,
    dropped: AtomicUsize,
    failed: AtomicUsize,
    acknowledged: AtomicI64,
    /// INCRs that were dropped, or of unknown fate.
    perhaps: AtomicI64,
}

/// Many callers that give up most of their calls, and connections that are cut under them.
async fn storm(client: &Client, proxy: &FaultProxy, counts: &Arc<Counts>, calls: usize) {
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let (client, counts) = (client.clone(), Arc::clone(counts));
            let dice = Dice(calls as u64 * 1_000 + number as u64 + 1);
            tokio::spawn(async move { Caller { client, counts, dice, number }.run(calls / CALLERS).await })
        })
        .collect();
    let cutting = async {
        let mut cut = Cut::Fin;
        while !over.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // All before it were answered then: what is the oldest on three connections that die in a row is given up.
            let _ = client.ping().await;
            proxy.cut(cut);
            cut = if cut == Cut::Fin { Cut::Rst } else { Cut::Fin };
        }
    };
    let calling = async {
        for caller in callers {
            within(PATIENCE * 5, caller).await.unwrap();
        }
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(cutting, calling);
}

struct Caller {
    client: Client,
    counts: Arc<Counts>,
    dice: Dice,
    number: usize,
}

impl Caller {
    async fn run(self, calls: usize) {
        let Self { client, counts, mut dice, number } = self;
        for turn in 0..calls {
            if turn % 4 == 0 {
                let outcome = give_up_or_await(&counts, &mut dice, client.incr("n").into_future()).await;
                match outcome {
                    Some(Ok(_)) => counts.acknowledged.fetch_add(1, Ordering::SeqCst),
                    Some(Err(error)) if error.fate() != Fate::Unknown => 0,
                    Some(Err(_)) | None => counts.perhaps.fetch_add(1, Ordering::SeqCst),
                };
                continue;
            }
            let token = format!("{}:{turn}:{}", number, "x".repeat(turn % 150));
            // Some give up by themselves.
            let deadline = if turn % 4 == 1 { Duration::from_micros(1 + dice.roll(2_000)) } else { PATIENCE };
            let call = client.echo::<String>(&token).deadline(deadline).into_future();
            match give_up_or_await(&counts, &mut dice, call).await {
                Some(Ok(answer)) => assert_eq!(answer, token, "the reply of another call"),
                Some(Err(error)) if error.is_timeout() => assert!(deadline < PATIENCE, "{error}"),
                // There is room for all callers, but not for all that they leave behind in a moment.
                Some(Err(error)) => assert_eq!(error.kind(), ErrorKind::Full, "{error}"),
                None => {}
            }
        }
    }
}

/// How the call ended; `None` if it was dropped before: unpolled, not yet picked up, or at any moment later.
async fn give_up_or_await<T: FromReply>(
    counts: &Counts,
    dice: &mut Dice,
    mut call: Call<'_, T>,
) -> Option<Result<T, Error>> {
    let patience = match dice.roll(8) {
        0 => None,
        1..3 => Some(0),
        3 => {
            let _ = poll(&mut call);
            tokio::task::yield_now().await;
            Some(0)
        }
        4..6 => Some(dice.roll(300)),
        6 => Some(dice.roll(3_000)),
        _ => Some(10_000_000),
    };
    let outcome = match patience {
        None => None,
        Some(0) => match poll(&mut call) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        },
        Some(micros) => tokio::time::timeout(Duration::from_micros(micros), call).await.ok(),
    };
    let count = match &outcome {
        None => &counts.dropped,
        Some(Ok(_)) => &counts.answered,
        Some(Err(_)) => &counts.failed,
    };
    count.fetch_add(1, Ordering::SeqCst);
    outcome
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Takes all the room there is: exactly as many calls as the client may hold.
fn fill(client: &Client) -> Vec<impl Future<Output = Result<String, Error>>> {
    let mut taken = Vec::new();
    for number in 0..ROOM {
        let mut call = client.echo::<String>(number.to_string()).into_future();
        match poll(&mut call) {
            Poll::Pending => taken.push(call),
            Poll::Ready(outcome) => panic!("{number} calls fit, not {ROOM}: {outcome:?}"),
        }
    }
    match poll(&mut client.ping().into_future()) {
        Poll::Ready(Err(error)) if error.kind() == ErrorKind::Full => {}
        other => panic!("more than {ROOM} calls fit: {other:?}"),
    }
    taken
}

/// Bytes of memory that this process uses.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Random numbers that are the same in each run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}
