//! fred with its default features; GET into `Bytes` (a slice of its read buffer).

use bytes::Bytes;
use fred::{prelude::*, types::CustomCommand};

use super::fault_client::{Failure, FaultClient, Site};

#[derive(Clone)]
pub struct Fred(fred::prelude::Client);

impl super::Client for Fred {
    async fn connect(port: u16) -> Self {
        let config = Config::from_url(&format!("redis://127.0.0.1:{port}")).expect("a valid URL");
        let client = Builder::from_config(config).build().expect("a valid configuration");
        client.init().await.expect("connect");
        Self(client)
    }

    async fn get(&mut self, key: &str) -> usize {
        let value: Bytes = self.0.get(key).await.expect("GET answered");
        value.len()
    }

    async fn set(&mut self, key: &str, value: &Bytes) {
        let () = self.0.set(key, value.clone(), None, None, false).await.expect("SET answered");
    }

    async fn pipeline_set(&mut self, keys: &[String], value: &Bytes) {
        let pipeline = self.0.pipeline();
        for key in keys {
            let () = pipeline.set(key, value.clone(), None, None, false).await.expect("queued");
        }
        let () = pipeline.all().await.expect("pipeline answered");
    }

    async fn lrange(&mut self, key: &str) -> usize {
        let items: Vec<Bytes> = self.0.lrange(key, 0, -1).await.expect("LRANGE answered");
        items.len()
    }

    async fn lrange_strings(&mut self, key: &str) -> usize {
        let items: Vec<String> = self.0.lrange(key, 0, -1).await.expect("LRANGE answered");
        items.len()
    }
}

impl FaultClient for Fred {
    async fn connect(site: Site) -> Result<Self, String> {
        let config = Config::from_url(&site.url()).expect("a valid URL");
        let mut builder = Builder::from_config(config);
        builder
            .with_performance_config(|config| config.default_command_timeout = site.limit)
            .with_connection_config(|config| config.connection_timeout = site.limit)
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 30_000, 2));
        let client = builder.build().expect("a valid configuration");
        client.init().await.map_err(|error| error.to_string())?;
        Ok(Self(client))
    }

    async fn get(&mut self, key: &str) -> Result<(), Failure> {
        let value: Result<Option<Bytes>, _> = self.0.get(key).await;
        value.map(drop).map_err(Failure::new)
    }

    async fn incr(&mut self, key: &str) -> Result<i64, Failure> {
        self.0.incr(key).await.map_err(Failure::new)
    }

    async fn echo(&mut self, message: &Bytes) -> Result<usize, Failure> {
        let command = CustomCommand::new_static("ECHO", None, false);
        let value: Bytes = self.0.custom(command, vec![message.clone()]).await.map_err(Failure::new)?;
        Ok(value.len())
    }
}
