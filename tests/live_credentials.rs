//! Credentials that change: asked for at each handshake, and told to connections that live.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::api::{Connection, Strings};
use steadfast::client::{Backoff, ProtocolChoice};
use steadfast::{
    BoxFuture, Cause, Client, Command, Config, Credentials, CredentialsError, CredentialsProvider, ErrorKind, Event,
    Events, Fate, LinkState, Stage,
};
use tokio::sync::{mpsc, oneshot, watch};

use live::{
    KINDS, Mood, PATIENCE, Peer, Token, connected, fails_after, fails_at_once, tcp, until, until_state, within,
};
use support::{Kind, Server};

/// A server on which the user `app` has the password `one`.
fn server(kind: Kind) -> Server {
    Server::build(kind).config("user app on >one ~* +@all").start()
}

fn provided(server: &Server, token: &Arc<Token>) -> Config {
    tcp(server).with_credentials_provider(token.clone())
}

async fn id(client: &Client) -> i64 {
    within(PATIENCE, client.request(Command::new("CLIENT ID")).into_future()).await.unwrap()
}

/// The next event that tells of an authentication; no connection may be lost before it.
async fn authentication(events: &mut Events) -> Result<(), Cause> {
    loop {
        match within(PATIENCE, events.next()).await.unwrap() {
            Event::Reauthenticated => return Ok(()),
            Event::ReauthenticationFailed { cause, .. } => return Err(cause),
            lost @ Event::Disconnected { .. } => panic!("{lost:?}"),
            _ => {}
        }
    }
}

/// How many calls of a command the server has counted.
fn calls(server: &Server, command: &str) -> usize {
    let stats = server.raw(&["INFO", "commandstats"]);
    let start = format!("cmdstat_{command}:calls=");
    let calls = stats.lines().find_map(|line| line.strip_prefix(&start)).and_then(|rest| rest.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_rotated_under_load_without_an_error_or_a_new_connection() {
    for (kind, protocol) in KINDS.into_iter().zip([ProtocolChoice::Resp2, ProtocolChoice::Resp3]) {
        let server = server(kind);
        let mut admin = server.connect();
        let token = Token::new("app", "one");
        let client = connected(provided(&server, &token).with_protocol(protocol).with_deadline(PATIENCE)).await;
        let (first, authenticated) = (id(&client).await, calls(&server, "auth"));
        let mut events = client.events();
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..64)
            .map(|task| {
                let (client, stop) = (client.clone(), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut counted = 0;
                    while !stop.load(Ordering::Relaxed) {
                        client.incr("n").await.unwrap();
                        let _: Option<i64> = client.get(format!("k{task}")).await.unwrap();
                        counted += 1;
                    }
                    counted
                })
            })
            .collect();
        let mut old = "one".to_owned();
        for round in 2..5 {
            let new = format!("token {round}");
            let setuser = |change: String| ["ACL".to_owned(), "SETUSER".to_owned(), "app".to_owned(), change];
            let mut say = |words: [String; 4]| admin.call(&words.each_ref().map(String::as_str)).unwrap();
            assert_eq!(say(setuser(format!(">{new}"))), "OK");
            token.set(&new);
            token.push();
            assert_eq!(authentication(&mut events).await, Ok(()));
            assert_eq!(say(setuser(format!("<{old}"))), "OK");
            old = new;
        }
        stop.store(true, Ordering::Relaxed);
        let mut counted = 0;
        for task in tasks {
            counted += within(PATIENCE, task).await.unwrap();
        }
        assert_eq!(client.get::<i64>("n").await.unwrap(), Some(counted));
        assert_eq!((id(&client).await, calls(&server, "auth")), (first, authenticated + 3), "{kind:?}");
        assert_eq!(token.asked(), 4);
        // The server has forgotten the old ones: whoever is cut comes back with the newest.
        assert_ne!(server.raw(&["CLIENT", "KILL", "TYPE", "normal"]), "0");
        until(async || client.ping().await.is_ok()).await;
        assert_ne!(id(&client).await, first);
        assert_eq!(token.asked(), 5);
    }
}

#[tokio::test]
async fn a_refused_authentication_keeps_the_connection_says_so_and_heals() {
    for kind in KINDS {
        let server = server(kind);
        let token = Token::new("app", "one");
        let client = connected(provided(&server, &token)).await;
        let first = id(&client).await;
        let mut events = client.events();
        token.set("hunter2");
        token.push();
        let Err(Cause::Handshake(refusal)) = authentication(&mut events).await else { panic!("it is refused") };
        assert_eq!(refusal.step, "AUTH");
        assert!(refusal.message.starts_with("WRONGPASS"), "{refusal:?}");
        client.set("k", "v").await.unwrap();
        token.set("one");
        assert_eq!(authentication(&mut events).await, Ok(()));
        assert_eq!(id(&client).await, first);
        assert_eq!(token.asked(), 3);
        // A provider that fails then costs no more than that.
        for mood in [Mood::Fails, Mood::Panics, Mood::PanicsAtOnce] {
            token.next([mood]);
            token.push();
            let cause = authentication(&mut events).await.unwrap_err();
            match mood {
                Mood::Fails => assert_eq!(cause, Cause::Credentials { detail: "the vault is sealed".into() }),
                _ => assert_eq!(cause, Cause::Panicked),
            }
            token.push();
            assert_eq!(authentication(&mut events).await, Ok(()));
        }
        assert_eq!(id(&client).await, first);
    }
}

#[tokio::test]
async fn a_provider_that_fails_or_panics_once_is_asked_again_and_callers_wait() {
    for kind in KINDS {
        let server = server(kind);
        for mood in [Mood::Fails, Mood::Panics, Mood::PanicsAtOnce] {
            let token = Token::new("app", "one");
            token.next([mood, mood]);
            let client = Client::connect_lazily(provided(&server, &token).with_deadline(PATIENCE)).unwrap();
            within(PATIENCE, client.ping().into_future()).await.unwrap();
            assert_eq!(token.asked(), 3, "{mood:?}");
            let whoami: String = client.request(Command::new("ACL WHOAMI")).await.unwrap();
            assert_eq!(whoami, "app");
        }
    }
}

#[tokio::test]
async fn a_provider_that_keeps_failing_is_the_cause_at_the_deadline() {
    let server = server(Kind::Redis);
    let deadline = Duration::from_millis(300);
    let failing = tcp(&server)
        .with_credentials_provider(Arc::new(|| async { Err(CredentialsError::new("the vault is sealed")) }))
        .with_deadline(deadline);
    for error in [
        fails_after(deadline, Client::connect(failing.clone())).await,
        fails_after(deadline, Client::connect_lazily(failing).unwrap().ping().into_future()).await,
    ] {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::NotSent), "{error}");
        assert!(error.to_string().contains("last failure: no credentials: the vault is sealed"), "{error}");
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_is_bounded_by_the_deadline_and_dropped_with_its_attempt() {
    let server = server(Kind::Redis);
    let token = Token::new("app", "one");
    token.next([Mood::NeverAnswers; 2]);
    let deadline = Duration::from_millis(200);
    let config = provided(&server, &token).with_connect_timeout(Duration::from_millis(600));
    let client = Client::connect_lazily(config.with_deadline(deadline)).unwrap();
    let error = fails_after(deadline, client.ping().into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::NotSent), "{error}");
    assert_eq!((error.stage(), token.asked(), token.dropped()), (Some(Stage::Handshake), 1, 0), "{error}");
    within(PATIENCE, client.ping().deadline(PATIENCE).into_future()).await.unwrap();
    assert_eq!((token.asked(), token.dropped()), (3, 2));

    token.next([Mood::NeverAnswers]);
    let client = Client::connect_lazily(provided(&server, &token)).unwrap();
    until_state(&client, |state| matches!(state, LinkState::Connecting { stage: Stage::Handshake, .. })).await;
    within(PATIENCE, client.close(Duration::ZERO)).await;
    until(async || token.dropped() == 3).await;
}

#[tokio::test]
async fn a_provider_is_not_kept_busy_in_the_pause_between_two_attempts() {
    let server = server(Kind::Redis);
    let token = Token::new("app", "one");
    token.next([Mood::NeverAnswers; 2]);
    let pauses = Backoff::default().with_first(PATIENCE * 4).with_max(PATIENCE * 4);
    let config = provided(&server, &token).with_backoff(pauses).with_connect_timeout(Duration::from_millis(100));
    let client = Client::connect_lazily(config).unwrap();
    // The second attempt follows at once, the third after the pause.
    until(async || token.dropped() == 2).await;
    until_state(&client, |state| matches!(state, LinkState::Backoff { attempt: 2, .. })).await;
    assert_eq!(token.asked(), 2);
}

#[tokio::test]
async fn a_peer_that_closes_while_the_provider_is_asked_is_noticed() {
    let peer = Peer::start(|_, wire| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(wire);
    })
    .await;
    let token = Token::new("app", "one");
    token.next([Mood::NeverAnswers; 100]);
    let client = Client::connect_lazily(peer.config().with_credentials_provider(token.clone())).unwrap();
    until(async || token.dropped() >= 3).await;
    let state = until_state(&client, |state| matches!(state, LinkState::Backoff { .. })).await;
    assert!(matches!(state, LinkState::Backoff { cause: Cause::PeerClosed, .. }), "{state:?}");
}

#[tokio::test]
async fn a_server_that_is_full_is_understood_before_the_provider_has_answered() {
    for kind in KINDS {
        let server = server(kind);
        let mut admin = server.connect();
        assert_eq!(admin.call(&["CONFIG", "SET", "maxclients", "2"]).unwrap(), "OK");
        let token = Token::new("app", "one");
        let holder = connected(provided(&server, &token)).await;
        token.next([Mood::NeverAnswers; 1000]);
        let client = Client::connect_lazily(provided(&server, &token).with_deadline(PATIENCE)).unwrap();
        let is_full = |state: &LinkState| match state {
            LinkState::Backoff { cause: Cause::Handshake(refusal), .. } => {
                refusal.message.contains("max number of clients") && !refusal.permanent
            }
            _ => false,
        };
        until_state(&client, is_full).await;
        holder.close(Duration::ZERO).await;
        token.next([]);
        within(PATIENCE, client.ping().into_future()).await.unwrap();
    }
}

#[tokio::test]
async fn a_push_during_the_handshake_is_not_lost() {
    let (say_hello, greeted) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (told, mut heard) = mpsc::unbounded_channel();
    let (answer, hello) = (Arc::clone(&say_hello), Arc::clone(&greeted));
    let peer = Peer::start(move |_, mut wire| {
        let (answer, hello, told) = (Arc::clone(&answer), Arc::clone(&hello), told.clone());
        async move {
            let first = wire.command().await.unwrap();
            told.send(first).unwrap();
            hello.notify_one();
            answer.notified().await;
            wire.say(b"%1\r\n$5\r\nproto\r\n:3\r\n").await;
            while let Some(command) = wire.command().await {
                let is_auth = command[0] == b"AUTH";
                wire.say(b"+OK\r\n").await;
                if is_auth {
                    told.send(command).unwrap();
                }
            }
        }
    })
    .await;
    let token = Token::new("app", "old");
    let client = Client::connect_lazily(peer.config().with_credentials_provider(token.clone())).unwrap();
    within(PATIENCE, greeted.notified()).await;
    token.set("middle");
    token.push();
    token.set("new");
    token.push();
    // The push has to reach the client before the server's answer: its task runs on this very thread.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    say_hello.notify_one();
    let words = |text: &str| text.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(within(PATIENCE, heard.recv()).await.unwrap(), words("HELLO 3 AUTH app old"));
    assert_eq!(within(PATIENCE, heard.recv()).await.unwrap(), words("AUTH app new"));
    client.set("k", "v").await.unwrap();
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test]
async fn without_credentials_nothing_but_the_greeting_is_said() {
    // What says who the client is may be its certificate: an AUTH would put another user in its place.
    let (told, mut heard) = mpsc::unbounded_channel();
    let peer = Peer::start(move |_, mut wire| {
        let told = told.clone();
        async move {
            while let Some(command) = wire.command().await {
                let answer: &[u8] = match command[0].as_slice() {
                    b"HELLO" => b"%1\r\n$5\r\nproto\r\n:3\r\n",
                    b"PING" => b"+PONG\r\n",
                    _ => b"+OK\r\n",
                };
                told.send(command).unwrap();
                wire.say(answer).await;
            }
        }
    })
    .await;
    for (protocol, greeting) in [
        (ProtocolChoice::Auto, &["HELLO 3"][..]),
        (ProtocolChoice::Resp3, &["HELLO 3"]),
        (ProtocolChoice::Resp2, &["PING"]),
    ] {
        let client = connected(peer.config().without_library_info().with_protocol(protocol)).await;
        client.set("k", "v").await.unwrap();
        for wanted in greeting.iter().chain(&["SET k v"]) {
            let words = within(PATIENCE, heard.recv()).await.unwrap();
            assert_eq!(words.join(&b' '), wanted.as_bytes());
        }
        client.close(Duration::ZERO).await;
    }
}

#[tokio::test]
async fn whoever_was_set_last_says_who_the_client_is() {
    let server = server(Kind::Redis);
    let token = Token::new("app", "one");
    let by_url = |user: &str| Config::from_url(&format!("redis://{user}@{}", server.address())).unwrap();
    let whoami = async |config: Config| -> String {
        connected(live::quick(config)).await.request(Command::new("ACL WHOAMI")).await.unwrap()
    };
    let provided = by_url("nobody:hunter2").with_credentials_provider(token.clone());
    assert!(provided.username().is_none() && provided.to_string().starts_with("redis://127.0.0.1"), "{provided}");
    assert_eq!(whoami(provided).await, "app");
    let failing = || Arc::new(|| async { Err(CredentialsError::new("never asked")) });
    let known = by_url(":x").with_credentials_provider(failing()).with_credentials("app", "one");
    assert_eq!(whoami(known).await, "app");
    let password = Arc::new(|| async { Ok(Credentials::password("any")) });
    assert_eq!(whoami(tcp(&server).with_credentials_provider(password)).await, "default", "it has no password here");
}

#[tokio::test]
async fn a_server_without_hello_is_told_by_auth() {
    let server = steadfast::testing::FakeServer::builder().without_hello().with_password("pw").start().await.unwrap();
    let config = live::quick(Config::tcp("127.0.0.1", server.port()));
    let client =
        connected(config.with_credentials_provider(Arc::new(|| async { Ok(Credentials::password("pw")) }))).await;
    client.set("k", "v").await.unwrap();
}

#[tokio::test]
async fn a_wrong_token_fails_at_once_and_the_next_handshake_asks_again() {
    let server = server(Kind::Valkey);
    let token = Token::new("app", "hunter2");
    let client = Client::connect_lazily(provided(&server, &token).with_deadline(PATIENCE)).unwrap();
    let error = fails_at_once(client.ping().into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Handshake, Fate::NotSent), "{error}");
    token.set("one");
    until_state(&client, LinkState::is_ready).await;
    client.ping().await.unwrap();
}

#[tokio::test]
async fn a_provider_that_is_gone_with_its_changes_leaves_the_connection_alone() {
    struct Short(std::sync::Mutex<Option<oneshot::Sender<()>>>);
    impl steadfast::CredentialsProvider for Short {
        fn credentials(&self) -> steadfast::BoxFuture<'_, Result<Credentials, CredentialsError>> {
            Box::pin(async { Ok(Credentials::user("app", "one")) })
        }

        fn changes(&self) -> Option<tokio::sync::watch::Receiver<()>> {
            let _ = self.0.lock().unwrap().take();
            let (_sender, receiver) = tokio::sync::watch::channel(());
            Some(receiver)
        }
    }
    let server = server(Kind::Redis);
    let (sender, called) = oneshot::channel();
    let provider = Arc::new(Short(std::sync::Mutex::new(Some(sender))));
    let client = connected(tcp(&server).with_credentials_provider(provider)).await;
    assert!(called.await.is_err(), "it was asked for its changes");
    let first = id(&client).await;
    for _ in 0..3 {
        client.ping().await.unwrap();
    }
    assert_eq!((id(&client).await, calls(&server, "auth")), (first, 0));
}

/// What a scripted provider answers, in its order, each when the test says what.
struct Vault {
    answers: Mutex<VecDeque<oneshot::Receiver<&'static str>>>,
    renewed: watch::Sender<()>,
}

impl CredentialsProvider for Vault {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
        let answer = self.answers.lock().unwrap().pop_front().unwrap();
        Box::pin(async move { Ok(Credentials::user("app", answer.await.unwrap())) })
    }

    fn changes(&self) -> Option<watch::Receiver<()>> {
        Some(self.renewed.subscribe())
    }
}

/// A peer that says yes to everything, and the passwords that it is told.
async fn willing() -> (Peer, mpsc::UnboundedReceiver<String>) {
    let (told, heard) = mpsc::unbounded_channel();
    let peer = Peer::start(move |_, mut wire| {
        let told = told.clone();
        async move {
            while let Some(command) = wire.command().await {
                if command.iter().any(|word| word == b"AUTH") {
                    let _ = told.send(String::from_utf8(command.last().unwrap().clone()).unwrap());
                }
                wire.say(if command[0] == b"HELLO" { b"%1\r\n$5\r\nproto\r\n:3\r\n" } else { b"+OK\r\n" }).await;
            }
        }
    })
    .await;
    (peer, heard)
}

#[tokio::test]
async fn an_answer_from_before_a_change_does_not_hide_the_change() {
    let (peer, mut heard) = willing().await;
    let (senders, receivers): (Vec<_>, VecDeque<_>) = (0..3).map(|_| oneshot::channel()).unzip();
    let [one, two, three] = <[_; 3]>::try_from(senders).unwrap();
    let vault = Arc::new(Vault { answers: Mutex::new(receivers), renewed: watch::Sender::new(()) });
    one.send("one").unwrap();
    let client = connected(peer.config().with_credentials_provider(vault.clone())).await;
    assert_eq!(within(PATIENCE, heard.recv()).await.unwrap(), "one");
    vault.renewed.send_replace(());
    until(async || vault.answers.lock().unwrap().len() == 1).await;
    // The answer and the next change come in the same moment: the client's task runs on this very thread.
    two.send("two").unwrap();
    vault.renewed.send_replace(());
    three.send("three").unwrap();
    assert_eq!(within(PATIENCE, heard.recv()).await.unwrap(), "two");
    assert_eq!(within(PATIENCE, heard.recv()).await.unwrap(), "three");
    client.ping().await.unwrap();
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test]
async fn changes_faster_than_the_provider_keep_nobody_from_connecting() {
    struct Slow(watch::Sender<()>);
    impl CredentialsProvider for Slow {
        fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
            Box::pin(async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok(Credentials::user("app", "one"))
            })
        }

        fn changes(&self) -> Option<watch::Receiver<()>> {
            Some(self.0.subscribe())
        }
    }
    let (peer, mut heard) = willing().await;
    let slow = Arc::new(Slow(watch::Sender::new(())));
    let changing = Arc::clone(&slow);
    let changes = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            changing.0.send_replace(());
        }
    });
    let client = connected(peer.config().with_credentials_provider(slow)).await;
    // The handshake, and two authentications on the connection that lives.
    for _ in 0..3 {
        within(PATIENCE, heard.recv()).await.unwrap();
    }
    client.ping().await.unwrap();
    assert_eq!(peer.accepted(), 1);
    changes.abort();
}

#[tokio::test]
async fn a_provider_that_changes_with_each_asking_does_not_flood_the_server() {
    struct Restless(watch::Sender<()>);
    impl CredentialsProvider for Restless {
        fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
            self.0.send_replace(());
            Box::pin(async { Ok(Credentials::user("app", "one")) })
        }

        fn changes(&self) -> Option<watch::Receiver<()>> {
            Some(self.0.subscribe())
        }
    }
    let (peer, mut heard) = willing().await;
    let restless = Arc::new(Restless(watch::Sender::new(())));
    let begin = std::time::Instant::now();
    let client = connected(peer.config().with_credentials_provider(restless)).await;
    // The handshake, and at once once more; from there, once a second.
    for _ in 0..4 {
        within(PATIENCE, heard.recv()).await.unwrap();
    }
    assert!(begin.elapsed() >= Duration::from_millis(1900), "{:?}", begin.elapsed());
    client.ping().await.unwrap();
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test]
async fn a_push_after_a_refusal_is_tried_at_once_and_callers_wait_for_that() {
    for kind in KINDS {
        let server = server(kind);
        let token = Token::new("app", "hunter2");
        let pauses = Backoff::default().with_first(PATIENCE * 4).with_max(PATIENCE * 4);
        let config = provided(&server, &token).with_backoff(pauses).with_deadline(PATIENCE);
        let client = Client::connect_lazily(config).unwrap();
        let error = fails_at_once(client.ping().into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Handshake, Fate::NotSent), "{error}");
        until_state(&client, |state| matches!(state, LinkState::Backoff { .. })).await;
        token.set("one");
        token.push();
        let whoami = client.request::<String>(Command::new("ACL WHOAMI")).into_future();
        assert_eq!(within(PATIENCE, whoami).await.unwrap(), "app");
        assert_eq!(token.asked(), 2);
    }
}
