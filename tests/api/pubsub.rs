//! Pub/Sub.

use steadfast::api::*;

use super::{NOTHING, beside, on_each};
use crate::live::until;

#[tokio::test]
async fn who_is_subscribed_is_counted_and_hears() {
    on_each(async |client| {
        assert_eq!(client.publish("news", "hello").await.unwrap(), 0);
        assert_eq!(client.pubsub_channels::<String>().await.unwrap(), NOTHING);
        assert_eq!(client.pubsub_numsub::<String>(NOTHING).await.unwrap(), []);
        let mut subscriber = beside(client).await;
        subscriber.call(&["SUBSCRIBE", "news"]).unwrap();
        subscriber.call(&["PSUBSCRIBE", "other*"]).unwrap();
        assert_eq!(client.pubsub_channels::<String>().await.unwrap(), ["news"]);
        assert_eq!(client.pubsub_channels::<String>().pattern("n*").await.unwrap(), ["news"]);
        assert_eq!(client.pubsub_channels::<String>().pattern("x*").await.unwrap(), NOTHING);
        assert_eq!(client.pubsub_numpat().await.unwrap(), 1);
        let numbers: Vec<(String, u64)> = client.pubsub_numsub(["news", "none"]).await.unwrap();
        assert_eq!(numbers, [("news".to_owned(), 1), ("none".to_owned(), 0)]);
        assert_eq!(client.publish("news", "hello").await.unwrap(), 1);
        assert_eq!(subscriber.reply().unwrap(), "message\nnews\nhello");
        assert!(client.pubsub_help().await.unwrap().len() > 3);
        drop(subscriber);
        until(async || client.publish("news", "gone").await.unwrap() == 0).await;
    })
    .await;
}

#[tokio::test]
async fn who_is_subscribed_to_a_shards_channel_is_counted_and_hears() {
    on_each(async |client| {
        assert_eq!(client.spublish("news", "hello").await.unwrap(), 0);
        assert_eq!(client.pubsub_shardchannels::<String>().await.unwrap(), NOTHING);
        assert_eq!(client.pubsub_shardnumsub::<String>(NOTHING).await.unwrap(), []);
        let mut subscriber = beside(client).await;
        subscriber.call(&["SSUBSCRIBE", "news"]).unwrap();
        assert_eq!(client.pubsub_shardchannels::<String>().await.unwrap(), ["news"]);
        assert_eq!(client.pubsub_shardchannels::<String>().pattern("x*").await.unwrap(), NOTHING);
        let numbers: Vec<(String, u64)> = client.pubsub_shardnumsub(("none", "news")).await.unwrap();
        assert_eq!(numbers, [("none".to_owned(), 0), ("news".to_owned(), 1)]);
        assert_eq!(client.spublish("news", "hello").await.unwrap(), 1);
        assert_eq!(subscriber.reply().unwrap(), "smessage\nnews\nhello");
        assert_eq!(client.spublish("news", "x").command().keys(), [b"news"]);
        drop(subscriber);
        until(async || client.spublish("news", "gone").await.unwrap() == 0).await;
    })
    .await;
}
