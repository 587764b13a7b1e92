//! Clusters: real ones, asked through one client.

mod support;

use steadfast::api::{Keys, Strings};
use steadfast::{Client, Error, ErrorKind, Fate};
use support::{Cluster, Kind};

fn kinds() -> [Kind; 2] {
    [Kind::Redis, Kind::Valkey]
}

#[tokio::test]
async fn commands_find_the_nodes_that_have_their_keys() {
    for kind in kinds() {
        let cluster = Cluster::build(kind).primaries(3).replicas(3).start();
        let client = Client::connect(cluster.url()).await.unwrap();
        for number in 0..300 {
            client.set(format!("key:{number}"), number).await.unwrap();
        }
        for number in 0..300 {
            assert_eq!(client.get::<u32>(format!("key:{number}")).await.unwrap(), Some(number));
        }
        let mut pipeline = client.pipeline();
        let queued: Vec<_> = (0..300).map(|number| pipeline.get::<u32>(format!("key:{number}")).queue()).collect();
        let values = pipeline.execute().await.get(queued).unwrap();
        assert_eq!(values, (0..300).map(Some).collect::<Vec<_>>());
        let mut transaction = client.transaction();
        let (set, got) = (transaction.set("{t}a", 1).queue(), transaction.incr("{t}a").queue());
        let results = transaction.execute().await.unwrap();
        results.get(set).unwrap();
        assert_eq!(results.get(got).unwrap(), 2);
        let mut crossing = client.transaction();
        let _queued = (crossing.set("a", 1).queue(), crossing.set("b", 1).queue());
        let error = crossing.execute().await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::CrossSlot, Fate::NotSent), "{error}");
        let gone: Result<_, Error> = client.del("{t}a").await;
        assert_eq!(gone.unwrap(), 1);
    }
}
