//! Connection.

use std::time::{Duration, Instant};

use steadfast::api::*;

use super::{NOTHING, beside, documented, not_sent, on, on_each};
use crate::live::until;
use crate::support::Kind;

#[tokio::test]
async fn the_server_answers_and_knows_the_connection() {
    on_each(async |client| {
        client.ping().await.unwrap();
        assert_eq!(client.ping().message::<String>("hello").await.unwrap(), "hello");
        assert_eq!(client.echo::<String>("hello").await.unwrap(), "hello");
        assert_eq!(client.client_getname().await.unwrap(), None);
        client.client_setname("me").await.unwrap();
        assert_eq!(client.client_getname().await.unwrap().as_deref(), Some("me"));
        let info = client.client_info().await.unwrap();
        assert_eq!((info.id, info.name.as_str()), (client.client_id().await.unwrap(), "me"));
        assert_eq!((info.user.as_str(), info.cmd.as_str(), info.db), ("default", "client|info", 0));
        assert!(info.addr.starts_with("127.0.0.1:") && info.laddr.starts_with("127.0.0.1:"), "{info:?}");
        assert_eq!(info.resp.map(|version| version.to_string()), info.fields.get("resp").cloned());
        assert!(matches!(info.resp, Some(2 | 3)), "{info:?}");
        assert!(info.age < Duration::from_secs(60) && info.idle < Duration::from_secs(60));
        assert_eq!(info.fields["multi"], "-1");
        client.client_setname("").await.unwrap();
        assert_eq!(client.client_getname().await.unwrap(), None);

        client.client_no_evict(Switch::On).await.unwrap();
        assert!(client.client_info().await.unwrap().flags.contains('e'));
        client.client_no_evict(Switch::Off).await.unwrap();
        assert!(!client.client_info().await.unwrap().flags.contains('e'));
        assert_eq!(client.client_getredir().await.unwrap(), -1);
        let tracking = client.client_trackinginfo().await.unwrap();
        assert_eq!((tracking.flags, tracking.redirect, tracking.prefixes.len()), (vec!["off".to_owned()], -1, 0));
        assert!(client.client_help().await.unwrap().len() > 3);
    })
    .await;
    on(Kind::Valkey, async |client| {
        client.client_setinfo(ClientAttribute::LibName, "mine").await.unwrap();
        client.client_setinfo(ClientAttribute::LibVer, "1.2").await.unwrap();
        let info = client.client_info().await.unwrap();
        assert_eq!((info.fields["lib-name"].as_str(), info.fields["lib-ver"].as_str()), ("mine", "1.2"));
    })
    .await;
}

#[tokio::test]
async fn connections_are_listed() {
    on_each(async |client| {
        let mut other = beside(client).await;
        let id: i64 = other.call(&["CLIENT", "ID"]).unwrap().parse().unwrap();
        let me = client.client_id().await.unwrap();
        let all = client.client_list().await.unwrap();
        assert!(all.iter().any(|one| one.id == me) && all.iter().any(|one| one.id == id));
        let one = client.client_list().id(id).await.unwrap();
        assert_eq!((one.len(), one[0].id, one[0].cmd.as_str()), (1, id, "client|id"));
        assert!(one[0].addr.ends_with("server.sock:0"), "{one:?}");
        assert_eq!(client.client_list().id([id, me]).await.unwrap().len(), 2);
        assert_eq!(client.client_list().id(1_000_000).await.unwrap(), []);
        for (of, count) in [(ClientType::PubSub, 0), (ClientType::Replica, 0), (ClientType::Primary, 0)] {
            assert_eq!(client.client_list().of_type(of).await.unwrap().len(), count);
        }
        assert!(client.client_list().of_type(ClientType::Normal).await.unwrap().len() >= 2);
        other.call(&["SUBSCRIBE", "x"]).unwrap();
        let subscribed = client.client_list().of_type(ClientType::PubSub).await.unwrap();
        assert_eq!((subscribed.len(), subscribed[0].id), (1, id));
    })
    .await;
}

#[tokio::test]
async fn connections_that_fit_are_ended() {
    on_each(async |client| {
        client.acl_setuser("app", ["on", "nopass", "+@all"]).await.unwrap();
        let me = client.client_info().await.unwrap();
        let ended = |mut other: crate::support::Raw| other.call(&["PING"]).is_err();
        let mut other = beside(client).await;
        let id: i64 = other.call(&["CLIENT", "ID"]).unwrap().parse().unwrap();
        assert_eq!(client.client_kill().id(1_000_000).await.unwrap(), 0);
        assert_eq!(client.client_kill().id(id).of_type(ClientType::Replica).await.unwrap(), 0);
        assert_eq!(client.client_kill().id(id).of_type(ClientType::Normal).await.unwrap(), 1);
        assert!(ended(other));
        let mut other = beside(client).await;
        other.call(&["AUTH", "app", "x"]).unwrap();
        assert_eq!(client.client_kill().user("app").await.unwrap(), 1);
        assert!(ended(other));
        let mut other = beside(client).await;
        let id: i64 = other.call(&["CLIENT", "ID"]).unwrap().parse().unwrap();
        let path = client.client_list().id(id).await.unwrap().remove(0).addr;
        assert_eq!(client.client_kill().laddr("127.0.0.1:1").await.unwrap(), 0);
        assert_eq!(client.client_kill().addr(&path).laddr(&path).await.unwrap(), 1);
        assert!(ended(other));
        assert_eq!(client.client_kill().skip_me().addr(&me.addr).await.unwrap(), 0);
        // Its own connection is ended after the answer.
        assert_eq!(client.client_kill().include_me().addr(&me.addr).await.unwrap(), 1);
        until(async || client.client_id().await.is_ok_and(|id| id != me.id)).await;
        client.acl_deluser("app").await.unwrap();
        not_sent(client.client_kill()).await;
        not_sent(client.client_kill().id(NOTHING).user("app")).await;
        not_sent(client.client_kill().user("app").not_id(NOTHING)).await;
        not_sent(client.client_list().id(NOTHING)).await;
    })
    .await;
    on(Kind::Valkey, async |client| {
        let other = beside(client).await;
        assert_eq!(client.client_kill().maxage(Duration::from_secs(1_000)).await.unwrap(), 0);
        drop(other);
    })
    .await;
}

#[tokio::test]
async fn every_filter_has_its_word() {
    let words = "CLIENT KILL ID 1 2 TYPE MASTER USER u ADDR a:1 LADDR b:2 SKIPME no MAXAGE 2 NAME n IDLE 3 FLAGS N \
        LIB-NAME l LIB-VER v DB 4 CAPA r IP 1.1.1.1";
    documented(words, ":1", async |client| {
        let kill = client.client_kill().id([1, 2]).of_type(ClientType::Primary).user("u").addr("a:1").laddr("b:2");
        let kill = kill.include_me().maxage(Duration::from_millis(1_001)).name("n").idle(Duration::from_secs(3));
        let kill = kill.flags("N").lib_name("l").lib_ver("v").db(4).capa("r").ip("1.1.1.1");
        assert_eq!(kill.await.unwrap(), 1);
    })
    .await;
    let words = "CLIENT LIST SKIPME yes NOT-ID 1 2 NOT-TYPE PUBSUB NOT-USER u NOT-ADDR a:1 NOT-LADDR b:2 NOT-NAME n \
        NOT-FLAGS N NOT-LIB-NAME l NOT-LIB-VER v NOT-DB 4 NOT-CAPA r NOT-IP 1.1.1.1";
    let line = "'id=7 addr=/a b/s:0 name= age=2 idle=1 flags=N db=4 later=x\n'";
    documented(words, line, async |client| {
        let list = client.client_list().skip_me().not_id([1, 2]).not_type(ClientType::PubSub).not_user("u");
        let list = list.not_addr("a:1").not_laddr("b:2").not_name("n").not_flags("N").not_lib_name("l");
        let list = list.not_lib_ver("v").not_db(4).not_capa("r").not_ip("1.1.1.1").await.unwrap();
        assert_eq!((list.len(), list[0].id, list[0].addr.as_str(), list[0].db), (1, 7, "/a b/s:0", 4));
        assert_eq!((list[0].user.as_str(), list[0].resp, list[0].fields["later"].as_str()), ("", None, "x"));
    })
    .await;
}

#[tokio::test]
async fn a_pause_holds_commands_up_until_it_is_ended() {
    on_each(async |client| {
        // Far longer than the test may take: what is answered was not paused.
        client.client_pause(Duration::from_secs(1_000)).write().await.unwrap();
        assert_eq!(client.get::<String>("k").await.unwrap(), None);
        let mut other = beside(client).await;
        other.send(&["SET", "k", "v"]).unwrap();
        until(async || client.info("clients").await.unwrap().contains("blocked_clients:1")).await;
        assert_eq!(client.get::<String>("k").await.unwrap(), None);
        client.client_unpause().await.unwrap();
        assert_eq!(other.reply().unwrap(), "OK");

        let begin = Instant::now();
        client.client_pause(Duration::from_millis(100)).await.unwrap();
        client.get::<String>("k").await.unwrap();
        // The server counts from the time of its last look at the clock.
        assert!(begin.elapsed() >= Duration::from_millis(50));
    })
    .await;
}

#[tokio::test]
async fn a_blocking_command_is_ended() {
    on_each(async |client| {
        let mut other = beside(client).await;
        let id: i64 = other.call(&["CLIENT", "ID"]).unwrap().parse().unwrap();
        assert!(!client.client_unblock(id).await.unwrap());
        other.send(&["BLPOP", "none", "0"]).unwrap();
        until(async || client.client_unblock(id).await.unwrap()).await;
        assert_eq!(other.reply().unwrap(), "(nil)");
        other.send(&["BLPOP", "none", "0"]).unwrap();
        until(async || client.client_unblock(id).error().await.unwrap()).await;
        assert!(other.reply().unwrap().starts_with("-UNBLOCKED"));
        assert!(!client.client_unblock(1_000_000).await.unwrap());
        not_sent(client.client_kill().id(NOTHING)).await;
    })
    .await;
}
