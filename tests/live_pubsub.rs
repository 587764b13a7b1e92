//! Subscriptions: confirmed when they return, shared at the server, restored after a loss, and honest about what is missing.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::BTreeSet;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use steadfast::api::*;
use steadfast::client::{Offline, ProtocolChoice, Subscriptions};
use steadfast::pubsub::{Delivery, LagPolicy, Message, Subscription, TopicKind};
use steadfast::testing::{Cut, FakeServer, FaultProxy};
use steadfast::{Cause, Config, ErrorKind, Event, Fate, Stage};

use live::{KINDS, PATIENCE, clients_of, connected, fails_after, fails_at_once, quick, tcp, until, within};
use support::Server;

const PROTOCOLS: [ProtocolChoice; 2] = [ProtocolChoice::Resp2, ProtocolChoice::Resp3];

/// How many messages are published while connections are cut: more than come while five of them are made anew.
const MESSAGES: u32 = 4_000;

/// Every server with every way to subscribe: in both protocols over a connection of its own, and over the shared one.
fn ways(server: &Server) -> [Config; 3] {
    let [old, new] = PROTOCOLS.map(|protocol| tcp(server).with_protocol(protocol));
    [old, new.clone(), new.with_subscriptions(Subscriptions::Shared)]
}

/// How many hear a message that is published now.
fn publish(server: &Server, channel: &str, message: &str) -> u32 {
    server.raw(&["PUBLISH", channel, message]).parse().unwrap()
}

/// How many connections are subscribed to a channel.
fn subscribers(server: &Server, channel: &str) -> u32 {
    server.raw(&["PUBSUB", "NUMSUB", channel]).lines().nth(1).unwrap().parse().unwrap()
}

async fn next(subscription: &mut Subscription) -> Delivery {
    within(PATIENCE, subscription.next()).await.expect("the subscription has not ended")
}

/// The next one, which must be a message.
async fn message(subscription: &mut Subscription) -> Message {
    match next(subscription).await {
        Delivery::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

/// Reads the first item.
async fn begun(mut subscription: Subscription) -> Subscription {
    assert!(matches!(next(&mut subscription).await, Delivery::Subscribed));
    subscription
}

/// What is in it now, in short.
fn shown(subscription: &mut Subscription) -> String {
    let mut all = Vec::new();
    loop {
        let mut waiting = Box::pin(subscription.next());
        all.push(match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            std::task::Poll::Pending => return all.join(" "),
            std::task::Poll::Ready(None) => "end".to_owned(),
            std::task::Poll::Ready(Some(Delivery::Message(message))) => message.text().into_owned(),
            std::task::Poll::Ready(Some(Delivery::Subscribed)) => "subscribed".to_owned(),
            std::task::Poll::Ready(Some(Delivery::Gap { .. })) => "gap".to_owned(),
            std::task::Poll::Ready(Some(Delivery::Lagged { lost, .. })) => format!("({lost})"),
            std::task::Poll::Ready(Some(Delivery::Refused { topic, .. })) => format!("refused {:?}", topic.name()),
            std::task::Poll::Ready(Some(other)) => format!("{other:?}"),
        });
        if all.last().is_some_and(|last| last == "end") {
            return all.join(" ");
        }
    }
}

/// Ends the connections that are subscribed to something.
fn cut(server: &Server) {
    assert_ne!(server.raw(&["CLIENT", "KILL", "TYPE", "pubsub"]), "0");
}

#[tokio::test]
async fn it_returns_when_the_server_has_confirmed_everything() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for config in ways(&server) {
            let client = connected(config).await;
            let subscription = client.subscribe(["a", "b", "a"]).await.unwrap();
            assert_eq!((subscribers(&server, "a"), subscribers(&server, "b")), (1, 1));
            let mut subscription = begun(subscription).await;
            assert_eq!(subscription.topics().len(), 2);
            for number in 0..500 {
                assert_eq!(publish(&server, if number % 2 == 0 { "a" } else { "b" }, &number.to_string()), 1);
            }
            for number in 0..500 {
                let message = message(&mut subscription).await;
                assert_eq!(message.channel(), if number % 2 == 0 { "a" } else { "b" });
                assert_eq!((message.read::<u32>().unwrap(), message.pattern()), (number, None));
            }
        }
    }
}

#[tokio::test]
async fn many_subscriptions_are_one_at_the_server_until_the_last_is_dropped() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for config in ways(&server) {
            let client = connected(config).await;
            let mut all = Vec::new();
            for _ in 0..50 {
                all.push(begun(client.clone().subscribe("news").await.unwrap()).await);
            }
            assert_eq!((subscribers(&server, "news"), publish(&server, "news", "hello")), (1, 1));
            let connections = clients_of(&server);
            assert_eq!(connections.iter().filter(|line| line.contains(" sub=1 ")).count(), 1, "{connections:?}");
            for subscription in &mut all {
                assert_eq!(message(subscription).await.text(), "hello");
            }
            let mut last = all.pop().unwrap();
            drop(all);
            assert_eq!(client.echo::<String>("x").await.unwrap(), "x");
            assert_eq!(publish(&server, "news", "more"), 1);
            assert_eq!(message(&mut last).await.text(), "more");
            drop(last);
            until(async || subscribers(&server, "news") == 0).await;
            drop(begun(client.subscribe("news").await.unwrap()).await);
        }
    }
}

#[tokio::test]
async fn topics_are_added_and_given_up_while_it_lives() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for config in ways(&server) {
            let client = connected(config).await;
            let mut subscription = begun(client.subscribe("a").await.unwrap()).await;
            subscription.subscribe(["a", "b"]).await.unwrap();
            subscription.psubscribe("c*").await.unwrap();
            subscription.ssubscribe("d").await.unwrap();
            assert_eq!((publish(&server, "b", "1"), publish(&server, "cc", "2")), (1, 1));
            assert_eq!(server.raw(&["SPUBLISH", "d", "3"]), "1");
            assert_eq!(message(&mut subscription).await.text(), "1");
            let matched = message(&mut subscription).await;
            assert!(matched.channel() == "cc" && matched.pattern().is_some_and(|pattern| pattern == "c*"));
            assert!(message(&mut subscription).await.is_shard());
            subscription.unsubscribe(["b", "x"]);
            subscription.punsubscribe("c*");
            subscription.sunsubscribe("d");
            assert_eq!(subscription.topics().map(|topic| topic.name().clone()).collect::<Vec<_>>(), ["a"]);
            until(async || subscribers(&server, "b") == 0 && server.raw(&["PUBSUB", "NUMPAT"]) == "0").await;
            until(async || server.raw(&["SPUBLISH", "d", "4"]) == "0").await;
            assert_eq!(publish(&server, "a", "5"), 1);
            assert_eq!(message(&mut subscription).await.text(), "5");
        }
    }
}

#[tokio::test]
async fn a_message_that_several_topics_match_comes_for_each_of_them() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let mut subscription = begun(client.psubscribe(["n*", "*s"]).await.unwrap()).await;
    subscription.subscribe("news").await.unwrap();
    assert_eq!(publish(&server, "news", "x"), 3);
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let topic = message(&mut subscription).await.topic();
        seen.insert((topic.kind(), topic.name().clone()));
    }
    let wanted = [(TopicKind::Channel, "news"), (TopicKind::Pattern, "*s"), (TopicKind::Pattern, "n*")];
    assert_eq!(seen, wanted.map(|(kind, name)| (kind, name.into())).into());
}

#[tokio::test]
async fn what_is_too_much_is_missing_exactly_where_it_says_so() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for config in ways(&server) {
            let client = connected(config).await;
            let policies = [LagPolicy::DropOldest, LagPolicy::DropNewest, LagPolicy::End];
            let mut all = Vec::new();
            for policy in policies {
                all.push(begun(client.subscribe("n").capacity(3).on_lag(policy).await.unwrap()).await);
            }
            // One that counts bytes: 128 and a digit for each message.
            all.push(begun(client.subscribe("n").max_bytes(3 * 129).await.unwrap()).await);
            let mut fast = begun(client.subscribe("n").await.unwrap()).await;
            for number in 0..8 {
                publish(&server, "n", &number.to_string());
            }
            for number in 0..8 {
                assert_eq!(message(&mut fast).await.read::<u32>().unwrap(), number);
            }
            let seen: Vec<String> = all.iter_mut().map(shown).collect();
            assert_eq!(seen, ["(5) 5 6 7", "0 1 2 (5)", "0 1 2 (1) end", "(5) 5 6 7"]);
            assert!(all[2].next().await.is_none());
            assert_eq!(all[2].subscribe("m").await.unwrap_err().kind(), ErrorKind::Closed);
            assert_eq!(publish(&server, "n", "8"), 1);
            assert_eq!(message(&mut fast).await.text(), "8");
            assert_eq!((shown(&mut all[0]), shown(&mut all[1])), ("8".to_owned(), "8".to_owned()));
        }
    }
}

#[tokio::test]
async fn the_last_subscription_that_ends_by_lag_is_given_up_at_the_server() {
    let server = Server::valkey();
    let client = connected(tcp(&server)).await;
    let mut subscription = begun(client.subscribe("n").capacity(1).on_lag(LagPolicy::End).await.unwrap()).await;
    publish(&server, "n", "0");
    publish(&server, "n", "1");
    until(async || subscribers(&server, "n") == 0).await;
    assert_eq!(shown(&mut subscription), "0 (1) end");
}

#[tokio::test]
async fn outside_of_gaps_nothing_is_missing() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for config in ways(&server) {
            let client = connected(config).await;
            let mut events = client.events();
            let mut subscription = begun(client.subscribe("n").await.unwrap()).await;
            let publisher = connected(tcp(&server)).await;
            let publishing = tokio::spawn(async move {
                for number in 0..MESSAGES {
                    publisher.publish("n", number).await.unwrap();
                }
                publisher.publish("n", "end").await.unwrap();
            });
            let (mut expected, mut gaps, mut holes) = (0, 0, 0);
            let mut is_torn = false;
            loop {
                match next(&mut subscription).await {
                    Delivery::Message(message) if message.text() == "end" => break,
                    Delivery::Message(message) => {
                        let number: u32 = message.read().unwrap();
                        if number != expected {
                            assert!(number > expected && gaps > holes, "{number} instead of {expected}");
                            holes += 1;
                        }
                        expected = number + 1;
                        // Again and again, while it is whole.
                        if number % 100 == 50 && gaps < 5 && !is_torn {
                            cut(&server);
                            is_torn = true;
                        }
                    }
                    Delivery::Gap { cause, .. } => {
                        assert!(matches!(cause, Cause::PeerClosed | Cause::Io(_)), "{cause:?}");
                        gaps += 1;
                    }
                    Delivery::Subscribed => is_torn = false,
                    other => panic!("{other:?}"),
                }
            }
            publishing.await.unwrap();
            assert_eq!(gaps, 5);
            let is_gap = |event: &Event| matches!(event, Event::SubscriptionGap { .. });
            let mut told = 0;
            while told < gaps {
                told += u32::from(is_gap(&within(PATIENCE, events.next()).await.unwrap()));
            }
        }
    }
}

#[tokio::test]
async fn thousands_of_channels_come_back_after_a_loss() {
    let server = Server::valkey();
    for config in ways(&server) {
        let client = connected(config.with_deadline(PATIENCE)).await;
        let names: Vec<String> = (0..5_000).map(|number| format!("channel:{number}")).collect();
        let mut subscription = begun(client.subscribe(&names).await.unwrap()).await;
        cut(&server);
        assert!(matches!(next(&mut subscription).await, Delivery::Gap { .. }));
        assert!(matches!(next(&mut subscription).await, Delivery::Subscribed));
        for name in [&names[0], &names[2_500], &names[4_999]] {
            assert_eq!(publish(&server, name, "x"), 1);
            assert_eq!(message(&mut subscription).await.channel(), name.as_str());
        }
        drop(subscription);
        until(async || server.raw(&["PUBSUB", "CHANNELS"]).is_empty()).await;
    }
}

#[tokio::test]
async fn what_was_dropped_before_or_during_a_loss_is_not_asked_for_again() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let proxy = FaultProxy::start(server.address()).await.unwrap();
        for protocol in PROTOCOLS {
            let config = quick(Config::tcp("127.0.0.1", proxy.port())).with_protocol(protocol);
            let client = connected(config).await;
            let mut kept = begun(client.subscribe("kept").await.unwrap()).await;
            let [before, during] = ["before", "during"].map(|name| client.subscribe(name).into_future());
            drop(before.await.unwrap());
            let during = during.await.unwrap();
            proxy.refuse();
            proxy.cut(Cut::Rst);
            assert!(matches!(next(&mut kept).await, Delivery::Gap { .. }));
            drop(during);
            // Added while there is no connection, and given up again.
            let mut hopeless = Box::pin(client.subscribe("hopeless").into_future());
            assert!(hopeless.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            drop(hopeless);
            proxy.heal().unwrap();
            assert!(matches!(next(&mut kept).await, Delivery::Subscribed));
            assert_eq!(publish(&server, "kept", "x"), 1);
            assert_eq!(message(&mut kept).await.text(), "x");
            for gone in ["before", "during", "hopeless"] {
                assert_eq!(subscribers(&server, gone), 0, "{gone}");
            }
        }
    }
}

#[tokio::test]
async fn a_subscription_in_an_outage_ends_at_its_deadline_or_comes_about_afterwards() {
    for kind in KINDS {
        let mut server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        server.kill9();
        let late = client.subscribe("late").deadline(PATIENCE).into_future();
        let late = tokio::spawn(late);
        let deadline = Duration::from_millis(300);
        let error = fails_after(deadline, client.subscribe("n").deadline(deadline).into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::NotSent), "{error}");
        assert!(matches!(error.stage(), Some(Stage::Backoff | Stage::Connecting)), "{error}");
        assert!(matches!(error.cause(), Some(Cause::Connect { .. })), "{error}");
        assert!(error.to_string().starts_with("SUBSCRIBE timed out after 300ms"), "{error}");
        server.restart();
        let mut late = begun(within(PATIENCE, late).await.unwrap().unwrap()).await;
        assert_eq!(publish(&server, "late", "x"), 1);
        assert_eq!(message(&mut late).await.text(), "x");
        assert_eq!(subscribers(&server, "n"), 0);
    }
}

#[tokio::test]
async fn who_would_rather_fail_than_wait_fails_at_once_in_an_outage() {
    for kind in KINDS {
        let mut server = Server::build(kind).start();
        let client = connected(tcp(&server).with_offline(Offline::FailFast)).await;
        let _held = begun(client.subscribe("held").await.unwrap()).await;
        server.kill9();
        let error = within(PATIENCE / 4, client.subscribe("n").deadline(PATIENCE).into_future()).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::NotSent), "{error}");
        server.restart();
        until(async || client.subscribe("n").await.is_ok()).await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_confirm_leaves_the_fate_open() {
    let server = Server::redis();
    let client = connected(tcp(&server).without_silence_limit()).await;
    let mut first = begun(client.subscribe("first").await.unwrap()).await;
    server.stop();
    let deadline = Duration::from_millis(200);
    let error = fails_after(deadline, client.subscribe("n").deadline(deadline).into_future()).await;
    server.cont();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");
    assert_eq!(error.stage(), Some(Stage::AwaitingReply), "{error}");
    // The confirmation comes after all, and is taken back.
    until(async || subscribers(&server, "n") == 0).await;
    assert_eq!(publish(&server, "first", "x"), 1);
    assert_eq!(message(&mut first).await.text(), "x");
}

#[tokio::test]
async fn whoever_gives_up_while_it_is_asked_for_leaves_nothing_and_disturbs_nobody() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let _open = begun(client.subscribe("open").await.unwrap()).await;
    for round in 0..200 {
        let mut given_up = Box::pin(client.subscribe(["n", "m"]).into_future());
        assert!(given_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        drop(given_up);
        if round % 3 == 0 {
            let mut kept = begun(client.subscribe("n").await.unwrap()).await;
            assert_eq!(publish(&server, "n", "x"), 1, "round {round}");
            assert_eq!(message(&mut kept).await.text(), "x");
        }
    }
    until(async || subscribers(&server, "n") == 0 && subscribers(&server, "m") == 0).await;
}

#[tokio::test]
async fn a_refused_channel_is_an_error_for_its_call_alone() {
    for kind in KINDS {
        let server = Server::build(kind).config("user app on >secret ~* +@all resetchannels &ok*").start();
        for config in ways(&server) {
            let client = connected(config.with_credentials("app", "secret")).await;
            let mut good = begun(client.subscribe("ok1").await.unwrap()).await;
            let error = client.subscribe(["ok2", "bad"]).await.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{error}");
            assert_eq!(error.server().unwrap().code(), "NOPERM");
            let error = good.subscribe(["ok3", "bad"]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Server, "{error}");
            until(async || subscribers(&server, "ok2") + subscribers(&server, "ok3") == 0).await;
            assert_eq!(good.topics().len(), 1);
            assert_eq!(publish(&server, "ok1", "x"), 1);
            assert_eq!(message(&mut good).await.text(), "x");
        }
    }
}

#[tokio::test]
async fn a_channel_that_is_refused_later_does_not_stop_the_others() {
    for kind in KINDS {
        let server = Server::build(kind).config("user app on >secret ~* +@all resetchannels &ok*").start();
        for config in ways(&server) {
            let client = connected(config.with_credentials("app", "secret")).await;
            let mut both = begun(client.subscribe(["ok1", "ok2"]).await.unwrap()).await;
            // This ends connections that are subscribed to what is not allowed any more.
            server.raw(&["ACL", "SETUSER", "app", "resetchannels", "&ok1"]);
            assert!(matches!(next(&mut both).await, Delivery::Gap { .. }));
            match next(&mut both).await {
                Delivery::Refused { topic, error, .. } => {
                    assert_eq!((topic.name().as_ref(), error.code()), (&b"ok2"[..], "NOPERM"));
                }
                other => panic!("{other:?}"),
            }
            assert!(matches!(next(&mut both).await, Delivery::Subscribed));
            assert_eq!((publish(&server, "ok1", "x"), publish(&server, "ok2", "y")), (1, 0));
            assert_eq!(message(&mut both).await.text(), "x");
            // Allowed again, it is back with the next connection, or when somebody asks.
            server.raw(&["ACL", "SETUSER", "app", "resetchannels", "&ok*"]);
            let other = begun(client.subscribe("ok2").await.unwrap()).await;
            assert_eq!(publish(&server, "ok2", "z"), 1);
            assert_eq!(message(&mut both).await.text(), "z");
            drop(other);
            cut(&server);
            assert!(matches!(next(&mut both).await, Delivery::Gap { .. }));
            assert!(matches!(next(&mut both).await, Delivery::Subscribed));
            assert_eq!(publish(&server, "ok2", "again"), 1);
            assert_eq!(message(&mut both).await.text(), "again");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_said_before_anything_is_sent() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let empty: [&str; 0] = [];
    let error = fails_at_once(client.subscribe(empty).into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Arguments, Fate::NotSent), "{error}");
    assert_eq!(clients_of(&server).len(), 1);
}

#[tokio::test]
async fn closing_the_client_ends_its_subscriptions_after_what_they_have() {
    for subscriptions in [Subscriptions::Own, Subscriptions::Shared] {
        let server = Server::redis();
        let client = connected(tcp(&server).with_subscriptions(subscriptions)).await;
        let mut subscription = begun(client.subscribe("n").await.unwrap()).await;
        publish(&server, "n", "x");
        until(async || subscription.queued() == 1).await;
        within(PATIENCE, client.close(PATIENCE)).await;
        assert_eq!(clients_of(&server), Vec::<String>::new());
        assert_eq!(message(&mut subscription).await.text(), "x");
        assert!(matches!(next(&mut subscription).await, Delivery::Gap { cause: Cause::ClosedHere, .. }));
        assert!(within(PATIENCE, subscription.next()).await.is_none());
        for error in [client.subscribe("n").await.unwrap_err(), subscription.subscribe("m").await.unwrap_err()] {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Fate::NotSent), "{error}");
        }
        assert_eq!(clients_of(&server), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_subscription_outlives_its_clients() {
    let server = Server::redis();
    let mut subscription = begun(connected(tcp(&server)).await.subscribe("n").await.unwrap()).await;
    assert_eq!(publish(&server, "n", "x"), 1);
    assert_eq!(message(&mut subscription).await.text(), "x");
    drop(subscription);
    until(async || clients_of(&server).is_empty()).await;
}

#[tokio::test]
async fn messages_alone_skip_what_is_told_of_them() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let mut messages = client.subscribe("n").await.unwrap().messages();
    publish(&server, "n", "x");
    assert_eq!(within(PATIENCE, messages.next()).await.unwrap().text(), "x");
    cut(&server);
    until(async || subscribers(&server, "n") == 1).await;
    publish(&server, "n", "y");
    assert_eq!(within(PATIENCE, messages.next()).await.unwrap().text(), "y");
    client.close(PATIENCE).await;
    assert!(within(PATIENCE, messages.next()).await.is_none());
}

#[tokio::test]
async fn over_the_shared_connection_no_message_is_taken_for_an_answer() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_subscriptions(Subscriptions::Shared)).await;
        let mut subscription = begun(client.subscribe("n").await.unwrap()).await;
        assert_eq!(clients_of(&server).len(), 1);
        for round in 0..200u32 {
            // Inside EXEC, redis counts the push as no element.
            let mut transaction = client.transaction();
            let before = transaction.incr("count").queue();
            let heard = transaction.publish("n", 2 * round).queue();
            let after = transaction.incr("count").queue();
            let results = transaction.execute().await.unwrap();
            assert_eq!(
                results.get((before, heard, after)).unwrap(),
                (i64::from(2 * round + 1), 1, i64::from(2 * round + 2))
            );
            let (echo, heard) = tokio::join!(
                client.echo::<u32>(round.to_string()).into_future(),
                client.publish("n", 2 * round + 1).into_future()
            );
            assert_eq!((echo.unwrap(), heard.unwrap()), (round, 1));
            for number in [2 * round, 2 * round + 1] {
                assert_eq!(message(&mut subscription).await.read::<u32>().unwrap(), number);
            }
        }
    }
}

#[tokio::test]
async fn in_resp2_the_shared_connection_is_left_to_commands() {
    let server = Server::redis();
    let config = tcp(&server).with_subscriptions(Subscriptions::Shared).with_protocol(ProtocolChoice::Resp2);
    let client = connected(config).await;
    let mut subscription = begun(client.subscribe("n").await.unwrap()).await;
    assert_eq!(clients_of(&server).len(), 2);
    assert_eq!(client.publish("n", "x").await.unwrap(), 1);
    assert_eq!(message(&mut subscription).await.text(), "x");
}

#[tokio::test]
async fn a_large_reply_costs_a_subscriber_nothing() {
    for kind in KINDS {
        let server = Server::build(kind).config("client-output-buffer-limit pubsub 32mb 8mb 60").start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        let mut subscription = begun(client.subscribe("n").await.unwrap()).await;
        client.set("large", vec![b'x'; 40 << 20]).await.unwrap();
        assert_eq!(client.get::<Vec<u8>>("large").await.unwrap().unwrap().len(), 40 << 20);
        assert_eq!(publish(&server, "n", "x"), 1);
        assert_eq!(message(&mut subscription).await.text(), "x");
    }
}

#[tokio::test]
async fn large_messages_come_whole() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for config in ways(&server) {
            let client = connected(config).await;
            let mut subscription = begun(client.subscribe("n").max_bytes(1 << 30).await.unwrap()).await;
            let publisher = connected(tcp(&server)).await;
            for length in [0, 1, 16 << 10, 64 << 10, 3 << 20] {
                publisher.publish("n", vec![b'x'; length]).await.unwrap();
                assert_eq!(message(&mut subscription).await.payload(), &vec![b'x'; length]);
            }
        }
    }
}

#[tokio::test]
async fn a_shard_channel_whose_slot_leaves_is_withdrawn_and_no_answer_moves() {
    for kind in KINDS {
        let server = Server::build(kind).config("cluster-enabled yes").start();
        assert_eq!(server.raw(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), "OK");
        for config in ways(&server) {
            let client = connected(config).await;
            let mut subscription = begun(client.ssubscribe("s").await.unwrap()).await;
            let slot = server.raw(&["CLUSTER", "KEYSLOT", "s"]);
            let mut load = {
                let client = client.clone();
                tokio::spawn(async move {
                    for number in 0..u32::MAX {
                        assert_eq!(client.echo::<u32>(number.to_string()).await.unwrap(), number);
                    }
                })
            };
            for _ in 0..10 {
                assert_eq!(server.raw(&["CLUSTER", "DELSLOTS", &slot]), "OK");
                match next(&mut subscription).await {
                    Delivery::Withdrawn { topic, .. } => assert_eq!(topic.name(), "s"),
                    other => panic!("{other:?}"),
                }
                assert_eq!(server.raw(&["CLUSTER", "ADDSLOTS", &slot]), "OK");
                // Whoever asks for it has it again.
                subscription.ssubscribe("s").await.unwrap();
                assert_eq!(server.raw(&["PUBSUB", "SHARDNUMSUB", "s"]), "s\n1");
            }
            assert!(tokio::time::timeout(Duration::from_millis(1), &mut load).await.is_err(), "an answer has moved");
            load.abort();
        }
    }
}

#[tokio::test]
async fn keyspace_events_are_messages() {
    for kind in KINDS {
        let server = Server::build(kind).config("notify-keyspace-events KEA").start();
        for config in ways(&server) {
            let client = connected(config).await;
            let mut events = begun(client.psubscribe("__keyevent@0__:*").await.unwrap()).await;
            client.set("a", 1).await.unwrap();
            client.del("a").await.unwrap();
            for wanted in ["set", "del"] {
                let event = message(&mut events).await;
                assert_eq!(
                    (event.channel_text(), event.text()),
                    (format!("__keyevent@0__:{wanted}").into(), "a".into())
                );
            }
        }
    }
}

#[tokio::test]
async fn the_server_for_unit_tests_is_subscribed_to_as_a_real_one() {
    let server = FakeServer::start().await.unwrap();
    for query in ["protocol=resp2", "protocol=resp3", "subscriptions=shared"] {
        let client = connected(quick(Config::from_url(&format!("{}?{query}", server.url())).unwrap())).await;
        let mut subscription = begun(client.subscribe(["a", "b"]).await.unwrap()).await;
        subscription.psubscribe("c*").await.unwrap();
        subscription.ssubscribe("d").await.unwrap();
        for channel in ["a", "b", "cc"] {
            assert_eq!(client.publish(channel, "x").await.unwrap(), 1);
            assert_eq!(message(&mut subscription).await.channel(), channel);
        }
        assert_eq!(client.spublish("d", "x").await.unwrap(), 1);
        assert!(message(&mut subscription).await.is_shard());
        drop(subscription);
        until(async || client.publish("b", "x").await.unwrap() == 0).await;
    }
}

#[tokio::test]
async fn it_can_be_begun_and_read_on_another_runtime_or_none() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let reader = std::thread::spawn(move || {
        let begin = client.subscribe("n").deadline(PATIENCE).into_future();
        let mut subscription = block_on(begin).unwrap();
        let first = block_on(subscription.next()).unwrap();
        (matches!(first, Delivery::Subscribed), block_on(subscription.messages().next()).unwrap().text().into_owned())
    });
    until(async || publish(&server, "n", "x") == 1).await;
    let read = tokio::task::spawn_blocking(|| reader.join().unwrap());
    assert_eq!(within(PATIENCE, read).await.unwrap(), (true, "x".to_owned()));
}

#[test]
fn a_runtime_that_goes_away_ends_subscriptions_and_those_that_wait_for_one() {
    let server = Server::redis();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(connected(tcp(&server)));
    let mut subscription = runtime.block_on(async { begun(client.subscribe("n").await.unwrap()).await });
    server.stop();
    let waiting = client.subscribe("m").into_future();
    let waiting = std::thread::spawn(move || block_on(waiting).unwrap_err());
    runtime.shutdown_background();
    for error in [waiting.join().unwrap(), block_on(client.subscribe("late").into_future()).unwrap_err()] {
        assert_eq!((error.kind(), error.cause()), (ErrorKind::Connection, Some(&Cause::RuntimeGone)), "{error}");
    }
    server.cont();
    assert!(matches!(block_on(subscription.next()), Some(Delivery::Gap { cause: Cause::RuntimeGone, .. })));
    assert!(block_on(subscription.next()).is_none());
}

/// Runs a future on this thread alone.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut future: Pin<&mut F> = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
