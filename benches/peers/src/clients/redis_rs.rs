//! redis-rs, both release lines: the multiplexed connection, GET into `Vec<u8>` (the parser's own payload, moved).

use bytes::Bytes;

use super::{
    Client,
    fault_client::{Failure, FaultClient, Site},
};

macro_rules! adapter {
    ($name:ident, $managed:ident, $redis:ident) => {
        #[derive(Clone)]
        pub struct $name($redis::aio::MultiplexedConnection);

        impl Client for $name {
            async fn connect(port: u16) -> Self {
                let client = $redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a valid URL");
                Self(client.get_multiplexed_async_connection().await.expect("connect"))
            }

            async fn get(&mut self, key: &str) -> usize {
                let value: Vec<u8> = $redis::cmd("GET").arg(key).query_async(&mut self.0).await.expect("GET answered");
                value.len()
            }

            async fn set(&mut self, key: &str, value: &Bytes) {
                $redis::cmd("SET").arg(key).arg(&value[..]).exec_async(&mut self.0).await.expect("SET answered");
            }

            async fn pipeline_set(&mut self, keys: &[String], value: &Bytes) {
                let mut pipeline = $redis::Pipeline::new();
                for key in keys {
                    pipeline.set(key, &value[..]).ignore();
                }
                pipeline.exec_async(&mut self.0).await.expect("pipeline answered");
            }

            async fn lrange(&mut self, key: &str) -> usize {
                let items: Vec<Vec<u8>> = $redis::cmd("LRANGE")
                    .arg(key)
                    .arg(0)
                    .arg(-1)
                    .query_async(&mut self.0)
                    .await
                    .expect("LRANGE answered");
                items.len()
            }

            async fn lrange_strings(&mut self, key: &str) -> usize {
                let items: Vec<String> = $redis::cmd("LRANGE")
                    .arg(key)
                    .arg(0)
                    .arg(-1)
                    .query_async(&mut self.0)
                    .await
                    .expect("LRANGE answered");
                items.len()
            }
        }

        /// The connection manager, with its own schedule of reconnects.
        #[derive(Clone)]
        pub struct $managed($redis::aio::ConnectionManager);

        impl FaultClient for $managed {
            async fn connect(site: Site) -> Result<Self, String> {
                let client = $redis::Client::open(site.url()).expect("a valid URL");
                let config = $redis::aio::ConnectionManagerConfig::new()
                    .set_response_timeout(Some(site.limit))
                    .set_connection_timeout(Some(site.limit));
                let manager = client.get_connection_manager_with_config(config).await;
                manager.map(Self).map_err(|error| error.to_string())
            }

            async fn get(&mut self, key: &str) -> Result<(), Failure> {
                let value: Result<Option<Vec<u8>>, _> = $redis::cmd("GET").arg(key).query_async(&mut self.0).await;
                value.map(drop).map_err(Failure::new)
            }

            async fn incr(&mut self, key: &str) -> Result<i64, Failure> {
                $redis::cmd("INCR").arg(key).query_async(&mut self.0).await.map_err(Failure::new)
            }

            async fn echo(&mut self, message: &Bytes) -> Result<usize, Failure> {
                let value: Result<Vec<u8>, _> = $redis::cmd("ECHO").arg(&message[..]).query_async(&mut self.0).await;
                value.map(|value| value.len()).map_err(Failure::new)
            }
        }
    };
}

adapter!(Redis1, Managed1, redis1);
adapter!(Redis2, Managed2, redis2);
