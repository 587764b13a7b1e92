//! JSON documents, by the bytes of their documentation.

use steadfast::api::*;
use steadfast::{ErrorKind, Fate};

use super::documented;

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn a_document_is_set_and_got() {
    documented("JSON.SET k $ {\"a\":1}", "+OK", async |client| {
        client.json_set("k", "$", "{\"a\":1}").await.unwrap();
    })
    .await;
    documented("JSON.SET k $.a 1 NX", ("$-1", "_"), async |client| {
        assert!(!client.json_set("k", "$.a", 1).nx().await.unwrap());
    })
    .await;
    documented("JSON.SET k $.a 1 XX", "+OK", async |client| {
        assert!(client.json_set("k", "$.a", 1).xx().await.unwrap());
    })
    .await;
    documented("JSON.GET k $.a", "'[1]'", async |client| {
        assert_eq!(client.json_get::<String>("k", "$.a").await.unwrap(), Some("[1]".to_owned()));
    })
    .await;
    documented("JSON.GET k $", ("$-1", "_"), async |client| {
        assert_eq!(client.json_get::<String>("k", NOTHING).await.unwrap(), None);
    })
    .await;
    documented("JSON.GET k SPACE ' ' NEWLINE '\n' INDENT '\t' $.a $.b", "'{}'", async |client| {
        let text = client.json_get("k", ["$.a", "$.b"]).indent("\t").newline("\n").space(" ").await.unwrap();
        assert_eq!(text, Some("{}".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn several_documents_are_set_and_got_at_once() {
    documented("JSON.MGET a b $..x", ("*2 '[1]' $-1", "*2 '[1]' _"), async |client| {
        let values: Vec<Option<String>> = client.json_mget(["a", "b"], "$..x").await.unwrap();
        assert_eq!(values, [Some("[1]".to_owned()), None]);
    })
    .await;
    documented("JSON.MSET a $ 1 b $.x 2", "+OK", async |client| {
        client.json_mset([("a", "$", 1), ("b", "$.x", 2)]).await.unwrap();
    })
    .await;
    documented("JSON.MERGE a $ {\"x\":null}", "+OK", async |client| {
        client.json_merge("a", "$", "{\"x\":null}").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn arrays_answer_for_each_place() {
    documented("JSON.ARRAPPEND k $..a 1 2", ("*2 :3 $-1", "*2 :3 _"), async |client| {
        assert_eq!(client.json_arrappend("k", "$..a", [1, 2]).await.unwrap(), [Some(3), None]);
    })
    .await;
    documented("JSON.ARRINDEX k $..a \"x\" 1 0", ("*3 :-1 :2 $-1", "*3 :-1 :2 _"), async |client| {
        let found = client.json_arrindex("k", "$..a", "\"x\"").range(1, 0).await.unwrap();
        assert_eq!(found, [Some(-1), Some(2), None]);
    })
    .await;
    documented("JSON.ARRINSERT k $.a -1 1 2", "*1 :4", async |client| {
        assert_eq!(client.json_arrinsert("k", "$.a", -1, (1, 2)).await.unwrap(), [Some(4)]);
    })
    .await;
    documented("JSON.ARRLEN k $.a", "*1 :4", async |client| {
        assert_eq!(client.json_arrlen("k", "$.a").await.unwrap(), [Some(4)]);
    })
    .await;
    documented("JSON.ARRLEN k .a", ":4", async |client| {
        assert_eq!(client.json_arrlen("k", ".a").await.unwrap(), [Some(4)]);
    })
    .await;
    documented("JSON.ARRLEN none $", ("$-1", "_"), async |client| {
        assert_eq!(client.json_arrlen("none", "$").await.unwrap(), []);
    })
    .await;
    documented("JSON.ARRPOP k $..a 0", ("*2 '{\"x\":1}' $-1", "*2 '{\"x\":1}' _"), async |client| {
        let popped = client.json_arrpop::<String>("k", "$..a").index(0).await.unwrap();
        assert_eq!(popped, [Some("{\"x\":1}".to_owned()), None]);
    })
    .await;
    documented("JSON.ARRTRIM k $.a 1 -1", "*1 :2", async |client| {
        assert_eq!(client.json_arrtrim("k", "$.a", 1, -1).await.unwrap(), [Some(2)]);
    })
    .await;
}

#[tokio::test]
async fn numbers_come_as_text_in_resp2_and_as_numbers_in_resp3() {
    let answers = ("'[3.5,null,-2e3]'", "*3 ,3.5 _ :-2000");
    documented("JSON.NUMINCRBY k $..a 2.5", answers, async |client| {
        let values = client.json_numincrby("k", "$..a", 2.5).await.unwrap();
        assert_eq!(values, [Some(3.5), None, Some(-2000.0)]);
    })
    .await;
    documented("JSON.NUMMULTBY k $.a 2", ("'[4]'", "*1 :4"), async |client| {
        assert_eq!(client.json_nummultby("k", "$.a", 2.0).await.unwrap(), [Some(4.0)]);
    })
    .await;
    documented("JSON.NUMMULTBY k $.none 2", ("'[]'", "*0"), async |client| {
        assert_eq!(client.json_nummultby("k", "$.none", 2.0).await.unwrap(), []);
    })
    .await;
    documented("JSON.NUMMULTBY k .a 2", ("'4'", ":4"), async |client| {
        assert_eq!(client.json_nummultby("k", ".a", 2.0).await.unwrap(), [Some(4.0)]);
    })
    .await;
    documented("JSON.NUMINCRBY k $.a 1", "'[secret]'", async |client| {
        let error = client.json_numincrby("k", "$.a", 1.0).await.unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn objects_strings_and_booleans_answer_for_each_place() {
    documented("JSON.OBJKEYS k $..a", ("*2 *2 'x' 'y' $-1", "*2 *2 'x' 'y' _"), async |client| {
        let keys: Vec<Option<Vec<String>>> = client.json_objkeys("k", "$..a").await.unwrap();
        assert_eq!(keys, [Some(vec!["x".to_owned(), "y".to_owned()]), None]);
    })
    .await;
    documented("JSON.OBJLEN k $.a", "*1 :2", async |client| {
        assert_eq!(client.json_objlen("k", "$.a").await.unwrap(), [Some(2)]);
    })
    .await;
    documented("JSON.STRAPPEND k $.a \"b\"", "*1 :2", async |client| {
        assert_eq!(client.json_strappend("k", "$.a", "\"b\"").await.unwrap(), [Some(2)]);
    })
    .await;
    documented("JSON.STRLEN k $..a", ("*2 $-1 :2", "*2 _ :2"), async |client| {
        assert_eq!(client.json_strlen("k", "$..a").await.unwrap(), [None, Some(2)]);
    })
    .await;
    documented("JSON.TOGGLE k $..a", ("*3 :1 :0 $-1", "*3 :1 :0 _"), async |client| {
        assert_eq!(client.json_toggle("k", "$..a").await.unwrap(), [Some(true), Some(false), None]);
    })
    .await;
    documented("JSON.TOGGLE k .a", "'true'", async |client| {
        assert_eq!(client.json_toggle("k", ".a").await.unwrap(), [Some(true)]);
    })
    .await;
}

#[tokio::test]
async fn types_are_nested_in_resp3_and_read_alike() {
    let answers = ("*2 'integer' 'array'", "*1 *2 'integer' 'array'");
    documented("JSON.TYPE k $..a", answers, async |client| {
        assert_eq!(client.json_type("k", "$..a").await.unwrap(), ["integer", "array"]);
    })
    .await;
    documented("JSON.TYPE none $", ("$-1", "*1 _"), async |client| {
        assert_eq!(client.json_type("none", "$").await.unwrap(), [""; 0]);
    })
    .await;
    documented("JSON.TYPE k .a", ("'string'", "*1 'string'"), async |client| {
        assert_eq!(client.json_type("k", ".a").await.unwrap(), ["string"]);
    })
    .await;
}

#[tokio::test]
async fn values_are_deleted_and_cleared() {
    documented("JSON.DEL k $..a", ":2", async |client| {
        assert_eq!(client.json_del("k", "$..a").await.unwrap(), 2);
    })
    .await;
    documented("JSON.FORGET k $", ":0", async |client| {
        assert_eq!(client.json_forget("k", "$").await.unwrap(), 0);
    })
    .await;
    documented("JSON.CLEAR k $.a", ":1", async |client| {
        assert_eq!(client.json_clear("k", "$.a").await.unwrap(), 1);
    })
    .await;
    documented("JSON.RESP k .a", "*3 +[ :1 'x'", async |client| {
        let items: Option<Vec<String>> = client.json_resp("k", ".a").await.unwrap();
        assert_eq!(items, Some(vec!["[".to_owned(), "1".to_owned(), "x".to_owned()]));
    })
    .await;
}

#[tokio::test]
async fn an_empty_list_is_not_sent() {
    documented("JSON.DEL k $", ":0", async |client| {
        for error in [
            client.json_arrappend("k", "$", NOTHING).await.unwrap_err(),
            client.json_arrinsert("k", "$", 0, NOTHING).await.unwrap_err(),
            client.json_mget::<String>(NOTHING, "$").await.unwrap_err(),
            client.json_mset(NOTHING).await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Arguments, Fate::NotSent));
        }
        client.json_del("k", "$").await.unwrap();
    })
    .await;
}
