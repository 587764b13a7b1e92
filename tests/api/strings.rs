//! Strings.

use std::time::{Duration, SystemTime};

use steadfast::api::*;

use super::on_each;

#[tokio::test]
async fn set_does_what_its_options_say() {
    on_each(async |client| {
        assert!(client.set("k", "1").nx().await.unwrap());
        assert!(!client.set("k", "2").nx().await.unwrap());
        assert!(!client.set("none", "2").xx().await.unwrap());
        assert_eq!(client.set("k", "3").get::<String>().await.unwrap(), Some("1".to_owned()));
        client.set("k", "4").ex(Duration::from_millis(90_000)).await.unwrap();
        client.set("k", "5").keepttl().await.unwrap();
        assert!(client.ttl("k").await.unwrap().left().unwrap() > Duration::from_secs(80));
        client.set("k", "6").exat(SystemTime::now() + Duration::from_secs(1000)).await.unwrap();
        assert!(client.ttl("k").await.unwrap().left().unwrap() > Duration::from_secs(900));
    })
    .await;
}
