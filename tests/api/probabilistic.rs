//! Probabilistic structures, by the bytes of their documentation.

use steadfast::api::*;
use steadfast::{ErrorKind, Fate, ServerError};

use super::documented;

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn bloom_filters_answer_alike() {
    documented("BF.ADD k a", (":1", "#t"), async |client| assert!(client.bf_add("k", "a").await.unwrap())).await;
    documented("BF.CARD k", ":3", async |client| assert_eq!(client.bf_card("k").await.unwrap(), 3)).await;
    documented("BF.EXISTS k a", (":0", "#f"), async |client| assert!(!client.bf_exists("k", "a").await.unwrap())).await;
    documented("BF.MADD k a b", ("*2 :1 :0", "*2 #t #f"), async |client| {
        assert_eq!(client.bf_madd("k", ["a", "b"]).await.unwrap(), [true, false]);
    })
    .await;
    documented("BF.MEXISTS k a b", ("*2 :1 :0", "*2 #t #f"), async |client| {
        assert_eq!(client.bf_mexists("k", ["a", "b"]).await.unwrap(), [true, false]);
    })
    .await;
    documented("BF.RESERVE k 0.01 100 EXPANSION 4", "+OK", async |client| {
        client.bf_reserve("k", 0.01, 100).expansion(4).await.unwrap();
    })
    .await;
    documented("BF.RESERVE k 0.01 100 NONSCALING", "+OK", async |client| {
        client.bf_reserve("k", 0.01, 100).nonscaling().await.unwrap();
    })
    .await;
    let fields = "'Capacity' :100 'Size' :240 'Number of filters' :1 'Number of items inserted' :5";
    documented(
        "BF.INFO k",
        (&*format!("*10 {fields} 'Expansion rate' :2"), &*format!("%5 {fields} 'Expansion rate' :2")),
        async |client| {
            let info = client.bf_info("k").await.unwrap();
            assert_eq!((info.capacity, info.size, info.filters, info.items, info.expansion), (100, 240, 1, 5, Some(2)));
        },
    )
    .await;
    documented(
        "BF.INFO k",
        (&*format!("*10 {fields} 'Expansion rate' $-1"), &*format!("%5 {fields} 'Expansion rate' _")),
        async |client| {
            assert_eq!(client.bf_info("k").await.unwrap().expansion, None);
        },
    )
    .await;
}

#[tokio::test]
async fn bloom_filters_are_made_on_the_way_and_dumped() {
    documented("BF.INSERT k EXPANSION 3 ERROR 0.1 CAPACITY 10 ITEMS a b", ("*2 :1 :0", "*2 #t #f"), async |client| {
        let request = client.bf_insert("k", ["a", "b"]).capacity(10).error(0.1).expansion(3);
        assert_eq!(request.await.unwrap(), [true, false]);
    })
    .await;
    documented("BF.INSERT k NONSCALING NOCREATE ITEMS a b", ("*2 :1 -ERR", "*2 #t -ERR"), async |client| {
        let request = client.bf_insert("k", ["a", "b"]).nocreate().nonscaling();
        let items: Vec<Result<bool, ServerError>> = request.answer_as().await.unwrap();
        assert_eq!(items, [Ok(true), Err(ServerError::new("ERR"))]);
    })
    .await;
    documented("BF.SCANDUMP k 0", "*2 :1 'chunk'", async |client| {
        assert_eq!(client.bf_scandump("k", 0).await.unwrap(), (1, Some("chunk".to_owned())));
    })
    .await;
    documented("BF.SCANDUMP k 1", ("*2 :0 $-1", "*2 :0 _"), async |client| {
        assert_eq!(client.bf_scandump::<String>("k", 1).await.unwrap(), (0, None));
    })
    .await;
    documented("BF.LOADCHUNK k 1 chunk", "+OK", async |client| {
        client.bf_loadchunk("k", 1, "chunk").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn cuckoo_filters_answer_alike() {
    documented("CF.ADD k a", (":1", "#t"), async |client| assert!(client.cf_add("k", "a").await.unwrap())).await;
    documented("CF.ADDNX k a", (":0", "#f"), async |client| assert!(!client.cf_addnx("k", "a").await.unwrap())).await;
    documented("CF.COUNT k a", ":2", async |client| assert_eq!(client.cf_count("k", "a").await.unwrap(), 2)).await;
    documented("CF.DEL k a", (":1", "#t"), async |client| assert!(client.cf_del("k", "a").await.unwrap())).await;
    documented("CF.EXISTS k a", (":0", "#f"), async |client| assert!(!client.cf_exists("k", "a").await.unwrap())).await;
    documented("CF.MEXISTS k a b", ("*2 :1 :0", "*2 #t #f"), async |client| {
        assert_eq!(client.cf_mexists("k", ["a", "b"]).await.unwrap(), [true, false]);
    })
    .await;
    documented("CF.INSERT k CAPACITY 9 ITEMS a b", ("*2 :1 :-1", "*2 #t #f"), async |client| {
        assert_eq!(client.cf_insert("k", ["a", "b"]).capacity(9).await.unwrap(), [true, false]);
    })
    .await;
    documented("CF.INSERTNX k NOCREATE ITEMS a b c", "*3 :1 :0 :-1", async |client| {
        assert_eq!(client.cf_insertnx("k", ["a", "b", "c"]).nocreate().await.unwrap(), [1, 0, -1]);
    })
    .await;
    documented("CF.RESERVE k 10 BUCKETSIZE 4 MAXITERATIONS 5 EXPANSION 2", "+OK", async |client| {
        client.cf_reserve("k", 10).bucketsize(4).maxiterations(5).expansion(2).await.unwrap();
    })
    .await;
    documented("CF.SCANDUMP k 0", "*2 :1 'chunk'", async |client| {
        assert_eq!(client.cf_scandump("k", 0).await.unwrap(), (1, Some("chunk".to_owned())));
    })
    .await;
    documented("CF.LOADCHUNK k 1 chunk", "+OK", async |client| {
        client.cf_loadchunk("k", 1, "chunk").await.unwrap();
    })
    .await;
    for s in ["", "s"] {
        let fields = format!(
            "'Size' :1080 'Number of buckets' :512 'Number of filter{s}' :1 'Number of items inserted' :7 'Number of \
             items deleted' :2 'Bucket size' :2 'Expansion rate' :3 'Max iteration{s}' :20"
        );
        documented("CF.INFO k", (&*format!("*16 {fields}"), &*format!("%8 {fields}")), async |client| {
            let info = client.cf_info("k").await.unwrap();
            assert_eq!((info.size, info.buckets, info.filters, info.inserted), (1080, 512, 1, 7));
            assert_eq!((info.deleted, info.bucket_size, info.expansion, info.max_iterations), (2, 2, 3, 20));
        })
        .await;
    }
}

#[tokio::test]
async fn count_min_sketches_count_their_sources() {
    documented("CMS.INITBYDIM k 2000 5", "+OK", async |client| client.cms_initbydim("k", 2000, 5).await.unwrap()).await;
    documented("CMS.INITBYPROB k 0.001 0.01", "+OK", async |client| {
        client.cms_initbyprob("k", 0.001, 0.01).await.unwrap();
    })
    .await;
    documented("CMS.INCRBY k a 1 b 2", "*2 :1 :2", async |client| {
        assert_eq!(client.cms_incrby("k", [("a", 1), ("b", 2)]).await.unwrap(), [1, 2]);
    })
    .await;
    documented("CMS.QUERY k a b", "*2 :1 :2", async |client| {
        assert_eq!(client.cms_query("k", ["a", "b"]).await.unwrap(), [1, 2]);
    })
    .await;
    documented("CMS.MERGE to 2 a b WEIGHTS 1 3", "+OK", async |client| {
        let request = client.cms_merge("to", ["a", "b"]).weights([1, 3]);
        assert_eq!(request.command().keys(), [b"to", &b"a"[..], b"b"]);
        request.await.unwrap();
    })
    .await;
    let fields = "'width' :2000 'depth' :5 'count' :7";
    documented("CMS.INFO k", (&*format!("*6 {fields}"), &*format!("%3 {fields}")), async |client| {
        let info = client.cms_info("k").await.unwrap();
        assert_eq!((info.width, info.depth, info.count), (2000, 5, 7));
    })
    .await;
}

#[tokio::test]
async fn top_k_lists_tell_who_was_driven_off() {
    documented("TOPK.RESERVE k 3 50 7 0.9", "+OK", async |client| {
        client.topk_reserve("k", 3).sized(50, 7, 0.9).await.unwrap();
    })
    .await;
    documented("TOPK.ADD k a b", ("*2 $-1 'c'", "*2 _ 'c'"), async |client| {
        assert_eq!(client.topk_add::<String>("k", ["a", "b"]).await.unwrap(), [None, Some("c".to_owned())]);
    })
    .await;
    documented("TOPK.INCRBY k a 3", ("*1 $-1", "*1 _"), async |client| {
        assert_eq!(client.topk_incrby::<String>("k", ("a", 3)).await.unwrap(), [None]);
    })
    .await;
    documented("TOPK.COUNT k a", "*1 :3", async |client| {
        assert_eq!(client.topk_count("k", "a").await.unwrap(), [3]);
    })
    .await;
    documented("TOPK.QUERY k a b", ("*2 :1 :0", "*2 #t #f"), async |client| {
        assert_eq!(client.topk_query("k", ["a", "b"]).await.unwrap(), [true, false]);
    })
    .await;
    documented("TOPK.LIST k", "*2 'a' 'b'", async |client| {
        assert_eq!(client.topk_list::<String>("k").await.unwrap(), ["a", "b"]);
    })
    .await;
    documented("TOPK.LIST k WITHCOUNT", "*4 'a' :12 'b' :7", async |client| {
        let items = client.topk_list::<String>("k").withcount().await.unwrap();
        assert_eq!(items, [("a".to_owned(), 12), ("b".to_owned(), 7)]);
    })
    .await;
    let answers = ("*8 'k' :3 'width' :50 'depth' :7 'decay' '0.9'", "%4 'k' :3 'width' :50 'depth' :7 'decay' ,0.9");
    documented("TOPK.INFO k", answers, async |client| {
        let info = client.topk_info("k").await.unwrap();
        assert_eq!((info.k, info.width, info.depth, info.decay), (3, 50, 7, 0.9));
    })
    .await;
}

#[tokio::test]
async fn t_digests_answer_doubles_in_both_protocols() {
    documented("TDIGEST.CREATE k COMPRESSION 200", "+OK", async |client| {
        client.tdigest_create("k").compression(200).await.unwrap();
    })
    .await;
    documented("TDIGEST.ADD k 1.5 2", "+OK", async |client| client.tdigest_add("k", [1.5, 2.0]).await.unwrap()).await;
    documented("TDIGEST.RESET k", "+OK", async |client| client.tdigest_reset("k").await.unwrap()).await;
    documented("TDIGEST.MERGE to 2 a b COMPRESSION 9 OVERRIDE", "+OK", async |client| {
        client.tdigest_merge("to", ["a", "b"]).compression(9).overriding().await.unwrap();
    })
    .await;
    let doubles = ("*3 '1.5' 'inf' '-inf'", "*3 ,1.5 ,inf ,-inf");
    let wished = [1.5, f64::INFINITY, f64::NEG_INFINITY];
    documented("TDIGEST.BYRANK k 0 9 -1", doubles, async |client| {
        assert_eq!(client.tdigest_byrank("k", [0, 9, -1]).await.unwrap(), wished);
    })
    .await;
    documented("TDIGEST.BYREVRANK k 0 9 1", doubles, async |client| {
        assert_eq!(client.tdigest_byrevrank("k", [0, 9, 1]).await.unwrap(), wished);
    })
    .await;
    documented("TDIGEST.CDF k 1 2", ("*2 '0.5' 'nan'", "*2 ,0.5 ,nan"), async |client| {
        let parts = client.tdigest_cdf("k", [1.0, 2.0]).await.unwrap();
        assert!(parts[0] == 0.5 && parts[1].is_nan());
    })
    .await;
    documented("TDIGEST.QUANTILE k 0.5", ("*1 '3'", "*1 ,3"), async |client| {
        assert_eq!(client.tdigest_quantile("k", 0.5).await.unwrap(), [3.0]);
    })
    .await;
    documented("TDIGEST.RANK k 1 9", "*2 :-1 :4", async |client| {
        assert_eq!(client.tdigest_rank("k", [1, 9]).await.unwrap(), [-1, 4]);
    })
    .await;
    documented("TDIGEST.REVRANK k 1", "*1 :-2", async |client| {
        assert_eq!(client.tdigest_revrank("k", 1).await.unwrap(), [-2]);
    })
    .await;
    documented("TDIGEST.MIN k", ("'1'", ",1"), async |client| assert_eq!(client.tdigest_min("k").await.unwrap(), 1.0))
        .await;
    documented("TDIGEST.MAX k", ("'nan'", ",nan"), async |client| {
        assert!(client.tdigest_max("k").await.unwrap().is_nan())
    })
    .await;
    documented("TDIGEST.TRIMMED_MEAN k 0.1 0.9", ("'4.5'", ",4.5"), async |client| {
        assert_eq!(client.tdigest_trimmed_mean("k", 0.1, 0.9).await.unwrap(), 4.5);
    })
    .await;
    let fields = "'Compression' :100 'Capacity' :610 'Merged nodes' :1 'Unmerged nodes' :5 'Merged weight' :0 'Unmerged \
                  weight' :5 'Observations' :6 'Total compressions' :0 'Memory usage' :9768";
    documented("TDIGEST.INFO k", (&*format!("*18 {fields}"), &*format!("%9 {fields}")), async |client| {
        let info = client.tdigest_info("k").await.unwrap();
        assert_eq!((info.compression, info.capacity, info.observations), (100, 610, 6));
        assert_eq!((info.merged_nodes, info.unmerged_nodes, info.memory), (1, 5, 9768));
    })
    .await;
}

#[tokio::test]
async fn an_empty_list_is_not_sent() {
    documented("BF.CARD k", ":0", async |client| {
        for error in [
            client.bf_madd("k", NOTHING).await.unwrap_err(),
            client.bf_insert("k", NOTHING).nocreate().await.unwrap_err(),
            client.cf_mexists("k", NOTHING).await.unwrap_err(),
            client.cf_insertnx("k", NOTHING).nocreate().await.unwrap_err(),
            client.cms_query("k", NOTHING).await.unwrap_err(),
            client.cms_merge("k", NOTHING).await.unwrap_err(),
            client.cms_merge("k", NOTHING).weights([1]).await.unwrap_err(),
            client.cms_merge("k", "a").weights(NOTHING).await.unwrap_err(),
            client.topk_add::<String>("k", NOTHING).await.unwrap_err(),
            client.tdigest_add("k", NOTHING).await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Arguments, Fate::NotSent));
        }
        assert_eq!(client.bf_card("k").await.unwrap(), 0);
    })
    .await;
}
