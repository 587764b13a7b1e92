//! One node can be reached and the others cannot, each in its way: calls for the one are answered at once, and calls for
//! the others end at their deadline or sooner and say why.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use steadfast::api::{Keys, Server as _, Strings};
use steadfast::outcome::{Stage, TlsFailure};
use steadfast::testing::{Cut, Delay, Direction};
use steadfast::{Address, Cause, Client, Config, Error, ErrorKind, Fate};

use faults::{Place, Proxied, Wire, certified, in_clusters, in_each, tag_of, tell, tls_files};
use live::{PATIENCE, Peer, SLACK, connected, until, within};
use support::{Cluster, Kind, undisturbed};

/// One slot of each of four primaries. The first of them is well.
const QUARTERS: [u16; 4] = [100, 4200, 8300, 12400];

/// Of the calls for the others.
const DEADLINES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), DEFAULT];

/// The one that a call has of which nothing is said.
const DEFAULT: Duration = steadfast::client::defaults::DEADLINE;

/// A call for the node that is well takes less, as does connecting: a matter of a millisecond, on a machine that does
/// nothing else.
const AT_ONCE: Duration = Duration::from_millis(50);

fn start(place: Place) -> Cluster {
    QUARTERS.iter().for_each(|slot| drop(tag_of(*slot)));
    place.build_cluster().primaries(4).replicas(0).start()
}

fn key(slot: u16) -> String {
    format!("{}key", tag_of(slot))
}

/// Connects by the node that is well, which must not take longer for the others.
async fn connected_at_once(config: Config) -> Client {
    let begin = Instant::now();
    let client = connected(config).await;
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(1), "connecting took {took:?}");
    client
}

/// Calls for the others, with each deadline, while calls go on for the node that is well.
async fn others_fail(client: &Client, is_told: impl Fn(&Error) -> bool) {
    let mut failing = tokio::task::JoinSet::new();
    for (slot, deadline) in QUARTERS[1..].iter().flat_map(|slot| DEADLINES.map(|deadline| (*slot, deadline))) {
        let client = client.clone();
        failing.spawn(async move {
            let begin = Instant::now();
            let key = key(slot);
            let call = client.incr(&key);
            // The default is not set here: it is the one that the client has by itself.
            let call = if deadline == DEFAULT { call } else { call.deadline(deadline) };
            (deadline, call.await, begin.elapsed())
        });
    }
    let (mut calls, mut slowest) = (0, Duration::ZERO);
    let well = key(QUARTERS[0]);
    while !failing.is_empty() {
        let begin = Instant::now();
        client.incr(&well).await.unwrap();
        slowest = slowest.max(begin.elapsed());
        calls += 1;
        while let Some(ended) = failing.try_join_next() {
            let (deadline, outcome, took) = ended.unwrap();
            let error = outcome.unwrap_err();
            assert!(took < deadline + SLACK, "{took:?} of {deadline:?}: {error}");
            assert_eq!(error.fate(), Fate::NotSent, "{error}");
            // An attempt that is not over has nothing to tell, and on a busy machine it may take as long as the shortest.
            let is_early = error.cause().is_none() && error.stage().is_some_and(is_early);
            assert!(
                is_told(&error) || (deadline == DEADLINES[0] && is_early),
                "after {took:?} of {deadline:?}: {error}; {:?}, {:?}",
                error.stage(),
                error.cause()
            );
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tell(&format!("{calls} calls for the node that is well, the slowest {slowest:.1?}"));
    assert!(slowest < AT_ONCE, "a call for the node that is well took {slowest:?}");
}

/// Whether it is one of the stages before a connection can be used.
fn is_early(stage: Stage) -> bool {
    matches!(stage, Stage::Connecting | Stage::TlsHandshake | Stage::Handshake)
}

/// All nodes are well.
async fn all_work(client: &Client) {
    for slot in QUARTERS {
        let key = key(slot);
        until(async || client.set(&key, 1).await.is_ok()).await;
    }
}

/// A way to the cluster by its first node alone, through the proxies, with the deadline that is the default.
fn config_by_first(place: Place, cluster: &Cluster, proxies: &Proxied) -> Config {
    proxies.lead(place.cluster_config_by(cluster, &[0]).with_deadline(DEFAULT))
}

#[test]
fn nodes_that_refuse_connections_cost_their_own_calls_alone() {
    in_clusters(async |place| {
        let cluster = start(place);
        let proxies = Proxied::before(&cluster).await;
        undisturbed(|| (1..4).for_each(|number| proxies.node(number).refuse()));
        let client = connected_at_once(config_by_first(place, &cluster, &proxies)).await;
        let is_told = |error: &Error| error.is_timeout() && matches!(error.cause(), Some(Cause::Connect { .. }));
        others_fail(&client, is_told).await;
        (1..4).for_each(|number| proxies.node(number).heal().unwrap());
        all_work(&client).await;
    });
}

#[test]
fn nodes_that_accept_and_say_nothing_cost_their_own_calls_alone() {
    in_clusters(async |place| {
        let cluster = start(place);
        let proxies = Proxied::before(&cluster).await;
        for number in 1..4 {
            proxies.node(number).all().silence();
        }
        let client = connected_at_once(config_by_first(place, &cluster, &proxies)).await;
        others_fail(&client, |error| {
            let handshake = if place.wire == Wire::Tls { Stage::TlsHandshake } else { Stage::Handshake };
            let hangs = matches!(error.cause(), Some(Cause::AttemptTimedOut { stage }) if *stage == handshake);
            error.is_timeout() && (hangs || error.stage() == Some(handshake))
        })
        .await;
        (1..4).for_each(|number| proxies.node(number).heal().unwrap());
        all_work(&client).await;
    });
}

/// A port of which the kernel drops what comes: nobody accepts, and no more may wait.
struct Hole {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<Socket>,
}

impl Hole {
    fn dig() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let listener = TcpListener::from(listener);
        let address = listener.local_addr().unwrap();
        let waiting = (0..4).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        });
        let hole = Self { address, _waiting: waiting.collect(), _listener: listener };
        let error = TcpStream::connect_timeout(&address, Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        hole
    }
}

#[test]
fn nodes_whose_packets_are_dropped_cost_their_own_calls_alone() {
    in_clusters(async |place| {
        let cluster = start(place);
        let (hole, well) = (Hole::dig(), cluster.address(0).to_string());
        let port = hole.address.port();
        let config = place.cluster_config_by(&cluster, &[0]).with_deadline(DEFAULT);
        let config = config.with_address_map(move |announced| match announced.to_string() == well {
            true => announced.clone(),
            false => Address::tcp("127.0.0.1", port),
        });
        let client = connected_at_once(config).await;
        others_fail(&client, |error| {
            let hangs = matches!(error.cause(), Some(Cause::AttemptTimedOut { stage: Stage::Connecting }));
            error.is_timeout() && (hangs || error.stage() == Some(Stage::Connecting))
        })
        .await;
    });
}

const SECURE: [Place; 2] =
    [Place { kind: Kind::Redis, wire: Wire::Tls }, Place { kind: Kind::Valkey, wire: Wire::Tls }];

#[test]
fn nodes_with_certificates_for_other_names_cost_their_own_calls_alone_and_are_told_as_that() {
    in_each(&SECURE, async |place| {
        QUARTERS.iter().for_each(|slot| drop(tag_of(*slot)));
        let mut cluster = place.build_cluster().primaries(4).replicas(0);
        // The nodes look at the issuer alone, and are content with each other.
        for number in 1..4 {
            cluster = cluster.tls_of(number, tls_files("wronghost"));
        }
        let cluster = cluster.start();
        let client = connected_at_once(place.cluster_config_by(&cluster, &[0]).with_deadline(DEFAULT)).await;
        others_fail(&client, |error| {
            let is_name = matches!(error.cause(), Some(Cause::Tls(TlsFailure::NameMismatch { .. })));
            error.kind() == ErrorKind::Tls && is_name
        })
        .await;
        let (certificate, key) = certified("server");
        let files = [certificate.to_str().unwrap(), key.to_str().unwrap()];
        for number in 1..4 {
            let words = ["CONFIG", "SET", "tls-cert-file", files[0], "tls-key-file", files[1]];
            assert_eq!(cluster.node(number).raw(&words), "OK");
        }
        all_work(&client).await;
    });
}

#[test]
fn nodes_that_cannot_be_reached_do_not_hold_up_connecting_where_all_are_named() {
    in_clusters(async |place| {
        let cluster = start(place);
        let proxies = Proxied::before(&cluster).await;
        undisturbed(|| proxies.node(1).refuse());
        proxies.node(2).all().silence();
        proxies.node(3).pause_accept();
        let config = proxies.lead(place.cluster_config(&cluster).with_deadline(DEFAULT));
        let client = connected_at_once(config).await;
        client.incr(key(QUARTERS[0])).deadline(Duration::from_secs(1)).await.unwrap();
    });
}

/// Says of itself that it is a cluster's newest node, and then what no node says.
async fn liar() -> Peer {
    Peer::start(|number, mut wire| async move {
        let lies = [
            // Slots that do not exist, and from the last to the first.
            &b"*1\r\n%2\r\n$5\r\nslots\r\n*4\r\n:70000\r\n:80000\r\n:9\r\n:3\r\n$5\r\nnodes\r\n*0\r\n"[..],
            b"*0\r\n",
            b":1\r\n",
            b"$-1\r\n",
        ];
        while let Some(command) = wire.command_after_handshake().await {
            match command[..] {
                [_, ref sub] if sub == b"INFO" => {
                    wire.say(b"$51\r\ncluster_state:ok\r\ncluster_current_epoch:999999999\r\n").await
                }
                [ref name, ..] if name == b"CLUSTER" => wire.say(lies[number % lies.len()]).await,
                _ => wire.say(b"+PONG\r\n").await,
            }
        }
    })
    .await
}

#[test]
fn seeds_that_are_no_nodes_of_the_cluster_or_say_nonsense_are_passed_over() {
    in_clusters(async |place| {
        let cluster = start(place);
        let (alone, liar) = (place.start(), liar().await);
        // A node of another cluster, which has no slots yet, and is newer than this one.
        let other = place.build().config("cluster-enabled yes").config("appendonly no").start();
        assert_eq!(other.raw(&["CLUSTER", "SET-CONFIG-EPOCH", "99"]), "OK");
        let seeds = [place.port(&alone), place.port(&other), liar.address().port(), cluster.port(2)];
        let seeds = seeds.map(|port| ("127.0.0.1", port));
        // The one that is right is also the last one to answer.
        let proxies = Proxied::before(&cluster).await;
        for number in 0..4 {
            proxies.node(number).all().delay(Direction::ToClient, Delay::fixed(Duration::from_millis(30)));
        }
        for _ in 0..4 {
            let config = live::quick(Config::cluster(seeds)).with_refresh_every(Duration::from_secs(1));
            let client = connected_at_once(proxies.lead(place.secured(config))).await;
            for round in 0..2 {
                for slot in QUARTERS {
                    let call = client.incr(key(slot)).deadline(Duration::from_secs(1));
                    call.await.unwrap_or_else(|error| panic!("round {round}: {error}; {:?}", client.topology()));
                }
                tokio::time::sleep(Duration::from_millis(1200)).await;
            }
        }
        tell(&format!("{} connections to the liar", liar.accepted()));
        assert!(liar.accepted() > 0);
    });
}

#[test]
fn seeds_that_are_all_no_nodes_of_a_cluster_are_told_as_that_at_once() {
    in_clusters(async |place| {
        let alone = place.start();
        let config = place.secured(live::quick(Config::cluster([("127.0.0.1", place.port(&alone))])));
        let error = within(PATIENCE, Client::connect(config)).await.unwrap_err();
        assert!(error.to_string().contains("cluster support disabled"), "{error}");
    });
}

#[test]
fn a_command_of_several_shards_fails_as_a_whole_and_names_the_shard_that_is_missing() {
    in_clusters(async |place| {
        let cluster = start(place);
        let proxies = Proxied::before(&cluster).await;
        let config = proxies.lead(place.cluster_config(&cluster)).with_split_writes(true);
        let client = connected(config).await;
        all_work(&client).await;
        let missing = cluster.address(2).to_string();
        undisturbed(|| {
            proxies.node(2).refuse();
            proxies.node(2).cut(Cut::Rst);
        });

        let client = client.with_deadline(Duration::from_millis(500));
        let keys = QUARTERS.map(key);
        // What is sent before the cut is noticed is told as that.
        until(async || client.get::<String>(&keys[2]).await.is_err()).await;
        let errors = [
            within(PATIENCE, client.mset(keys.clone().map(|key| (key, 2))).into_future()).await.unwrap_err(),
            within(PATIENCE, client.del(&keys[..]).into_future()).await.unwrap_err(),
            within(PATIENCE, client.dbsize().into_future()).await.unwrap_err(),
            within(PATIENCE, client.mget::<String>(&keys[..]).into_future()).await.unwrap_err(),
        ];
        for error in errors {
            let failed: Vec<_> = error.parts().iter().filter(|part| part.error().is_some()).collect();
            assert_eq!(failed.len(), 1, "{error}: {:?}", error.parts());
            assert_eq!(failed[0].node().map(ToString::to_string).as_ref(), Some(&missing), "{error}");
            assert_eq!(failed[0].fate(), Fate::NotSent, "{error}");
            assert!(error.to_string().contains(&missing), "{error}");
        }
        proxies.node(2).heal().unwrap();
        all_work(&client).await;
        assert_eq!(client.dbsize().await.unwrap(), 4);
    });
}
