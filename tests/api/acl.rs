//! Users.

use std::time::{Duration, SystemTime};

use steadfast::api::*;
use steadfast::client::ProtocolChoice;

use super::{NOTHING, beside, documented, not_sent, on_each};
use crate::live::{KINDS, connected, tcp};
use crate::support::Server as TestServer;

#[tokio::test]
async fn users_are_made_shown_judged_and_deleted() {
    on_each(async |client| {
        assert_eq!(client.acl_whoami().await.unwrap(), "default");
        assert_eq!(client.acl_users().await.unwrap(), ["default"]);
        assert_eq!(client.acl_getuser("app").await.unwrap(), None);
        client.acl_setuser("app", NOTHING).await.unwrap();
        let user = client.acl_getuser("app").await.unwrap().unwrap();
        assert!(user.flags.contains(&"off".to_owned()));
        assert_eq!((user.commands.as_str(), user.keys.as_str(), user.channels.as_str()), ("-@all", "", ""));
        assert_eq!((user.passwords.len(), user.selectors.len()), (0, 0));

        let rules = ["on", ">hunter2", "~app:*", "+nosuch", "&news:*", "+get", "(~x +set)"];
        let error = client.acl_setuser("app", rules).await.unwrap_err();
        assert!(error.to_string().contains("modifier") && !error.to_string().contains("hunter2"), "{error}");
        assert_eq!(client.acl_getuser("app").await.unwrap().unwrap(), user, "nothing has changed");
        let rules = ["on", ">hunter2", "~app:*", "%R~shared:*", "&news:*", "+get", "(~x +set)"];
        client.acl_setuser("app", rules).await.unwrap();
        let user = client.acl_getuser("app").await.unwrap().unwrap();
        assert!(user.flags.contains(&"on".to_owned()));
        assert_eq!((user.commands.as_str(), user.keys.as_str()), ("-@all +get", "~app:* %R~shared:*"));
        assert_eq!((user.channels.as_str(), user.passwords[0].len()), ("&news:*", 64));
        let [selector] = user.selectors.as_slice() else { panic!("{user:?}") };
        assert_eq!(
            (selector.commands.as_str(), selector.keys.as_str(), selector.channels.as_str()),
            ("-@all +set", "~x", "")
        );
        let list = client.acl_list().await.unwrap();
        assert!(list.len() == 2 && list.iter().any(|line| line.starts_with("user app on ")), "{list:?}");

        assert_eq!(client.acl_dryrun("app", ("GET", "app:1")).await.unwrap(), None);
        let refusal = client.acl_dryrun("app", ("GET", "x")).await.unwrap().unwrap();
        assert!(refusal.contains("key"), "{refusal}");
        let refusal = client.acl_dryrun("app", "PING").await.unwrap().unwrap();
        assert!(refusal.contains("ping"), "{refusal}");
        client.acl_dryrun("nobody", "PING").await.unwrap_err();

        assert_eq!(client.acl_deluser(["app", "nobody"]).await.unwrap(), 1);
        assert_eq!(client.acl_users().await.unwrap(), ["default"]);
        not_sent(client.acl_deluser(NOTHING)).await;
        not_sent(client.acl_dryrun("app", NOTHING)).await;
    })
    .await;
}

#[tokio::test]
async fn categories_are_listed_and_passwords_made() {
    on_each(async |client| {
        assert!(client.acl_cat().await.unwrap().contains(&"dangerous".to_owned()));
        assert!(client.acl_cat().category("hash").await.unwrap().contains(&"hget".to_owned()));
        client.acl_cat().category("nosuch").await.unwrap_err();
        let (one, other) = (client.acl_genpass().await.unwrap(), client.acl_genpass().await.unwrap());
        assert!(one.len() == 64 && one != other);
        assert_eq!(client.acl_genpass().bits(10).await.unwrap().len(), 3);
        assert!(client.acl_help().await.unwrap().len() > 3);
    })
    .await;
}

#[tokio::test]
async fn what_was_refused_is_logged() {
    on_each(async |client| {
        client.acl_log().reset().await.unwrap();
        assert_eq!(client.acl_log().await.unwrap(), []);
        client.acl_setuser("app", ["on", ">right", "~app:*", "+@all"]).await.unwrap();
        let mut other = beside(client).await;
        other.call(&["AUTH", "app", "wrong"]).unwrap();
        assert_eq!(other.call(&["AUTH", "app", "right"]).unwrap(), "OK");
        for _ in 0..2 {
            assert!(other.call(&["GET", "x"]).unwrap().starts_with("-NOPERM"));
        }
        let log = client.acl_log().await.unwrap();
        let [key, auth] = log.as_slice() else { panic!("{log:?}") };
        assert_eq!((key.count, key.reason.as_str(), key.object.as_str()), (2, "key", "x"));
        assert_eq!((key.context.as_str(), key.username.as_str()), ("toplevel", "app"));
        assert!(key.age < Duration::from_secs(60) && key.client_info.contains("cmd=get"), "{key:?}");
        assert_eq!((auth.count, auth.reason.as_str(), auth.username.as_str()), (1, "auth", "app"));
        assert_eq!(client.acl_log().count(1).await.unwrap().len(), 1);
        // Whoever is refused chooses these bytes; the log is read all the same.
        assert!(other.call(&["EVAL", "return redis.pcall('GET', '\\255')", "0"]).unwrap().starts_with('-'));
        let log = client.acl_log().count(1).await.unwrap();
        assert_eq!((log[0].object.as_str(), log[0].context.as_str()), ("\u{fffd}", "lua"));
        client.acl_log().reset().await.unwrap();
        assert_eq!(client.acl_log().await.unwrap(), []);
        client.acl_deluser("app").await.unwrap();
    })
    .await;
    let entry = "'count' :1 'reason' 'auth' 'context' 'toplevel' 'object' 'AUTH' 'username' 'app' 'age-seconds' '8.038'
        'client-info' 'id=3' 'entry-id' :4 'timestamp-created' :1675361492408 'timestamp-last-updated' :1675361492409";
    let answers = (format!("*1 *20 {entry}"), format!("*1 %10 {}", entry.replace("'8.038'", ",8.038")));
    documented("ACL LOG", (answers.0.as_str(), answers.1.as_str()), async |client| {
        let log = client.acl_log().await.unwrap();
        assert_eq!((log[0].entry_id, log[0].age), (Some(4), Duration::from_millis(8038)));
        let created = SystemTime::UNIX_EPOCH + Duration::from_millis(1_675_361_492_408);
        assert_eq!(log[0].timestamp_created, Some(created));
        assert_eq!(log[0].timestamp_last_updated, Some(created + Duration::from_millis(1)));
    })
    .await;
}

#[tokio::test]
async fn users_are_written_to_their_file_and_read_from_it() {
    for kind in KINDS {
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let folder = crate::support::Scratch::new();
            let file = folder.join("users.acl");
            std::fs::write(&file, "user default on nopass ~* &* +@all\n").unwrap();
            let server = TestServer::build(kind).config(&format!("aclfile \"{}\"", file.display())).start();
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            client.acl_setuser("app", "on").await.unwrap();
            client.acl_save().await.unwrap();
            assert!(std::fs::read_to_string(&file).unwrap().contains("user app on"));
            client.acl_setuser("app", "off").await.unwrap();
            client.acl_load().await.unwrap();
            assert!(client.acl_getuser("app").await.unwrap().unwrap().flags.contains(&"on".to_owned()));
        }
    }
    on_each(async |client| {
        client.acl_save().await.unwrap_err();
        client.acl_load().await.unwrap_err();
    })
    .await;
}
