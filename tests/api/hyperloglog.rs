//! HyperLogLog.

use steadfast::api::*;

use super::{NOTHING, not_sent, on_each};

#[tokio::test]
async fn different_elements_are_counted() {
    on_each(async |client| {
        assert!(client.pfadd("monday", ["alice", "bob"]).await.unwrap());
        assert!(!client.pfadd("monday", "alice").await.unwrap(), "nothing new");
        assert!(client.pfadd("tuesday", ["bob", "carol"]).await.unwrap());
        assert!(client.pfadd("empty", NOTHING).await.unwrap(), "the key is new");
        assert!(!client.pfadd("empty", NOTHING).await.unwrap());
        assert_eq!(client.pfcount("monday").await.unwrap(), 2);
        assert_eq!(client.pfcount(["monday", "tuesday"]).await.unwrap(), 3);
        assert_eq!(client.pfcount("none").await.unwrap(), 0);
        client.pfmerge("both", ["monday", "tuesday"]).await.unwrap();
        assert_eq!(client.pfcount("both").await.unwrap(), 3);
        client.pfmerge("alone", NOTHING).await.unwrap();
        assert_eq!(client.pfcount("alone").await.unwrap(), 0);
        assert_eq!(client.exists(["empty", "alone"]).await.unwrap(), 2);
        not_sent(client.pfcount(NOTHING)).await;
        assert_eq!(client.pfmerge("d", ["a", "b"]).command().keys(), [b"d", b"a", b"b"]);
    })
    .await;
}
