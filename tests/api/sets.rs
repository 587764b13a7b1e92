//! Sets.

use std::collections::{BTreeSet, HashSet};

use steadfast::api::*;

use super::{NOTHING, not_sent, on_each, was_answered};

fn set(members: &[&str]) -> BTreeSet<String> {
    members.iter().map(|member| (*member).to_owned()).collect()
}

#[tokio::test]
async fn members_are_added_found_moved_and_removed() {
    on_each(async |client| {
        assert_eq!(client.sadd("s", ["a", "b", "b", "c"]).await.unwrap(), 3);
        assert_eq!(client.sadd("s", "a").await.unwrap(), 0);
        assert_eq!((client.scard("s").await.unwrap(), client.scard("none").await.unwrap()), (3, 0));
        assert!(client.sismember("s", "a").await.unwrap());
        assert!(!client.sismember("s", "z").await.unwrap() && !client.sismember("none", "z").await.unwrap());
        assert_eq!(client.smismember("s", ["a", "z", "b"]).await.unwrap(), [true, false, true]);
        assert_eq!(client.smismember("none", "a").await.unwrap(), [false]);
        let members: HashSet<String> = client.smembers("s").await.unwrap();
        assert_eq!(members.len(), 3);
        assert_eq!(client.smembers::<BTreeSet<String>>("s").await.unwrap(), set(&["a", "b", "c"]));
        assert_eq!(client.smembers::<Vec<String>>("none").await.unwrap(), NOTHING);

        assert!(client.smove("s", "t", "a").await.unwrap());
        assert!(!client.smove("s", "t", "a").await.unwrap());
        assert!(!client.smove("none", "t", "a").await.unwrap());
        assert_eq!(client.smembers::<Vec<String>>("t").await.unwrap(), ["a"]);

        assert_eq!(client.srem("s", ["b", "z"]).await.unwrap(), 1);
        assert_eq!(client.srem("none", "z").await.unwrap(), 0);
        assert_eq!(client.smembers::<Vec<String>>("s").await.unwrap(), ["c"]);
    })
    .await;
}

#[tokio::test]
async fn members_are_drawn_at_random() {
    on_each(async |client| {
        let all = set(&["a", "b", "c", "d"]);
        client.sadd("s", &all).await.unwrap();
        let one: Option<String> = client.srandmember("s").await.unwrap();
        assert!(all.contains(&one.unwrap()));
        let different: Vec<String> = client.srandmember("s").count(9).await.unwrap();
        assert_eq!((different.len(), different.into_iter().collect::<BTreeSet<_>>()), (4, all.clone()));
        let same: Vec<String> = client.srandmember("s").count(-9).await.unwrap();
        assert!(same.len() == 9 && same.iter().all(|member| all.contains(member)));
        assert_eq!(client.srandmember::<String>("none").await.unwrap(), None);
        assert_eq!(client.srandmember::<String>("none").count(-2).await.unwrap(), NOTHING);

        let first: String = client.spop("s").await.unwrap().unwrap();
        assert!(all.contains(&first) && client.scard("s").await.unwrap() == 3);
        let rest: Vec<String> = client.spop("s").count(9).await.unwrap();
        assert!(rest.len() == 3 && !rest.contains(&first));
        assert_eq!(client.spop::<String>("s").await.unwrap(), None);
        assert_eq!(client.spop::<String>("s").count(2).await.unwrap(), NOTHING);
    })
    .await;
}

#[tokio::test]
async fn sets_are_compared_and_the_outcome_is_stored() {
    on_each(async |client| {
        client.sadd("a", ["1", "2", "3"]).await.unwrap();
        client.sadd("b", ["2", "3", "4"]).await.unwrap();
        client.sadd("c", ["3", "5"]).await.unwrap();
        assert_eq!(client.sdiff::<BTreeSet<String>>(["a", "b"]).await.unwrap(), set(&["1"]));
        assert_eq!(client.sinter::<BTreeSet<String>>(["a", "b"]).await.unwrap(), set(&["2", "3"]));
        assert_eq!(client.sunion::<BTreeSet<String>>(["a", "c"]).await.unwrap(), set(&["1", "2", "3", "5"]));
        let common: Vec<i64> = client.sinter(["a", "b", "c"]).await.unwrap();
        assert_eq!(common, [3]);
        assert_eq!(client.sdiff::<Vec<String>>(["none", "a"]).await.unwrap(), NOTHING);
        assert_eq!(client.sinter::<Vec<String>>(["a", "none"]).await.unwrap(), NOTHING);
        assert_eq!(client.sunion::<Vec<String>>("none").await.unwrap(), NOTHING);

        assert_eq!(client.sintercard(["a", "b"]).await.unwrap(), 2);
        assert_eq!(client.sintercard(["a", "b"]).limit(1).await.unwrap(), 1);
        assert_eq!(client.sintercard(["a", "none"]).await.unwrap(), 0);

        assert_eq!(client.sdiffstore("to", ["a", "b"]).await.unwrap(), 1);
        assert_eq!(client.smembers::<BTreeSet<String>>("to").await.unwrap(), set(&["1"]));
        assert_eq!(client.sinterstore("to", ["a", "b"]).await.unwrap(), 2);
        assert_eq!(client.smembers::<BTreeSet<String>>("to").await.unwrap(), set(&["2", "3"]));
        assert_eq!(client.sunionstore("to", ["a", "b"]).await.unwrap(), 4);
        assert_eq!(client.smembers::<BTreeSet<String>>("to").await.unwrap(), set(&["1", "2", "3", "4"]));
        assert_eq!(client.sinterstore("to", ["a", "none"]).await.unwrap(), 0);
        assert_eq!(client.exists("to").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_scan_comes_by_every_member() {
    on_each(async |client| {
        let all: BTreeSet<String> = (0..1000).map(|number| format!("member:{number}")).collect();
        client.sadd("s", &all).await.unwrap();
        let (mut found, mut cursor) = (BTreeSet::new(), 0);
        loop {
            let page: Page<String> = client.sscan("s").cursor(cursor).count(100).await.unwrap();
            found.extend(page.items);
            cursor = page.cursor;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(found, all);
        let page = client.sscan::<String>("s").matching("member:77").count(100_000).await.unwrap();
        assert_eq!((page.cursor, page.items), (0, vec!["member:77".to_owned()]));
        let page = client.sscan::<String>("none").await.unwrap();
        assert_eq!((page.cursor, page.items), (0, Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn sets_of_nothing_are_not_sent_and_keys_are_counted() {
    on_each(async |client| {
        not_sent(client.sadd("s", NOTHING)).await;
        not_sent(client.sinter::<Vec<String>>(NOTHING)).await;
        not_sent(client.sunionstore("to", NOTHING)).await;
        not_sent(client.sintercard(NOTHING)).await;
        not_sent(client.sintercard(NOTHING).limit(3)).await;
        assert_eq!(client.sintercard(["a", "b"]).limit(3).command().keys(), [b"a", b"b"]);
        client.set("text", "x").await.unwrap();
        was_answered(client.scard("text").await, "WRONGTYPE");
    })
    .await;
}
