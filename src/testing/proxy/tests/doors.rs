//! The port, the server behind it, and the end of the proxy.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::super::{Cut, FaultProxy};
use super::{Bench, connected, expect, is_quiet, rest, send, soon};

async fn refusal(bench: &Bench) -> ErrorKind {
    TcpStream::connect(bench.proxy.address()).await.expect_err("it was accepted").kind()
}

#[tokio::test]
async fn a_closed_port_refuses_at_once_and_opens_again_where_it_was() {
    let (bench, mut client, mut server) = connected().await;
    for _ in 0..3 {
        bench.proxy.refuse();
        assert_eq!(refusal(&bench).await, ErrorKind::ConnectionRefused);
        // Who asks twice changes nothing.
        bench.proxy.refuse();
        assert_eq!(refusal(&bench).await, ErrorKind::ConnectionRefused);
        send(&mut client, b"still here").await;
        expect(&mut server, b"still here").await;
        bench.proxy.reopen().unwrap();
        let (mut client, mut server) = bench.connect().await;
        send(&mut client, b"new").await;
        expect(&mut server, b"new").await;
    }
    assert_eq!(bench.proxy.accepted(), 4);
}

#[test]
fn the_port_can_be_opened_from_outside_of_the_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let bench = runtime.block_on(Bench::new());
    bench.proxy.refuse();
    bench.proxy.reopen().unwrap();
    runtime.block_on(bench.connect());
}

#[tokio::test]
async fn connections_wait_at_a_paused_door() {
    let bench = Bench::new().await;
    bench.proxy.pause_accept();
    let mut client = bench.dial().await;
    send(&mut client, b"patient").await;
    assert!(is_quiet(&mut client).await);
    assert_eq!(bench.proxy.accepted(), 0);
    bench.proxy.resume_accept();
    let (mut server, _) = soon(bench.listener.accept()).await.unwrap();
    expect(&mut server, b"patient").await;
}

#[tokio::test]
async fn connections_that_wait_are_reset_when_the_port_closes() {
    let bench = Bench::new().await;
    bench.proxy.pause_accept();
    let mut client = bench.dial().await;
    bench.proxy.refuse();
    assert_eq!(rest(&mut client).await.1, Err(ErrorKind::ConnectionReset));
    assert_eq!(refusal(&bench).await, ErrorKind::ConnectionRefused);
    bench.proxy.heal().unwrap();
    bench.connect().await;
}

#[tokio::test]
async fn new_connections_go_to_the_new_server_and_old_ones_stay() {
    let (bench, mut client, mut server) = connected().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    bench.proxy.set_upstream(other.local_addr().unwrap()).await.unwrap();
    let mut moved = bench.dial().await;
    let (mut moved_server, _) = soon(other.accept()).await.unwrap();
    send(&mut moved, b"moved").await;
    expect(&mut moved_server, b"moved").await;
    send(&mut client, b"stayed").await;
    expect(&mut server, b"stayed").await;
    assert_eq!(bench.proxy.cut(Cut::Fin), 2);
    assert_eq!(rest(&mut client).await, (vec![], Ok(())));
}

#[tokio::test]
async fn a_server_that_is_not_there_shows_as_an_end() {
    let Bench { proxy, listener } = Bench::new().await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    let bench = Bench { proxy, listener: TcpListener::bind("127.0.0.1:0").await.unwrap() };
    assert_eq!(rest(&mut bench.dial().await).await, (vec![], Ok(())));
    soon(bench.proxy.wait_for_open(0)).await;
    assert_eq!(bench.proxy.accepted(), 1);
    assert_ne!(address, bench.proxy.address());
}

#[tokio::test]
async fn dropping_the_proxy_ends_its_connections_and_frees_its_port() {
    let (Bench { proxy, listener }, mut client, mut server) = connected().await;
    let address = proxy.address();
    drop(proxy);
    // By FIN or by RST, as the system has it.
    let _ = (rest(&mut client).await, rest(&mut server).await);
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    TcpListener::bind(address).await.unwrap();
    drop(listener);
}

#[tokio::test]
async fn nothing_of_a_dropped_proxy_runs_on() {
    let runtime_tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = runtime_tasks();
    let (bench, client, server) = connected().await;
    bench.proxy.next().silence();
    let silent = bench.dial().await;
    soon(bench.proxy.wait_for_accepted(2)).await;
    bench.proxy.refuse();
    assert!(runtime_tasks() > before);
    drop(bench);
    soon(async {
        while runtime_tasks() > before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    drop((client, server, silent));
}

#[tokio::test]
async fn a_name_that_is_none_is_an_error_at_the_start() {
    assert!(FaultProxy::start("no host of that name:6379").await.is_err());
}
