//! `steadfast`; GET and LRANGE into `Bytes`.

use bytes::Bytes;
use steadfast::Config;
use steadfast::api::{Connection, Lists, Strings};

use super::fault_client::{Failure, FaultClient, Site};

#[derive(Clone)]
pub struct Steadfast(steadfast::Client);

impl super::Client for Steadfast {
    async fn connect(port: u16) -> Self {
        let client = steadfast::Client::connect(&format!("redis://127.0.0.1:{port}")).await;
        Self(client.expect("connect"))
    }

    async fn get(&mut self, key: &str) -> usize {
        let value: Option<Bytes> = self.0.get::<Bytes>(key).await.expect("GET answered");
        value.expect("the key exists").len()
    }

    async fn set(&mut self, key: &str, value: &Bytes) {
        self.0.set(key, value).await.expect("SET answered");
    }

    async fn pipeline_set(&mut self, keys: &[String], value: &Bytes) {
        let mut pipeline = self.0.pipeline();
        for key in keys {
            let _ = pipeline.set(key, value).queue();
        }
        for answer in pipeline.execute().await.iter::<()>() {
            answer.expect("pipeline answered");
        }
    }

    async fn lrange(&mut self, key: &str) -> usize {
        let items: Vec<Bytes> = self.0.lrange::<Bytes>(key, 0, -1).await.expect("LRANGE answered");
        items.len()
    }

    async fn lrange_strings(&mut self, key: &str) -> usize {
        let items: Vec<String> = self.0.lrange::<String>(key, 0, -1).await.expect("LRANGE answered");
        items.len()
    }
}

impl FaultClient for Steadfast {
    async fn connect(site: Site) -> Result<Self, String> {
        let config: Config = site.url().parse().expect("a valid URL");
        let config = config.with_deadline(site.limit).with_connect_timeout(site.limit);
        steadfast::Client::connect(config).await.map(Self).map_err(|error| error.to_string())
    }

    async fn get(&mut self, key: &str) -> Result<(), Failure> {
        self.0.get::<Bytes>(key).await.map(drop).map_err(failure)
    }

    async fn incr(&mut self, key: &str) -> Result<i64, Failure> {
        self.0.incr(key).await.map_err(failure)
    }

    async fn echo(&mut self, message: &Bytes) -> Result<usize, Failure> {
        let value: Result<Bytes, _> = self.0.echo(message).await;
        value.map(|value| value.len()).map_err(failure)
    }
}

pub(super) fn failure(error: steadfast::Error) -> Failure {
    Failure { fate: Some(error.fate()), ..Failure::new(error) }
}
