//! The clients of a cluster, for the works and for the faults. Each is used as its documentation shows, with GET into the
//! same type as on one server.

use std::{
    future::Future,
    ops::Deref,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;

use super::{Client, fault_client::Failure, steadfast::failure};
use crate::work::Work;

/// A client of a cluster. Errors are answers here.
pub trait ClusterClient: Clone + Send + Sync + Sized + 'static {
    type Value: Deref<Target = [u8]> + Send;

    fn connect(site: ClusterSite) -> impl Future<Output = Result<Self, String>> + Send;

    fn get(&mut self, key: &str) -> impl Future<Output = Result<Option<Self::Value>, Failure>> + Send;

    fn mset(&mut self, pairs: Vec<(String, String)>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Sharded. The subscription lasts as long as the client.
    fn ssubscribe(&mut self, channel: String) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What a client is told of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct ClusterSite {
    /// The port of one node. The others are to be found.
    pub seed: u16,
    /// For a command, and for a connect; `None` leaves everything as it is by default.
    pub limit: Option<Duration>,
    pub subscriptions: Subscriptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscriptions {
    Unused,
    /// On the connection that has the commands, where the client lets one choose.
    Used,
}

/// The works on a cluster.
#[derive(Clone)]
pub struct Clustered<C>(C);

impl<C: ClusterClient> Client for Clustered<C> {
    fn supports(work: Work) -> bool {
        matches!(work, Work::Get64 | Work::Get1000 | Work::Allocations)
    }

    async fn connect(port: u16) -> Self {
        let site = ClusterSite { seed: port, limit: None, subscriptions: Subscriptions::Unused };
        Self(C::connect(site).await.expect("connect"))
    }

    async fn get(&mut self, key: &str) -> usize {
        let value = self.0.get(key).await.expect("GET answered");
        value.expect("the key exists").len()
    }

    async fn set(&mut self, _key: &str, _value: &Bytes) {
        unimplemented!("see supports()")
    }

    async fn pipeline_set(&mut self, _keys: &[String], _value: &Bytes) {
        unimplemented!("see supports()")
    }

    async fn lrange(&mut self, _key: &str) -> usize {
        unimplemented!("see supports()")
    }

    async fn lrange_strings(&mut self, _key: &str) -> usize {
        unimplemented!("see supports()")
    }
}

macro_rules! redis_rs {
    ($name:ident, $redis:ident) => {
        #[derive(Clone)]
        pub struct $name($redis::cluster_async::ClusterConnection);

        impl ClusterClient for $name {
            type Value = Vec<u8>;

            async fn connect(site: ClusterSite) -> Result<Self, String> {
                let seeds = [format!("redis://127.0.0.1:{}", site.seed)];
                let mut builder = $redis::cluster::ClusterClientBuilder::new(seeds);
                if let Some(limit) = site.limit {
                    builder = builder.connection_timeout(limit).response_timeout(limit);
                }
                if site.subscriptions == Subscriptions::Used {
                    let (sender, mut pushes) = tokio::sync::mpsc::unbounded_channel();
                    builder = builder.use_protocol($redis::ProtocolVersion::RESP3).push_sender(sender);
                    tokio::spawn(async move { while pushes.recv().await.is_some() {} });
                }
                let client = builder.build().map_err(|error| error.to_string())?;
                client.get_async_connection().await.map(Self).map_err(|error| error.to_string())
            }

            async fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
                $redis::cmd("GET").arg(key).query_async(&mut self.0).await.map_err(Failure::new)
            }

            async fn mset(&mut self, pairs: Vec<(String, String)>) -> Result<(), Failure> {
                let mut command = $redis::cmd("MSET");
                for (key, value) in &pairs {
                    command.arg(key).arg(value);
                }
                command.exec_async(&mut self.0).await.map_err(Failure::new)
            }

            async fn ssubscribe(&mut self, channel: String) -> Result<(), Failure> {
                self.0.ssubscribe(channel).await.map_err(Failure::new)
            }
        }
    };
}

redis_rs!(Redis1, redis1);
redis_rs!(Redis2, redis2);

#[derive(Clone)]
pub struct Fred(fred::clients::Client);

impl ClusterClient for Fred {
    type Value = Bytes;

    async fn connect(site: ClusterSite) -> Result<Self, String> {
        use fred::prelude::*;
        let config = Config::from_url(&format!("redis-cluster://127.0.0.1:{}", site.seed));
        let mut config = config.expect("a valid URL");
        if site.subscriptions == Subscriptions::Used {
            config.version = fred::types::RespVersion::RESP3;
        }
        let mut builder = Builder::from_config(config);
        if let Some(limit) = site.limit {
            builder
                .with_performance_config(|config| config.default_command_timeout = limit)
                .with_connection_config(|config| config.connection_timeout = limit)
                .set_policy(ReconnectPolicy::new_exponential(0, 100, 30_000, 2));
        }
        let client = builder.build().expect("a valid configuration");
        client.init().await.map_err(|error| error.to_string())?;
        Ok(Self(client))
    }

    async fn get(&mut self, key: &str) -> Result<Option<Bytes>, Failure> {
        fred::prelude::KeysInterface::get(&self.0, key).await.map_err(Failure::new)
    }

    async fn mset(&mut self, pairs: Vec<(String, String)>) -> Result<(), Failure> {
        fred::prelude::KeysInterface::mset(&self.0, pairs).await.map_err(Failure::new)
    }

    async fn ssubscribe(&mut self, channel: String) -> Result<(), Failure> {
        fred::prelude::PubsubInterface::ssubscribe(&self.0, channel).await.map_err(Failure::new)
    }
}

#[derive(Clone)]
pub struct Rustis {
    client: rustis::client::Client,
    subscriptions: Arc<Mutex<Vec<rustis::client::PubSubStream>>>,
}

impl ClusterClient for Rustis {
    type Value = rustis::resp::BulkString;

    async fn connect(site: ClusterSite) -> Result<Self, String> {
        let limit = site.limit.map_or(String::new(), |limit| {
            let limit = limit.as_millis();
            format!("?connect_timeout={limit}&command_timeout={limit}")
        });
        let url = format!("redis+cluster://127.0.0.1:{}{limit}", site.seed);
        let client = rustis::client::Client::connect(url).await.map_err(|error| error.to_string())?;
        Ok(Self { client, subscriptions: Arc::default() })
    }

    async fn get(&mut self, key: &str) -> Result<Option<Self::Value>, Failure> {
        rustis::commands::StringCommands::get(&self.client, key).await.map_err(Failure::new)
    }

    async fn mset(&mut self, pairs: Vec<(String, String)>) -> Result<(), Failure> {
        rustis::commands::StringCommands::mset(&self.client, pairs).await.map_err(Failure::new)
    }

    async fn ssubscribe(&mut self, channel: String) -> Result<(), Failure> {
        let stream = rustis::commands::PubSubCommands::ssubscribe(&self.client, channel).await;
        let stream = stream.map_err(Failure::new)?;
        self.subscriptions.lock().expect("nobody panics with it").push(stream);
        Ok(())
    }
}

#[derive(Clone)]
pub struct Steadfast {
    client: steadfast::Client,
    subscriptions: Arc<Mutex<Vec<steadfast::pubsub::Subscription>>>,
}

impl ClusterClient for Steadfast {
    type Value = Bytes;

    async fn connect(site: ClusterSite) -> Result<Self, String> {
        let mut config = steadfast::Config::cluster([("127.0.0.1", site.seed)]);
        if let Some(limit) = site.limit {
            config = config.with_deadline(limit).with_connect_timeout(limit).with_split_writes(true);
        }
        if site.subscriptions == Subscriptions::Used {
            config = config.with_subscriptions(steadfast::client::Subscriptions::Shared);
        }
        let client = steadfast::Client::connect(config).await.map_err(|error| error.to_string())?;
        Ok(Self { client, subscriptions: Arc::default() })
    }

    async fn get(&mut self, key: &str) -> Result<Option<Bytes>, Failure> {
        steadfast::api::Strings::get(&self.client, key).await.map_err(failure)
    }

    async fn mset(&mut self, pairs: Vec<(String, String)>) -> Result<(), Failure> {
        steadfast::api::Strings::mset(&self.client, pairs).await.map_err(failure)
    }

    async fn ssubscribe(&mut self, channel: String) -> Result<(), Failure> {
        let subscription = self.client.ssubscribe(channel).await.map_err(failure)?;
        self.subscriptions.lock().expect("nobody panics with it").push(subscription);
        Ok(())
    }
}
