//! Places on the earth.

use steadfast::api::*;
use steadfast::{Client, Effect};

use super::{NOTHING, documented, not_sent, on_each, was_answered};

const PALERMO: GeoPosition = GeoPosition { longitude: 13.361389, latitude: 38.115556 };
const CATANIA: GeoPosition = GeoPosition { longitude: 15.087269, latitude: 37.502669 };
const MIDDLE: GeoPosition = GeoPosition { longitude: 15.0, latitude: 37.0 };
const WIDE: GeoShape = GeoShape::Radius(200.0, GeoUnit::Kilometers);

async fn sicily(client: &Client) {
    assert_eq!(client.geoadd("s", [(PALERMO, "Palermo"), (CATANIA, "Catania")]).await.unwrap(), 2);
    assert_eq!(client.geoadd("s", (12.758489, 38.788135, "edge")).await.unwrap(), 1);
}

fn near(one: f64, other: f64, error: f64) -> bool {
    (one - other).abs() < error
}

#[tokio::test]
async fn members_are_added_and_have_positions() {
    on_each(async |client| {
        sicily(client).await;
        let found = client.geopos("s", ["Palermo", "nowhere"]).await.unwrap();
        let [Some(palermo), None] = found[..] else { panic!("{found:?}") };
        assert!(near(palermo.longitude, PALERMO.longitude, 1e-5) && near(palermo.latitude, PALERMO.latitude, 1e-5));
        assert_eq!(client.geopos("none", ["a", "b"]).await.unwrap(), [None, None]);
        let hashes = client.geohash("s", ["Palermo", "nowhere", "Catania"]).await.unwrap();
        assert_eq!(hashes, [Some("sqc8b49rny0".to_owned()), None, Some("sqdtr74hyu0".to_owned())]);
        assert_eq!(client.geohash("none", "a").await.unwrap(), [None]);

        assert!(near(client.geodist("s", "Palermo", "Catania").await.unwrap().unwrap(), 166_274.0, 1.0));
        for (unit, far) in [
            (GeoUnit::Meters, 166_274.0),
            (GeoUnit::Kilometers, 166.27),
            (GeoUnit::Miles, 103.3),
            (GeoUnit::Feet, 545_518.0),
        ] {
            let found = client.geodist("s", "Palermo", "Catania").unit(unit).await.unwrap().unwrap();
            assert!(near(found, far, far / 1000.0), "{unit:?} {found}");
        }
        assert_eq!(client.geodist("s", "Palermo", "nowhere").await.unwrap(), None);
        assert_eq!(client.geodist("none", "a", "b").await.unwrap(), None);

        assert_eq!(client.geoadd("s", (CATANIA, "Palermo")).nx().await.unwrap(), 0);
        assert_eq!(client.geoadd("s", (CATANIA, "new")).xx().await.unwrap(), 0);
        assert!(client.geodist("s", "Palermo", "Catania").await.unwrap().unwrap() > 1.0);
        assert_eq!(client.geoadd("s", [(CATANIA, "Palermo"), (CATANIA, "Catania")]).ch().await.unwrap(), 1);
        assert_eq!(client.geodist("s", "Palermo", "Catania").await.unwrap(), Some(0.0));
        assert_eq!(client.geodist("s", "Palermo", "new").await.unwrap(), None);
        assert_eq!(client.geoadd("s", (CATANIA, "x")).nx().command().effect(), Effect::ConditionalWrite);
    })
    .await;
}

#[tokio::test]
async fn members_are_searched_in_shapes() {
    on_each(async |client| {
        sicily(client).await;
        let found: Vec<String> = client.geosearch("s", MIDDLE, WIDE).asc().await.unwrap();
        assert_eq!(found, ["Catania", "Palermo"]);
        assert_eq!(client.geosearch::<String>("s", MIDDLE, WIDE).desc().await.unwrap(), ["Palermo", "Catania"]);
        const WIDER: GeoShape = GeoShape::Box(400.0, 400.0, GeoUnit::Kilometers);
        assert_eq!(client.geosearch::<String>("s", MIDDLE, WIDER).asc().await.unwrap(), ["Catania", "Palermo", "edge"]);
        assert_eq!(client.geosearch::<String>("s", MIDDLE, WIDER).desc().count(1).await.unwrap(), ["edge"]);
        assert_eq!(client.geosearch::<String>("s", MIDDLE, WIDER).count(1).await.unwrap(), ["Catania"]);
        assert_eq!(client.geosearch::<String>("s", MIDDLE, WIDER).count(2).any().await.unwrap().len(), 2);
        let around = GeoShape::Radius(100.0, GeoUnit::Miles);
        let found: Vec<String> = client.geosearch("s", FromMember("Palermo"), around).asc().await.unwrap();
        assert_eq!(found, ["Palermo", "edge"]);
        assert_eq!(client.geosearch::<String>("none", MIDDLE, WIDE).await.unwrap(), NOTHING);
        assert_eq!(client.geosearch::<String>("none", MIDDLE, WIDE).withdist().await.unwrap(), []);
        let nowhere = client.geosearch::<String>("s", FromMember("nowhere"), WIDE).await;
        was_answered(nowhere, "ERR could not decode requested zset member");
    })
    .await;
}

#[tokio::test]
async fn searches_answer_the_details_that_were_asked_for() {
    on_each(async |client| {
        sicily(client).await;
        let found: Vec<GeoFound> =
            client.geosearch("s", MIDDLE, WIDE).withcoord().withdist().withhash().asc().await.unwrap();
        let [catania, palermo] = &found[..] else { panic!("{found:?}") };
        assert_eq!((catania.member.as_str(), palermo.member.as_str()), ("Catania", "Palermo"));
        assert_eq!((catania.distance, palermo.distance), (Some(56.4413), Some(190.4424)));
        assert_eq!((catania.hash, palermo.hash), (Some(3479447370796909), Some(3479099956230698)));
        let position = catania.position.unwrap();
        assert!(near(position.longitude, CATANIA.longitude, 1e-5) && near(position.latitude, CATANIA.latitude, 1e-5));

        let only: Vec<GeoFound> = client.geosearch("s", MIDDLE, WIDE).withdist().count(1).await.unwrap();
        assert_eq!((only[0].distance, only[0].hash, only[0].position), (Some(56.4413), None, None));
        let only: Vec<GeoFound> = client.geosearch("s", MIDDLE, WIDE).withhash().count(1).await.unwrap();
        assert_eq!((only[0].distance, only[0].hash, only[0].position), (None, Some(3479447370796909), None));
        let only: Vec<GeoFound> = client.geosearch("s", MIDDLE, WIDE).withcoord().count(1).await.unwrap();
        assert_eq!((only[0].distance, only[0].hash, only[0].position), (None, None, Some(position)));
    })
    .await;
}

#[tokio::test]
async fn searches_are_stored() {
    on_each(async |client| {
        sicily(client).await;
        assert_eq!(client.geosearchstore("to", "s", MIDDLE, WIDE).await.unwrap(), 2);
        assert_eq!(client.zscore("to", "Catania").await.unwrap(), Some(3479447370796909.0));
        assert_eq!(client.geosearchstore("to", "s", MIDDLE, WIDE).desc().count(1).storedist().await.unwrap(), 1);
        let stored: Vec<(String, f64)> = client.zrange("to", 0, -1).withscores().await.unwrap();
        assert!(stored.len() == 1 && stored[0].0 == "Palermo" && near(stored[0].1, 190.4424, 0.001), "{stored:?}");
        let stored = client.geosearchstore("to", "s", FromMember("edge"), GeoShape::Radius(1.0, GeoUnit::Meters)).await;
        assert_eq!((stored.unwrap(), client.zcard("to").await.unwrap()), (1, 1));
        assert_eq!(client.geosearchstore("to", "none", MIDDLE, WIDE).asc().await.unwrap(), 0);
        assert_eq!(client.exists("to").await.unwrap(), 0);
        let request = client.geosearchstore("to", "s", MIDDLE, WIDE).count(3).any();
        assert_eq!(request.command().keys(), [b"to".as_slice(), b"s"]);
        assert_eq!(request.await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn searches_by_their_old_names_are_the_same() {
    on_each(async |client| {
        sicily(client).await;
        let far = (200.0, GeoUnit::Kilometers);
        let found: Vec<String> = client.georadius("s", MIDDLE, far.0, far.1).asc().await.unwrap();
        assert_eq!(found, ["Catania", "Palermo"]);
        let found: Vec<String> = client.georadius_ro("s", MIDDLE, far.0, far.1).desc().await.unwrap();
        assert_eq!(found, ["Palermo", "Catania"]);
        let found: Vec<GeoFound> =
            client.georadius("s", MIDDLE, far.0, far.1).withdist().withhash().count(1).await.unwrap();
        assert_eq!((found[0].member.as_str(), found[0].distance), ("Catania", Some(56.4413)));
        for with in [
            client.georadius::<String>("s", MIDDLE, far.0, far.1).withcoord().count(1).await.unwrap(),
            client.georadius_ro::<String>("s", MIDDLE, far.0, far.1).withcoord().count(1).await.unwrap(),
        ] {
            assert!(with[0].position.is_some() && with[0].hash.is_none());
        }
        let with = client.georadius::<String>("s", MIDDLE, far.0, far.1).withhash().count(1).any().await.unwrap();
        assert!(with[0].hash.is_some());

        let found: Vec<String> = client.georadiusbymember("s", "edge", 100.0, GeoUnit::Kilometers).asc().await.unwrap();
        assert_eq!(found, ["edge", "Palermo"]);
        let found: Vec<String> = client.georadiusbymember_ro("s", "edge", 1.0, GeoUnit::Feet).await.unwrap();
        assert_eq!(found, ["edge"]);
        assert_eq!(client.georadius::<String>("none", MIDDLE, far.0, far.1).await.unwrap(), NOTHING);
        // Replicas take only these.
        for read_only in [
            client.georadius_ro::<String>("s", MIDDLE, far.0, far.1).command(),
            client.georadiusbymember_ro::<String>("s", "edge", far.0, far.1).command(),
        ] {
            assert!(read_only.facts().is_read_only(), "{}", read_only.name());
        }

        assert_eq!(client.georadius::<String>("s", MIDDLE, far.0, far.1).store("to").await.unwrap(), 2);
        assert_eq!(client.zscore("to", "Catania").await.unwrap(), Some(3479447370796909.0));
        let stored = client.georadiusbymember::<String>("s", "edge", 100.0, GeoUnit::Kilometers).storedist("to").await;
        assert_eq!((stored.unwrap(), client.zscore("to", "edge").await.unwrap()), (2, Some(0.0)));
        let storing = client.georadius::<String>("s", MIDDLE, far.0, far.1).count(1).store("to");
        assert_eq!(storing.command().effect(), Effect::LastWriteWins);
        assert_eq!(storing.command().keys(), [b"s".as_slice(), b"to"]);
        assert_eq!(client.georadius::<String>("s", MIDDLE, far.0, far.1).command().effect(), Effect::Read);
    })
    .await;
}

#[tokio::test]
async fn places_of_nothing_are_not_sent() {
    on_each(async |client| {
        not_sent(client.geoadd("s", NOTHING)).await;
        not_sent(client.geoadd("s", NOTHING).nx().ch().xx()).await;
        // Servers take these without members.
        assert_eq!(client.geopos("s", NOTHING).await.unwrap(), []);
        assert_eq!(client.geohash("s", NOTHING).await.unwrap(), []);
        was_answered(client.geoadd("s", (f64::NAN, 1.0, "x")).await, "ERR value is not a valid float");
        was_answered(client.geoadd("s", (181.0, 1.0, "x")).await, "ERR invalid longitude,latitude pair");
    })
    .await;
}

#[tokio::test]
async fn polygons_have_no_origin() {
    let corners = || GeoShape::Polygon(vec![PALERMO, CATANIA, MIDDLE]);
    let sent = "BYPOLYGON 3 13.361389 38.115556 15.087269 37.502669 15 37";
    documented(&format!("GEOSEARCH s {sent} ASC"), "*1 'a'", async |client| {
        assert_eq!(client.geosearch::<String>("s", (), corners()).asc().await.unwrap(), ["a"]);
    })
    .await;
    documented(&format!("GEOSEARCHSTORE to s {sent}"), ":1", async |client| {
        assert_eq!(client.geosearchstore("to", "s", (), corners()).await.unwrap(), 1);
    })
    .await;
}
