//! Sorted sets.

use std::collections::BTreeMap;

use steadfast::api::*;
use steadfast::{Client, Effect, Value};

use super::{NOTHING, not_sent, on, on_each, was_answered};
use crate::support::Kind;

const NONE: [(String, f64); 0] = [];

async fn all(client: &Client, key: &str) -> Vec<(String, f64)> {
    client.zrange(key, 0, -1).withscores().await.unwrap()
}

fn scored(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs.iter().map(|(member, score)| ((*member).to_owned(), *score)).collect()
}

#[tokio::test]
async fn zadd_does_what_its_options_say() {
    on_each(async |client| {
        assert_eq!(client.zadd("z", [(1.0, "a"), (2.5, "b")]).await.unwrap(), 2);
        assert_eq!(client.zadd("z", (3, "c")).await.unwrap(), 1);
        assert_eq!(client.zadd("z", [(9, "a"), (9, "d")]).nx().await.unwrap(), 1);
        assert_eq!(all(client, "z").await, scored(&[("a", 1.0), ("b", 2.5), ("c", 3.0), ("d", 9.0)]));
        assert_eq!(client.zadd("z", [(2, "a"), (9, "e")]).xx().await.unwrap(), 0);
        assert_eq!(client.zadd("z", [(1, "a"), (3, "b"), (5, "f")]).gt().ch().await.unwrap(), 2);
        assert_eq!(client.zadd("z", [(1, "a"), (4, "b"), (8, "d")]).lt().ch().await.unwrap(), 2);
        assert_eq!(all(client, "z").await, scored(&[("a", 1.0), ("b", 3.0), ("c", 3.0), ("f", 5.0), ("d", 8.0)]));
        assert_eq!(client.zadd("z", (0.5, "a")).incr().await.unwrap(), Some(1.5));
        assert_eq!(client.zadd("z", (1, "a")).nx().incr().await.unwrap(), None);
        assert_eq!(client.zadd("z", (1, "new")).xx().incr().await.unwrap(), None);
        assert_eq!(client.zadd("z", (-1, "a")).gt().incr().await.unwrap(), None);
        assert_eq!(client.zadd("z", (1, "a")).incr().command().effect(), Effect::Accumulating);
        assert_eq!(client.zadd("z", (1, "a")).nx().command().effect(), Effect::ConditionalWrite);

        assert_eq!(client.zincrby("z", 2.25, "a").await.unwrap(), 3.75);
        assert_eq!(client.zincrby("z", -1.0, "fresh").await.unwrap(), -1.0);
        assert_eq!((client.zcard("z").await.unwrap(), client.zcard("none").await.unwrap()), (6, 0));
        assert_eq!(client.zrem("z", ["fresh", "nobody", "f"]).await.unwrap(), 2);
        assert_eq!(client.zrem("none", "a").await.unwrap(), 0);
        assert_eq!(
            (client.zscore("z", "a").await.unwrap(), client.zscore("z", "x").await.unwrap()),
            (Some(3.75), None)
        );
        assert_eq!(client.zscore("none", "a").await.unwrap(), None);
        assert_eq!(client.zmscore("z", ["a", "x", "c"]).await.unwrap(), [Some(3.75), None, Some(3.0)]);
        assert_eq!(client.zmscore("none", "a").await.unwrap(), [None]);
    })
    .await;
}

#[tokio::test]
async fn scores_are_any_double_but_nan() {
    on_each(async |client| {
        let (tiny, odd) = (5e-324, 0.1 + 0.2);
        client.zadd("z", [(f64::INFINITY, "top"), (f64::NEG_INFINITY, "low"), (tiny, "t"), (odd, "o")]).await.unwrap();
        let expected = scored(&[("low", f64::NEG_INFINITY), ("t", tiny), ("o", odd), ("top", f64::INFINITY)]);
        assert_eq!(all(client, "z").await, expected);
        assert_eq!(client.zscore("z", "low").await.unwrap(), Some(f64::NEG_INFINITY));

        was_answered(client.zadd("z", (f64::NAN, "n")).await, "ERR value is not a valid float");
        was_answered(client.zincrby("z", f64::NAN, "t").await, "ERR value is not a valid float");
        was_answered(client.zincrby("z", f64::NEG_INFINITY, "top").await, "ERR resulting score is not a number (NaN)");
        let added = client.zadd("z", (f64::NEG_INFINITY, "top")).incr().await;
        was_answered(added, "ERR resulting score is not a number (NaN)");
        was_answered(client.zcount("z", f64::NAN, 1).await, "ERR min or max is not a float");
        assert_eq!(client.zcard("z").await.unwrap(), 4);
    })
    .await;
}

#[tokio::test]
async fn ranges_go_by_rank_score_and_name() {
    on_each(async |client| {
        client.zadd("z", [(1, "a"), (2, "b"), (3, "c"), (4, "d")]).await.unwrap();
        let names = async |request: steadfast::Request<&Client, Vec<String>, options::ZrangeOptions>| {
            request.await.unwrap().concat()
        };
        assert_eq!(names(client.zrange("z", 1, -2)).await, "bc");
        assert_eq!(names(client.zrange("z", 0, 1).rev()).await, "dc");
        assert_eq!(names(client.zrange("z", 5, 9)).await, "");
        assert_eq!(names(client.zrange("none", 0, -1)).await, "");

        let at = ScoreBound::inclusive;
        assert_eq!(names(client.zrange("z", at(2.0), at(3.0))).await, "bc");
        assert_eq!(names(client.zrange("z", ScoreBound::exclusive(1.0), ScoreBound::exclusive(4.0))).await, "bc");
        assert_eq!(names(client.zrange("z", ScoreBound::LOWEST, at(2.0))).await, "ab");
        assert_eq!(names(client.zrange("z", ScoreBound::HIGHEST, at(2.0)).rev()).await, "dcb");
        assert_eq!(names(client.zrange("z", ScoreBound::LOWEST, ScoreBound::HIGHEST).limit(1, 2)).await, "bc");
        assert_eq!(names(client.zrange("z", at(3.0), ScoreBound::LOWEST).rev().limit(1, -1)).await, "ba");
        let top: Vec<(String, f64)> = client.zrange("z", 0, 1).rev().withscores().await.unwrap();
        assert_eq!(top, scored(&[("d", 4.0), ("c", 3.0)]));
        let some = client.zrange::<String>("z", at(2.0), ScoreBound::HIGHEST).limit(0, 1).withscores().await.unwrap();
        assert_eq!(some, scored(&[("b", 2.0)]));
        assert_eq!(client.zrange::<String>("none", 0, -1).withscores().await.unwrap(), NONE);

        client.zadd("n", [(0, "a"), (0, "b"), (0, "c"), (0, "d")]).await.unwrap();
        let (a, c) = (LexBound::inclusive("a"), LexBound::exclusive(b"c"));
        assert_eq!(names(client.zrange("n", a.clone(), c.clone())).await, "ab");
        assert_eq!(names(client.zrange("n", LexBound::LOWEST, LexBound::HIGHEST)).await, "abcd");
        assert_eq!(names(client.zrange("n", LexBound::HIGHEST, c.clone()).rev().limit(0, 5)).await, "d");

        not_sent(client.zrange::<String>("z", 0, ScoreBound::HIGHEST)).await;
        not_sent(client.zrange::<String>("z", LexBound::LOWEST, ScoreBound::HIGHEST)).await;
        was_answered(client.zrange::<String>("z", 0, 1).limit(0, 1).await, "ERR syntax error");
    })
    .await;
}

#[tokio::test]
async fn ranges_by_their_old_names_are_the_same() {
    on_each(async |client| {
        client.zadd("z", [(1, "a"), (2, "b"), (3, "c"), (4, "d")]).await.unwrap();
        let found: Vec<String> = client.zrangebyscore("z", 2, ScoreBound::exclusive(4.0)).await.unwrap();
        assert_eq!(found, ["b", "c"]);
        let found =
            client.zrangebyscore::<String>("z", ScoreBound::LOWEST, 9.5).limit(1, 2).withscores().await.unwrap();
        assert_eq!(found, scored(&[("b", 2.0), ("c", 3.0)]));
        let found = client.zrevrangebyscore::<String>("z", 3i64, f64::NEG_INFINITY).limit(1, 1).await.unwrap();
        assert_eq!(found, ["b"]);
        let found = client.zrevrangebyscore::<String>("z", ScoreBound::HIGHEST, 4).withscores().await.unwrap();
        assert_eq!(found, scored(&[("d", 4.0)]));
        assert_eq!(client.zrangebyscore::<String>("none", 0, 1).await.unwrap(), NOTHING);
        assert_eq!(client.zrevrange::<String>("z", 0, 1).await.unwrap(), ["d", "c"]);
        assert_eq!(client.zrevrange::<String>("z", -1, -1).withscores().await.unwrap(), scored(&[("a", 1.0)]));

        client.zadd("n", [(0, "a"), (0, "b"), (0, "c")]).await.unwrap();
        let (after_a, end) = (LexBound::exclusive("a"), LexBound::HIGHEST);
        assert_eq!(client.zrangebylex::<String>("n", after_a.clone(), end.clone()).await.unwrap(), ["b", "c"]);
        let one = client.zrangebylex::<String>("n", after_a.clone(), end.clone()).limit(1, 1).await.unwrap();
        assert_eq!(one, ["c"]);
        assert_eq!(client.zrevrangebylex::<String>("n", end, after_a).limit(0, 1).await.unwrap(), ["c"]);
    })
    .await;
}

#[tokio::test]
async fn ranges_are_counted_stored_and_removed() {
    on_each(async |client| {
        client.zadd("z", [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")]).await.unwrap();
        assert_eq!(client.zcount("z", 2, 4.0).await.unwrap(), 3);
        assert_eq!(client.zcount("z", ScoreBound::exclusive(2.0), ScoreBound::HIGHEST).await.unwrap(), 3);
        assert_eq!(client.zcount("none", 2, 4).await.unwrap(), 0);

        assert_eq!(client.zrangestore("to", "z", 0, 1).rev().await.unwrap(), 2);
        assert_eq!(all(client, "to").await, scored(&[("d", 4.0), ("e", 5.0)]));
        let stored = client.zrangestore("to", "z", ScoreBound::exclusive(1.0), ScoreBound::HIGHEST).limit(1, 2).await;
        assert_eq!((stored.unwrap(), all(client, "to").await), (2, scored(&[("c", 3.0), ("d", 4.0)])));
        assert_eq!(client.zrangestore("to", "none", 0, -1).await.unwrap(), 0);
        assert_eq!(client.exists("to").await.unwrap(), 0);
        not_sent(client.zrangestore("to", "z", 0, LexBound::HIGHEST)).await;
        assert_eq!(client.zrangestore("to", "z", 0, 1).command().keys(), [b"to".as_slice(), b"z"]);

        assert_eq!(client.zremrangebyrank("z", -1, -1).await.unwrap(), 1);
        assert_eq!(client.zremrangebyscore("z", ScoreBound::LOWEST, ScoreBound::exclusive(3.0)).await.unwrap(), 2);
        assert_eq!(client.zremrangebyscore("none", 0, 1).await.unwrap(), 0);
        assert_eq!(all(client, "z").await, scored(&[("c", 3.0), ("d", 4.0)]));

        client.zadd("n", [(0, "a"), (0, "b"), (0, "c")]).await.unwrap();
        assert_eq!(client.zlexcount("n", LexBound::exclusive("a"), LexBound::HIGHEST).await.unwrap(), 2);
        assert_eq!(client.zlexcount("none", LexBound::LOWEST, LexBound::HIGHEST).await.unwrap(), 0);
        assert_eq!(client.zremrangebylex("n", LexBound::LOWEST, LexBound::inclusive("b")).await.unwrap(), 2);
        assert_eq!(all(client, "n").await, scored(&[("c", 0.0)]));
    })
    .await;
}

#[tokio::test]
async fn members_are_popped_from_both_ends() {
    on_each(async |client| {
        client.zadd("z", [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e"), (6, "f")]).await.unwrap();
        let lowest: Option<(String, f64)> = client.zpopmin("z").await.unwrap();
        assert_eq!(lowest, Some(("a".to_owned(), 1.0)));
        assert_eq!(client.zpopmax::<String>("z").await.unwrap(), Some(("f".to_owned(), 6.0)));
        let one: Vec<(String, f64)> = client.zpopmin("z").count(1).await.unwrap();
        assert_eq!(one, scored(&[("b", 2.0)]));
        let popped: Option<(String, Vec<(String, f64)>)> = client.zmpop(["none", "z"], Extreme::Max).await.unwrap();
        assert_eq!(popped, Some(("z".to_owned(), scored(&[("e", 5.0)]))));
        client.zadd("z", (7, "g")).await.unwrap();
        let popped = client.zmpop::<String, String>(["none", "z"], Extreme::Min).count(2).await.unwrap();
        assert_eq!(popped, Some(("z".to_owned(), scored(&[("c", 3.0), ("d", 4.0)]))));
        assert_eq!(client.zpopmax::<String>("z").count(9).await.unwrap(), scored(&[("g", 7.0)]));

        assert_eq!(client.zpopmin::<String>("z").await.unwrap(), None);
        assert_eq!(client.zpopmax::<String>("z").await.unwrap(), None);
        assert_eq!(client.zpopmin::<String>("z").count(2).await.unwrap(), NONE);
        assert_eq!(client.zmpop::<String, String>(["none", "z"], Extreme::Min).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn members_are_ranked_and_drawn_at_random() {
    on_each(async |client| {
        client.zadd("z", [(1, "a"), (2, "b"), (3, "c")]).await.unwrap();
        assert_eq!(
            (client.zrank("z", "c").await.unwrap(), client.zrevrank("z", "c").await.unwrap()),
            (Some(2), Some(0))
        );
        assert_eq!((client.zrank("z", "x").await.unwrap(), client.zrevrank("none", "c").await.unwrap()), (None, None));

        let scores = BTreeMap::from([("a".to_owned(), 1.0), ("b".to_owned(), 2.0), ("c".to_owned(), 3.0)]);
        let one: Option<String> = client.zrandmember("z").await.unwrap();
        assert!(scores.contains_key(&one.unwrap()));
        let mut different: Vec<String> = client.zrandmember("z").count(9).await.unwrap();
        different.sort();
        assert_eq!(different, ["a", "b", "c"]);
        let drawn: Vec<(String, f64)> = client.zrandmember("z").count(9).withscores().await.unwrap();
        assert_eq!(drawn.into_iter().collect::<BTreeMap<_, _>>(), scores);
        let drawn = client.zrandmember::<String>("z").count(-7).withscores().await.unwrap();
        assert!(drawn.len() == 7 && drawn.iter().all(|(member, score)| scores.get(member) == Some(score)));
        assert_eq!(client.zrandmember::<String>("none").await.unwrap(), None);
        assert_eq!(client.zrandmember::<String>("none").count(3).await.unwrap(), NOTHING);
        assert_eq!(client.zrandmember::<String>("none").count(3).withscores().await.unwrap(), NONE);
    })
    .await;
    on(Kind::Valkey, async |client| {
        client.zadd("z", [(1, "a"), (2, "b")]).await.unwrap();
        assert_eq!(client.zrank("z", "b").withscore().await.unwrap(), Some((1, 2.0)));
        assert_eq!(client.zrevrank("z", "b").withscore().await.unwrap(), Some((0, 2.0)));
        assert_eq!(client.zrank("z", "x").withscore().await.unwrap(), None);
        assert_eq!(client.zrank("none", "x").withscore().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn sorted_sets_are_combined() {
    on_each(async |client| {
        client.zadd("a", [(1, "x"), (2, "y"), (9, "only")]).await.unwrap();
        client.zadd("b", [(10, "x"), (20, "y"), (30, "z")]).await.unwrap();
        assert_eq!(client.zdiff::<String>(["a", "b"]).await.unwrap(), ["only"]);
        assert_eq!(client.zdiff::<String>(["a", "b"]).withscores().await.unwrap(), scored(&[("only", 9.0)]));
        assert_eq!(client.zdiff::<String>(["none", "b"]).withscores().await.unwrap(), NONE);
        let both: Vec<String> = client.zinter(["a", "b"]).await.unwrap();
        assert_eq!(both, ["x", "y"]);
        let both: Vec<(String, f64)> = client.zinter(["a", "b"]).weights([2.0, 0.5]).withscores().await.unwrap();
        assert_eq!(both, scored(&[("x", 7.0), ("y", 14.0)]));
        let least = client.zinter::<String>(["a", "b"]).aggregate(Aggregate::Min).withscores().await.unwrap();
        assert_eq!(least, scored(&[("x", 1.0), ("y", 2.0)]));
        assert_eq!(client.zinter::<String>(["a", "none"]).await.unwrap(), NOTHING);
        let any =
            client.zunion::<String>(["a", "b"]).aggregate(Aggregate::Max).weights([1, 1]).withscores().await.unwrap();
        assert_eq!(any, scored(&[("only", 9.0), ("x", 10.0), ("y", 20.0), ("z", 30.0)]));
        let sum = client.zunion::<String>(["a", "b"]).aggregate(Aggregate::Sum).await.unwrap();
        assert_eq!(sum, ["only", "x", "y", "z"]);
        assert_eq!(client.zunion::<String>("none").withscores().await.unwrap(), NONE);
        assert_eq!(client.zintercard(["a", "b"]).await.unwrap(), 2);
        assert_eq!(client.zintercard(["a", "b"]).limit(1).await.unwrap(), 1);

        assert_eq!(client.zdiffstore("to", ["a", "b"]).await.unwrap(), 1);
        assert_eq!(all(client, "to").await, scored(&[("only", 9.0)]));
        assert_eq!(client.zinterstore("to", ["a", "b"]).weights([1, 2]).await.unwrap(), 2);
        assert_eq!(all(client, "to").await, scored(&[("x", 21.0), ("y", 42.0)]));
        assert_eq!(client.zunionstore("to", ["a", "b"]).aggregate(Aggregate::Max).await.unwrap(), 4);
        assert_eq!(all(client, "to").await, scored(&[("only", 9.0), ("x", 10.0), ("y", 20.0), ("z", 30.0)]));
        assert_eq!(client.zinterstore("to", ["a", "none"]).await.unwrap(), 0);
        assert_eq!(client.exists("to").await.unwrap(), 0);
        was_answered(client.zunion::<String>(["a", "b"]).weights([1]).await, "ERR syntax error");
    })
    .await;
}

#[tokio::test]
async fn a_scan_comes_by_every_member_with_its_score() {
    on_each(async |client| {
        let all: BTreeMap<String, f64> =
            (0..1000).map(|number| (format!("m:{number}"), f64::from(number) / 8.0)).collect();
        client.zadd("z", all.iter().map(|(member, score)| (*score, member)).collect::<Vec<_>>()).await.unwrap();
        let (mut found, mut cursor) = (BTreeMap::new(), 0);
        loop {
            let page: Page<(String, f64)> = client.zscan("z").cursor(cursor).count(100).await.unwrap();
            found.extend(page.items);
            cursor = page.cursor;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(found, all);
        let page = client.zscan::<String>("z").matching("m:8").count(100_000).await.unwrap();
        assert_eq!((page.cursor, page.items), (0, scored(&[("m:8", 1.0)])));
        assert_eq!(client.zscan::<String>("none").await.unwrap().items, NONE);
    })
    .await;
    on(Kind::Valkey, async |client| {
        client.zadd("z", [(1, "a"), (2, "b")]).await.unwrap();
        let page: Page<String> = client.zscan_noscores("z").matching("b").await.unwrap();
        assert_eq!((page.cursor, page.items), (0, vec!["b".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn sorted_sets_of_nothing_are_not_sent_and_keys_are_counted() {
    on_each(async |client| {
        not_sent(client.zadd("z", NOTHING)).await;
        not_sent(client.zadd("z", NOTHING).nx().ch()).await;
        not_sent(client.zunion::<String>(["a", "b"]).weights(NOTHING)).await;
        not_sent(client.zrem("z", NOTHING)).await;
        not_sent(client.zunion::<String>(NOTHING).withscores()).await;
        not_sent(client.zinterstore("to", NOTHING).weights([1])).await;
        not_sent(client.zintercard(NOTHING).limit(2)).await;
        not_sent(client.zmpop::<String, String>(NOTHING, Extreme::Min).count(2)).await;
        let request = client.zunionstore("to", ["a", "b"]).weights([1, 2]);
        assert_eq!(request.command().keys(), [b"to".as_slice(), b"a", b"b"]);
        client.set("text", "x").await.unwrap();
        was_answered(client.zcard("text").await, "WRONGTYPE");
        let raw: Value = client.zadd("z", (1, "a")).answer_as().await.unwrap();
        assert_eq!(raw.as_i64(), Some(1));
    })
    .await;
}
