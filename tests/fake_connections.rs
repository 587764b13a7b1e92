//! Keeps the fake server honest about what has connections of its own: the same program runs against it and against real
//! servers, in both protocols, and must see the same. Needs `redis-server` and `valkey-server`.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::fmt::Debug;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::time::Duration;

use steadfast::api::{Connection, End, Lists, OwnConnection, PubSub, Server as _, SortedSets, Strings};
use steadfast::client::{Dedicated, ProtocolChoice};
use steadfast::pubsub::{Delivery, Subscription};
use steadfast::testing::FakeServer;
use steadfast::{Client, Command, Config, Error, Value};

use live::{KINDS, PATIENCE, connected, quick, until, within};
use support::Server;

/// Where the program runs.
struct Stage<'a> {
    client: Client,
    /// Looks on, and is the other one.
    other: Client,
    /// Cuts the connections of subscribers.
    cut: &'a dyn Fn(),
    seen: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_commands_are_served_given_up_and_leave_their_connection_as_it_was() {
    assert_same_everywhere(async |stage| {
        let client = stage.client.clone();
        let brief = Duration::from_millis(20);
        stage.note(client.blpop::<String, String>(["q", "r"], brief).await);
        stage.note(client.bzpopmin::<String, String>("z", brief).await);
        stage.note(client.blmove::<String>("q", "r", End::Left, End::Right, brief).await);
        let connection = stage.lane().await;
        let waiting = stage.waits(|client| async move { client.blpop(["q", "r"], Duration::ZERO).await }).await;
        // Not held up by it.
        stage.note(client.incr("visits").await);
        stage.other.rpush("r", "one").await.unwrap();
        let popped: Option<(String, String)> = within(PATIENCE, waiting).await.unwrap().unwrap();
        stage.note(popped);
        let waiting = stage.waits(|client| async move { client.bzpopmax("z", Duration::ZERO).await }).await;
        stage.other.zadd("z", (1.5, "member")).await.unwrap();
        let popped: Option<(String, String, f64)> = within(PATIENCE, waiting).await.unwrap().unwrap();
        stage.note(popped);
        // Dropped: what comes later stays where it is.
        let waiting =
            stage.waits(|client| async move { client.brpop::<String, String>("q", Duration::ZERO).await }).await;
        waiting.abort();
        stage.until_nobody_waits().await;
        stage.note(stage.other.rpush("q", "kept").await);
        // By the same connection, once the server has ended what was given up there.
        stage.note(within(PATIENCE, client.blpop::<String, String>("q", Duration::ZERO).into_future()).await);
        let late = client.blpop::<String, String>("q", Duration::ZERO).deadline(Duration::from_millis(500));
        stage.failed(within(PATIENCE, late.into_future()).await);
        stage.until_nobody_waits().await;
        stage.note(stage.other.rpush("q", "kept too").await);
        stage.note(within(PATIENCE, client.blpop::<String, String>("q", Duration::ZERO).into_future()).await);
        assert_eq!(stage.lane().await, connection, "the connection was kept");
        stage.note(client.stats().orphaned);
        let mut transaction = client.transaction();
        let _ = transaction.request::<Value>(Command::new("BLPOP").key("q").arg(0)).queue();
        stage.failed(transaction.execute().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dedicated_connection_watches_runs_transactions_and_comes_back_clean() {
    assert_same_everywhere(async |stage| {
        let dedicated = stage.dedicated().await;
        let connection = dedicated.session().server.id.unwrap();
        dedicated.watch(["seats", "more"]).await.unwrap();
        stage.other.set("seats", 3).await.unwrap();
        let mut transaction = dedicated.transaction();
        let _ = transaction.decr("seats").queue();
        stage.failed(transaction.execute().await);
        stage.note(dedicated.get::<i64>("seats").await);
        dedicated.watch("seats").await.unwrap();
        let mut transaction = dedicated.transaction();
        let (left, wrong) = (transaction.decr("seats").queue(), transaction.lpush("seats", "x").queue());
        let results = transaction.execute().await.unwrap();
        stage.note(results.get(left));
        stage.failed(results.get(wrong));
        dedicated.watch("seats").await.unwrap();
        dedicated.unwatch().await.unwrap();
        stage.other.incr("seats").await.unwrap();
        let mut transaction = dedicated.transaction();
        let left = transaction.incr("seats").queue();
        stage.note(transaction.execute().await.unwrap().get(left));
        // By hand, and left open.
        for line in ["WATCH seats", "MULTI", "SET seats 0"] {
            stage.note(dedicated.request::<String>(Command::new(line)).await);
        }
        drop(dedicated);
        let dedicated = stage.dedicated().await;
        assert_eq!(dedicated.session().server.id, Some(connection), "it was made clean, and kept");
        stage.note(dedicated.get::<i64>("seats").await);
        let waits = dedicated.blpop::<String, String>("none", Duration::from_millis(20));
        stage.note(within(PATIENCE, waits.into_future()).await);
        // Another database makes another connection of it.
        dedicated.select(3).await.unwrap();
        stage.note(dedicated.dbsize().await);
        drop(dedicated);
        let dedicated = stage.dedicated().await;
        assert_ne!(dedicated.session().server.id, Some(connection));
        stage.note(dedicated.dbsize().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_hear_messages_and_are_told_of_gaps() {
    assert_same_everywhere(async |stage| {
        let mut news = within(PATIENCE, stage.client.subscribe(["a", "b"]).into_future()).await.unwrap();
        stage.heard(&mut news).await;
        within(PATIENCE, news.psubscribe("c.*")).await.unwrap();
        within(PATIENCE, news.ssubscribe("d")).await.unwrap();
        let other = stage.other.clone();
        stage.note((other.publish("a", "1").await, other.publish("c.x", "2").await, other.spublish("d", "3").await));
        for _ in 0..3 {
            stage.heard(&mut news).await;
        }
        // At the server it is there already.
        let mut second = within(PATIENCE, stage.client.subscribe("b").into_future()).await.unwrap();
        stage.heard(&mut second).await;
        stage.note(other.publish("b", "4").await);
        stage.heard(&mut news).await;
        stage.heard(&mut second).await;
        drop(second);
        stage.note(other.publish("b", "5").await);
        stage.heard(&mut news).await;
        (stage.cut)();
        for _ in 0..2 {
            stage.heard(&mut news).await;
        }
        stage.note((other.publish("a", "6").await, other.publish("c.y", "7").await, other.spublish("d", "8").await));
        for _ in 0..3 {
            stage.heard(&mut news).await;
        }
        news.unsubscribe("a");
        news.punsubscribe("c.*");
        news.sunsubscribe("d");
        until(async || {
            let left = (other.pubsub_numsub::<String>("a").await.unwrap(), other.pubsub_numpat().await.unwrap());
            left == (vec![("a".to_owned(), 0)], 0) && other.spublish("d", "9").await.unwrap() == 0
        })
        .await;
        while news.queued() > 0 {
            stage.heard(&mut news).await;
        }
        stage.note(other.publish("b", "10").await);
        stage.heard(&mut news).await;
        drop(news);
        until(async || other.publish("b", "nobody").await.unwrap() == 0).await;
    })
    .await;
}

/// Runs the program everywhere; it must have seen the same.
async fn assert_same_everywhere(program: impl AsyncFn(&mut Stage<'_>)) {
    let fake = FakeServer::start().await.unwrap();
    let cut_fake = || {
        let listens = |count: [usize; 3]| count.iter().any(|count| *count > 0);
        for client in fake.clients() {
            if listens([client.channels.len(), client.patterns.len(), client.shard_channels.len()]) {
                fake.kill_connection(client.id);
            }
        }
    };
    for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
        let mut expected: Option<Vec<String>> = None;
        for kind in KINDS {
            let server = Server::build(kind).start();
            let cut = || drop(server.raw(&["CLIENT", "KILL", "TYPE", "pubsub"]));
            let found = seen(server.address(), protocol, &cut, &program).await;
            assert_eq!(*expected.get_or_insert(found.clone()), found, "{kind:?} {protocol:?}");
        }
        fake.run(["FLUSHALL"]);
        let found = seen(fake.address(), protocol, &cut_fake, &program).await;
        assert_eq!(expected.unwrap(), found, "the fake server {protocol:?}");
    }
}

async fn seen(
    address: SocketAddr,
    protocol: ProtocolChoice,
    cut: &dyn Fn(),
    program: &impl AsyncFn(&mut Stage<'_>),
) -> Vec<String> {
    let config = quick(Config::tcp("127.0.0.1", address.port())).with_protocol(protocol);
    let client = connected(config.clone().with_name("program").with_max_blocking(1).with_max_dedicated(1)).await;
    let other = connected(config).await;
    let mut stage = Stage { client, other, cut, seen: Vec::new() };
    program(&mut stage).await;
    stage.seen
}

impl Stage<'_> {
    fn note(&mut self, seen: impl Debug) {
        self.seen.push(format!("{seen:?}"));
    }

    /// An error, without what differs from server to server.
    fn failed<T: Debug>(&mut self, outcome: Result<T, Error>) {
        let error = outcome.unwrap_err();
        let code = error.server().map(|server| server.code().to_owned());
        self.note((error.kind(), error.fate(), error.stage(), code));
    }

    async fn heard(&mut self, subscription: &mut Subscription) {
        match within(PATIENCE, subscription.next()).await.unwrap() {
            Delivery::Message(message) => {
                let (topic, channel) = (message.topic(), message.channel().clone());
                self.note((topic, channel, message.is_shard(), message.text()));
            }
            Delivery::Gap { .. } => self.note("a gap"),
            other => self.note(other),
        }
    }

    async fn dedicated(&self) -> Dedicated {
        within(PATIENCE, self.client.dedicated().into_future()).await.unwrap()
    }

    /// The client's connection that is not its shared one.
    async fn lane(&self) -> String {
        let shared = format!("id={} ", self.client.client_id().await.unwrap());
        let lines = self.lines().await;
        let others: Vec<&String> =
            lines.iter().filter(|line| line.contains(" name=program ") && !line.starts_with(&shared)).collect();
        let [line] = others[..] else { panic!("{lines:?}") };
        line.split(' ').next().unwrap_or_default().to_owned()
    }

    /// Starts a call and goes on when the server says that it waits.
    async fn waits<T, F>(&self, call: impl FnOnce(Client) -> F) -> tokio::task::JoinHandle<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let call = tokio::spawn(call(self.client.clone()));
        until(async || self.waiting().await == 1).await;
        call
    }

    async fn until_nobody_waits(&self) {
        until(async || self.waiting().await == 0).await;
    }

    async fn waiting(&self) -> usize {
        self.lines().await.iter().filter(|line| line.contains(" flags=b ")).count()
    }

    /// `CLIENT LIST`.
    async fn lines(&self) -> Vec<String> {
        let list: String = self.other.request(Command::new("CLIENT LIST")).await.unwrap();
        list.lines().map(str::to_owned).collect()
    }
}
