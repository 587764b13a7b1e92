//! What Sentinels of a primary with two replicas, and those servers, answered: Redis 7.0.15 and Valkey 8.0.1, byte for byte.

/// `SENTINEL GET-MASTER-ADDR-BY-NAME`.
pub(super) const ADDRESS: &[u8] = b"\
    *2\r\n$9\r\n127.0.0.1\r\n$5\r\n23100\r\n";

/// The same for a name that it does not know, RESP2.
pub(super) const NO_ADDRESS_2: &[u8] = b"\
    *-1\r\n";

/// The same, RESP3.
pub(super) const NO_ADDRESS_3: &[u8] = b"\
    _\r\n";

/// `SENTINEL MASTER` of Redis, RESP2.
pub(super) const MASTER: &[u8] = b"\
    *40\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n23100\r\n$5\r\n\
    runid\r\n$40\r\n4d653c3e5dcadb0c33a6c0057d7e667b71d62f24\r\n$5\r\nflags\r\n$6\r\nmaster\r\n$21\r\n\
    link-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$1\r\n0\r\n\
    $18\r\nlast-ok-ping-reply\r\n$3\r\n764\r\n$15\r\nlast-ping-reply\r\n$3\r\n764\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n4209\r\n$13\r\nrole-reported\r\n$6\r\n\
    master\r\n$18\r\nrole-reported-time\r\n$5\r\n14258\r\n$12\r\nconfig-epoch\r\n$1\r\n0\r\n$10\r\nnum-slaves\r\n\
    $1\r\n2\r\n$19\r\nnum-other-sentinels\r\n$1\r\n2\r\n$6\r\nquorum\r\n$1\r\n2\r\n$16\r\nfailover-timeout\r\n$5\r\n\
    10000\r\n$14\r\nparallel-syncs\r\n$1\r\n1\r\n";

/// The same of Valkey, RESP3.
pub(super) const VALKEY_MASTER: &[u8] = b"\
    %20\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n23200\r\n$5\r\n\
    runid\r\n$40\r\n2f1f2e24292505fd478f312962ffed3acc553b2a\r\n$5\r\nflags\r\n$6\r\nmaster\r\n$21\r\n\
    link-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$1\r\n0\r\n\
    $18\r\nlast-ok-ping-reply\r\n$3\r\n366\r\n$15\r\nlast-ping-reply\r\n$3\r\n366\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n4700\r\n$13\r\nrole-reported\r\n$6\r\n\
    master\r\n$18\r\nrole-reported-time\r\n$5\r\n14767\r\n$12\r\nconfig-epoch\r\n$1\r\n0\r\n$10\r\nnum-slaves\r\n\
    $1\r\n2\r\n$19\r\nnum-other-sentinels\r\n$1\r\n2\r\n$6\r\nquorum\r\n$1\r\n2\r\n$16\r\nfailover-timeout\r\n$5\r\n\
    10000\r\n$14\r\nparallel-syncs\r\n$1\r\n1\r\n";

/// The same for a name that it does not know.
pub(super) const NO_MASTER: &[u8] = b"\
    -ERR No such master with that name\r\n";

/// The same when the primary was frozen, just before the failover.
pub(super) const MASTER_DOWN: &[u8] = b"\
    *46\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n23200\r\n$5\r\n\
    runid\r\n$40\r\n2f1f2e24292505fd478f312962ffed3acc553b2a\r\n$5\r\nflags\r\n$41\r\n\
    s_down,o_down,master,failover_in_progress\r\n$21\r\nlink-pending-commands\r\n$1\r\n3\r\n$13\r\nlink-refcount\r\n\
    $1\r\n1\r\n$14\r\nfailover-state\r\n$10\r\nwait_start\r\n$14\r\nlast-ping-sent\r\n$4\r\n1134\r\n$18\r\n\
    last-ok-ping-reply\r\n$4\r\n2172\r\n$15\r\nlast-ping-reply\r\n$4\r\n2172\r\n$11\r\ns-down-time\r\n$3\r\n111\r\n\
    $11\r\no-down-time\r\n$2\r\n11\r\n$23\r\ndown-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n\
    1641\r\n$13\r\nrole-reported\r\n$6\r\nmaster\r\n$18\r\nrole-reported-time\r\n$5\r\n21763\r\n$12\r\n\
    config-epoch\r\n$1\r\n0\r\n$10\r\nnum-slaves\r\n$1\r\n2\r\n$19\r\nnum-other-sentinels\r\n$1\r\n2\r\n$6\r\n\
    quorum\r\n$1\r\n2\r\n$16\r\nfailover-timeout\r\n$5\r\n10000\r\n$14\r\nparallel-syncs\r\n$1\r\n1\r\n";

/// The same after the failover.
pub(super) const MASTER_AFTER: &[u8] = b"\
    %20\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n23102\r\n$5\r\n\
    runid\r\n$0\r\n\r\n$5\r\nflags\r\n$6\r\nmaster\r\n$21\r\nlink-pending-commands\r\n$1\r\n0\r\n$13\r\n\
    link-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$1\r\n0\r\n$18\r\nlast-ok-ping-reply\r\n$3\r\n470\r\n\
    $15\r\nlast-ping-reply\r\n$3\r\n470\r\n$23\r\ndown-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n\
    $4\r\n4444\r\n$13\r\nrole-reported\r\n$6\r\nmaster\r\n$18\r\nrole-reported-time\r\n$4\r\n1554\r\n$12\r\n\
    config-epoch\r\n$1\r\n1\r\n$10\r\nnum-slaves\r\n$1\r\n2\r\n$19\r\nnum-other-sentinels\r\n$1\r\n2\r\n$6\r\n\
    quorum\r\n$1\r\n2\r\n$16\r\nfailover-timeout\r\n$5\r\n10000\r\n$14\r\nparallel-syncs\r\n$1\r\n1\r\n";

/// `SENTINEL MASTER` and `SENTINEL GET-MASTER-ADDR-BY-NAME` of the Sentinel that fails over, when the new primary is one.
pub(super) const FAILING_OVER: &[u8] = b"\
    *42\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n23300\r\n$5\r\n\
    runid\r\n$40\r\nb6e69e24c0b87061f2c5b8b5e2dc707e85036baa\r\n$5\r\nflags\r\n$42\r\n\
    master,failover_in_progress,force_failover\r\n$21\r\nlink-pending-commands\r\n$1\r\n0\r\n$13\r\n\
    link-refcount\r\n$1\r\n1\r\n$14\r\nfailover-state\r\n$13\r\nreconf_slaves\r\n$14\r\nlast-ping-sent\r\n$1\r\n\
    0\r\n$18\r\nlast-ok-ping-reply\r\n$3\r\n600\r\n$15\r\nlast-ping-reply\r\n$3\r\n600\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n4090\r\n$13\r\nrole-reported\r\n$6\r\n\
    master\r\n$18\r\nrole-reported-time\r\n$5\r\n14104\r\n$12\r\nconfig-epoch\r\n$1\r\n1\r\n$10\r\nnum-slaves\r\n\
    $1\r\n2\r\n$19\r\nnum-other-sentinels\r\n$1\r\n2\r\n$6\r\nquorum\r\n$1\r\n2\r\n$16\r\nfailover-timeout\r\n$5\r\n\
    10000\r\n$14\r\nparallel-syncs\r\n$1\r\n1\r\n*2\r\n$9\r\n127.0.0.1\r\n$5\r\n23302\r\n";

/// The same of Valkey, RESP3.
pub(super) const VALKEY_FAILING_OVER: &[u8] = b"\
    %21\r\n$4\r\nname\r\n$8\r\nmymaster\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n23400\r\n$5\r\n\
    runid\r\n$40\r\n22fa4c1e659fd5042cd774826e6d73a4658936f6\r\n$5\r\nflags\r\n$42\r\n\
    master,failover_in_progress,force_failover\r\n$21\r\nlink-pending-commands\r\n$1\r\n0\r\n$13\r\n\
    link-refcount\r\n$1\r\n1\r\n$14\r\nfailover-state\r\n$13\r\nreconf_slaves\r\n$14\r\nlast-ping-sent\r\n$1\r\n\
    0\r\n$18\r\nlast-ok-ping-reply\r\n$3\r\n488\r\n$15\r\nlast-ping-reply\r\n$3\r\n488\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n3994\r\n$13\r\nrole-reported\r\n$6\r\n\
    master\r\n$18\r\nrole-reported-time\r\n$5\r\n14035\r\n$12\r\nconfig-epoch\r\n$1\r\n1\r\n$10\r\nnum-slaves\r\n\
    $1\r\n2\r\n$19\r\nnum-other-sentinels\r\n$1\r\n2\r\n$6\r\nquorum\r\n$1\r\n2\r\n$16\r\nfailover-timeout\r\n$5\r\n\
    10000\r\n$14\r\nparallel-syncs\r\n$1\r\n1\r\n*2\r\n$9\r\n127.0.0.1\r\n$5\r\n23401\r\n";

/// `SENTINEL REPLICAS` of Redis, RESP2.
pub(super) const REPLICAS: &[u8] = b"\
    *2\r\n*42\r\n$4\r\nname\r\n$15\r\n127.0.0.1:23101\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n\
    23101\r\n$5\r\nrunid\r\n$40\r\n65db207d63fbc9c238788000e53c97fec1995d5d\r\n$5\r\nflags\r\n$5\r\nslave\r\n$21\r\n\
    link-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$1\r\n0\r\n\
    $18\r\nlast-ok-ping-reply\r\n$2\r\n78\r\n$15\r\nlast-ping-reply\r\n$2\r\n78\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n5638\r\n$13\r\nrole-reported\r\n$5\r\n\
    slave\r\n$18\r\nrole-reported-time\r\n$5\r\n15740\r\n$21\r\nmaster-link-down-time\r\n$1\r\n0\r\n$18\r\n\
    master-link-status\r\n$2\r\nok\r\n$11\r\nmaster-host\r\n$9\r\n127.0.0.1\r\n$11\r\nmaster-port\r\n$5\r\n23100\r\n\
    $14\r\nslave-priority\r\n$3\r\n100\r\n$17\r\nslave-repl-offset\r\n$4\r\n1645\r\n$17\r\nreplica-announced\r\n\
    $1\r\n1\r\n*42\r\n$4\r\nname\r\n$15\r\n127.0.0.1:23102\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n\
    23102\r\n$5\r\nrunid\r\n$40\r\n5d5cbd7c0811ec9cecdd7024bb992c5f03ebdfbd\r\n$5\r\nflags\r\n$5\r\nslave\r\n$21\r\n\
    link-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$1\r\n0\r\n\
    $18\r\nlast-ok-ping-reply\r\n$2\r\n78\r\n$15\r\nlast-ping-reply\r\n$2\r\n78\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n5638\r\n$13\r\nrole-reported\r\n$5\r\n\
    slave\r\n$18\r\nrole-reported-time\r\n$5\r\n15748\r\n$21\r\nmaster-link-down-time\r\n$1\r\n0\r\n$18\r\n\
    master-link-status\r\n$2\r\nok\r\n$11\r\nmaster-host\r\n$9\r\n127.0.0.1\r\n$11\r\nmaster-port\r\n$5\r\n23100\r\n\
    $14\r\nslave-priority\r\n$3\r\n100\r\n$17\r\nslave-repl-offset\r\n$4\r\n1645\r\n$17\r\nreplica-announced\r\n\
    $1\r\n1\r\n";

/// The same of Valkey, RESP3.
pub(super) const VALKEY_REPLICAS: &[u8] = b"\
    *2\r\n%21\r\n$4\r\nname\r\n$15\r\n127.0.0.1:23201\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n\
    23201\r\n$5\r\nrunid\r\n$40\r\n24621dc43a095356101e4e6f25aa4e95b4ec7ad1\r\n$5\r\nflags\r\n$5\r\nslave\r\n$21\r\n\
    link-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$1\r\n0\r\n\
    $18\r\nlast-ok-ping-reply\r\n$3\r\n509\r\n$15\r\nlast-ping-reply\r\n$3\r\n509\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n6154\r\n$13\r\nrole-reported\r\n$5\r\n\
    slave\r\n$18\r\nrole-reported-time\r\n$5\r\n16260\r\n$21\r\nmaster-link-down-time\r\n$1\r\n0\r\n$18\r\n\
    master-link-status\r\n$2\r\nok\r\n$11\r\nmaster-host\r\n$9\r\n127.0.0.1\r\n$11\r\nmaster-port\r\n$5\r\n23200\r\n\
    $14\r\nslave-priority\r\n$3\r\n100\r\n$17\r\nslave-repl-offset\r\n$4\r\n1645\r\n$17\r\nreplica-announced\r\n\
    $1\r\n1\r\n%21\r\n$4\r\nname\r\n$15\r\n127.0.0.1:23202\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n\
    23202\r\n$5\r\nrunid\r\n$40\r\naaee9f56fbc5daf015550efb0df5ff51ff0207b8\r\n$5\r\nflags\r\n$5\r\nslave\r\n$21\r\n\
    link-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$1\r\n0\r\n\
    $18\r\nlast-ok-ping-reply\r\n$3\r\n610\r\n$15\r\nlast-ping-reply\r\n$3\r\n610\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n6154\r\n$13\r\nrole-reported\r\n$5\r\n\
    slave\r\n$18\r\nrole-reported-time\r\n$5\r\n16232\r\n$21\r\nmaster-link-down-time\r\n$1\r\n0\r\n$18\r\n\
    master-link-status\r\n$2\r\nok\r\n$11\r\nmaster-host\r\n$9\r\n127.0.0.1\r\n$11\r\nmaster-port\r\n$5\r\n23200\r\n\
    $14\r\nslave-priority\r\n$3\r\n100\r\n$17\r\nslave-repl-offset\r\n$4\r\n1645\r\n$17\r\nreplica-announced\r\n\
    $1\r\n1\r\n";

/// The same after a failover, while the old primary is frozen.
pub(super) const REPLICAS_AFTER: &[u8] = b"\
    *2\r\n%21\r\n$4\r\nname\r\n$15\r\n127.0.0.1:23101\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n\
    23101\r\n$5\r\nrunid\r\n$40\r\n65db207d63fbc9c238788000e53c97fec1995d5d\r\n$5\r\nflags\r\n$5\r\nslave\r\n$21\r\n\
    link-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$1\r\n0\r\n\
    $18\r\nlast-ok-ping-reply\r\n$3\r\n222\r\n$15\r\nlast-ping-reply\r\n$3\r\n222\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$4\r\n2271\r\n$13\r\nrole-reported\r\n$5\r\n\
    slave\r\n$18\r\nrole-reported-time\r\n$4\r\n2307\r\n$21\r\nmaster-link-down-time\r\n$1\r\n0\r\n$18\r\n\
    master-link-status\r\n$2\r\nok\r\n$11\r\nmaster-host\r\n$9\r\n127.0.0.1\r\n$11\r\nmaster-port\r\n$5\r\n23102\r\n\
    $14\r\nslave-priority\r\n$3\r\n100\r\n$17\r\nslave-repl-offset\r\n$4\r\n4764\r\n$17\r\nreplica-announced\r\n\
    $1\r\n1\r\n%22\r\n$4\r\nname\r\n$15\r\n127.0.0.1:23100\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n\
    23100\r\n$5\r\nrunid\r\n$0\r\n\r\n$5\r\nflags\r\n$12\r\ns_down,slave\r\n$21\r\nlink-pending-commands\r\n$2\r\n\
    40\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$4\r\n2307\r\n$18\r\nlast-ok-ping-reply\r\n\
    $4\r\n2307\r\n$15\r\nlast-ping-reply\r\n$4\r\n2307\r\n$11\r\ns-down-time\r\n$4\r\n1224\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$12\r\ninfo-refresh\r\n$1\r\n0\r\n$13\r\nrole-reported\r\n$5\r\n\
    slave\r\n$18\r\nrole-reported-time\r\n$4\r\n2307\r\n$21\r\nmaster-link-down-time\r\n$1\r\n0\r\n$18\r\n\
    master-link-status\r\n$3\r\nerr\r\n$11\r\nmaster-host\r\n$1\r\n?\r\n$11\r\nmaster-port\r\n$1\r\n0\r\n$14\r\n\
    slave-priority\r\n$3\r\n100\r\n$17\r\nslave-repl-offset\r\n$1\r\n0\r\n$17\r\nreplica-announced\r\n$1\r\n1\r\n";

/// `SENTINEL SENTINELS` of Redis, RESP2.
pub(super) const SENTINELS: &[u8] = b"\
    *2\r\n*28\r\n$4\r\nname\r\n$40\r\n825444812b06eed491557f7fe1ca80edd77c5496\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n\
    $4\r\nport\r\n$5\r\n23112\r\n$5\r\nrunid\r\n$40\r\n825444812b06eed491557f7fe1ca80edd77c5496\r\n$5\r\nflags\r\n\
    $8\r\nsentinel\r\n$21\r\nlink-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\n\
    last-ping-sent\r\n$1\r\n0\r\n$18\r\nlast-ok-ping-reply\r\n$4\r\n1022\r\n$15\r\nlast-ping-reply\r\n$4\r\n1022\r\n\
    $23\r\ndown-after-milliseconds\r\n$4\r\n1000\r\n$18\r\nlast-hello-message\r\n$3\r\n244\r\n$12\r\n\
    voted-leader\r\n$1\r\n?\r\n$18\r\nvoted-leader-epoch\r\n$1\r\n0\r\n*28\r\n$4\r\nname\r\n$40\r\n\
    a896485124b93de20cc4c8a985b415e2b143e8fd\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$5\r\n23111\r\n$5\r\n\
    runid\r\n$40\r\na896485124b93de20cc4c8a985b415e2b143e8fd\r\n$5\r\nflags\r\n$8\r\nsentinel\r\n$21\r\n\
    link-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\nlast-ping-sent\r\n$1\r\n0\r\n\
    $18\r\nlast-ok-ping-reply\r\n$4\r\n1022\r\n$15\r\nlast-ping-reply\r\n$4\r\n1022\r\n$23\r\n\
    down-after-milliseconds\r\n$4\r\n1000\r\n$18\r\nlast-hello-message\r\n$3\r\n229\r\n$12\r\nvoted-leader\r\n$1\r\n\
    ?\r\n$18\r\nvoted-leader-epoch\r\n$1\r\n0\r\n";

/// The same of Valkey, RESP3, while one of them is frozen.
pub(super) const SENTINELS_AFTER: &[u8] = b"\
    *2\r\n%15\r\n$4\r\nname\r\n$40\r\n7b87d7f9357b795697c611a4eace3a4de89fbfdf\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n\
    $4\r\nport\r\n$5\r\n23211\r\n$5\r\nrunid\r\n$40\r\n7b87d7f9357b795697c611a4eace3a4de89fbfdf\r\n$5\r\nflags\r\n\
    $15\r\ns_down,sentinel\r\n$21\r\nlink-pending-commands\r\n$2\r\n16\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\n\
    last-ping-sent\r\n$4\r\n2108\r\n$18\r\nlast-ok-ping-reply\r\n$4\r\n3167\r\n$15\r\nlast-ping-reply\r\n$4\r\n\
    3167\r\n$11\r\ns-down-time\r\n$4\r\n1058\r\n$23\r\ndown-after-milliseconds\r\n$4\r\n1000\r\n$18\r\n\
    last-hello-message\r\n$4\r\n2791\r\n$12\r\nvoted-leader\r\n$1\r\n?\r\n$18\r\nvoted-leader-epoch\r\n$1\r\n0\r\n\
    %14\r\n$4\r\nname\r\n$40\r\nb0c407e65befcdc0bfa8bdbe6488f2051ee1f05c\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\n\
    port\r\n$5\r\n23212\r\n$5\r\nrunid\r\n$40\r\nb0c407e65befcdc0bfa8bdbe6488f2051ee1f05c\r\n$5\r\nflags\r\n$8\r\n\
    sentinel\r\n$21\r\nlink-pending-commands\r\n$1\r\n0\r\n$13\r\nlink-refcount\r\n$1\r\n1\r\n$14\r\n\
    last-ping-sent\r\n$1\r\n0\r\n$18\r\nlast-ok-ping-reply\r\n$2\r\n41\r\n$15\r\nlast-ping-reply\r\n$2\r\n41\r\n\
    $23\r\ndown-after-milliseconds\r\n$4\r\n1000\r\n$18\r\nlast-hello-message\r\n$3\r\n237\r\n$12\r\n\
    voted-leader\r\n$1\r\n?\r\n$18\r\nvoted-leader-epoch\r\n$1\r\n0\r\n";

/// `ROLE` of the primary.
pub(super) const ROLE_PRIMARY: &[u8] = b"\
    *3\r\n$6\r\nmaster\r\n:3253\r\n*2\r\n*3\r\n$9\r\n127.0.0.1\r\n$5\r\n23102\r\n$4\r\n3253\r\n*3\r\n$9\r\n\
    127.0.0.1\r\n$5\r\n23101\r\n$4\r\n3253\r\n";

/// `ROLE` of a replica.
pub(super) const ROLE_REPLICA: &[u8] = b"\
    *5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:23200\r\n$9\r\nconnected\r\n:3669\r\n";

/// `ROLE` of the old primary, frozen during a failover, when it is awake again.
pub(super) const ROLE_AWAKE: &[u8] = b"\
    *3\r\n$6\r\nmaster\r\n:19481\r\n*0\r\n";

/// `ROLE` of a Sentinel.
pub(super) const ROLE_SENTINEL: &[u8] = b"\
    *2\r\n$8\r\nsentinel\r\n*1\r\n$8\r\nmymaster\r\n";

/// What it publishes after a failover, RESP3, to a pattern.
pub(super) const SWITCH: &[u8] = b"\
    >4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$14\r\n+switch-master\r\n$40\r\nmymaster 127.0.0.1 23200 127.0.0.1 23201\r\n";
