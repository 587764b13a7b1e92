//! Vector sets, by the bytes of their documentation.

use steadfast::api::*;

use super::documented;

#[tokio::test]
async fn an_element_is_added_with_its_vector() {
    documented("VADD k FP32 \u{0}\u{0}\u{0}\u{3f}\u{0}\u{0}\u{0}\u{40} e", (":1", "#t"), async |client| {
        assert!(client.vadd("k", &[0.5f32, 2.0], "e").await.unwrap());
    })
    .await;
    documented("VADD k VALUES 3 0.1 1.2 -0.5 e", (":0", "#f"), async |client| {
        assert!(!client.vadd("k", &vec![0.1, 1.2, -0.5], "e").await.unwrap());
    })
    .await;
    documented("VADD k REDUCE 2 FP32 blob e CAS NOQUANT EF 9 SETATTR {} M 8", (":1", "#t"), async |client| {
        let request = client.vadd("k", Vector::Blob(b"blob"), "e").cas().noquant().ef(9).setattr("{}").m(8).reduce(2);
        assert!(request.await.unwrap());
    })
    .await;
    for (word, quantized) in [("Q8", true), ("BIN", false)] {
        documented(&format!("VADD k VALUES 1 1 e {word}"), (":1", "#t"), async |client| {
            let request = client.vadd("k", &[1.0][..], "e");
            assert!(if quantized { request.q8() } else { request.bin() }.await.unwrap());
        })
        .await;
    }
    documented("VREM k e", (":0", "#f"), async |client| assert!(!client.vrem("k", "e").await.unwrap())).await;
}

#[tokio::test]
async fn similar_elements_come_with_what_is_asked_for() {
    documented("VSIM k FP32 blob COUNT 2", "*2 'a' 'b'", async |client| {
        let names: Vec<String> = client.vsim("k", Vector::Blob(b"blob")).count(2).await.unwrap();
        assert_eq!(names, ["a", "b"]);
    })
    .await;
    documented("VSIM none VALUES 2 1 2", "*0", async |client| {
        assert_eq!(client.vsim::<String>("none", &[1.0, 2.0]).await.unwrap(), [""; 0]);
    })
    .await;
    let scored = ("*4 'a' '1' 'b' '0.85'", "%2 'a' ,1 'b' ,0.85");
    documented("VSIM k ELE a WITHSCORES EPSILON 0.2 EF 50", scored, async |client| {
        let found = client.vsim_element::<String>("k", "a").withscores().epsilon(0.2).ef(50).await.unwrap();
        assert_eq!(found, [("a".to_owned(), 1.0), ("b".to_owned(), 0.85)]);
    })
    .await;
    let attributes = ("*4 'a' '{}' 'b' $-1", "%2 'a' '{}' 'b' _");
    documented("VSIM k ELE a WITHATTRIBS FILTER '.y > 1' FILTER-EF 5", attributes, async |client| {
        let request = client.vsim_element::<String>("k", "a").withattribs::<String>();
        let found = request.filter(".y > 1").filter_ef(5).await.unwrap();
        assert_eq!(found, [("a".to_owned(), Some("{}".to_owned())), ("b".to_owned(), None)]);
    })
    .await;
    let both = ("*6 'a' '1' '{}' 'b' '0.85' $-1", "%2 'a' *2 ,1 '{}' 'b' *2 ,0.85 _");
    let wished = [("a".to_owned(), 1.0, Some("{}".to_owned())), ("b".to_owned(), 0.85, None)];
    documented("VSIM k ELE a WITHSCORES WITHATTRIBS TRUTH", both, async |client| {
        let request = client.vsim_element::<String>("k", "a").withscores().withattribs::<String>().truth();
        assert_eq!(request.await.unwrap(), wished);
    })
    .await;
    documented("VSIM k ELE a WITHATTRIBS WITHSCORES NOTHREAD", both, async |client| {
        let request = client.vsim_element::<String>("k", "a").withattribs::<String>().withscores().nothread();
        assert_eq!(request.await.unwrap(), wished);
    })
    .await;
}

#[tokio::test]
async fn a_vector_comes_back_whole_or_raw() {
    documented("VEMB k e", ("*2 '0.5' '-1'", "*2 ,0.5 ,-1"), async |client| {
        assert_eq!(client.vemb("k", "e").await.unwrap(), Some(vec![0.5, -1.0]));
    })
    .await;
    documented("VEMB k none", ("*-1", "_"), async |client| {
        assert_eq!(client.vemb("k", "none").await.unwrap(), None);
    })
    .await;
    documented("VEMB k e RAW", ("*4 +q8 'ab' '3.5' '0.25'", "*4 +q8 'ab' ,3.5 ,0.25"), async |client| {
        let raw = client.vemb("k", "e").raw().await.unwrap().unwrap();
        assert_eq!((raw.quantization.as_str(), &raw.blob[..]), ("q8", &b"ab"[..]));
        assert_eq!((raw.norm, raw.range), (3.5, Some(0.25)));
    })
    .await;
    documented("VEMB k e RAW", ("*3 +bin 'ab' '3.5'", "*3 +bin 'ab' ,3.5"), async |client| {
        assert_eq!(client.vemb("k", "e").raw().await.unwrap().unwrap().range, None);
    })
    .await;
}

#[tokio::test]
async fn a_set_tells_of_itself() {
    documented("VCARD k", ":3", async |client| assert_eq!(client.vcard("k").await.unwrap(), 3)).await;
    documented("VDIM k", ":300", async |client| assert_eq!(client.vdim("k").await.unwrap(), 300)).await;
    documented("VISMEMBER k e", (":1", "#t"), async |client| assert!(client.vismember("k", "e").await.unwrap())).await;
    let fields = "+quant-type +int8 +vector-dim :300 +size :3000000 +max-level :12 +new *1 :1 +hnsw-m :16";
    documented("VINFO k", (&*format!("*12 {fields}"), &*format!("%6 {fields}")), async |client| {
        let info = client.vinfo("k").await.unwrap().unwrap();
        assert_eq!(
            (info.quantization.as_str(), info.dimensions, info.size, info.max_level),
            ("int8", 300, 3_000_000, 12)
        );
        assert_eq!((info.max_links, info.attributes), (Some(16), None));
    })
    .await;
    documented("VINFO none", ("*-1", "_"), async |client| {
        assert_eq!(client.vinfo("none").await.unwrap(), None);
    })
    .await;
    documented("VLINKS k e", "*2 *2 'a' 'b' *1 'c'", async |client| {
        let layers: Option<Vec<Vec<String>>> = client.vlinks("k", "e").await.unwrap();
        assert_eq!(layers.unwrap(), [vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]]);
    })
    .await;
    documented("VLINKS k e WITHSCORES", ("*2 *2 'a' '0.5' *0", "*2 %1 'a' ,0.5 %0"), async |client| {
        let layers = client.vlinks::<String>("k", "e").withscores().await.unwrap();
        assert_eq!(layers.unwrap(), [vec![("a".to_owned(), 0.5)], vec![]]);
    })
    .await;
    documented("VLINKS k none", ("$-1", "_"), async |client| {
        assert_eq!(client.vlinks::<String>("k", "none").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn elements_have_attributes_and_come_at_random() {
    documented("VSETATTR k e '{\"y\": 1}'", (":1", "#t"), async |client| {
        assert!(client.vsetattr("k", "e", "{\"y\": 1}").await.unwrap());
    })
    .await;
    documented("VGETATTR k e", "'{\"y\": 1}'", async |client| {
        assert_eq!(client.vgetattr::<String>("k", "e").await.unwrap(), Some("{\"y\": 1}".to_owned()));
    })
    .await;
    documented("VGETATTR k none", ("$-1", "_"), async |client| {
        assert_eq!(client.vgetattr::<String>("k", "none").await.unwrap(), None);
    })
    .await;
    documented("VRANDMEMBER k", "'e'", async |client| {
        assert_eq!(client.vrandmember::<String>("k").await.unwrap(), Some("e".to_owned()));
    })
    .await;
    documented("VRANDMEMBER none", ("$-1", "_"), async |client| {
        assert_eq!(client.vrandmember::<String>("none").await.unwrap(), None);
    })
    .await;
    documented("VRANDMEMBER k -2", "*2 'e' 'e'", async |client| {
        assert_eq!(client.vrandmember::<String>("k").count(-2).await.unwrap(), ["e", "e"]);
    })
    .await;
}
