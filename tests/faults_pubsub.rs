//! Subscribers while connections are cut and servers die, freeze, or are replaced by others: what each of them did not get
//! is missing only where it was told so.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use steadfast::Client;
use steadfast::client::ProtocolChoice;
use steadfast::pubsub::{Delivery, LagPolicy, Subscription};
use steadfast::testing::Cut;

use faults::{DEADLINE, Load, Place, everywhere, lasting, tell, tireless};
use live::{PATIENCE, connected, within};
use support::Raw;

/// Ten subscribers to each channel.
const CHANNELS: usize = 10;
const SUBSCRIBERS: usize = 100;

/// Between two messages on each channel: 5,000 messages a second in all, of which each goes to ten subscribers.
const PACE: Duration = Duration::from_millis(2);

/// What publishes ascending numbers, as long as it lives.
struct Publisher {
    stop: Arc<AtomicBool>,
    /// The number that was published last.
    last: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Publisher {
    /// Publishes the same on all servers: who is led from one to the other goes on with the next number.
    fn start(servers: &[SocketAddr]) -> Self {
        let (stop, last) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut outlets: Vec<_> = servers.iter().map(|address| Outlet { address: *address, raw: None }).collect();
        let (asked, told) = (Arc::clone(&stop), Arc::clone(&last));
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            let mut next = Instant::now();
            while !asked.load(Ordering::SeqCst) {
                number += 1;
                outlets.iter_mut().for_each(|outlet| outlet.publish(number));
                told.store(number, Ordering::SeqCst);
                next += PACE;
                // After a server that was stopped goes on, no flood.
                next = next.max(Instant::now() - 10 * PACE);
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        Self { stop, last, thread }
    }

    /// Publishes nothing more.
    fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
    }
}

/// A connection for publishing, made again when it is lost.
struct Outlet {
    address: SocketAddr,
    raw: Option<Raw>,
}

impl Outlet {
    fn publish(&mut self, number: u64) {
        if self.raw.is_none() {
            self.raw = Raw::tcp(self.address).ok();
        }
        let Some(raw) = &mut self.raw else { return };
        let script = format!("for c = 0, {} do redis.call('PUBLISH', 'channel:' .. c, ARGV[1]) end", CHANNELS - 1);
        let text = format!("{number}:{}", "m".repeat(60));
        if raw.call(&["EVAL", &script, "0", &text]).is_err() {
            self.raw = None;
        }
    }
}

/// What a subscriber has lived through.
#[derive(Debug, Default)]
struct Told {
    messages: u64,
    missed: u64,
    gaps: u64,
    lagged: u64,
    last: Option<u64>,
}

/// Reads up to the number `end`, which is 0 while it is not known, and pauses after each message.
async fn follow(mut subscription: Subscription, end: Arc<AtomicU64>, pause: Option<Duration>) -> Told {
    let mut told = Told::default();
    let (mut is_whole, mut since) = (false, Since::default());
    loop {
        let end = end.load(Ordering::SeqCst);
        if end > 0 && told.last.is_some_and(|last| last >= end) {
            return told;
        }
        let Ok(delivery) = tokio::time::timeout(Duration::from_millis(200), subscription.next()).await else {
            continue;
        };
        match delivery.unwrap_or_else(|| panic!("the end of the subscription after {told:?}")) {
            Delivery::Message(message) => {
                let text = message.read::<String>().unwrap();
                let number: u64 = text.split(':').next().unwrap().parse().unwrap();
                told.judge(number, std::mem::take(&mut since));
                if let Some(pause) = pause {
                    tokio::time::sleep(pause).await;
                }
            }
            Delivery::Subscribed => {
                assert!(!is_whole, "confirmed twice without a gap in between: {told:?}");
                is_whole = true;
            }
            Delivery::Gap { .. } => {
                assert!(is_whole, "two gaps, and no confirmation in between: {told:?}");
                (is_whole, since.gap) = (false, true);
                told.gaps += 1;
            }
            Delivery::Lagged { lost, .. } => {
                since.lagged += lost;
                told.lagged += lost;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What was said since the last message.
#[derive(Default)]
struct Since {
    gap: bool,
    lagged: u64,
}

impl Told {
    /// A message has come: what is missing before it must have been told, to the last one where that was counted.
    fn judge(&mut self, number: u64, since: Since) {
        if let Some(last) = self.last {
            assert!(number > last, "{number} after {last}: {self:?}");
            let missing = number - last - 1;
            assert!(since.gap || missing == since.lagged, "{missing} are missing after {last}, {} told", since.lagged);
            assert!(missing >= since.lagged, "{} told of {missing} that are missing after {last}", since.lagged);
            self.missed += missing;
        }
        self.messages += 1;
        self.last = Some(number);
    }
}

/// A hundred subscribers of one client.
struct Crowd {
    readers: Vec<tokio::task::JoinHandle<Told>>,
    end: Arc<AtomicU64>,
}

impl Crowd {
    async fn gather(client: &Client) -> Self {
        let end = Arc::new(AtomicU64::new(0));
        let mut readers = Vec::new();
        for number in 0..SUBSCRIBERS {
            let channel = format!("channel:{}", number % CHANNELS);
            let subscription = client.subscribe(channel).deadline(PATIENCE).await.unwrap();
            readers.push(tokio::spawn(follow(subscription, Arc::clone(&end), None)));
        }
        Self { readers, end }
    }

    /// All have read up to what is published now; what each was told.
    async fn hear(self, publisher: Publisher) -> Vec<Told> {
        // What was published last may be in a gap: what follows is not.
        self.end.store(publisher.last.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
        let mut all = Vec::new();
        for reader in self.readers {
            all.push(within(PATIENCE, reader).await.unwrap());
        }
        publisher.end();
        let sum = |field: fn(&Told) -> u64| all.iter().map(field).sum::<u64>();
        tell(&format!(
            "{} messages to {SUBSCRIBERS} subscribers, {} missed in {} gaps, {} too late",
            sum(|told| told.messages),
            sum(|told| told.missed),
            sum(|told| told.gaps),
            sum(|told| told.lagged)
        ));
        all
    }
}

async fn client_at(place: Place, port: u16) -> Client {
    connected(tireless(place.config_at(port))).await
}

#[test]
fn cuts_leave_holes_only_where_a_gap_is_told_and_shift_no_answer() {
    everywhere(async |place| {
        for protocol in [ProtocolChoice::Resp3, ProtocolChoice::Resp2] {
            let server = place.start();
            let proxy = place.proxy(&server).await;
            let config = tireless(place.config_at(proxy.port())).with_protocol(protocol);
            let client = connected(config).await;
            let publisher = Publisher::start(&[server.address()]);
            let crowd = Crowd::gather(&client).await;
            let load = Load::start(&client, DEADLINE);
            let cuts = lasting(Duration::from_secs(2)).as_millis() / 200;
            for number in 0..cuts {
                tokio::time::sleep(Duration::from_millis(200)).await;
                load.gets_on_by(10).await;
                proxy.cut(if number % 2 == 0 { Cut::Fin } else { Cut::Rst });
            }
            load.gets_on_by(50).await;
            let told = crowd.hear(publisher).await;
            assert!(told.iter().all(|told| told.gaps > 0), "nobody was cut");
            load.end().await.holds(&[&server]).only_unknown_writes();
        }
    });
}

#[test]
fn a_restart_leaves_one_hole_and_a_gap_in_its_place() {
    everywhere(async |place| {
        let mut server = place.build().config("appendonly yes").config("appendfsync no").start();
        let client = client_at(place, place.port(&server)).await;
        let publisher = Publisher::start(&[server.address()]);
        let crowd = Crowd::gather(&client).await;
        let load = Load::start(&client, DEADLINE);
        for _ in 0..2 {
            load.gets_on_by(50).await;
            server.kill9();
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.restart();
        }
        load.gets_on_by(50).await;
        let told = crowd.hear(publisher).await;
        assert!(told.iter().all(|told| (1..=4).contains(&told.gaps)), "{told:?}");
        assert!(told.iter().all(|told| told.missed > 0), "{told:?}");
        load.end().await.holds(&[&server]).only_unknown_writes();
    });
}

#[test]
fn a_server_that_freezes_and_wakes_costs_no_message() {
    everywhere(async |place| {
        let server = place.start();
        let client = client_at(place, place.port(&server)).await;
        let publisher = Publisher::start(&[server.address()]);
        let crowd = Crowd::gather(&client).await;
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.stop();
            tokio::time::sleep(lasting(Duration::from_secs(1))).await;
            server.cont();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let told = crowd.hear(publisher).await;
        assert!(told.iter().all(|told| told.missed == 0), "{told:?}");
    });
}

#[test]
fn who_is_led_to_another_server_is_told_of_a_gap_and_goes_on_there() {
    everywhere(async |place| {
        let (first, second) = (place.start(), place.start());
        let proxy = place.proxy(&first).await;
        let client = client_at(place, proxy.port()).await;
        let publisher = Publisher::start(&[first.address(), second.address()]);
        let crowd = Crowd::gather(&client).await;
        for server in [&second, &first, &second] {
            tokio::time::sleep(Duration::from_millis(300)).await;
            within(PATIENCE, proxy.set_upstream(("127.0.0.1", place.port(server)))).await.unwrap();
            proxy.cut(Cut::Rst);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let told = crowd.hear(publisher).await;
        assert!(told.iter().all(|told| told.gaps >= 2), "{told:?}");
    });
}

/// What became dead without a word is found by the heartbeat, and told as a gap as everything else.
#[test]
fn a_connection_that_died_without_a_word_is_replaced_and_the_gap_is_told() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let config = tireless(place.config_at(proxy.port()))
            .with_heartbeat(Duration::from_millis(200))
            .with_silence_limit(Duration::from_millis(300));
        let client = connected(config).await;
        let publisher = Publisher::start(&[server.address()]);
        let crowd = Crowd::gather(&client).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.current().black_hole(steadfast::testing::Direction::Both);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let told = crowd.hear(publisher).await;
        assert!(told.iter().all(|told| told.gaps == 1), "{told:?}");
        proxy.heal().unwrap();
    });
}

#[test]
fn who_reads_too_slowly_is_told_how_much_is_lost_and_slows_nobody() {
    everywhere(async |place| {
        let server = place.start();
        let client = client_at(place, place.port(&server)).await;
        let end = Arc::new(AtomicU64::new(0));
        let mut slow = Vec::new();
        for policy in [LagPolicy::DropOldest, LagPolicy::DropNewest] {
            let subscription = client.subscribe("channel:0").capacity(50).on_lag(policy).await.unwrap();
            slow.push(tokio::spawn(follow(subscription, Arc::clone(&end), Some(3 * PACE))));
        }
        let publisher = Publisher::start(&[server.address()]);
        let crowd = Crowd::gather(&client).await;
        tokio::time::sleep(lasting(Duration::from_secs(1))).await;
        // They come to the end when they have room again, however late.
        end.store(publisher.last.load(Ordering::SeqCst), Ordering::SeqCst);
        for reader in slow {
            let told = within(PATIENCE, reader).await.unwrap();
            assert!(told.lagged > 0 && told.missed == told.lagged, "{told:?}");
        }
        let told = crowd.hear(publisher).await;
        assert!(told.iter().all(|told| told.missed == 0), "{told:?}");
    });
}
