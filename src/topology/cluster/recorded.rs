//! What clusters of three primaries and three replicas answered, Redis 7.0.15 and Valkey 8.0.1, byte for byte.

/// `CLUSTER SHARDS` of Redis, RESP2.
pub(super) const REDIS_SHARDS: &[u8] = b"\
    *3\r\n*4\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5460\r\n$5\r\nnodes\r\n*2\r\n*14\r\n$2\r\nid\r\n$40\r\n\
    ba4d51221753c656254dfb0042edbdb8e23c624c\r\n$4\r\nport\r\n:21300\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:569\r\n$6\r\n\
    health\r\n$6\r\nonline\r\n*14\r\n$2\r\nid\r\n$40\r\nd2600c6db5c44eb9806b6ef06380316693769d23\r\n$4\r\nport\r\n\
    :21303\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n\
    $18\r\nreplication-offset\r\n:14\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*4\r\n$5\r\nslots\r\n*2\r\n:5461\r\n\
    :10921\r\n$5\r\nnodes\r\n*2\r\n*14\r\n$2\r\nid\r\n$40\r\n1621ce45275c759b361f515d123fb56189c58dd3\r\n$4\r\n\
    port\r\n:21301\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\n\
    master\r\n$18\r\nreplication-offset\r\n:14\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*14\r\n$2\r\nid\r\n$40\r\n\
    4c8054822d8907266d26fc72440f41974c312299\r\n$4\r\nport\r\n:21304\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\nreplication-offset\r\n:14\r\n$6\r\n\
    health\r\n$6\r\nonline\r\n*4\r\n$5\r\nslots\r\n*2\r\n:10922\r\n:16383\r\n$5\r\nnodes\r\n*2\r\n*14\r\n$2\r\n\
    id\r\n$40\r\n86a4dee6d48455a3a00bf10970e9450b37244bba\r\n$4\r\nport\r\n:21302\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n\
    $8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:28\r\n$6\r\n\
    health\r\n$6\r\nonline\r\n*14\r\n$2\r\nid\r\n$40\r\ne8a53632a3aa9746e205b93df5c99012863088f0\r\n$4\r\nport\r\n\
    :21305\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n\
    $18\r\nreplication-offset\r\n:28\r\n$6\r\nhealth\r\n$6\r\nonline\r\n";

/// `CLUSTER SHARDS` of Valkey, RESP3.
pub(super) const VALKEY_SHARDS: &[u8] = b"\
    *3\r\n%2\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5460\r\n$5\r\nnodes\r\n*2\r\n%7\r\n$2\r\nid\r\n$40\r\n\
    2167ef7f69a8e474e91c7d8cd7f64ec8356a9007\r\n$4\r\nport\r\n:21310\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:569\r\n$6\r\n\
    health\r\n$6\r\nonline\r\n%7\r\n$2\r\nid\r\n$40\r\nd577f411db3bfdd09514fa2bcfb4f424cc493291\r\n$4\r\nport\r\n\
    :21313\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n\
    $18\r\nreplication-offset\r\n:14\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:10922\r\n\
    :16383\r\n$5\r\nnodes\r\n*2\r\n%7\r\n$2\r\nid\r\n$40\r\n011c1d321d09f3b65c7a8bc37ec41f33fadc04dd\r\n$4\r\n\
    port\r\n:21312\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\n\
    master\r\n$18\r\nreplication-offset\r\n:14\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%7\r\n$2\r\nid\r\n$40\r\n\
    fbf3ee79faa7fa0ac54132f003bc11613003d7b9\r\n$4\r\nport\r\n:21315\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\nreplication-offset\r\n:14\r\n$6\r\n\
    health\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:5461\r\n:10921\r\n$5\r\nnodes\r\n*2\r\n%7\r\n$2\r\nid\r\n\
    $40\r\nd3ded795bb5e7e205d9d04ae502b092d302741b2\r\n$4\r\nport\r\n:21311\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:14\r\n$6\r\n\
    health\r\n$6\r\nonline\r\n%7\r\n$2\r\nid\r\n$40\r\nb42d916a622f4dfea03a166b2dac1771a0d4f524\r\n$4\r\nport\r\n\
    :21314\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n\
    $18\r\nreplication-offset\r\n:28\r\n$6\r\nhealth\r\n$6\r\nonline\r\n";

/// `CLUSTER SLOTS` of Redis, RESP3.
pub(super) const REDIS_SLOTS: &[u8] = b"\
    *3\r\n*4\r\n:0\r\n:5460\r\n*4\r\n$9\r\n127.0.0.1\r\n:21300\r\n$40\r\n\
    ba4d51221753c656254dfb0042edbdb8e23c624c\r\n%0\r\n*4\r\n$9\r\n127.0.0.1\r\n:21303\r\n$40\r\n\
    d2600c6db5c44eb9806b6ef06380316693769d23\r\n%0\r\n*4\r\n:5461\r\n:10921\r\n*4\r\n$9\r\n127.0.0.1\r\n:21301\r\n\
    $40\r\n1621ce45275c759b361f515d123fb56189c58dd3\r\n%0\r\n*4\r\n$9\r\n127.0.0.1\r\n:21304\r\n$40\r\n\
    4c8054822d8907266d26fc72440f41974c312299\r\n%0\r\n*4\r\n:10922\r\n:16383\r\n*4\r\n$9\r\n127.0.0.1\r\n:21302\r\n\
    $40\r\n86a4dee6d48455a3a00bf10970e9450b37244bba\r\n%0\r\n*4\r\n$9\r\n127.0.0.1\r\n:21305\r\n$40\r\n\
    e8a53632a3aa9746e205b93df5c99012863088f0\r\n%0\r\n";

/// The same, and all nodes but the last announce a hostname.
pub(super) const REDIS_SLOTS_WITH_HOSTNAMES: &[u8] = b"\
    *3\r\n*4\r\n:0\r\n:5460\r\n*4\r\n$9\r\n127.0.0.1\r\n:21300\r\n$40\r\n\
    ba4d51221753c656254dfb0042edbdb8e23c624c\r\n%1\r\n$8\r\nhostname\r\n$17\r\nnode-0.redis.test\r\n*4\r\n$9\r\n\
    127.0.0.1\r\n:21303\r\n$40\r\nd2600c6db5c44eb9806b6ef06380316693769d23\r\n%1\r\n$8\r\nhostname\r\n$17\r\n\
    node-3.redis.test\r\n*4\r\n:5461\r\n:10921\r\n*4\r\n$9\r\n127.0.0.1\r\n:21301\r\n$40\r\n\
    1621ce45275c759b361f515d123fb56189c58dd3\r\n%1\r\n$8\r\nhostname\r\n$17\r\nnode-1.redis.test\r\n*4\r\n$9\r\n\
    127.0.0.1\r\n:21304\r\n$40\r\n4c8054822d8907266d26fc72440f41974c312299\r\n%1\r\n$8\r\nhostname\r\n$17\r\n\
    node-4.redis.test\r\n*4\r\n:10922\r\n:16383\r\n*4\r\n$9\r\n127.0.0.1\r\n:21302\r\n$40\r\n\
    86a4dee6d48455a3a00bf10970e9450b37244bba\r\n%1\r\n$8\r\nhostname\r\n$17\r\nnode-2.redis.test\r\n*4\r\n$9\r\n\
    127.0.0.1\r\n:21305\r\n$40\r\ne8a53632a3aa9746e205b93df5c99012863088f0\r\n%0\r\n";

/// `cluster-preferred-endpoint-type hostname`, RESP2.
pub(super) const REDIS_SLOTS_BY_HOSTNAME: &[u8] = b"\
    *3\r\n*4\r\n:0\r\n:5460\r\n*4\r\n$17\r\nnode-0.redis.test\r\n:21300\r\n$40\r\n\
    ba4d51221753c656254dfb0042edbdb8e23c624c\r\n*2\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n*4\r\n$17\r\n\
    node-3.redis.test\r\n:21303\r\n$40\r\nd2600c6db5c44eb9806b6ef06380316693769d23\r\n*2\r\n$2\r\nip\r\n$9\r\n\
    127.0.0.1\r\n*4\r\n:5461\r\n:10921\r\n*4\r\n$17\r\nnode-1.redis.test\r\n:21301\r\n$40\r\n\
    1621ce45275c759b361f515d123fb56189c58dd3\r\n*2\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n*4\r\n$17\r\n\
    node-4.redis.test\r\n:21304\r\n$40\r\n4c8054822d8907266d26fc72440f41974c312299\r\n*2\r\n$2\r\nip\r\n$9\r\n\
    127.0.0.1\r\n*4\r\n:10922\r\n:16383\r\n*4\r\n$17\r\nnode-2.redis.test\r\n:21302\r\n$40\r\n\
    86a4dee6d48455a3a00bf10970e9450b37244bba\r\n*2\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n*4\r\n$1\r\n?\r\n:21305\r\n\
    $40\r\ne8a53632a3aa9746e205b93df5c99012863088f0\r\n*2\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n";

/// The same in `CLUSTER SHARDS` of Valkey.
pub(super) const VALKEY_SHARDS_BY_HOSTNAME: &[u8] = b"\
    *3\r\n*4\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5460\r\n$5\r\nnodes\r\n*2\r\n*16\r\n$2\r\nid\r\n$40\r\n\
    2167ef7f69a8e474e91c7d8cd7f64ec8356a9007\r\n$4\r\nport\r\n:21310\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$17\r\nnode-0.redis.test\r\n$8\r\nhostname\r\n$17\r\nnode-0.redis.test\r\n$4\r\nrole\r\n$6\r\n\
    master\r\n$18\r\nreplication-offset\r\n:569\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*16\r\n$2\r\nid\r\n$40\r\n\
    d577f411db3bfdd09514fa2bcfb4f424cc493291\r\n$4\r\nport\r\n:21313\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$17\r\nnode-3.redis.test\r\n$8\r\nhostname\r\n$17\r\nnode-3.redis.test\r\n$4\r\nrole\r\n$7\r\n\
    replica\r\n$18\r\nreplication-offset\r\n:569\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*4\r\n$5\r\nslots\r\n*2\r\n\
    :10922\r\n:16383\r\n$5\r\nnodes\r\n*2\r\n*16\r\n$2\r\nid\r\n$40\r\n011c1d321d09f3b65c7a8bc37ec41f33fadc04dd\r\n\
    $4\r\nport\r\n:21312\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$17\r\nnode-2.redis.test\r\n$8\r\n\
    hostname\r\n$17\r\nnode-2.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:715\r\n\
    $6\r\nhealth\r\n$6\r\nonline\r\n*14\r\n$2\r\nid\r\n$40\r\nfbf3ee79faa7fa0ac54132f003bc11613003d7b9\r\n$4\r\n\
    port\r\n:21315\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$1\r\n?\r\n$4\r\nrole\r\n$7\r\nreplica\r\n\
    $18\r\nreplication-offset\r\n:715\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*4\r\n$5\r\nslots\r\n*2\r\n:5461\r\n\
    :10921\r\n$5\r\nnodes\r\n*2\r\n*16\r\n$2\r\nid\r\n$40\r\nd3ded795bb5e7e205d9d04ae502b092d302741b2\r\n$4\r\n\
    port\r\n:21311\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$17\r\nnode-1.redis.test\r\n$8\r\n\
    hostname\r\n$17\r\nnode-1.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:599\r\n\
    $6\r\nhealth\r\n$6\r\nonline\r\n*16\r\n$2\r\nid\r\n$40\r\nb42d916a622f4dfea03a166b2dac1771a0d4f524\r\n$4\r\n\
    port\r\n:21314\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$17\r\nnode-4.redis.test\r\n$8\r\n\
    hostname\r\n$17\r\nnode-4.redis.test\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\nreplication-offset\r\n:599\r\n\
    $6\r\nhealth\r\n$6\r\nonline\r\n";

/// `cluster-preferred-endpoint-type unknown-endpoint`, RESP2.
pub(super) const REDIS_SLOTS_WITHOUT_ENDPOINTS: &[u8] = b"\
    *3\r\n*4\r\n:0\r\n:5460\r\n*4\r\n$-1\r\n:21300\r\n$40\r\nba4d51221753c656254dfb0042edbdb8e23c624c\r\n*4\r\n\
    $2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-0.redis.test\r\n*4\r\n$-1\r\n:21303\r\n$40\r\n\
    d2600c6db5c44eb9806b6ef06380316693769d23\r\n*4\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-3.redis.test\r\n*4\r\n:5461\r\n:10921\r\n*4\r\n$-1\r\n:21301\r\n$40\r\n\
    1621ce45275c759b361f515d123fb56189c58dd3\r\n*4\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-1.redis.test\r\n*4\r\n$-1\r\n:21304\r\n$40\r\n4c8054822d8907266d26fc72440f41974c312299\r\n*4\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-4.redis.test\r\n*4\r\n:10922\r\n:16383\r\n*4\r\n$-1\r\n\
    :21302\r\n$40\r\n86a4dee6d48455a3a00bf10970e9450b37244bba\r\n*4\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    hostname\r\n$17\r\nnode-2.redis.test\r\n*4\r\n$-1\r\n:21305\r\n$40\r\n\
    e8a53632a3aa9746e205b93df5c99012863088f0\r\n*2\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n";

/// The same of Valkey, RESP3.
pub(super) const VALKEY_SLOTS_WITHOUT_ENDPOINTS: &[u8] = b"\
    *3\r\n*4\r\n:0\r\n:5460\r\n*4\r\n_\r\n:21310\r\n$40\r\n2167ef7f69a8e474e91c7d8cd7f64ec8356a9007\r\n%2\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-0.redis.test\r\n*4\r\n_\r\n:21313\r\n$40\r\n\
    d577f411db3bfdd09514fa2bcfb4f424cc493291\r\n%2\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-3.redis.test\r\n*4\r\n:5461\r\n:10921\r\n*4\r\n_\r\n:21311\r\n$40\r\n\
    d3ded795bb5e7e205d9d04ae502b092d302741b2\r\n%2\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-1.redis.test\r\n*4\r\n_\r\n:21314\r\n$40\r\nb42d916a622f4dfea03a166b2dac1771a0d4f524\r\n%2\r\n$2\r\nip\r\n\
    $9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-4.redis.test\r\n*4\r\n:10922\r\n:16383\r\n*4\r\n_\r\n:21312\r\n\
    $40\r\n011c1d321d09f3b65c7a8bc37ec41f33fadc04dd\r\n%2\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n\
    $17\r\nnode-2.redis.test\r\n*4\r\n_\r\n:21315\r\n$40\r\nfbf3ee79faa7fa0ac54132f003bc11613003d7b9\r\n%1\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n";

/// The same in `CLUSTER SHARDS`.
pub(super) const REDIS_SHARDS_WITHOUT_ENDPOINTS: &[u8] = b"\
    *3\r\n%2\r\n$5\r\nslots\r\n*2\r\n:5461\r\n:10921\r\n$5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\n\
    1621ce45275c759b361f515d123fb56189c58dd3\r\n$4\r\nport\r\n:21301\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$0\r\n\r\n$8\r\nhostname\r\n$17\r\nnode-1.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\n\
    replication-offset\r\n:599\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%8\r\n$2\r\nid\r\n$40\r\n\
    4c8054822d8907266d26fc72440f41974c312299\r\n$4\r\nport\r\n:21304\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$0\r\n\r\n$8\r\nhostname\r\n$17\r\nnode-4.redis.test\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:599\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:10922\r\n:16383\r\n\
    $5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\n86a4dee6d48455a3a00bf10970e9450b37244bba\r\n$4\r\nport\r\n\
    :21302\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$0\r\n\r\n$8\r\nhostname\r\n$17\r\n\
    node-2.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:715\r\n$6\r\nhealth\r\n$6\r\n\
    online\r\n%7\r\n$2\r\nid\r\n$40\r\ne8a53632a3aa9746e205b93df5c99012863088f0\r\n$4\r\nport\r\n:21305\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$0\r\n\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:715\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5460\r\n$5\r\n\
    nodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\nba4d51221753c656254dfb0042edbdb8e23c624c\r\n$4\r\nport\r\n:21300\r\n\
    $2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$0\r\n\r\n$8\r\nhostname\r\n$17\r\nnode-0.redis.test\r\n$4\r\n\
    role\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:569\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%8\r\n$2\r\nid\r\n\
    $40\r\nd2600c6db5c44eb9806b6ef06380316693769d23\r\n$4\r\nport\r\n:21303\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$0\r\n\r\n$8\r\nhostname\r\n$17\r\nnode-3.redis.test\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:569\r\n$6\r\nhealth\r\n$6\r\nonline\r\n";

/// A primary has failed, and its replica was not promoted.
pub(super) const VALKEY_SHARDS_FAILED: &[u8] = b"\
    *3\r\n*4\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5460\r\n$5\r\nnodes\r\n*2\r\n*16\r\n$2\r\nid\r\n$40\r\n\
    2167ef7f69a8e474e91c7d8cd7f64ec8356a9007\r\n$4\r\nport\r\n:21310\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-0.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
    $18\r\nreplication-offset\r\n:569\r\n$6\r\nhealth\r\n$4\r\nfail\r\n*16\r\n$2\r\nid\r\n$40\r\n\
    d577f411db3bfdd09514fa2bcfb4f424cc493291\r\n$4\r\nport\r\n:21313\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-3.redis.test\r\n$4\r\nrole\r\n$7\r\nreplica\r\n\
    $18\r\nreplication-offset\r\n:569\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*4\r\n$5\r\nslots\r\n*2\r\n:10922\r\n\
    :16383\r\n$5\r\nnodes\r\n*2\r\n*16\r\n$2\r\nid\r\n$40\r\n011c1d321d09f3b65c7a8bc37ec41f33fadc04dd\r\n$4\r\n\
    port\r\n:21312\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-2.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:743\r\n$6\r\nhealth\r\n$6\r\n\
    online\r\n*14\r\n$2\r\nid\r\n$40\r\nfbf3ee79faa7fa0ac54132f003bc11613003d7b9\r\n$4\r\nport\r\n:21315\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:743\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*4\r\n$5\r\nslots\r\n*2\r\n:5461\r\n:10921\r\n\
    $5\r\nnodes\r\n*2\r\n*16\r\n$2\r\nid\r\n$40\r\nd3ded795bb5e7e205d9d04ae502b092d302741b2\r\n$4\r\nport\r\n\
    :21311\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-1.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:627\r\n$6\r\nhealth\r\n$6\r\n\
    online\r\n*16\r\n$2\r\nid\r\n$40\r\nb42d916a622f4dfea03a166b2dac1771a0d4f524\r\n$4\r\nport\r\n:21314\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-4.redis.test\r\n\
    $4\r\nrole\r\n$7\r\nreplica\r\n$18\r\nreplication-offset\r\n:627\r\n$6\r\nhealth\r\n$6\r\nonline\r\n";

/// `CLUSTER INFO` then.
pub(super) const REDIS_INFO_FAILED: &[u8] = b"\
    $515\r\ncluster_state:fail\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:10923\r\n\
    cluster_slots_pfail:0\r\ncluster_slots_fail:5461\r\ncluster_known_nodes:6\r\ncluster_size:3\r\n\
    cluster_current_epoch:3\r\ncluster_my_epoch:2\r\ncluster_stats_messages_ping_sent:48\r\n\
    cluster_stats_messages_pong_sent:49\r\ncluster_stats_messages_sent:97\r\n\
    cluster_stats_messages_ping_received:49\r\ncluster_stats_messages_pong_received:46\r\n\
    cluster_stats_messages_fail_received:1\r\ncluster_stats_messages_received:96\r\n\
    total_cluster_links_buffer_limit_exceeded:0\r\n\r\n";

/// The replica was promoted: Valkey has two primaries in one shard.
pub(super) const VALKEY_SHARDS_AFTER_FAILOVER: &[u8] = b"\
    *3\r\n%2\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5460\r\n$5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\n\
    2167ef7f69a8e474e91c7d8cd7f64ec8356a9007\r\n$4\r\nport\r\n:21310\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-0.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
    $18\r\nreplication-offset\r\n:569\r\n$6\r\nhealth\r\n$4\r\nfail\r\n%8\r\n$2\r\nid\r\n$40\r\n\
    d577f411db3bfdd09514fa2bcfb4f424cc493291\r\n$4\r\nport\r\n:21313\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-3.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
    $18\r\nreplication-offset\r\n:569\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:10922\r\n\
    :16383\r\n$5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\n011c1d321d09f3b65c7a8bc37ec41f33fadc04dd\r\n$4\r\n\
    port\r\n:21312\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-2.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:757\r\n$6\r\nhealth\r\n$6\r\n\
    online\r\n%7\r\n$2\r\nid\r\n$40\r\nfbf3ee79faa7fa0ac54132f003bc11613003d7b9\r\n$4\r\nport\r\n:21315\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:757\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:5461\r\n:10921\r\n\
    $5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\nd3ded795bb5e7e205d9d04ae502b092d302741b2\r\n$4\r\nport\r\n\
    :21311\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-1.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:641\r\n$6\r\nhealth\r\n$6\r\n\
    online\r\n%8\r\n$2\r\nid\r\n$40\r\nb42d916a622f4dfea03a166b2dac1771a0d4f524\r\n$4\r\nport\r\n:21314\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-4.redis.test\r\n\
    $4\r\nrole\r\n$7\r\nreplica\r\n$18\r\nreplication-offset\r\n:641\r\n$6\r\nhealth\r\n$6\r\nonline\r\n";

/// The same of Redis: the old primary has a shard of its own without slots.
pub(super) const REDIS_SHARDS_AFTER_FAILOVER: &[u8] = b"\
    *4\r\n%2\r\n$5\r\nslots\r\n*2\r\n:5461\r\n:10921\r\n$5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\n\
    1621ce45275c759b361f515d123fb56189c58dd3\r\n$4\r\nport\r\n:21301\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-1.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
    $18\r\nreplication-offset\r\n:641\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%8\r\n$2\r\nid\r\n$40\r\n\
    4c8054822d8907266d26fc72440f41974c312299\r\n$4\r\nport\r\n:21304\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-4.redis.test\r\n$4\r\nrole\r\n$7\r\nreplica\r\n\
    $18\r\nreplication-offset\r\n:641\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:10922\r\n\
    :16383\r\n$5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\n86a4dee6d48455a3a00bf10970e9450b37244bba\r\n$4\r\n\
    port\r\n:21302\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-2.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:757\r\n$6\r\nhealth\r\n$6\r\n\
    online\r\n%7\r\n$2\r\nid\r\n$40\r\ne8a53632a3aa9746e205b93df5c99012863088f0\r\n$4\r\nport\r\n:21305\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:757\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5460\r\n$5\r\n\
    nodes\r\n*1\r\n%8\r\n$2\r\nid\r\n$40\r\nd2600c6db5c44eb9806b6ef06380316693769d23\r\n$4\r\nport\r\n:21303\r\n\
    $2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\n\
    node-3.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:569\r\n$6\r\nhealth\r\n$6\r\n\
    online\r\n%2\r\n$5\r\nslots\r\n*0\r\n$5\r\nnodes\r\n*1\r\n%8\r\n$2\r\nid\r\n$40\r\n\
    ba4d51221753c656254dfb0042edbdb8e23c624c\r\n$4\r\nport\r\n:21300\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$8\r\nhostname\r\n$17\r\nnode-0.redis.test\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
    $18\r\nreplication-offset\r\n:569\r\n$6\r\nhealth\r\n$4\r\nfail\r\n";

/// The same in `CLUSTER SLOTS`.
pub(super) const VALKEY_SLOTS_AFTER_FAILOVER: &[u8] = b"\
    *3\r\n*3\r\n:0\r\n:5460\r\n*4\r\n$9\r\n127.0.0.1\r\n:21313\r\n$40\r\n\
    d577f411db3bfdd09514fa2bcfb4f424cc493291\r\n*2\r\n$8\r\nhostname\r\n$17\r\nnode-3.redis.test\r\n*4\r\n:5461\r\n\
    :10921\r\n*4\r\n$9\r\n127.0.0.1\r\n:21311\r\n$40\r\nd3ded795bb5e7e205d9d04ae502b092d302741b2\r\n*2\r\n$8\r\n\
    hostname\r\n$17\r\nnode-1.redis.test\r\n*4\r\n$9\r\n127.0.0.1\r\n:21314\r\n$40\r\n\
    b42d916a622f4dfea03a166b2dac1771a0d4f524\r\n*2\r\n$8\r\nhostname\r\n$17\r\nnode-4.redis.test\r\n*4\r\n:10922\r\n\
    :16383\r\n*4\r\n$9\r\n127.0.0.1\r\n:21312\r\n$40\r\n011c1d321d09f3b65c7a8bc37ec41f33fadc04dd\r\n*2\r\n$8\r\n\
    hostname\r\n$17\r\nnode-2.redis.test\r\n*4\r\n$9\r\n127.0.0.1\r\n:21315\r\n$40\r\n\
    fbf3ee79faa7fa0ac54132f003bc11613003d7b9\r\n*0\r\n";

/// `CLUSTER INFO`, RESP3.
pub(super) const REDIS_INFO: &[u8] = b"\
    =474\r\ntxt:cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n\
    cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\ncluster_known_nodes:6\r\ncluster_size:3\r\n\
    cluster_current_epoch:3\r\ncluster_my_epoch:1\r\ncluster_stats_messages_ping_sent:27\r\n\
    cluster_stats_messages_pong_sent:29\r\ncluster_stats_messages_sent:56\r\n\
    cluster_stats_messages_ping_received:29\r\ncluster_stats_messages_pong_received:25\r\n\
    cluster_stats_messages_received:54\r\ntotal_cluster_links_buffer_limit_exceeded:0\r\n\r\n";

/// Two ports, asked over TLS.
pub(super) const REDIS_SHARDS_OVER_TLS: &[u8] = b"\
    *3\r\n%2\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5460\r\n$5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\n\
    bb75b08ab116cd22d9c5da70198db7c59117e118\r\n$4\r\nport\r\n:21400\r\n$8\r\ntls-port\r\n:21450\r\n$2\r\nip\r\n\
    $9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\n\
    replication-offset\r\n:639\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%8\r\n$2\r\nid\r\n$40\r\n\
    a52e20f8656468b5a4e10470fa75914575d9943a\r\n$4\r\nport\r\n:21403\r\n$8\r\ntls-port\r\n:21453\r\n$2\r\nip\r\n\
    $9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:639\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:10922\r\n:16383\r\n\
    $5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\n4785a8146a1caa4535cadbc69c8ffec6b1eb970d\r\n$4\r\nport\r\n\
    :21402\r\n$8\r\ntls-port\r\n:21452\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\n\
    role\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:771\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%8\r\n$2\r\nid\r\n\
    $40\r\nfe4ad9a58e6173267302232dd737400b5f26975f\r\n$4\r\nport\r\n:21405\r\n$8\r\ntls-port\r\n:21455\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:771\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%2\r\n$5\r\nslots\r\n*2\r\n:5461\r\n:10921\r\n\
    $5\r\nnodes\r\n*2\r\n%8\r\n$2\r\nid\r\n$40\r\nf983a280590f50366b6c96fde8937dbcc69bf937\r\n$4\r\nport\r\n\
    :21401\r\n$8\r\ntls-port\r\n:21451\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\n\
    role\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:655\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%8\r\n$2\r\nid\r\n\
    $40\r\n6e60aec27a073bc0a2ef669beb37b721e7bed401\r\n$4\r\nport\r\n:21404\r\n$8\r\ntls-port\r\n:21454\r\n$2\r\n\
    ip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:655\r\n$6\r\nhealth\r\n$6\r\nonline\r\n";

/// Two ports, asked over TLS, but nodes talk to each other without: of TLS ports nothing is said.
pub(super) const REDIS_SHARDS_WITHOUT_TLS_PORTS: &[u8] = b"\
    *3\r\n%2\r\n$5\r\nslots\r\n*2\r\n:0\r\n:5460\r\n$5\r\nnodes\r\n*2\r\n%7\r\n$2\r\nid\r\n$40\r\n\
    a8720e6259335d20fd7e5403b43e171f0cb6a91c\r\n$4\r\nport\r\n:21500\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:0\r\n$6\r\nhealth\r\n\
    $6\r\nonline\r\n%7\r\n$2\r\nid\r\n$40\r\na0d4ce221b7a00da34d2b587f988c3a92beb0f2e\r\n$4\r\nport\r\n:21503\r\n\
    $2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:0\r\n$6\r\nhealth\r\n$7\r\nloading\r\n%2\r\n$5\r\nslots\r\n*2\r\n:5461\r\n:10921\r\n\
    $5\r\nnodes\r\n*2\r\n%7\r\n$2\r\nid\r\n$40\r\nf1e717a7623e493989d3da85aca673ae38ce0b7e\r\n$4\r\nport\r\n\
    :21501\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
    $18\r\nreplication-offset\r\n:0\r\n$6\r\nhealth\r\n$6\r\nonline\r\n%7\r\n$2\r\nid\r\n$40\r\n\
    d7fdea45460e584550df973a150ece00a4f8e694\r\n$4\r\nport\r\n:21504\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\nreplication-offset\r\n:0\r\n$6\r\n\
    health\r\n$7\r\nloading\r\n%2\r\n$5\r\nslots\r\n*2\r\n:10922\r\n:16383\r\n$5\r\nnodes\r\n*2\r\n%7\r\n$2\r\n\
    id\r\n$40\r\nbe4273795f138793c823e18a888513e19e386e35\r\n$4\r\nport\r\n:21502\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n\
    $8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:0\r\n$6\r\n\
    health\r\n$6\r\nonline\r\n%7\r\n$2\r\nid\r\n$40\r\n5090c045892d2425138cc7bfb50c025a1a1ab48a\r\n$4\r\nport\r\n\
    :21505\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n\
    $18\r\nreplication-offset\r\n:0\r\n$6\r\nhealth\r\n$7\r\nloading\r\n";

/// `CLUSTER SLOTS` of Valkey, asked over TLS.
pub(super) const VALKEY_SLOTS_OVER_TLS: &[u8] = b"\
    *3\r\n*4\r\n:0\r\n:5460\r\n*4\r\n$9\r\n127.0.0.1\r\n:21570\r\n$40\r\n\
    b0221ce4091308608a3ad61a6c4a1590a7d3d3af\r\n*0\r\n*4\r\n$9\r\n127.0.0.1\r\n:21573\r\n$40\r\n\
    96937975f3f790cc2d820cb7e133c0be0ddbb2b0\r\n*0\r\n*4\r\n:5461\r\n:10921\r\n*4\r\n$9\r\n127.0.0.1\r\n:21571\r\n\
    $40\r\n4f13e11705670f3c38956c757df72c32e0d89a7a\r\n*0\r\n*4\r\n$9\r\n127.0.0.1\r\n:21574\r\n$40\r\n\
    68cd84e89ad6dfaaadc5a63694171c024288e698\r\n*0\r\n*4\r\n:10922\r\n:16383\r\n*4\r\n$9\r\n127.0.0.1\r\n:21572\r\n\
    $40\r\n8e1eb7a57d79ec0f0908a6e46a827ded74b4270e\r\n*0\r\n*4\r\n$9\r\n127.0.0.1\r\n:21575\r\n$40\r\n\
    7af12aa82ef48bcbce065fac70fb4d15001057b0\r\n*0\r\n";

/// Valkey 8.0.1 has lost the primary of 0 to 5460, which is well and in `CLUSTER SLOTS`.
pub(super) const VALKEY_SHARDS_WITHOUT_A_PRIMARY: &[u8] = b"\
    *3\r\n*4\r\n$5\r\nslots\r\n*2\r\n:5461\r\n:10921\r\n$5\r\nnodes\r\n*2\r\n*14\r\n$2\r\nid\r\n$40\r\n\
    b42d916a622f4dfea03a166b2dac1771a0d4f524\r\n$4\r\nport\r\n:21314\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\nreplication-offset\r\n:753\r\n$6\r\n\
    health\r\n$6\r\nonline\r\n*14\r\n$2\r\nid\r\n$40\r\nd3ded795bb5e7e205d9d04ae502b092d302741b2\r\n$4\r\nport\r\n\
    :21311\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
    $18\r\nreplication-offset\r\n:753\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*4\r\n$5\r\nslots\r\n*0\r\n$5\r\nnodes\r\n\
    *1\r\n*14\r\n$2\r\nid\r\n$40\r\nd577f411db3bfdd09514fa2bcfb4f424cc493291\r\n$4\r\nport\r\n:21313\r\n$2\r\nip\r\n\
    $9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\n\
    replication-offset\r\n:723\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*4\r\n$5\r\nslots\r\n*2\r\n:10922\r\n:16383\r\n\
    $5\r\nnodes\r\n*2\r\n*14\r\n$2\r\nid\r\n$40\r\n011c1d321d09f3b65c7a8bc37ec41f33fadc04dd\r\n$4\r\nport\r\n\
    :21312\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\nendpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
    $18\r\nreplication-offset\r\n:869\r\n$6\r\nhealth\r\n$6\r\nonline\r\n*14\r\n$2\r\nid\r\n$40\r\n\
    fbf3ee79faa7fa0ac54132f003bc11613003d7b9\r\n$4\r\nport\r\n:21315\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$8\r\n\
    endpoint\r\n$9\r\n127.0.0.1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\nreplication-offset\r\n:869\r\n$6\r\n\
    health\r\n$6\r\nonline\r\n";
