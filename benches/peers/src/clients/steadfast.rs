//! `steadfast`; GET and LRANGE into `Bytes`.

use bytes::Bytes;
use steadfast::Config;
use steadfast::api::{Lists, Strings};

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

impl super::FaultClient for Steadfast {
    async fn connect(port: u16) -> Self {
        let config = Config::tcp("127.0.0.1", port).with_deadline(super::FAULT_TIMEOUT);
        Self(steadfast::Client::connect(config).await.expect("connect"))
    }

    async fn get(&mut self, key: &str) -> Result<(), String> {
        self.0.get::<Bytes>(key).await.map(drop).map_err(|error| error.to_string())
    }

    async fn incr(&mut self, key: &str) -> Result<i64, String> {
        self.0.incr(key).await.map_err(|error| error.to_string())
    }
}
