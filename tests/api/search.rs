//! Search, by the bytes of its documentation.

use std::collections::BTreeMap;
use std::time::Duration;

use steadfast::api::*;
use steadfast::{ErrorKind, Fate};

use super::documented;

type Row = BTreeMap<String, String>;

fn row(pairs: &[(&str, &str)]) -> Row {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn an_index_is_made_of_fields() {
    let request = "FT.CREATE i ON JSON PREFIX 2 a: b: SCHEMA $.t AS t TEXT WEIGHT 2 SORTABLE NOSTEM $.g TAG SEPARATOR ; \
                   CASESENSITIVE WITHSUFFIXTRIE INDEXEMPTY p NUMERIC NOINDEX INDEXMISSING l GEO s GEOSHAPE";
    documented(request, "+OK", async |client| {
        let fields = [
            SchemaField::text("$.t").weight(2.0).alias("t").sortable().nostem(),
            SchemaField::tag("$.g").separator(';').casesensitive().withsuffixtrie().indexempty(),
            SchemaField::numeric("p").noindex().indexmissing(),
            SchemaField::geo("l"),
            SchemaField::geoshape("s"),
        ];
        client.ft_create("i", fields).prefixes(["a:", "b:"]).on_json().await.unwrap();
    })
    .await;
    let request = "FT.CREATE i SKIPINITIALSCAN STOPWORDS 0 LANGUAGE german FILTER '@a > 1' SCHEMA v VECTOR HNSW 8 TYPE \
                   FLOAT64 DIM 3 DISTANCE_METRIC COSINE M 40";
    documented(request, "+OK", async |client| {
        let index = VectorIndex::hnsw(3, VectorDistance::Cosine).attribute("M", 40).attribute("TYPE", "FLOAT64");
        let request = client.ft_create("i", SchemaField::vector("v", index)).filter("@a > 1").language("german");
        request.stopwords([""; 0]).skipinitialscan().await.unwrap();
    })
    .await;
    for (distance, metric) in [(VectorDistance::Euclidean, "L2"), (VectorDistance::InnerProduct, "IP")] {
        let request = format!("FT.ALTER i SCHEMA ADD v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC {metric}");
        documented(&request, "+OK", async |client| {
            client.ft_alter("i", SchemaField::vector("v", VectorIndex::flat(2, distance))).await.unwrap();
        })
        .await;
    }
    documented("FT.DROPINDEX i DD", "+OK", async |client| client.ft_dropindex("i").dd().await.unwrap()).await;
}

#[tokio::test]
async fn documents_are_found_with_what_is_asked_for() {
    let answers = (
        "*5 :7 'a' *4 'x' '1' 'y' '2' 'b' $-1",
        "%5 'attributes' *0 'warning' *1 'late' 'total_results' :7 'format' 'STRING' 'results' *2 \
         %3 'id' 'a' 'extra_attributes' %2 'x' '1' 'y' '2' 'values' *0 %2 'id' 'b' 'values' *0",
    );
    documented("FT.SEARCH i 'a b' LIMIT 0 2 SORTBY x ASC RETURN 2 x y", answers, async |client| {
        let found: SearchResults<Row> =
            client.ft_search("i", "a b").limit(0, 2).sortby("x").return_fields(["x", "y"]).await.unwrap();
        assert_eq!((found.total, found.documents.len()), (7, 2));
        assert_eq!(found.documents[0].id, "a");
        assert_eq!(found.documents[0].fields, Some(row(&[("x", "1"), ("y", "2")])));
        assert_eq!((found.documents[1].id.as_str(), &found.documents[1].fields), ("b", &None));
        assert_eq!(found.documents[0].score, None);
        assert!(found.warnings.is_empty() || found.warnings == ["late"]);
    })
    .await;
    let answers = (
        "*4 :1 'a' '0.5' *2 'x' '1'",
        "%2 'total_results' :1 'results' *1 %3 'id' 'a' 'score' ,0.5 'extra_attributes' %1 'x' '1'",
    );
    documented("FT.SEARCH i q WITHSCORES SORTBY x DESC", answers, async |client| {
        let found = client.ft_search::<Row>("i", "q").withscores().sortby_desc("x").await.unwrap();
        assert_eq!((found.documents[0].score, &found.documents[0].fields), (Some(0.5), &Some(row(&[("x", "1")]))));
    })
    .await;
    let ids = ("*3 :2 'a' 'b'", "%2 'total_results' :2 'results' *2 %1 'id' 'a' %1 'id' 'b'");
    documented("FT.SEARCH i q NOCONTENT", ids, async |client| {
        let found = client.ft_search::<Row>("i", "q").nocontent().await.unwrap();
        let ids: Vec<&str> = found.documents.iter().map(|document| document.id.as_str()).collect();
        assert_eq!((ids, &found.documents[0].fields), (vec!["a", "b"], &None));
    })
    .await;
    let scored = (
        "*5 :2 'a' '2' 'b' '1.5'",
        "%2 'total_results' :2 'results' *2 %2 'id' 'a' 'score' ,2 %2 'id' 'b' 'score' ,1.5",
    );
    for (request, first) in [("NOCONTENT WITHSCORES", false), ("WITHSCORES NOCONTENT", true)] {
        documented(&format!("FT.SEARCH i q {request}"), scored, async |client| {
            let request = client.ft_search::<Row>("i", "q");
            let request = if first { request.withscores().nocontent() } else { request.nocontent().withscores() };
            let found = request.await.unwrap();
            let scores: Vec<_> = found.documents.iter().map(|found| (found.id.as_str(), found.score)).collect();
            assert_eq!(scores, [("a", Some(2.0)), ("b", Some(1.5))]);
        })
        .await;
    }
}

#[tokio::test]
async fn a_query_has_options_by_name() {
    let nothing = ("*1 :0", "%2 'total_results' :0 'results' *0");
    let request = "FT.SEARCH i q VERBATIM INKEYS 2 k l INFIELDS 1 t SLOP 1 INORDER LANGUAGE german SCORER TFIDF TIMEOUT 50 \
                   HIGHLIGHT SUMMARIZE PARAMS 4 a 1 b 2 DIALECT 2";
    documented(request, nothing, async |client| {
        let request = client.ft_search::<Row>("i", "q").verbatim().inkeys(["k", "l"]).infields("t").slop(1).inorder();
        let request = request.language("german").scorer("TFIDF").timeout(Duration::from_millis(50));
        let found = request.highlight().summarize().params([("a", 1), ("b", 2)]).dialect(2).await.unwrap();
        assert_eq!((found.total, found.documents), (0, vec![]));
    })
    .await;
    documented("FT.SEARCH i q", ("*2 :1 'a'", "*2 :1 'a'"), async |client| {
        assert_eq!(client.ft_search::<Row>("i", "q").await.unwrap_err().kind(), ErrorKind::Conversion);
    })
    .await;
    documented("FT.EXPLAIN i q DIALECT 3", "'UNION'", async |client| {
        assert_eq!(client.ft_explain("i", "q").dialect(3).await.unwrap(), "UNION");
    })
    .await;
}

#[tokio::test]
async fn rows_are_aggregated_step_by_step() {
    let answers = (
        "*3 :2 *4 'x' 'a' 'n' '3' *2 'x' 'b'",
        "%3 'total_results' :2 'warning' *0 'results' *2 %2 'extra_attributes' %2 'x' 'a' 'n' '3' 'values' *0 \
         %2 'extra_attributes' %1 'x' 'b' 'values' *0",
    );
    let request = "FT.AGGREGATE i * VERBATIM LOAD 1 @x APPLY '@p * 2' AS q GROUPBY 1 @x REDUCE COUNT 0 AS n REDUCE SUM 1 @q \
                   AS s SORTBY 2 @n DESC FILTER '@n > 0' LIMIT 0 5 TIMEOUT 100 PARAMS 2 a 1 DIALECT 2";
    documented(request, answers, async |client| {
        let request = client.ft_aggregate::<Row>("i", "*").load("@x").apply("@p * 2", "q").groupby("@x");
        let request = request.reduce("COUNT", (), "n").reduce("SUM", "@q", "s").sortby(("@n", "DESC"));
        let request = request.filter("@n > 0").limit(0, 5).timeout(Duration::from_millis(100)).params(("a", 1));
        let found = request.dialect(2).verbatim().await.unwrap();
        assert_eq!(found.rows, [row(&[("x", "a"), ("n", "3")]), row(&[("x", "b")])]);
        assert_eq!((found.total, found.warnings), (2, vec![]));
    })
    .await;
    documented("FT.AGGREGATE i * LOAD *", ("*1 :0", "%1 'results' *0"), async |client| {
        assert_eq!(client.ft_aggregate::<Row>("i", "*").load_all().await.unwrap().rows, []);
    })
    .await;
}

#[tokio::test]
async fn an_index_tells_of_itself_and_has_names() {
    let fields = "'index_name' 'i' 'index_options' *0 'attributes' *1 *2 'identifier' 'x' 'num_docs' ";
    let rest = "'num_terms' :5 'num_records' :9 'indexing' :0 'percent_indexed'";
    let answers = (format!("*16 {fields} '2' {rest} '0.5'"), format!("%8 {fields} :2 {rest} ,0.5"));
    documented("FT.INFO i", (answers.0.as_str(), answers.1.as_str()), async |client| {
        let info = client.ft_info("i").await.unwrap();
        assert_eq!((info.name.as_str(), info.documents, info.terms, info.records), ("i", 2, Some(5), Some(9)));
        assert_eq!((info.indexing, info.percent_indexed, info.failures), (false, Some(0.5), None));
    })
    .await;
    documented("FT._LIST", ("*2 'i' 'j'", "~2 'i' 'j'"), async |client| {
        assert_eq!(client.ft_list().await.unwrap(), ["i", "j"]);
    })
    .await;
    documented("FT.ALIASADD a i", "+OK", async |client| client.ft_aliasadd("a", "i").await.unwrap()).await;
    documented("FT.ALIASUPDATE a i", "+OK", async |client| client.ft_aliasupdate("a", "i").await.unwrap()).await;
    documented("FT.ALIASDEL a", "+OK", async |client| client.ft_aliasdel("a").await.unwrap()).await;
    documented("FT.TAGVALS i t", ("*2 'x' 'y'", "~2 'x' 'y'"), async |client| {
        assert_eq!(client.ft_tagvals::<String>("i", "t").await.unwrap(), ["x", "y"]);
    })
    .await;
    documented("FT.SYNUPDATE i g a b", "+OK", async |client| {
        client.ft_synupdate("i", "g", ["a", "b"]).await.unwrap();
    })
    .await;
    documented("FT.SYNDUMP i", ("*2 'a' *1 'g'", "%1 'a' *1 'g'"), async |client| {
        let groups: BTreeMap<String, Vec<String>> = client.ft_syndump("i").await.unwrap();
        assert_eq!(groups, BTreeMap::from([("a".to_owned(), vec!["g".to_owned()])]));
    })
    .await;
}

#[tokio::test]
async fn dictionaries_and_suggestions_answer_alike() {
    documented("FT.DICTADD d a b", ":2", async |client| {
        assert_eq!(client.ft_dictadd("d", ["a", "b"]).await.unwrap(), 2);
    })
    .await;
    documented("FT.DICTDEL d a", ":1", async |client| assert_eq!(client.ft_dictdel("d", "a").await.unwrap(), 1)).await;
    documented("FT.DICTDUMP d", ("*1 'b'", "~1 'b'"), async |client| {
        assert_eq!(client.ft_dictdump::<String>("d").await.unwrap(), ["b"]);
    })
    .await;
    documented("FT.SUGADD k 'a b' 1.5 INCR", ":3", async |client| {
        assert_eq!(client.ft_sugadd("k", "a b", 1.5).incr().await.unwrap(), 3);
    })
    .await;
    documented("FT.SUGDEL k a", ":0", async |client| assert!(!client.ft_sugdel("k", "a").await.unwrap())).await;
    documented("FT.SUGLEN k", ":3", async |client| assert_eq!(client.ft_suglen("k").await.unwrap(), 3)).await;
    documented("FT.SUGGET k a FUZZY MAX 2", "*2 'ab' 'ac'", async |client| {
        assert_eq!(client.ft_sugget::<String>("k", "a").fuzzy().max(2).await.unwrap(), ["ab", "ac"]);
    })
    .await;
    documented("FT.SUGGET none a", ("$-1", "_"), async |client| {
        assert_eq!(client.ft_sugget::<String>("none", "a").await.unwrap(), [""; 0]);
    })
    .await;
    documented("FT.SUGGET k a WITHSCORES", ("*2 'ab' '0.5'", "*2 'ab' ,0.5"), async |client| {
        let found = client.ft_sugget::<String>("k", "a").withscores().await.unwrap();
        assert_eq!(found, [("ab".to_owned(), 0.5)]);
    })
    .await;
}

#[tokio::test]
async fn an_empty_list_is_not_sent() {
    documented("FT.SUGLEN k", ":0", async |client| {
        for error in [
            client.ft_create("i", Vec::<SchemaField>::new()).await.unwrap_err(),
            client.ft_alter("i", Vec::<SchemaField>::new()).await.unwrap_err(),
            client.ft_dictadd("d", [""; 0]).await.unwrap_err(),
            client.ft_synupdate("i", "g", [""; 0]).await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Arguments, Fate::NotSent));
        }
        assert_eq!(client.ft_suglen("k").await.unwrap(), 0);
    })
    .await;
}
