//! No secret shows, whatever is printed and however it goes wrong.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::error::Error as _;
use std::fmt::{Debug, Display};
use std::future::{Future, IntoFuture};
use std::time::Duration;

use steadfast::api::{Acl, Connection, Lists, OwnConnection, PubSub, Scripting, Server as _, Strings};
use steadfast::client::Orphan;
use steadfast::pubsub::Delivery;
use steadfast::testing::{Answer, FakeServer};
use steadfast::{Client, Command, Config, Credentials, Error, ErrorKind, Event, Value};

use live::{PATIENCE, Peer, Token, clients_of, connected, tcp, until, until_state, within};
use support::{Kind, Server};

/// What must never be seen, as it is and as it stands in a URL.
const SECRET: &str = "hunter2/§";
const IN_URL: &str = "hunter2%2F%C2%A7";

#[track_caller]
fn shows_nothing(text: &str) {
    for trace in ["hunter2", IN_URL] {
        assert!(!text.contains(trace), "a secret shows: {text}");
    }
}

#[track_caller]
fn debug_shows_nothing(value: &impl Debug) {
    shows_nothing(&format!("{value:?}"));
    shows_nothing(&format!("{value:#?}"));
}

#[track_caller]
fn display_shows_nothing(value: &(impl Debug + Display)) {
    debug_shows_nothing(value);
    shows_nothing(&value.to_string());
}

/// The error, everything in it, and everything behind it.
#[track_caller]
fn error_shows_nothing(error: &Error) {
    display_shows_nothing(error);
    debug_shows_nothing(&(error.kind(), error.fate(), error.stage(), error.node(), error.cause(), error.server()));
    let mut source = error.source();
    while let Some(error) = source {
        shows_nothing(&format!("{error} {error:?}"));
        source = error.source();
    }
}

#[test]
fn configurations_and_their_errors_hide_passwords() {
    let url = format!("redis://alice:{IN_URL}@localhost:6379/2?name=me");
    let config = Config::from_url(&url).unwrap();
    display_shows_nothing(&config);
    assert!(config.to_string().contains("alice:***@"), "{config}");
    display_shows_nothing(&Config::tcp("localhost", 1).with_password(SECRET).with_credentials("bob", SECRET));
    for mistake in
        ["?deadlin=1s", "?deadline=x", ":999999/", ":x/", "/notanumber", "?db=1&db=2", "?tls_ca=/x", "/x?db=1"]
    {
        let error = Config::from_url(&format!("redis://alice:{IN_URL}@localhost{mistake}")).unwrap_err();
        display_shows_nothing(&error);
        error_shows_nothing(&error.into());
    }
    for mangled in [
        format!("redis//alice:{IN_URL}@localhost"),
        format!("redis:/alice:{IN_URL}@localhost"),
        format!("http://alice:{IN_URL}@localhost"),
        format!("alice:{IN_URL}@localhost"),
        format!("redis://alice:{SECRET}@localhost"),
        "redis://alice:hunter2#x@localhost".to_owned(),
        "redis://alice:hunter2?x@localhost".to_owned(),
        "redis://alice:hunter2@x@localhost".to_owned(),
        "redis://alice:hunter2%zz@localhost".to_owned(),
        "redis://localhost/?password=hunter2".to_owned(),
        "redis://localhost/?user=a&pass=hunter2".to_owned(),
        "redis://[::1:hunter2@localhost".to_owned(),
    ] {
        match Config::from_url(&mangled) {
            Ok(config) => display_shows_nothing(&config),
            Err(error) => {
                display_shows_nothing(&error);
                error_shows_nothing(&error.into());
            }
        }
    }
}

#[tokio::test]
async fn a_refused_password_is_in_no_error_state_or_event() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let server = Server::build(kind).password("right").start();
        for protocol in ["resp2", "resp3", "auto"] {
            let url = format!("redis://:{IN_URL}@{}/?protocol={protocol}", server.address());
            let error = within(PATIENCE, Client::connect(url.as_str())).await.unwrap_err();
            error_shows_nothing(&error);
            let client = Client::connect_lazily(url.as_str()).unwrap();
            error_shows_nothing(&within(PATIENCE, client.ping().into_future()).await.unwrap_err());
            let state = until_state(&client, |state| state.name() == "waiting to reconnect").await;
            debug_shows_nothing(&state);
            debug_shows_nothing(&client);
        }
    }
}

#[tokio::test]
async fn a_server_that_repeats_what_it_was_told_does_not_make_the_password_show() {
    let echoes = [
        format!("ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' '{SECRET}'"),
        format!("ERR unknown command `AUTH`, with args beginning with: `{SECRET}`, "),
        format!("WRONGPASS not {SECRET}"),
        format!("ERR Syntax error in HELLO option '{SECRET}'"),
        format!("NOAUTH {SECRET}{SECRET}"),
    ];
    for echo in echoes {
        for protocol in ["resp2", "resp3", "auto"] {
            let server = FakeServer::start().await.unwrap();
            for command in ["HELLO", "AUTH"] {
                let line = format!("-{echo}\r\n");
                server.on(command, move |_| Answer::raw(line.clone()));
            }
            let url = format!("redis://:{IN_URL}@{}/?protocol={protocol}", server.address());
            let client = Client::connect_lazily(url.as_str()).unwrap();
            let error = within(PATIENCE, client.ping().into_future()).await.unwrap_err();
            assert_eq!(error.kind(), steadfast::ErrorKind::Handshake, "{error}");
            error_shows_nothing(&error);
            debug_shows_nothing(&client.state().borrow().clone());
        }
    }
}

#[tokio::test]
async fn a_peer_that_sends_the_greeting_back_does_not_make_the_password_show() {
    let peer = Peer::start(|_, mut wire| async move {
        let mut greeting = vec![0; 4096];
        if let Ok(count) = tokio::io::AsyncReadExt::read(&mut wire.stream, &mut greeting).await {
            wire.say(&greeting[..count]).await;
        }
        wire.until_closed().await;
    })
    .await;
    for config in [peer.config().with_password(SECRET), peer.config().with_credentials("alice", SECRET)] {
        let client = Client::connect_lazily(config.with_deadline(Duration::from_millis(500))).unwrap();
        let error = within(PATIENCE, client.ping().into_future()).await.unwrap_err();
        error_shows_nothing(&error);
        debug_shows_nothing(&client.state().borrow().clone());
    }
}

#[tokio::test]
async fn what_a_provider_gives_is_in_no_configuration_error_state_or_event() {
    debug_shows_nothing(&Credentials::user(SECRET, SECRET));
    debug_shows_nothing(&Credentials::password(SECRET));
    for kind in [Kind::Redis, Kind::Valkey] {
        let server = Server::build(kind).config("user app on >right ~* +@all").start();
        let token = Token::new("app", SECRET);
        let config = tcp(&server).with_credentials_provider(token.clone()).with_deadline(PATIENCE);
        display_shows_nothing(&config);
        let client = Client::connect_lazily(config).unwrap();
        let mut events = client.events();
        error_shows_nothing(&within(PATIENCE, client.ping().into_future()).await.unwrap_err());
        debug_shows_nothing(&client.state().borrow().clone());
        token.set("right");
        until_state(&client, steadfast::LinkState::is_ready).await;
        token.set(SECRET);
        token.push();
        loop {
            let event = within(PATIENCE, events.next()).await.unwrap();
            debug_shows_nothing(&event);
            if matches!(event, Event::ReauthenticationFailed { .. }) {
                break;
            }
        }
        debug_shows_nothing(&client);
    }
}

#[tokio::test]
async fn a_server_that_repeats_what_it_was_told_again_does_not_make_the_password_show() {
    for echo in [
        format!("ERR unknown command `AUTH`, with args beginning with: `app` `{SECRET}`, "),
        format!("WRONGPASS not {SECRET}"),
        format!("NOPERM {SECRET}{SECRET}"),
    ] {
        let server = FakeServer::start().await.unwrap();
        let line = format!("-{echo}\r\n");
        server.on("AUTH", move |_| Answer::raw(line.clone()));
        let token = Token::new("default", SECRET);
        let config = live::quick(Config::tcp("127.0.0.1", server.port())).with_credentials_provider(token.clone());
        let client = connected(config).await;
        let mut events = client.events();
        token.push();
        match within(PATIENCE, events.next()).await.unwrap() {
            Event::ReauthenticationFailed { cause, .. } => display_shows_nothing(&cause),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn arguments_show_in_no_debug_output_and_in_no_error_of_ours() {
    let server = Server::redis();
    let client = connected(tcp(&server).with_deadline(Duration::from_millis(500))).await;
    let command = || Command::new("SET").key("k").arg(SECRET);
    debug_shows_nothing(&command());
    debug_shows_nothing(&client.request::<()>(command()));
    debug_shows_nothing(&client.request::<()>(command()).into_future());
    let mut pipeline = client.pipeline();
    let queued = pipeline.request::<()>(command()).queue();
    debug_shows_nothing(&pipeline);
    let execution = pipeline.execute();
    debug_shows_nothing(&execution);
    let results = execution.await;
    results.get(queued).unwrap();
    debug_shows_nothing(&results);
    // A wrong shape, a refusal before sending, a deadline: none of their errors repeats an argument.
    error_shows_nothing(&client.request::<i64>(Command::new("SET").key("k").arg(SECRET)).await.unwrap_err());
    error_shows_nothing(&client.request::<()>(Command::new("AUTH").arg(SECRET)).await.unwrap_err());
    server.stop();
    error_shows_nothing(&client.set("k", SECRET).await.unwrap_err());
    server.cont();
}

#[tokio::test]
async fn the_servers_own_echo_of_an_unknown_commands_arguments_is_cut() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        let error = client.request::<Value>(Command::new("NOSUCH").arg(SECRET)).await.unwrap_err();
        error_shows_nothing(&error);
        assert!(error.to_string().contains("unknown command"), "{error}");
        let error = client.request::<Value>(Command::new("CONFIG").arg(("NOSUCH", SECRET))).await.unwrap_err();
        error_shows_nothing(&error);
    }
}

#[tokio::test]
async fn a_secret_among_a_raw_commands_arguments_or_in_its_name_is_in_no_error() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        let commands = || {
            [
                Command::new("AUTH bob hunter2"),
                Command::new("AUTH hunter2"),
                Command::new("HELLO 3 AUTH bob hunter2"),
                Command::new("NOSUCH hunter2"),
                Command::new("CONFIG NOSUCH hunter2"),
                Command::new("CONFIG SET requirepass x hunter2 y"),
                Command::new("CONFIG SET maxmemory hunter2"),
                Command::new("CONFIG SET").arg(("requirepass", "x", SECRET)),
                Command::new("CONFIG").arg(("SET", SECRET, "x")),
                Command::new("ACL SETUSER").arg(("bob", SECRET)),
                Command::new("ACL SETUSER").arg(("bob", format!("'{SECRET}': {SECRET}"))),
                Command::new("ACL SETUSER bob >right <hunter2"),
                Command::new("MIGRATE 127.0.0.1 1 k 0 10 AUTH2 bob hunter2"),
                Command::new("SET k v hunter2"),
                Command::new("INCRBY k hunter2"),
            ]
        };
        for command in commands() {
            debug_shows_nothing(&command);
            let call = client.request::<Value>(command);
            debug_shows_nothing(&call);
            if let Err(error) = within(PATIENCE, call.into_future()).await {
                error_shows_nothing(&error);
            }
        }
        let mut pipeline = client.pipeline();
        let queued = commands().map(|command| pipeline.request::<i64>(command).queue());
        debug_shows_nothing(&pipeline);
        let results = within(PATIENCE, pipeline.execute()).await;
        debug_shows_nothing(&results);
        for queued in queued {
            error_shows_nothing(&results.get(queued).unwrap_err());
        }
        server.stop();
        for command in commands() {
            let call = client.request::<Value>(command).deadline(Duration::from_millis(20)).into_future();
            error_shows_nothing(&call.await.unwrap_err());
        }
        server.cont();
    }
}

#[tokio::test]
async fn a_secret_that_passes_through_a_typed_command_is_in_no_request_error_or_answer() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        let (good, hash) = (format!(">{SECRET}"), format!("#{SECRET}"));
        debug_shows_nothing(&client.acl_setuser("app", [&good]));
        debug_shows_nothing(&client.config_set(("requirepass", SECRET)));
        debug_shows_nothing(&client.config_set(("requirepass", SECRET)).into_future());
        let mut pipeline = client.pipeline();
        let queued = [
            pipeline.acl_setuser("app", [&hash]).queue(),
            pipeline.config_set(("maxmemory", SECRET)).queue(),
            pipeline.config_set((SECRET, "x")).queue(),
            pipeline.config_set(("masterauth", "x", SECRET)).queue(),
            pipeline.module_loadex("/nosuch").config("a.password", SECRET).args(SECRET).queue(),
            pipeline.eval::<()>("return redis.call('INCRBY', 'k', ARGV[1])", (), SECRET).queue(),
            pipeline.acl_dryrun("nobody", ("AUTH", SECRET)).answer_as::<()>().queue(),
        ];
        debug_shows_nothing(&pipeline);
        let results = within(PATIENCE, pipeline.execute()).await;
        debug_shows_nothing(&results);
        for (place, queued) in queued.into_iter().enumerate() {
            match results.get(queued) {
                Ok(()) => panic!("{place} was not refused"),
                Err(error) => error_shows_nothing(&error),
            }
        }
        client.acl_setuser("app", ["on", &good]).await.unwrap();
        let user = client.acl_getuser("app").await.unwrap().unwrap();
        assert_eq!(user.passwords.len(), 1);
        assert!(!format!("{user:?} {user:#?}").contains(&user.passwords[0]), "{user:?}");
        client.config_set(("slowlog-log-slower-than", 0)).await.unwrap();
        client.acl_setuser("app", [&good]).await.unwrap();
        client.config_set(("masterauth", SECRET)).await.unwrap();
        debug_shows_nothing(&client.slowlog_get().await.unwrap());
    }
}

#[tokio::test]
async fn what_blocking_commands_and_dedicated_connections_carry_shows_nowhere() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let server = Server::build(kind).start();
        let (found, mut orphans) = tokio::sync::mpsc::unbounded_channel::<Orphan>();
        let config = tcp(&server).with_deadline(PATIENCE).with_orphan_hook(move |orphan| drop(found.send(orphan)));
        debug_shows_nothing(&config);
        let client = connected(config).await;
        let mut events = client.events();
        let pop = || client.blpop::<Value, Value>(SECRET, Duration::ZERO);
        debug_shows_nothing(&pop());
        debug_shows_nothing(&pop().into_future());
        error_shows_nothing(&pop().deadline(Duration::from_millis(50)).await.unwrap_err());
        client.set("text", SECRET).await.unwrap();
        error_shows_nothing(&client.blpop::<Value, Value>("text", Duration::ZERO).await.unwrap_err());
        // It is taken out of the list, and its caller goes without looking.
        let mut given_up = Box::pin(client.blpop::<Value, Value>("list", Duration::ZERO).into_future());
        until(async || {
            let is_pending =
                std::future::poll_fn(|cx| std::task::Poll::Ready(given_up.as_mut().poll(cx).is_pending())).await;
            assert!(is_pending, "nothing was there to be taken");
            clients_of(&server).iter().any(|line| line.contains(" flags=b "))
        })
        .await;
        server.raw(&["RPUSH", "list", SECRET]);
        until(async || server.raw(&["EXISTS", "list"]) == "0").await;
        drop(given_up);
        let orphan = within(PATIENCE, orphans.recv()).await.unwrap();
        let Ok(Value::Array(taken)) = &orphan.reply else { panic!("{orphan:?}") };
        assert_eq!(taken[1], Value::bulk(SECRET), "it is there, but not shown");
        debug_shows_nothing(&orphan);
        loop {
            let event = within(PATIENCE, events.next()).await.unwrap();
            debug_shows_nothing(&event);
            if matches!(event, Event::Orphaned { .. }) {
                break;
            }
        }

        let dedicated = within(PATIENCE, client.dedicated().into_future()).await.unwrap();
        debug_shows_nothing(&client.dedicated());
        dedicated.watch(SECRET).await.unwrap();
        dedicated.request::<()>(Command::new("CLIENT SETNAME").arg("hunter2")).await.unwrap();
        debug_shows_nothing(&dedicated);
        error_shows_nothing(&dedicated.request::<i64>(Command::new("INCRBY").key("k").arg(SECRET)).await.unwrap_err());
        client.set(SECRET, 1).await.unwrap();
        let mut transaction = dedicated.transaction();
        let _ = transaction.set("k", SECRET).queue();
        error_shows_nothing(&transaction.execute().await.unwrap_err());
        server.raw(&["CLIENT", "KILL", "ID", &dedicated.session().server.id.unwrap().to_string()]);
        loop {
            if let Err(error) = dedicated.set("k", SECRET).await {
                error_shows_nothing(&error);
                if error.kind() == ErrorKind::SessionLost {
                    break;
                }
            }
        }
        debug_shows_nothing(&dedicated);
    }
}

/// Names of channels are shown, what is published is not.
#[tokio::test]
async fn a_message_shows_nowhere() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        let mut events = client.events();
        debug_shows_nothing(&client.publish("news", SECRET));
        let subscribe = client.subscribe("news");
        debug_shows_nothing(&subscribe);
        let mut news = within(PATIENCE, subscribe.into_future()).await.unwrap();
        within(PATIENCE, news.psubscribe("ne*")).await.unwrap();
        assert!(matches!(within(PATIENCE, news.next()).await, Some(Delivery::Subscribed)));
        client.publish("news", SECRET).await.unwrap();
        until(async || news.queued() == 2).await;
        debug_shows_nothing(&news);
        for _ in 0..2 {
            let delivery = within(PATIENCE, news.next()).await.unwrap();
            debug_shows_nothing(&delivery);
            let Delivery::Message(message) = delivery else { panic!("{delivery:?}") };
            assert_eq!(message.text(), SECRET);
            debug_shows_nothing(&message);
            assert!(message.read::<i64>().is_err_and(|error| {
                display_shows_nothing(&error);
                true
            }));
        }
        server.raw(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        for _ in 0..2 {
            debug_shows_nothing(&within(PATIENCE, news.next()).await.unwrap());
        }
        debug_shows_nothing(&within(PATIENCE, events.next()).await.unwrap());
        let messages = news.messages();
        client.publish("news", SECRET).await.unwrap();
        debug_shows_nothing(&messages);
    }
}

#[tokio::test]
async fn events_show_no_password() {
    let server = Server::build(Kind::Redis).password(SECRET).start();
    let client = connected(tcp(&server).with_password(SECRET).with_deadline(PATIENCE)).await;
    let mut events = client.events();
    debug_shows_nothing(&client.state().borrow().clone());
    let mut admin = server.connect();
    for _ in 0..3 {
        admin.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
        for _ in 0..2 {
            let event: Event = within(PATIENCE, events.next()).await.unwrap();
            debug_shows_nothing(&event);
        }
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn the_content_of_a_key_file_is_in_no_error() {
    let scratch = support::Scratch::new();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", "hunter2hunter2hunter2");
    std::fs::write(scratch.join("key.pem"), &pem).unwrap();
    std::fs::write(scratch.join("chain.pem"), "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n")
        .unwrap();
    let peer = Peer::silent().await;
    let from_files =
        steadfast::TlsOptions::new().with_client_certificate_files(scratch.join("chain.pem"), scratch.join("key.pem"));
    let from_memory = steadfast::TlsOptions::new().with_client_certificate_pem("no certificate", &pem);
    for tls in [from_files, from_memory] {
        debug_shows_nothing(&tls);
        let config = live::quick(Config::tcp("localhost", peer.address().port())).with_tls(tls);
        display_shows_nothing(&config);
        let error = within(PATIENCE, Client::connect(config)).await.unwrap_err();
        error_shows_nothing(&error);
        assert_eq!(error.kind(), steadfast::ErrorKind::Tls, "{error}");
    }
}
