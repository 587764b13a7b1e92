//! What the suites about clusters share: a load for each shard, and a proxy before each node.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use steadfast::api::Strings as _;
use steadfast::client::defaults;
use steadfast::testing::FaultProxy;
use steadfast::{Address, Client, Config, Effect, Replay};

use super::{DEADLINE, Load, Memory, PLACES, Place, Report, in_each, tell};
use crate::live::{PATIENCE, within};
use crate::support::{Cluster, key_in};

/// Runs `case` on both servers, one of them with TLS; with `STEADFAST_CLUSTER_PLACES=all` in all places. Of one binary's tests
/// one runs at a time: a machine that is too busy makes a cluster take living nodes for dead.
pub(crate) fn in_clusters<F: Future<Output = ()>>(case: impl Fn(Place) -> F + Sync) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    SLOTS.iter().for_each(|slot| drop(tag_of(*slot)));
    if std::env::var("STEADFAST_CLUSTER_PLACES").is_ok_and(|places| places == "all") {
        return PLACES.chunks(2).for_each(|places| in_each(places, &case));
    }
    let [plain, .., secured] = PLACES;
    in_each(&[plain, secured], &case);
}

/// One slot of each of three primaries, at the start.
pub(crate) const SLOTS: [u16; 3] = [100, 5600, 11000];

/// What the names of the keys of this slot begin with.
pub(crate) fn tag_of(slot: u16) -> String {
    key_in(slot)
}

/// A load for each of three shards, so that what befalls one is told from what befalls the others.
pub(crate) struct Shards {
    loads: Vec<Load>,
}

impl Shards {
    /// Starts the callers. What they write is there.
    pub(crate) fn start(client: &Client) -> Self {
        Self::with(client, Memory::Kept, DEADLINE)
    }

    /// The same where a replica may take over, or answer, that has not got everything yet.
    pub(crate) fn start_forgetful(client: &Client) -> Self {
        Self::with(client, Memory::Forgetful, DEADLINE)
    }

    /// The same with calls that may take this long.
    pub(crate) fn with(client: &Client, memory: Memory, deadline: Duration) -> Self {
        let load = |slot: &u16| Load::build().tag(&tag_of(*slot)).memory(memory).callers(CALLERS, PACE);
        Self { loads: SLOTS.iter().map(|slot| load(slot).start(client, deadline)).collect() }
    }

    /// The load of one shard.
    pub(crate) fn of(&self, shard: usize) -> &Load {
        &self.loads[shard]
    }

    /// Waits until this many more reads and writes were answered by each shard.
    pub(crate) async fn all_get_on_by(&self, calls: usize) {
        for load in &self.loads {
            load.gets_on_by(calls).await;
        }
    }

    /// The same by all shards but one.
    pub(crate) async fn others_get_on_by(&self, shard: usize, calls: usize) {
        for (_, load) in self.loads.iter().enumerate().filter(|(number, _)| *number != shard) {
            load.gets_on_by(calls).await;
        }
    }

    /// Lets the calls end that are on their way, and tells what they lived through.
    pub(crate) async fn end(self) -> Vec<Report> {
        let mut reports = Vec::new();
        for load in self.loads {
            reports.push(load.end().await);
        }
        reports
    }
}

/// The cluster says that it is well: calls to all shards work, within a second.
pub(crate) async fn settled(client: &Client) {
    settled_within(client, SETTLING).await;
}

/// The same after a time in which no node at all could be connected to: each is tried again after the longest pause at the
/// latest.
pub(crate) async fn settled_after_an_outage(client: &Client) {
    settled_within(client, defaults::BACKOFF_MAX + SETTLING).await;
}

async fn settled_within(client: &Client, limit: Duration) {
    let begin = Instant::now();
    for slot in SLOTS {
        let key = format!("{}settled", tag_of(slot));
        // What was sent to the node that did this before may be sent again.
        let client = client.with_deadline(PATIENCE).with_replay(Replay::upto(Effect::LastWriteWins));
        client.set(&key, "yes").await.unwrap_or_else(|error| panic!("slot {slot} is not settled: {error}"));
        assert_eq!(client.get::<String>(&key).await.unwrap().as_deref(), Some("yes"));
    }
    let took = begin.elapsed();
    tell(&format!("settled after {took:.1?}"));
    assert!(took < limit, "all is well, and calls took {took:?}");
}

/// A proxy before each node of a cluster, which clients with [`Proxied::lead`] in their configuration go through.
pub(crate) struct Proxied {
    /// In the order of the nodes.
    pub(crate) proxies: Arc<Vec<(Address, FaultProxy)>>,
}

impl Proxied {
    pub(crate) async fn before(cluster: &Cluster) -> Self {
        let mut proxies = Vec::new();
        for node in 0..cluster.len() {
            let address = cluster.address(node);
            let proxy = within(PATIENCE, FaultProxy::start(address)).await.unwrap();
            proxies.push((Address::tcp(address.ip().to_string(), address.port()), proxy));
        }
        Self { proxies: Arc::new(proxies) }
    }

    /// The proxy before the node of this number.
    pub(crate) fn node(&self, number: usize) -> &FaultProxy {
        &self.proxies[number].1
    }

    /// Leads a client of the cluster through the proxies.
    pub(crate) fn lead(&self, config: Config) -> Config {
        let proxies = Arc::clone(&self.proxies);
        config.with_address_map(move |announced| {
            let found = proxies.iter().find(|(address, _)| address == announced);
            found.map_or_else(|| announced.clone(), |(_, proxy)| Address::tcp("127.0.0.1", proxy.port()))
        })
    }
}

const CALLERS: usize = 8;
const PACE: Duration = Duration::from_millis(10);

/// How long a client may take to find everything again once all is well: a second, and what a machine needs that is busy
/// with other tests.
const SETTLING: Duration = Duration::from_secs(2);
