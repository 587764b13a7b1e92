//! The clients under measurement, behind one trait.

use std::future::Future;

use bytes::Bytes;

use crate::work::Work;

pub mod clustered;
pub mod fault_client;
pub mod floor;
pub mod fred;
pub mod redis_rs;
pub mod rustis;
pub mod steadfast;

/// One connection to the server, shared by all tasks of a run through `Clone`.
///
/// Every adapter asks for the cheapest reply type its client offers (see the README's footnotes), checks that the
/// answer is of the expected size and panics otherwise: a wrong answer must not become a fast one.
pub trait Client: Clone + Send + Sized + 'static {
    /// Whether this client can do that work at all.
    fn supports(_work: Work) -> bool {
        true
    }

    fn connect(port: u16) -> impl Future<Output = Self> + Send;

    /// GET; returns the length of the value.
    fn get(&mut self, key: &str) -> impl Future<Output = usize> + Send;

    fn set(&mut self, key: &str, value: &Bytes) -> impl Future<Output = ()> + Send;

    /// One SET per key in one explicit pipeline; returns when all have been answered.
    fn pipeline_set(&mut self, keys: &[String], value: &Bytes) -> impl Future<Output = ()> + Send;

    /// LRANGE of the whole list into the client's cheapest byte type; returns the number of elements.
    fn lrange(&mut self, key: &str) -> impl Future<Output = usize> + Send;

    /// LRANGE of the whole list into `Vec<String>`; returns the number of elements.
    fn lrange_strings(&mut self, key: &str) -> impl Future<Output = usize> + Send;
}

/// What the works are done on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployment {
    Server,
    Cluster,
}

/// Names as given on the command line and printed in tables, in the order of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Floor,
    Redis1,
    Redis2,
    Fred,
    Rustis,
    Steadfast,
}

impl Peer {
    pub const ALL: &[Self] = &[Self::Floor, Self::Redis1, Self::Redis2, Self::Fred, Self::Rustis, Self::Steadfast];

    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Redis1 => "redis1",
            Self::Redis2 => "redis2",
            Self::Fred => "fred",
            Self::Rustis => "rustis",
            Self::Steadfast => "steadfast",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Floor => "bare floor",
            Self::Redis1 => "redis-rs 1.8.1",
            Self::Redis2 => "redis-rs 2.0-rc.2",
            Self::Fred => "fred 10.1",
            Self::Rustis => "rustis 0.27",
            Self::Steadfast => "steadfast",
        }
    }

    /// Whether ratios may be taken against this client: the floor is no client, and ours is what is compared.
    pub fn is_rival(self) -> bool {
        matches!(self, Self::Redis1 | Self::Redis2 | Self::Fred | Self::Rustis)
    }

    pub fn supports(self, work: Work, deployment: Deployment) -> bool {
        if deployment == Deployment::Cluster {
            return self != Self::Floor && clustered::Clustered::<clustered::Steadfast>::supports(work);
        }
        match self {
            Self::Floor => floor::Floor::supports(work),
            Self::Redis1 => redis_rs::Redis1::supports(work),
            Self::Redis2 => redis_rs::Redis2::supports(work),
            Self::Fred => fred::Fred::supports(work),
            Self::Rustis => rustis::Rustis::supports(work),
            Self::Steadfast => steadfast::Steadfast::supports(work),
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|peer| peer.name() == name)
    }
}

/// Calls `$run::<C>($args)` with the client type that `$peer` names.
macro_rules! with_client {
    ($peer:expr, $run:ident ( $($arg:expr),* )) => {
        match $peer {
            $crate::clients::Peer::Floor => $run::<$crate::clients::floor::Floor>($($arg),*),
            $crate::clients::Peer::Redis1 => $run::<$crate::clients::redis_rs::Redis1>($($arg),*),
            $crate::clients::Peer::Redis2 => $run::<$crate::clients::redis_rs::Redis2>($($arg),*),
            $crate::clients::Peer::Fred => $run::<$crate::clients::fred::Fred>($($arg),*),
            $crate::clients::Peer::Rustis => $run::<$crate::clients::rustis::Rustis>($($arg),*),
            $crate::clients::Peer::Steadfast => $run::<$crate::clients::steadfast::Steadfast>($($arg),*),
        }
    };
}
pub(crate) use with_client;

/// The same for `FaultClient`, which the floor is not.
macro_rules! with_fault_client {
    ($peer:expr, $run:ident ( $($arg:expr),* )) => {
        match $peer {
            $crate::clients::Peer::Floor => Err("the floor knows no faults".into()),
            $crate::clients::Peer::Redis1 => $run::<$crate::clients::redis_rs::Managed1>($($arg),*),
            $crate::clients::Peer::Redis2 => $run::<$crate::clients::redis_rs::Managed2>($($arg),*),
            $crate::clients::Peer::Fred => $run::<$crate::clients::fred::Fred>($($arg),*),
            $crate::clients::Peer::Rustis => $run::<$crate::clients::rustis::Rustis>($($arg),*),
            $crate::clients::Peer::Steadfast => $run::<$crate::clients::steadfast::Steadfast>($($arg),*),
        }
    };
}
pub(crate) use with_fault_client;

/// The same for `ClusterClient`.
macro_rules! with_cluster_client {
    ($peer:expr, $run:ident ( $($arg:expr),* )) => {
        match $peer {
            $crate::clients::Peer::Floor => Err("the floor knows no clusters".into()),
            $crate::clients::Peer::Redis1 => $run::<$crate::clients::clustered::Redis1>($($arg),*),
            $crate::clients::Peer::Redis2 => $run::<$crate::clients::clustered::Redis2>($($arg),*),
            $crate::clients::Peer::Fred => $run::<$crate::clients::clustered::Fred>($($arg),*),
            $crate::clients::Peer::Rustis => $run::<$crate::clients::clustered::Rustis>($($arg),*),
            $crate::clients::Peer::Steadfast => $run::<$crate::clients::clustered::Steadfast>($($arg),*),
        }
    };
}
pub(crate) use with_cluster_client;
