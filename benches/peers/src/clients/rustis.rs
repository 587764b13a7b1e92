//! rustis; GET into its `BulkString` (an owned copy: its replies convert through serde only).

use bytes::Bytes;
use rustis::{
    client::BatchPreparedCommand,
    commands::{ConnectionCommands, ListCommands, StringCommands},
    resp::{BulkString, RefBulkString},
};

use super::fault_client::{Failure, FaultClient, Site};

#[derive(Clone)]
pub struct Rustis(rustis::client::Client);

impl super::Client for Rustis {
    async fn connect(port: u16) -> Self {
        let client = rustis::client::Client::connect(format!("redis://127.0.0.1:{port}")).await;
        Self(client.expect("connect"))
    }

    async fn get(&mut self, key: &str) -> usize {
        let value: BulkString = self.0.get(key).await.expect("GET answered");
        value.len()
    }

    async fn set(&mut self, key: &str, value: &Bytes) {
        self.0.set(key, RefBulkString::new(value)).await.expect("SET answered");
    }

    async fn pipeline_set(&mut self, keys: &[String], value: &Bytes) {
        let mut pipeline = self.0.create_pipeline();
        pipeline.reserve(keys.len());
        for key in keys {
            pipeline.set(key, RefBulkString::new(value)).queue();
        }
        let _: Vec<()> = pipeline.execute().await.expect("pipeline answered");
    }

    async fn lrange(&mut self, key: &str) -> usize {
        let items: Vec<BulkString> = self.0.lrange(key, 0, -1).await.expect("LRANGE answered");
        items.len()
    }

    async fn lrange_strings(&mut self, key: &str) -> usize {
        let items: Vec<String> = self.0.lrange(key, 0, -1).await.expect("LRANGE answered");
        items.len()
    }
}

impl FaultClient for Rustis {
    async fn connect(site: Site) -> Result<Self, String> {
        let limit = site.limit.as_millis();
        let url = format!("{}?connect_timeout={limit}&command_timeout={limit}", site.url());
        rustis::client::Client::connect(url).await.map(Self).map_err(|error| error.to_string())
    }

    async fn get(&mut self, key: &str) -> Result<(), Failure> {
        let value: Result<Option<BulkString>, _> = self.0.get(key).await;
        value.map(drop).map_err(Failure::new)
    }

    async fn incr(&mut self, key: &str) -> Result<i64, Failure> {
        self.0.incr(key).await.map_err(Failure::new)
    }

    async fn echo(&mut self, message: &Bytes) -> Result<usize, Failure> {
        let value: Result<BulkString, _> = self.0.echo(RefBulkString::new(message)).await;
        value.map(|value| value.len()).map_err(Failure::new)
    }
}
