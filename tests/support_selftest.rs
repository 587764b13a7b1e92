//! The tests' own equipment works: servers start, die, freeze and come back, and leave nothing behind.
#![cfg(unix)]

mod support;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{ClientCertificates, HaProxy, Kind, Raw, Scratch, Server, TlsFiles, free_port};

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
    for kind in KINDS {
        let files = TlsFiles { certificate: certificate.clone(), key: key.clone(), authority: certificate.clone() };
        let server = Server::build(kind).tls(files, ClientCertificates::Ignored).without_plain_port().start();
        assert_eq!(server.port(), 0);
        assert_eq!(server.raw(&["PING"]), "PONG");
        let target = format!("127.0.0.1:{}", server.tls_port());
        openssl(
            &["s_client", "-connect", &target, "-verify_return_error", "-CAfile"]
                .map(PathBuf::from)
                .into_iter()
                .chain([certificate.clone()])
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

#[test]
fn a_free_port_is_free_and_given_once() {
    let ports = [free_port(), free_port(), free_port()];
    assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
    for port in ports {
        TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
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
