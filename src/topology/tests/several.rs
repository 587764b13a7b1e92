//! Claims about several nodes that are one deployment, in virtual time, with servers in memory.

use std::sync::{OnceLock, Weak, mpsc};

use super::super::cluster::{NodeFacts, Shard, SlotMap};
use super::super::dispatch::Dispatch;
use super::super::routes::Standing;
use super::super::source::Found;
use super::*;
use crate::command::{Encoded, Retry, Slot};
use crate::connection::{Policy, Repeat};
use crate::outcome::HandshakeRefusal;

const SLOTS: u16 = Slot::COUNT - 1;

fn address(port: u16) -> Address {
    Address::tcp("house", port)
}

/// Shards with these primaries and replicas, each with its part of the slots.
fn found(shards: &[(u16, &[u16])]) -> Found {
    let (mut nodes, mut made) = (Vec::new(), Vec::new());
    let part = Slot::COUNT / u16::try_from(shards.len()).unwrap();
    for (place, (primary, replicas)) in (0u16..).zip(shards) {
        let first = nodes.len();
        nodes.extend(std::iter::once(primary).chain(*replicas).map(|port| NodeFacts::at(address(*port))));
        let shard = Shard { primary: Some(first), replicas: (first + 1..nodes.len()).collect() };
        let last = if usize::from(place) + 1 == shards.len() { SLOTS } else { (place + 1) * part - 1 };
        made.push((shard, vec![place * part..=last]));
    }
    Found { map: SlotMap::new(nodes, made), rank: 1 }
}

fn settings(house: &House) -> RoutesSettings {
    RoutesSettings {
        link: link_settings(house, Offline::Wait),
        bounds: links_bounds(2),
        source: Source::Cluster { seeds: Vec::new() },
        read_from: ReadFrom::Primary,
        split_writes: false,
        address_map: None,
        server_names: None,
        refresh_interval: Duration::from_secs(1),
        refresh_every: None,
    }
}

/// A command that only reads, until this time.
fn reading(routes: &Routes, within: Duration) -> Dispatch {
    let mut bytes = Encoded::default();
    Command::new("GET").arg("key").write_to(&mut bytes);
    let range = 0..bytes.len();
    let parcel = Parcel {
        source: Arc::new(bytes),
        range,
        form: Form::Single(Policy { repeat: Repeat::Allowed, retry: Retry::All }),
        route: Route::Slot(Slot::new(0).unwrap()),
        reads: true,
        is_counted: true,
    };
    Dispatch::new(Arc::clone(routes), vec![parcel], Some(now() + within))
}

#[tokio::test(start_paused = true)]
async fn what_a_full_replica_does_not_take_goes_to_the_primary_at_once() {
    let house = House::default();
    let mut settings = settings(&house);
    settings.read_from = ReadFrom::Replica;
    settings.link.bounds = Bounds { room: Room { commands: 1, bytes: 100 }, at_capacity: AtCapacity::FailFast };
    let routes = Routes::start(settings, Handle::current());
    routes.adopt(found(&[(1, &[2])]));
    settle().await;
    house.0.is_silent.store(true, Ordering::SeqCst);
    let second = Duration::from_secs(1);
    // Nobody looks after them but who was told to be woken.
    let readings = [(); 2].map(|()| tokio::spawn(reading(&routes, second).run()));
    settle().await;
    house.0.is_silent.store(false, Ordering::SeqCst);
    settle().await;
    for (reading, port) in readings.into_iter().zip([2, 1]) {
        let delivered = tokio::time::timeout(second * 2, reading).await.expect("it has a deadline").unwrap();
        let [settled] = delivered.settled.as_slice() else { panic!("there is one command") };
        assert!(matches!(settled.end, End::Answered { .. }), "by {port}");
        assert_eq!(settled.node.as_ref().map(|node| node.address()), Some(&address(port)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_stays_so_whatever_its_last_attempt_comes_to() {
    let house = House::default();
    let routes = Routes::start(settings(&house), Handle::current());
    let routing = Arc::clone(&routes);
    drop(routes);
    routing.note_failed(Cause::Handshake(HandshakeRefusal::new("HELLO", "WRONGPASS", true)));
    assert!(matches!(&*routing.standing().borrow(), Standing::Closed(_)), "else it would be tried for ever");
    routing.adopt(found(&[(1, &[])]));
    assert!(routing.is_closed() && routing.snapshot().is_none());
    settle().await;
    assert_eq!((house.open(), Arc::strong_count(&routing)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_nobody_has_a_use_for_is_let_go_at_once() {
    let house = House::default();
    let routes = Routes::start(settings(&house), Handle::current());
    routes.adopt(found(&[(1, &[]), (2, &[]), (3, &[])]));
    settle().await;
    assert_eq!(house.open(), 3);
    routes.adopt(found(&[(1, &[]), (2, &[])]));
    settle().await;
    assert_eq!(house.open(), 2);
    drop(routes);
    settle().await;
    assert_eq!(house.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_at_a_node_that_loses_the_slot_goes_to_the_one_that_has_it() {
    let house = House::default();
    house.0.refuses.store(true, Ordering::SeqCst);
    let routes = Routes::start(settings(&house), Handle::current());
    routes.adopt(found(&[(1, &[]), (2, &[])]));
    let mut waiting = pin!(reading(&routes, Duration::from_secs(10)).run());
    assert!(poll(waiting.as_mut()).is_pending());
    settle().await;
    // It keeps slots, but not this one.
    routes.adopt(found(&[(3, &[]), (1, &[])]));
    settle().await;
    assert!(poll(waiting.as_mut()).is_pending());
    house.0.refuses.store(false, Ordering::SeqCst);
    let delivered = waiting.await;
    let node = delivered.settled.first().and_then(|settled| settled.node.as_ref());
    assert_eq!(node.map(|node| node.address()), Some(&address(3)));
}

#[tokio::test]
async fn what_a_user_says_of_addresses_may_ask_the_client_itself() {
    let house = House::default();
    let own: Arc<OnceLock<Weak<Routing>>> = Arc::default();
    let (asked, mut settings) = (Arc::clone(&own), settings(&house));
    settings.address_map = Some(AddressMap::new(move |announced| {
        let routing = asked.get().and_then(Weak::upgrade);
        assert!(routing.is_none_or(|routing| routing.nodes().len() < 2));
        announced.clone()
    }));
    let routes = Routes::start(settings, Handle::current());
    own.set(Arc::downgrade(&routes)).unwrap();
    let (routing, runtime, (done, waiting)) = (Arc::clone(&routes), Handle::current(), mpsc::channel());
    std::thread::spawn(move || {
        let _runtime = runtime.enter();
        routing.adopt(found(&[(1, &[])]));
        routing.seed(&address(9));
        let _ = done.send(());
    });
    let waited = tokio::task::spawn_blocking(move || waiting.recv_timeout(Duration::from_secs(10)));
    waited.await.unwrap().expect("nothing is locked meanwhile");
}

#[tokio::test(start_paused = true)]
async fn servers_that_sentinels_name_and_that_are_no_primaries_are_forgotten() {
    let house = House::default();
    let mut settings = settings(&house);
    let link = settings.link.clone();
    settings.source =
        Source::Sentinel(Box::new(SentinelSettings { sentinels: Vec::new(), service: "service".to_owned(), link }));
    let routes = Routes::start(settings, Handle::current());
    routes.adopt(found(&[(1, &[2])]));
    for port in 100..400 {
        routes.seed(&address(port));
        routes.note_failed(Cause::NotConnected);
    }
    assert!(routes.nodes().len() < 30, "{} are known", routes.nodes().len());
    assert!(routes.known(&address(1)).is_some() && routes.known(&address(2)).is_some());
}
