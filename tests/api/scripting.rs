//! Scripting and functions.

use std::time::Duration;

use steadfast::Fate;
use steadfast::api::*;

use super::{NOTHING, beside, documented, not_sent, on, on_each, words};
use crate::live::until;
use crate::support::Kind;

const LIBRARY: &str = "#!lua name=mine
redis.register_function('joined', function(keys, args) return {keys, args} end)
redis.register_function{function_name='sum', callback=function(keys, args) return args[1] + args[2] end,
  description='adds', flags={'no-writes'}}
redis.register_function('forever', function() while true do end end)";

#[tokio::test]
async fn a_script_sees_its_keys_and_its_arguments() {
    on_each(async |client| {
        const BOTH: &str = "return {KEYS, ARGV}";
        type Both = (Vec<String>, Vec<String>);
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let both: Both = client.eval(BOTH, ["{a}1", "{a}2"], ("x", 7)).await.unwrap();
        assert_eq!(both, (words(&["{a}1", "{a}2"]), words(&["x", "7"])));
        let both: Both = client.eval(BOTH, (), ()).await.unwrap();
        assert_eq!(both, (words(&[]), words(&[])));
        let both: Both = client.eval(BOTH, NOTHING, ["x"]).await.unwrap();
        assert_eq!(both, (words(&[]), words(&["x"])));
        let both: Both = client.eval_ro(BOTH, "k", ()).await.unwrap();
        assert_eq!(both, (words(&["k"]), words(&[])));
        let error = client.eval_ro::<()>("return redis.call('SET', KEYS[1], 1)", "k", ()).await.unwrap_err();
        assert!(error.to_string().contains("Write commands are not allowed from read-only scripts"), "{error}");

        let sha = client.script_load(BOTH).await.unwrap();
        assert_eq!(sha.len(), 40);
        let both: Both = client.evalsha(&sha, "k", "x").await.unwrap();
        assert_eq!(both, (words(&["k"]), words(&["x"])));
        let both: Both = client.evalsha_ro(&sha, (), ["x", "y"]).await.unwrap();
        assert_eq!(both, (words(&[]), words(&["x", "y"])));
        assert_eq!(client.eval::<Option<i64>>("return false", (), ()).await.unwrap(), None);
        let request = client.eval::<()>(BOTH, ["a", "b"], "c");
        assert_eq!(request.command().keys(), [b"a", b"b"]);
    })
    .await;
}

#[tokio::test]
async fn a_server_knows_the_scripts_that_it_was_given() {
    on_each(async |client| {
        let sha = client.script_load("return 1").await.unwrap();
        assert_eq!(client.script_exists((&sha, "0")).await.unwrap(), [true, false]);
        client.script_flush().await.unwrap();
        assert_eq!(client.script_exists(&sha).await.unwrap(), [false]);
        let error = client.evalsha::<i64>(&sha, (), ()).await.unwrap_err();
        assert_eq!(error.fate(), Fate::Refused, "{error}");
        client.script_load("return 1").await.unwrap();
        client.script_flush().asynchronous().await.unwrap();
        assert_eq!(client.script_exists(&sha).await.unwrap(), [false]);
        client.script_load("return 1").await.unwrap();
        client.script_flush().synchronous().await.unwrap();
        assert_eq!(client.script_exists(&sha).await.unwrap(), [false]);
        assert!(client.script_help().await.unwrap().len() > 3);
        not_sent(client.script_exists(NOTHING)).await;
        assert!(client.script_kill().await.unwrap_err().to_string().contains("NOTBUSY"));
    })
    .await;
    on(Kind::Valkey, async |client| {
        let sha = client.script_load("return 1").await.unwrap();
        assert_eq!(client.script_show(&sha).await.unwrap(), "return 1");
        assert!(client.script_show("0").await.unwrap_err().to_string().contains("NOSCRIPT"));
    })
    .await;
}

#[tokio::test]
async fn libraries_are_loaded_listed_called_and_deleted() {
    on_each(async |client| {
        assert_eq!(client.function_list().await.unwrap(), []);
        assert_eq!(client.function_load(LIBRARY).await.unwrap(), "mine");
        assert!(client.function_load(LIBRARY).await.is_err());
        assert_eq!(client.function_load(LIBRARY).replace().await.unwrap(), "mine");

        let both: (Vec<String>, Vec<String>) = client.fcall("joined", ["{a}1", "{a}2"], "x").await.unwrap();
        assert_eq!(both, (vec!["{a}1".to_owned(), "{a}2".to_owned()], vec!["x".to_owned()]));
        assert_eq!(client.fcall_ro::<i64>("sum", (), (1, 2)).await.unwrap(), 3);
        assert!(client.fcall_ro::<()>("joined", (), ()).await.is_err());

        let list = client.function_list().await.unwrap();
        let [library] = list.as_slice() else { panic!("{list:?}") };
        assert_eq!((library.name.as_str(), library.engine.as_str(), &library.code), ("mine", "LUA", &None));
        let sum = library.functions.iter().find(|function| function.name == "sum").unwrap();
        assert_eq!((sum.description.as_deref(), sum.flags.as_slice()), (Some("adds"), &["no-writes".to_owned()][..]));
        let joined = library.functions.iter().find(|function| function.name == "joined").unwrap();
        assert_eq!((joined.description.as_deref(), joined.flags.len()), (None, 0));
        let list = client.function_list().libraryname("m*").withcode().await.unwrap();
        assert_eq!(list[0].code.as_deref(), Some(LIBRARY));
        assert_eq!(client.function_list().libraryname("other*").await.unwrap(), []);

        let stats = client.function_stats().await.unwrap();
        assert_eq!((stats.running, stats.engines["LUA"].libraries, stats.engines["LUA"].functions), (None, 1, 3));

        client.function_delete("mine").await.unwrap();
        assert!(client.function_delete("mine").await.is_err());
        assert!(client.function_help().await.unwrap().len() > 3);
    })
    .await;
}

#[tokio::test]
async fn libraries_are_dumped_and_restored() {
    on_each(async |client| {
        let count = async || client.function_list().await.unwrap().len();
        client.function_load(LIBRARY).await.unwrap();
        let dump = client.function_dump().await.unwrap();
        client.function_flush().await.unwrap();
        assert_eq!(count().await, 0);
        client.function_restore(&dump).await.unwrap();
        assert_eq!(count().await, 1);
        assert!(client.function_restore(&dump).append().await.is_err());
        client.function_restore(&dump).replace().await.unwrap();
        client.function_load("#!lua name=other\nredis.register_function('f', function() end)").await.unwrap();
        client.function_restore(&dump).replace().await.unwrap();
        assert_eq!(count().await, 2);
        client.function_restore(&dump).flush().await.unwrap();
        assert_eq!(count().await, 1);
        client.function_flush().asynchronous().await.unwrap();
        assert_eq!(count().await, 0);
        client.function_restore(&dump).append().await.unwrap();
        client.function_flush().synchronous().await.unwrap();
        assert_eq!(count().await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_runs_forever_is_shown_and_ended() {
    on_each(async |client| {
        client.config_set(("busy-reply-threshold", 1)).await.unwrap();
        client.function_load(LIBRARY).replace().await.unwrap();
        assert!(client.function_kill().await.unwrap_err().to_string().contains("NOTBUSY"));
        let mut other = beside(client).await;

        other.send(&["FCALL", "forever", "1", "k", "x"]).unwrap();
        let mut running = None;
        until(async || {
            running = client.function_stats().await.unwrap().running;
            running.is_some()
        })
        .await;
        let running = running.unwrap();
        assert_eq!((running.name.as_str(), running.command.len()), ("forever", 5));
        assert!(running.duration < Duration::from_secs(60));
        client.function_kill().await.unwrap();
        assert!(other.reply().unwrap().starts_with('-'));

        other.send(&["EVAL", "while true do end", "0"]).unwrap();
        until(async || client.script_kill().await.is_ok()).await;
        assert!(other.reply().unwrap().starts_with('-'));
        client.function_flush().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_number_of_keys_is_theirs_and_not_that_of_the_arguments() {
    documented("FCALL f 3 a b c 1 2", ":1", async |client| {
        assert_eq!(client.fcall::<i64>("f", (["a", "b"], Some("c")), (1, 2)).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn options_whose_effect_is_not_seen_have_their_words() {
    on(Kind::Redis, async |client| {
        assert_eq!(words(client.script_flush().asynchronous().command()), "SCRIPT FLUSH ASYNC");
        assert_eq!(words(client.function_flush().synchronous().command()), "FUNCTION FLUSH SYNC");
        assert_eq!(words(client.function_restore("d").append().command()), "FUNCTION RESTORE d APPEND");
    })
    .await;
}
