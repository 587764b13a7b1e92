//! Claims about links that one caller at a time has for itself, in virtual time, with a server in memory.

mod several;

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::*;
use crate::command::Command;
use crate::connection::{
    BackoffSettings, HandshakePlan, LinkState, Offline, ProtocolChoice, Role, Room, SessionSettings, Tracing,
};
use crate::driver::{AtCapacity, Bounds, LinkSettings, now};
use crate::outcome::{Address, Cause};
use crate::resp::Limits;
use crate::transport::{BoxFuture, Connector, DialOptions, Dialer, Io, SocketOptions, SystemResolver};

/// A server that answers 1 to everything.
#[derive(Clone, Default)]
struct House(Arc<Rooms>);

#[derive(Default)]
struct Rooms {
    /// Connections that are open, and those that ever were.
    open: AtomicUsize,
    made: AtomicUsize,
    /// The most that were open at once.
    most: AtomicUsize,
    refuses: AtomicBool,
    /// It answers nothing for as long as this is so.
    is_silent: AtomicBool,
    /// What is put in here is hung up on.
    hangups: Hangups,
    /// How often it was asked to end another connection's command.
    unblocks: AtomicUsize,
}

struct Hangups(Semaphore);

impl Default for Hangups {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl House {
    fn open(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    fn made(&self) -> usize {
        self.0.made.load(Ordering::SeqCst)
    }

    fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }

    async fn serve(self, mut stream: DuplexStream) {
        let mut buffer = [0; 4096];
        loop {
            let read = tokio::select! {
                read = stream.read(&mut buffer) => read.unwrap_or(0),
                hangup = self.0.hangups.0.acquire() => {
                    hangup.unwrap().forget();
                    0
                }
            };
            if read == 0 {
                break;
            }
            while self.0.is_silent.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let unblocks = buffer[..read].windows(7).filter(|window| **window == b"UNBLOCK"[..]).count();
            self.0.unblocks.fetch_add(unblocks, Ordering::SeqCst);
            let commands = buffer[..read].iter().filter(|byte| **byte == b'*').count();
            let _ = stream.write_all(&b":1\r\n".repeat(commands)).await;
        }
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Connector for House {
    fn connect<'a>(&'a self, _address: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            if self.0.refuses.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (here, there) = duplex(1 << 16);
            self.0.made.fetch_add(1, Ordering::SeqCst);
            self.0.most.fetch_max(1 + self.0.open.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
            tokio::spawn(self.clone().serve(there));
            Ok(Box::new(here) as Box<dyn Io>)
        })
    }
}

const MAX_IDLE: Duration = Duration::from_secs(60);

fn link_settings(house: &House, offline: Offline) -> LinkSettings {
    LinkSettings {
        address: Address::tcp("house", 1),
        dialer: Arc::new(Dialer::new(DialOptions {
            socket: SocketOptions::new(),
            tls: None,
            resolver: Arc::new(SystemResolver),
            connector: Some(Arc::new(house.clone())),
        })),
        session: SessionSettings {
            role: Role::Shared,
            handshake: HandshakePlan { protocol: ProtocolChoice::Resp2, ..HandshakePlan::default() },
            limits: Limits::default(),
            read_buffer: 4096,
            backoff: BackoffSettings { first: Duration::from_millis(10), max: Duration::from_secs(1), jitter: 0 },
            connect_timeout: Duration::from_secs(2),
            heartbeat: None,
            silence: None,
            offline,
            seed: 1,
            tracing: Tracing::Off,
            routed: false,
        },
        provider: None,
        bounds: Bounds { room: Room { commands: 100, bytes: 10_000 }, at_capacity: AtCapacity::Wait },
        grace: Duration::ZERO,
        reloads: None,
        orphans: None,
        audience: None,
        counters: None,
        unsettled: None,
        news: None,
        server_name: None,
    }
}

fn links_bounds(max: usize) -> LinksBounds {
    let bounds = PoolBounds {
        max,
        max_idle: MAX_IDLE,
        max_lifetime: Some(Duration::from_secs(600)),
        at_capacity: AtCapacity::Wait,
    };
    LinksBounds { blocking: bounds, leases: bounds, subscriptions: Subscriptions::Own }
}

fn links(house: &House, max: usize, offline: Offline) -> Links {
    Links::start(&link_settings(house, offline), &links_bounds(max), &Handle::current())
}

async fn ready(pool: &Arc<Pool>) -> Lane {
    Arc::clone(pool).acquire_ready(None).await.unwrap()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets everything run that can run without time.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

#[tokio::test(start_paused = true)]
async fn places_go_to_who_waits_in_the_order_of_coming_and_there_are_never_more_links() {
    let house = House::default();
    let links = links(&house, 2, Offline::Wait);
    let pool = links.blocking();
    let (one, two) = (ready(pool).await, ready(pool).await);
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(Arc::clone(pool).acquire_ready(None))).collect();
    assert!(waiting.iter_mut().all(|waiting| poll(waiting.as_mut()).is_pending()));
    assert!(pool.try_ready().is_none());
    // Who goes gives up its turn and nothing else, also if a place was on its way to it.
    drop(waiting.remove(1));
    one.give_back();
    assert!(pool.try_ready().is_none(), "the place is that of the one who waits");
    drop(waiting.remove(0));
    settle().await;
    let Poll::Ready(Ok(third)) = poll(waiting.remove(0).as_mut()) else { panic!("it is its turn") };
    assert!(poll(waiting[0].as_mut()).is_pending());
    // A link that is thrown away makes room too, when it is closed.
    drop(two);
    let fourth = waiting.remove(0).await.unwrap();
    assert_eq!((house.most(), house.made()), (3, 4), "the shared one, and two at a time");
    drop((third, fourth));
    settle().await;
    assert_eq!((house.open(), pool.vacancies()), (1, (2, 0)));
}

#[tokio::test(start_paused = true)]
async fn the_link_that_was_used_last_is_lent_first_and_one_that_ended_never() {
    let house = House::default();
    let links = links(&house, 3, Offline::Wait);
    let pool = links.blocking();
    let lanes = [ready(pool).await, ready(pool).await, ready(pool).await];
    let [first, second, third] = [0, 1, 2].map(|index| Arc::clone(lanes[index as usize].link()));
    lanes.into_iter().for_each(Lane::give_back);
    let lane = pool.try_ready().unwrap();
    assert!(Arc::ptr_eq(lane.link(), &third));
    third.close(now()).await;
    lane.give_back();
    second.close(now()).await;
    let lane = ready(pool).await;
    assert!(Arc::ptr_eq(lane.link(), &first));
    // A peer hangs up on all: on the shared one, which comes back, and on those that nobody uses.
    lane.give_back();
    house.0.hangups.0.add_permits(2);
    settle().await;
    let lane = ready(pool).await;
    assert!(!Arc::ptr_eq(lane.link(), &first) && first.is_ended());
    assert_eq!(house.open(), 2);
}

#[tokio::test(start_paused = true)]
async fn links_that_nobody_uses_are_closed_in_time_and_old_ones_when_they_are_wanted() {
    let house = House::default();
    let links = links(&house, 3, Offline::Wait);
    let pool = links.blocking();
    let (one, two) = (ready(pool).await, ready(pool).await);
    one.give_back();
    tokio::time::sleep(MAX_IDLE / 2).await;
    two.give_back();
    tokio::time::sleep(MAX_IDLE / 2 - Duration::from_secs(1)).await;
    assert_eq!(house.open(), 3);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(house.open(), 2);
    tokio::time::sleep(MAX_IDLE / 2).await;
    assert_eq!((house.open(), pool.vacancies()), (1, (3, 0)));
    // Used without a pause, none is idle for long, but all get old.
    let lane = ready(pool).await;
    let link = Arc::clone(lane.link());
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert!(!link.is_ended(), "nobody takes it from whoever has it");
    lane.give_back();
    let lane = ready(pool).await;
    assert!(link.is_ended() && !Arc::ptr_eq(lane.link(), &link));
    assert_eq!((house.open(), pool.vacancies()), (2, (2, 0)));
    assert_eq!(house.most(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_goes_while_a_link_is_made_leaves_it_to_the_next() {
    let house = House::default();
    let links = links(&house, 2, Offline::Wait);
    let pool = links.blocking();
    links.shared().ready().await.unwrap();
    house.0.is_silent.store(true, Ordering::SeqCst);
    for _ in 0..100 {
        let mut gone = Box::pin(Arc::clone(pool).acquire_ready(None));
        assert!(poll(gone.as_mut()).is_pending());
        settle().await;
        drop(gone);
    }
    assert_eq!((house.made(), pool.vacancies()), (2, (2, 1)));
    house.0.is_silent.store(false, Ordering::SeqCst);
    let lane = ready(pool).await;
    assert_eq!(house.made(), 2);
    // Beyond its attempt a link that does not come about is of use to nobody.
    house.0.is_silent.store(true, Ordering::SeqCst);
    let other = Arc::clone(pool).acquire_ready(Some(now() + Duration::from_secs(3)));
    let Err(Unacquired::NotReady(state)) = other.await else { panic!("nobody answered") };
    assert!(matches!(state, LinkState::Connecting { last: Some(_), .. } | LinkState::Backoff { .. }), "{state:?}");
    house.0.is_silent.store(false, Ordering::SeqCst);
    settle().await;
    assert_eq!((house.open(), pool.vacancies()), (2, (1, 0)));
    drop(lane);
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_only_the_shared_link_is_tried() {
    let house = House::default();
    house.0.refuses.store(true, Ordering::SeqCst);
    let links = links(&house, 2, Offline::Wait);
    let pool = links.blocking();
    let until = now() + Duration::from_secs(5);
    let waiting: Vec<_> = (0..2).map(|_| tokio::spawn(Arc::clone(pool).acquire_ready(Some(until)))).collect();
    settle().await;
    let soon = now() + Duration::from_secs(1);
    let third = Arc::clone(pool).acquire_ready(Some(soon)).await;
    assert!(matches!(third, Err(Unacquired::NoPlace)), "two have the places");
    assert!(now() >= soon && now() <= soon + Duration::from_millis(10));
    for waiting in waiting {
        let Err(Unacquired::NotReady(state)) = waiting.await.unwrap() else { panic!("there is no server") };
        assert!(matches!(state, LinkState::Backoff { cause: Cause::Connect { .. }, .. }), "{state:?}");
    }
    assert_eq!((pool.counters().read().tally.attempts, pool.vacancies()), (0, (2, 0)));
    house.0.refuses.store(false, Ordering::SeqCst);
    ready(pool).await.give_back();
}

#[tokio::test(start_paused = true)]
async fn without_a_connection_there_is_no_link_where_calls_are_not_to_wait() {
    let house = House::default();
    let links = links(&house, 2, Offline::FailFast);
    let pool = links.blocking();
    links.shared().ready().await.unwrap();
    let lane = ready(pool).await;
    house.0.refuses.store(true, Ordering::SeqCst);
    let unacquired = Arc::clone(pool).acquire_ready(None).await;
    assert!(
        matches!(unacquired, Err(Unacquired::Never(Cause::Connect { .. }))),
        "the first attempt of its link counts"
    );
    house.0.hangups.0.add_permits(2);
    settle().await;
    let begin = now();
    let unacquired = Arc::clone(pool).acquire_ready(None).await;
    assert!(matches!(unacquired, Err(Unacquired::Never(Cause::Connect { .. } | Cause::PeerClosed))), "{unacquired:?}");
    assert_eq!(now(), begin);
    drop(lane);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_who_waits_who_is_idle_and_what_comes_back_later() {
    let house = House::default();
    let links = links(&house, 3, Offline::Wait);
    let pool = links.blocking();
    let (lent, idle, other) = (ready(pool).await, ready(pool).await, ready(pool).await);
    let mut waiting = pin!(Arc::clone(pool).acquire_ready(None));
    assert!(poll(waiting.as_mut()).is_pending());
    let mut behind = pin!(Arc::clone(pool).acquire_ready(None));
    assert!(poll(behind.as_mut()).is_pending());
    // Its place is that of the one who waits, who has not looked.
    idle.give_back();
    links.close(now()).await;
    // Nobody gives back a place for this one.
    let Poll::Ready(Err(unacquired)) = poll(behind.as_mut()) else { panic!("it still waits") };
    assert!(matches!(unacquired, Unacquired::Never(Cause::ClosedHere)), "{unacquired:?}");
    assert!(matches!(waiting.await, Err(Unacquired::Never(Cause::ClosedHere))));
    let late = Arc::clone(pool).acquire_ready(None).await;
    assert!(matches!(late, Err(Unacquired::Never(Cause::ClosedHere))));
    assert!(lent.link().is_ended());
    lent.give_back();
    drop(other);
    settle().await;
    assert_eq!((house.open(), pool.vacancies().1), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn links_outlive_their_pool_only_in_the_hands_of_those_who_have_them() {
    let house = House::default();
    let links = links(&house, 3, Offline::Wait);
    let (lent, idle) = (ready(links.blocking()).await, ready(links.blocking()).await);
    idle.give_back();
    drop(links);
    settle().await;
    assert!(!lent.link().is_ended());
    assert_eq!(house.open(), 1);
    lent.give_back();
    settle().await;
    assert_eq!(house.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_has_rested_is_lent_only_if_the_server_still_answers() {
    let house = House::default();
    let links = links(&house, 2, Offline::Wait);
    let pool = links.blocking();
    let lane = ready(pool).await;
    let link = Arc::clone(lane.link());
    lane.give_back();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(pool.try_ready().is_none(), "that is to be found out first");
    let lane = ready(pool).await;
    assert!(Arc::ptr_eq(lane.link(), &link));
    lane.give_back();
    tokio::time::sleep(Duration::from_secs(2)).await;
    // It is mute, and says nothing of it.
    house.0.is_silent.store(true, Ordering::SeqCst);
    let waiting = tokio::spawn(Arc::clone(pool).acquire_ready(None));
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert!(!waiting.is_finished() && house.made() == 2);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(link.is_ended());
    house.0.is_silent.store(false, Ordering::SeqCst);
    let lane = waiting.await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(lane.link(), &link));
    settle().await;
    assert_eq!((house.open(), house.made()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn the_place_of_a_link_that_is_thrown_away_is_free_when_that_is_closed_and_not_before() {
    let house = House::default();
    let links = links(&house, 1, Offline::Wait);
    let pool = links.blocking();
    let lane = ready(pool).await;
    let link = Arc::clone(lane.link());
    drop(lane);
    let begin = now();
    while pool.try_place().is_none() {
        assert!(now() < begin + Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert!(link.is_ended());
}

#[tokio::test(start_paused = true)]
async fn what_one_caller_did_not_look_for_is_not_found_by_the_next() {
    let house = House::default();
    let links = links(&house, 2, Offline::Wait);
    let pool = links.leases();
    let lane = ready(pool).await;
    house.0.is_silent.store(true, Ordering::SeqCst);
    assert!(lane.link().ask(Command::new("GET"), Some(now() + Duration::from_millis(10))).await.is_err());
    house.0.is_silent.store(false, Ordering::SeqCst);
    settle().await;
    let link = Arc::clone(lane.link());
    lane.give_back();
    let lane = ready(pool).await;
    assert!(Arc::ptr_eq(lane.link(), &link));
    assert!(lane.take_orphaned().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_connections_number_is_told_to_no_server_but_its_own() {
    let house = House::default();
    let links = links(&house, 2, Offline::Wait);
    let pool = links.blocking();
    let lane = ready(pool).await;
    let before = links.shared().ready().await.unwrap();
    // The shared link has another connection now, perhaps to another server, where the number is somebody else's.
    house.0.hangups.0.add_permits(1);
    settle().await;
    let after = links.shared().ready().await.unwrap();
    assert!(!Arc::ptr_eq(&before, &after) && lane.link().standing().is_ready());
    let link = Arc::clone(lane.link());
    pool.recover(lane, Reuse::Lent, (Box::new(|_| {}), Arrival::Possible));
    settle().await;
    assert_eq!((house.0.unblocks.load(Ordering::SeqCst), link.is_ended()), (0, true));
    let lane = ready(pool).await;
    let link = Arc::clone(lane.link());
    pool.recover(lane, Reuse::Lent, (Box::new(|_| {}), Arrival::Possible));
    settle().await;
    assert_eq!((house.0.unblocks.load(Ordering::SeqCst), link.is_ended()), (1, false));
}
