//! The tests' own equipment works: servers start, die, freeze and come back, and leave nothing behind.
#![cfg(unix)]

mod support;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{
    ClientCertificates, Cluster, HaProxy, How, Kind, Raw, Role, Scratch, Sentinels, Server, TlsFiles, free_port,
    key_in, slot_of,
};

const KINDS: [Kind; 2] = [Kind::Redis, Kind::Valkey];

#[test]
fn a_server_answers_over_tcp_and_is_the_one_started() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        assert_eq!(server.raw(&["SET", "a", "b"]), "OK");
        let mut tcp = Raw::tcp(server.address()).unwrap();
        assert_eq!(tcp.call(&["GET", "a"]).unwrap(), "b");
        assert_eq!(tcp.call(&["GET", "missing"]).unwrap(), "(nil)");
        assert_eq!(tcp.call(&["RPUSH", "list", "1", "two"]).unwrap(), "2");
        assert_eq!(tcp.call(&["LRANGE", "list", "0", "-1"]).unwrap(), "1\ntwo");
        assert!(tcp.call(&["INCR", "list"]).unwrap().starts_with("-WRONGTYPE"));
        assert!(tcp.call(&["INFO", "server"]).unwrap().contains(&format!("process_id:{}\r\n", server.id())));
        assert_eq!(server.raw(&["INFO", "server"]).contains("valkey_version"), kind == Kind::Valkey);
    }
}

#[test]
fn servers_do_not_share_ports_or_keys() {
    let servers: Vec<Server> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..6).map(|_| scope.spawn(Server::redis)).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    for server in &servers {
        assert_eq!(server.raw(&["INCR", "count"]), "1");
    }
    let mut ports: Vec<u16> = servers.iter().map(Server::port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), servers.len());
}

#[test]
fn a_killed_server_is_gone_and_comes_back_empty_on_its_port() {
    for kind in KINDS {
        let mut server = Server::build(kind).start();
        let (port, id) = (server.port(), server.id());
        let mut client = Raw::tcp(server.address()).unwrap();
        assert_eq!(client.call(&["SET", "a", "b"]).unwrap(), "OK");
        server.kill9();
        assert!(client.call(&["PING"]).is_err());
        assert!(TcpStream::connect(server.address()).is_err());
        server.restart();
        assert_eq!(server.port(), port);
        assert_ne!(server.id(), id);
        let mut client = Raw::tcp(server.address()).unwrap();
        assert_eq!(client.call(&["GET", "a"]).unwrap(), "(nil)");
    }
}

#[test]
fn a_terminated_server_says_goodbye() {
    let mut server = Server::redis();
    server.terminate();
    assert!(TcpStream::connect(server.address()).is_err());
    assert!(server.log().contains("bye bye"));
}

#[test]
fn a_frozen_server_accepts_and_answers_only_when_woken() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        server.stop();
        let mut client = Raw::tcp(server.address()).unwrap();
        client.send(&["PING"]).unwrap();
        let reader = std::thread::spawn(move || client.reply());
        std::thread::sleep(Duration::from_millis(200));
        assert!(!reader.is_finished());
        server.cont();
        assert_eq!(reader.join().unwrap().unwrap(), "PONG");
    }
}

#[test]
fn a_frozen_server_can_be_killed() {
    let mut server = Server::redis();
    server.stop();
    server.kill9();
    assert!(TcpStream::connect(server.address()).is_err());
}

#[test]
fn a_password_and_users_are_asked_for() {
    for kind in KINDS {
        let server =
            Server::build(kind).password("sesame").config("user alice on >wonder ~a* +get +@connection").start();
        assert_eq!(server.raw(&["PING"]), "PONG");
        let mut stranger = Raw::tcp(server.address()).unwrap();
        assert!(stranger.call(&["GET", "a"]).unwrap().starts_with("-NOAUTH"));
        assert_eq!(stranger.call(&["AUTH", "alice", "wonder"]).unwrap(), "OK");
        assert_eq!(stranger.call(&["GET", "a"]).unwrap(), "(nil)");
        assert!(stranger.call(&["SET", "a", "b"]).unwrap().starts_with("-NOPERM"));
    }
}

#[test]
fn a_sentinel_knows_its_master() {
    for kind in KINDS {
        let master = Server::build(kind).start();
        let watch = format!("sentinel monitor mymaster 127.0.0.1 {} 1", master.port());
        let mut sentinel = Server::build(kind).sentinel().config(&watch).start();
        let expected = format!("127.0.0.1\n{}", master.port());
        assert_eq!(sentinel.raw(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"]), expected);
        sentinel.restart();
        assert_eq!(sentinel.raw(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"]), expected);
    }
}

#[test]
fn a_tls_server_speaks_tls_alone() {
    let (_folder, files) = self_signed();
    for kind in KINDS {
        let server = Server::build(kind).tls(files.clone(), ClientCertificates::Ignored).without_plain_port().start();
        assert_eq!(server.port(), 0);
        assert_eq!(server.raw(&["PING"]), "PONG");
        let target = format!("127.0.0.1:{}", server.tls_port());
        openssl(
            &["s_client", "-connect", &target, "-verify_return_error", "-CAfile"]
                .map(PathBuf::from)
                .into_iter()
                .chain([files.certificate.clone()])
                .collect::<Vec<_>>(),
        );
    }
}

#[test]
fn a_server_goes_when_its_owner_panics() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let outcome = std::thread::spawn(move || {
        let server = Server::redis();
        sender.send((server.address(), server.folder().to_owned())).unwrap();
        std::panic::resume_unwind(Box::new("a test fails"));
    })
    .join();
    assert!(outcome.is_err());
    let (address, folder) = receiver.recv().unwrap();
    assert!(TcpStream::connect(address).is_err());
    assert!(!folder.exists());
}

/// This test runs itself in another process, with a server that is frozen on top, and kills that process.
#[test]
fn a_server_goes_when_its_process_is_killed() {
    if std::env::var_os(VICTIM).is_some() {
        let server = Server::redis();
        server.stop();
        std::fs::write(
            std::env::var_os(VICTIM).unwrap(),
            format!("{}\n{}\n", server.address(), server.folder().display()),
        )
        .unwrap();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let folder = Scratch::new();
    let report = folder.join("report");
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_server_goes_when_its_process_is_killed", "--nocapture"])
        .env(VICTIM, &report)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let content = || std::fs::read_to_string(&report).unwrap_or_default();
    eventually("the other process starts a server", || content().lines().count() == 2);
    let content = content();
    let (address, scratch) = content.trim_end().split_once('\n').unwrap();
    assert!(TcpStream::connect(address).is_ok());
    victim.kill().unwrap();
    victim.wait().unwrap();
    eventually("the server goes", || TcpStream::connect(address).is_err());
    eventually("its folder goes", || !Path::new(scratch).exists());
}

#[test]
fn haproxy_forwards_and_obeys_its_admin_socket() {
    let server = Server::redis();
    let mut proxy = HaProxy::start(&format!(
        "defaults\n    mode tcp\n    timeout connect 500ms\n    timeout client 60s\n    timeout server 60s\n\
         frontend front\n    bind 127.0.0.1:{{front}}\n    default_backend servers\n\
         backend servers\n    server r1 {}",
        server.address()
    ));
    let mut client = Raw::tcp(proxy.address("front")).unwrap();
    assert_eq!(client.call(&["SET", "through", "proxy"]).unwrap(), "OK");
    assert_eq!(server.raw(&["GET", "through"]), "proxy");
    assert!(proxy.admin("show info").contains(&format!("Pid: {}\n", proxy.id())));
    proxy.admin("shutdown sessions server servers/r1");
    assert!(client.call(&["PING"]).is_err());

    let address = proxy.address("front");
    proxy.kill9();
    assert!(TcpStream::connect(address).is_err());
    proxy.restart();
    assert_eq!(Raw::tcp(address).unwrap().call(&["PING"]).unwrap(), "PONG");

    proxy.stop();
    let mut client = Raw::tcp(address).unwrap();
    client.send(&["PING"]).unwrap();
    proxy.cont();
    assert_eq!(client.reply().unwrap(), "PONG");
}

/// One after the other, as each takes the whole machine for a moment.
#[test]
fn a_cluster_serves_all_slots_and_tells_of_all_replicas() {
    for kind in KINDS {
        let cluster = Cluster::build(kind).start();
        assert_eq!(cluster.primaries(), [0, 1, 2]);
        for primary in 0..3 {
            assert_eq!(cluster.replicas_of(primary), [primary + 3]);
        }
        for slot in [0, 5460, 5461, 16383] {
            let (owner, key) = (cluster.primary_of(slot), key_in(slot));
            assert_eq!(cluster.node(owner).raw(&["CLUSTER", "KEYSLOT", &key]), slot.to_string());
            let mut client = Raw::tcp(cluster.address(owner)).unwrap();
            assert_eq!(client.call(&["SET", &key, "value"]).unwrap(), "OK");
            let moved = format!("-MOVED {slot} {}", cluster.address(owner));
            assert_eq!(cluster.node((owner + 1) % 3).raw(&["GET", &key]), moved);
            assert_eq!(cluster.node(owner + 3).raw(&["GET", &key]), moved);
            assert_eq!(cluster.connections(owner).len(), 1);
        }
        assert_eq!(slot_of("{user1000}.following"), slot_of("user1000"));
        // Every shard as one, with all its nodes: servers that know of shards made up none of their own.
        assert_eq!(cluster.node(0).raw(&["CLUSTER", "SHARDS"]).matches("slots\n").count(), 3);
    }
}

#[test]
fn a_cluster_of_tls_serves_it_alone() {
    let (_folder, files) = self_signed();
    for kind in KINDS {
        let cluster = Cluster::build(kind).primaries(2).replicas(1).tls(files.clone()).password("sesame").start();
        assert_eq!(cluster.node(0).port(), 0);
        assert!(cluster.url().contains("s+cluster://"));
        let key = key_in(0);
        assert_eq!(cluster.node(0).raw(&["SET", &key, "value"]), "OK");
        // A server may tell who asks without TLS, as its Unix socket does, of the port without it.
        assert!(cluster.node(1).raw(&["GET", &key]).starts_with("-MOVED 0 127.0.0.1:"));
        cluster.migrate_slot(0, 0, 1);
        assert_eq!(cluster.node(1).raw(&["GET", &key]), "value");
        cluster.reshard(0, 1, 1);
        assert_eq!(cluster.primary_of(1), 1);
    }
}

#[test]
fn a_dead_primary_is_replaced_and_comes_back_as_a_replica() {
    for kind in KINDS {
        let mut cluster = Cluster::build(kind).node_timeout(500).start();
        cluster.kill(0);
        eventually("the replica takes over", || cluster.primary_of(0) == 3);
        cluster.wait_ok(PATIENCE);
        cluster.restart(0);
        cluster.wait_whole(PATIENCE);
        assert_eq!(cluster.replicas_of(3), [0]);
        cluster.failover(0, How::Plain);
        assert_eq!(cluster.primary_of(0), 0);
        cluster.failover(4, How::Force);
        cluster.failover(5, How::Takeover);
        assert_eq!(cluster.primaries(), [0, 4, 5]);

        cluster.stop(0);
        let b = Instant::now();
        while cluster.owner(0) != Some(3) {
            if b.elapsed() > PATIENCE {
                for i in [3, 4, 5] {
                    println!("== {i}\n{}\n{}", cluster.node(i).log(), cluster.node(i).raw(&["CLUSTER", "NODES"]))
                }
                panic!("x")
            }
        }
        cluster.cont(0);
        cluster.wait_whole(PATIENCE);
    }
}

#[test]
fn slots_move_with_their_keys() {
    for kind in KINDS {
        let cluster = Cluster::build(kind).replicas(0).config("cluster-require-full-coverage no").start();
        let (slot, key) = (7, key_in(7));
        assert_eq!(cluster.node(0).raw(&["SET", &key, "value"]), "OK");
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            cluster.migrate_slot(slot, from, to);
            assert_eq!(cluster.primary_of(slot), to);
            assert_eq!(cluster.node(to).raw(&["GET", &key]), "value");
        }
        cluster.begin_migration(slot, 0, 1);
        assert_eq!(cluster.node(0).raw(&["GET", &key]), "value");
        cluster.move_these(&[&key], 0, 1);
        assert_eq!(cluster.node(0).raw(&["GET", &key]), format!("-ASK {slot} {}", cluster.address(1)));
        assert_eq!(cluster.node(1).raw(&["GET", &key]), format!("-MOVED {slot} {}", cluster.address(0)));
        cluster.finish_migration(slot, 0, 1);
        assert_eq!(cluster.node(1).raw(&["GET", &key]), "value");

        let empty = 9;
        cluster.wait_agreed();
        cluster.moved_loop(empty, 1);
        for (asked, named) in [(0, 1), (1, 0)] {
            let moved = format!("-MOVED {empty} {}", cluster.address(named));
            assert_eq!(cluster.node(asked).raw(&["GET", &key_in(empty)]), moved);
        }
        cluster.end_moved_loop(empty, 1);
        assert_eq!(cluster.node(1).raw(&["GET", &key_in(empty)]), "(nil)");

        cluster.delslots(&[20, 10000]);
        assert_eq!(cluster.owner(20), None);
        assert_eq!(cluster.node(0).raw(&["GET", &key_in(20)]), "-CLUSTERDOWN Hash slot not served");
        cluster.addslots(&[20, 10000], 2);
        assert_eq!(cluster.primary_of(20), 2);
    }
}

#[test]
fn nodes_join_and_leave_a_cluster_and_all_of_them_move() {
    for kind in KINDS {
        let mut cluster = Cluster::build(kind).replicas(0).start();
        let added = cluster.add_node(Role::Primary);
        assert_eq!(added, 3);
        cluster.migrate_slot(0, 0, added);
        let replica = cluster.add_node(Role::ReplicaOf(added));
        assert_eq!(cluster.replicas_of(added), [replica]);
        cluster.migrate_slot(0, added, 0);
        assert_eq!(cluster.primaries(), [0, 1, 2]);
        cluster.kill(replica);
        cluster.kill(added);
        cluster.forget(replica);
        cluster.forget(added);
        assert!(!cluster.node(0).raw(&["CLUSTER", "NODES"]).contains(cluster.id(added)));
    }
}

#[test]
fn a_cluster_that_moves_is_found_at_its_new_addresses_alone() {
    for kind in KINDS {
        let mut cluster = Cluster::build(kind).replicas(0).start();
        let before = cluster.address(0);
        cluster.move_to([127, 0, 0, 2].into());
        assert!(TcpStream::connect(before).is_err());
        let mut client = Raw::tcp(cluster.address(0)).unwrap();
        let moved = format!("MOVED 16383 127.0.0.2:{}", cluster.port(2));
        assert!(client.call(&["GET", &key_in(16383)]).unwrap().contains(&moved));
    }
}

#[test]
fn connections_that_a_node_received_are_counted_without_the_tests_own() {
    let server = Server::redis();
    let before = server.connections_received();
    server.raw(&["PING"]);
    assert_eq!(server.connections_received(), before);
    drop(Raw::tcp(server.address()).unwrap().call(&["PING"]));
    assert_eq!(server.connections_received(), before + 1);
}

#[test]
fn sentinels_replace_a_dead_primary_and_one_they_are_told_to() {
    for kind in KINDS {
        let mut set = Sentinels::build(kind).password("sesame").sentinel_password("open").start();
        assert_eq!(set.primary(), 0);
        assert_eq!(set.kill_primary(), 0);
        let second = set.wait_for_primary_other_than(0);
        set.restart(0);
        set.wait_whole();
        set.kill_sentinel(2);
        set.restart_sentinel(2);
        set.wait_whole();
        let third = set.failover();
        assert_ne!(third, second);
        assert_eq!(set.node(third).raw(&["SET", "key", "value"]), "OK");
        assert!(set.connections(third).is_empty());
    }
}

#[test]
fn sentinels_of_tls_serve_it_alone() {
    let (_folder, files) = self_signed();
    for kind in KINDS {
        let set = Sentinels::build(kind).tls(files.clone()).start();
        assert_eq!((set.sentinel(0).port(), set.node(0).port()), (0, 0));
        assert!(set.url().contains("s+sentinel://"));
        set.stop_sentinel(0);
        assert_eq!(set.primary(), 0);
        set.cont_sentinel(0);
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_free_port_is_free_and_given_once() {
    let ports = [free_port(), free_port(), free_port()];
    assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
    for port in ports {
        TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
}

/// A certificate that is its own authority.
fn self_signed() -> (Scratch, TlsFiles) {
    let folder = Scratch::new();
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    openssl(
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=localhost",
        ]
        .map(PathBuf::from)
        .into_iter()
        .chain(["-keyout".into(), key.clone(), "-out".into(), certificate.clone()])
        .collect::<Vec<_>>(),
    );
    (folder, TlsFiles { certificate: certificate.clone(), key, authority: certificate })
}

/// Runs openssl with an empty input.
fn openssl(args: &[PathBuf]) {
    let output = Command::new("openssl").args(args).stdin(Stdio::null()).output().expect("apt-get install openssl");
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn eventually(claim: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(20), "not in 20 s: {claim}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

const VICTIM: &str = "STEADFAST_SELFTEST_VICTIM";
