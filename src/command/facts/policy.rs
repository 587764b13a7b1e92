//! How a cluster runs a command that names no key, or keys of several slots: the servers' own command tips.

/// Which nodes of a cluster a command goes to, where its keys alone do not say it.
///
/// Source: <https://redis.io/docs/latest/develop/reference/command-tips/#request_policy>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestPolicy {
    /// To every node, replicas too, but for those replicas of which the cluster says that they have failed.
    AllNodes,
    /// To every primary.
    AllShards,
    /// To each primary that has some of its keys, with those keys.
    MultiShard,
    /// In a way of its own: `SCAN`, which only a [stream](crate::client::Scan) can take from node to node, and what is asked
    /// about one slot.
    Special,
}

/// How the answers of several nodes become one.
///
/// Source: <https://redis.io/docs/latest/develop/reference/command-tips/#response_policy>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponsePolicy {
    /// The first that is no error.
    OneSucceeded,
    /// Any of them, if none is an error.
    AllSucceeded,
    /// 1 if each is 1; of lists, element by element.
    AggLogicalAnd,
    /// The smallest.
    AggMin,
    /// The sum.
    AggSum,
    /// In a way of its own. `RANDOMKEY` goes to all, and the answer is that of one which has a key. Everything else goes to one
    /// primary only, and the answer is what that one says of itself (`INFO`, `LATENCY LATEST`, `MEMORY STATS`).
    Special,
}
