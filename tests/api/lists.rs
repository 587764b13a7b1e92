//! Lists.

use bytes::Bytes;
use steadfast::api::*;
use steadfast::{Client, Effect, ErrorKind, Fate};

use super::{NOTHING, not_sent, on_each, was_answered};

async fn list(client: &Client, key: &str) -> Vec<String> {
    client.lrange(key, 0, -1).await.unwrap()
}

#[tokio::test]
async fn items_are_added_at_both_ends_and_read_by_index() {
    on_each(async |client| {
        assert_eq!(client.rpush("l", ["b", "c"]).await.unwrap(), 2);
        assert_eq!(client.lpush("l", ["a", "z"]).await.unwrap(), 4);
        assert_eq!(list(client, "l").await, ["z", "a", "b", "c"]);
        assert_eq!((client.llen("l").await.unwrap(), client.llen("none").await.unwrap()), (4, 0));
        let (first, last): (Option<String>, Option<String>) =
            (client.lindex("l", 0).await.unwrap(), client.lindex("l", -1).await.unwrap());
        assert_eq!((first.as_deref(), last.as_deref()), (Some("z"), Some("c")));
        assert_eq!(client.lindex::<String>("l", 4).await.unwrap(), None);
        assert_eq!(client.lindex::<String>("none", 0).await.unwrap(), None);
        assert_eq!(client.lrange::<String>("l", 1, 2).await.unwrap(), ["a", "b"]);
        assert_eq!(client.lrange::<String>("none", 0, -1).await.unwrap(), NOTHING);

        assert_eq!(client.lpushx("l", "y").await.unwrap(), 5);
        assert_eq!(client.rpushx("l", ["d", "e"]).await.unwrap(), 7);
        assert_eq!((client.lpushx("none", "y").await.unwrap(), client.rpushx("none", "y").await.unwrap()), (0, 0));
        assert_eq!(list(client, "l").await, ["y", "z", "a", "b", "c", "d", "e"]);
        assert_eq!(list(client, "none").await, NOTHING);
    })
    .await;
}

#[tokio::test]
async fn items_are_inserted_set_removed_and_trimmed() {
    on_each(async |client| {
        client.rpush("l", ["a", "b", "a", "c", "a"]).await.unwrap();
        assert_eq!(client.linsert("l", Place::Before, "b", "1").await.unwrap(), Some(6));
        assert_eq!(client.linsert("l", Place::After, "b", "2").await.unwrap(), Some(7));
        assert_eq!(list(client, "l").await, ["a", "1", "b", "2", "a", "c", "a"]);
        assert_eq!(client.linsert("l", Place::After, "nowhere", "3").await.unwrap(), None);
        assert_eq!(client.linsert("none", Place::After, "b", "3").await.unwrap(), None);

        client.lset("l", -1, "z").await.unwrap();
        client.lset("l", 1, 7).await.unwrap();
        assert_eq!(list(client, "l").await, ["a", "7", "b", "2", "a", "c", "z"]);
        was_answered(client.lset("l", 99, "x").await, "ERR index out of range");
        was_answered(client.lset("none", 0, "x").await, "ERR no such key");

        client.rpush("r", ["a", "b", "a", "b", "a"]).await.unwrap();
        assert_eq!(client.lrem("r", -1, "a").await.unwrap(), 1);
        assert_eq!(list(client, "r").await, ["a", "b", "a", "b"]);
        assert_eq!(client.lrem("r", 1, "a").await.unwrap(), 1);
        assert_eq!(list(client, "r").await, ["b", "a", "b"]);
        assert_eq!(client.lrem("r", 0, "b").await.unwrap(), 2);
        assert_eq!((client.lrem("r", 0, "b").await.unwrap(), client.lrem("none", 0, "b").await.unwrap()), (0, 0));

        client.ltrim("l", 1, -2).await.unwrap();
        assert_eq!(list(client, "l").await, ["7", "b", "2", "a", "c"]);
        client.ltrim("l", 1, 0).await.unwrap();
        assert!(client.exists("l").await.unwrap() == 0);
    })
    .await;
}

#[tokio::test]
async fn items_are_popped_one_or_many() {
    on_each(async |client| {
        client.rpush("l", ["a", "b", "c", "d", "e", "f"]).await.unwrap();
        let (first, last): (Option<String>, Option<String>) =
            (client.lpop("l").await.unwrap(), client.rpop("l").await.unwrap());
        assert_eq!((first.as_deref(), last.as_deref()), (Some("a"), Some("f")));
        let two: Vec<String> = client.lpop("l").count(2).await.unwrap();
        assert_eq!(two, ["b", "c"]);
        assert_eq!(client.lpop::<String>("l").count(0).await.unwrap(), NOTHING);
        assert_eq!(client.rpop::<String>("l").count(9).await.unwrap(), ["e", "d"]);
        assert_eq!(client.lpop::<String>("l").await.unwrap(), None);
        assert_eq!(client.rpop::<String>("l").await.unwrap(), None);
        assert_eq!(client.lpop::<String>("l").count(2).await.unwrap(), NOTHING);
        assert_eq!(client.rpop::<String>("l").count(2).await.unwrap(), NOTHING);

        client.rpush("m", ["a", "b", "c", "d"]).await.unwrap();
        let popped: Option<(String, Vec<String>)> = client.lmpop(["none", "m"], End::Right).await.unwrap();
        assert_eq!(popped, Some(("m".to_owned(), vec!["d".to_owned()])));
        let popped = client.lmpop::<String, String>("m", End::Left).count(2).await.unwrap();
        assert_eq!(popped, Some(("m".to_owned(), vec!["a".to_owned(), "b".to_owned()])));
        let popped = client.lmpop::<Bytes, Bytes>("m", End::Left).await.unwrap();
        assert_eq!(popped, Some((Bytes::from("m"), vec![Bytes::from("c")])));
        assert_eq!(client.lmpop::<String, String>(["none", "m"], End::Left).count(2).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_item_that_does_not_fit_its_type_is_popped_and_a_pipeline_still_has_it() {
    on_each(async |client| {
        client.rpush("l", [&b"\xff"[..], b"\xfe"]).await.unwrap();
        let error = client.lpop::<String>("l").await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Conversion, Fate::Executed));
        let mut pipeline = client.pipeline();
        let popped = pipeline.lpop::<String>("l").queue();
        let results = pipeline.execute().await;
        assert_eq!(results.get(popped).unwrap_err().kind(), ErrorKind::Conversion);
        let again: Vec<Bytes> = results.iter().map(Result::unwrap).collect();
        assert_eq!((again, client.llen("l").await.unwrap()), (vec![Bytes::from_static(b"\xfe")], 0));
    })
    .await;
}

#[tokio::test]
async fn items_are_moved_from_end_to_end() {
    on_each(async |client| {
        client.rpush("l", ["a", "b", "c", "d"]).await.unwrap();
        let moved: Option<String> = client.lmove("l", "m", End::Left, End::Right).await.unwrap();
        assert_eq!(moved.as_deref(), Some("a"));
        assert_eq!(client.lmove("l", "m", End::Right, End::Left).await.unwrap(), Some("d".to_owned()));
        assert_eq!(client.rpoplpush("l", "m").await.unwrap(), Some("c".to_owned()));
        assert_eq!(
            (list(client, "l").await, list(client, "m").await.join("")),
            (vec!["b".to_owned()], "cda".to_owned())
        );
        assert_eq!(client.lmove::<String>("none", "m", End::Left, End::Left).await.unwrap(), None);
        assert_eq!(client.rpoplpush::<String>("none", "m").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn items_are_found() {
    on_each(async |client| {
        client.rpush("l", ["a", "b", "c", "1", "2", "3", "c", "c"]).await.unwrap();
        assert_eq!(client.lpos("l", "c").await.unwrap(), Some(2));
        assert_eq!(client.lpos("l", "c").rank(2).await.unwrap(), Some(6));
        assert_eq!(client.lpos("l", "c").rank(-1).await.unwrap(), Some(7));
        assert_eq!(client.lpos("l", "c").count(2).await.unwrap(), [2, 6]);
        assert_eq!(client.lpos("l", "c").rank(-1).count(0).await.unwrap(), [7, 6, 2]);
        assert_eq!(client.lpos("l", "c").count(0).maxlen(7).await.unwrap(), [2, 6]);
        assert_eq!(client.lpos("l", "c").maxlen(2).await.unwrap(), None);
        assert_eq!((client.lpos("l", "x").await.unwrap(), client.lpos("none", "x").await.unwrap()), (None, None));
        assert_eq!(client.lpos("l", "x").count(2).await.unwrap(), [0u64; 0]);
        assert_eq!(client.lpos("none", "x").count(2).await.unwrap(), [0u64; 0]);
        was_answered(client.lpos("l", "c").rank(0).await, "ERR RANK can't be zero");
    })
    .await;
}

#[tokio::test]
async fn lists_of_nothing_are_not_sent_and_keys_are_counted() {
    on_each(async |client| {
        not_sent(client.rpush("l", NOTHING)).await;
        not_sent(client.lpushx("l", NOTHING)).await;
        not_sent(client.lmpop::<String, String>(NOTHING, End::Left)).await;
        not_sent(client.lmpop::<String, String>(NOTHING, End::Left).count(2)).await;
        let request = client.lmpop::<String, String>(vec!["a", "b"], End::Left).count(2);
        assert_eq!(request.command().keys(), [b"a", b"b"]);
        assert_eq!(request.command().effect(), Effect::Never);
        client.set("s", "text").await.unwrap();
        was_answered(client.llen("s").await, "WRONGTYPE");
    })
    .await;
}
