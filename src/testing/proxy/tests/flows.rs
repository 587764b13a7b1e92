//! Bytes that are late, or slow, or never come.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::{Cut, Delay, Direction};
use super::{Bench, DIRECTIONS, connected, ends, expect, fill, is_quiet, pattern, rest, send, soon};

#[tokio::test]
async fn a_stall_backs_up_to_the_sender_and_loses_nothing() {
    for direction in DIRECTIONS {
        let (bench, mut client, mut server) = connected().await;
        bench.proxy.current().stall(direction);
        let (sender, receiver) = ends(direction, &mut client, &mut server);
        let taken = fill(sender).await;
        assert!(is_quiet(receiver).await);
        assert_eq!(bench.proxy.forwarded(direction), 0);
        // The other direction works.
        send(receiver, b"still here").await;
        expect(sender, b"still here").await;
        bench.proxy.current().resume(direction);
        expect(receiver, &vec![0; taken]).await;
        send(sender, b"free").await;
        expect(receiver, b"free").await;
    }
}

#[tokio::test]
async fn a_stall_can_come_in_the_middle_of_a_reply() {
    let (bench, mut client, mut server) = connected().await;
    bench.proxy.current().stall_after(Direction::ToClient, 3);
    send(&mut server, b"+PONG\r\n").await;
    expect(&mut client, b"+PO").await;
    assert!(is_quiet(&mut client).await);
    bench.proxy.current().resume(Direction::ToClient);
    expect(&mut client, b"NG\r\n").await;
}

#[tokio::test]
async fn silence_is_accepted_and_the_server_hears_nothing() {
    let bench = Bench::new().await;
    bench.proxy.all().silence();
    let mut client = bench.dial().await;
    soon(bench.proxy.wait_for_accepted(1)).await;
    send(&mut client, b"anyone there?").await;
    assert!(is_quiet(&mut client).await);
    let accepted = tokio::time::timeout(Duration::from_millis(20), bench.listener.accept()).await;
    assert!(accepted.is_err(), "the server was called");
    assert_eq!(bench.proxy.received(Direction::ToServer), 0);
    bench.proxy.heal().unwrap();
    let (mut server, _) = soon(bench.listener.accept()).await.unwrap();
    expect(&mut server, b"anyone there?").await;
}

#[tokio::test]
async fn a_silent_connection_can_be_cut() {
    let bench = Bench::new().await;
    bench.proxy.next().silence();
    let mut client = bench.dial().await;
    soon(bench.proxy.wait_for_accepted(1)).await;
    assert_eq!(bench.proxy.cut(Cut::Fin), 1);
    assert_eq!(rest(&mut client).await, (vec![], Ok(())));
}

#[tokio::test]
async fn a_black_hole_takes_everything_and_passes_on_no_end() {
    for direction in DIRECTIONS {
        let (bench, mut client, mut server) = connected().await;
        bench.proxy.current().black_hole(direction);
        let (sender, receiver) = ends(direction, &mut client, &mut server);
        // More than all buffers hold.
        send(sender, &vec![0; 16 << 20]).await;
        send(receiver, b"still here").await;
        expect(sender, b"still here").await;
        sender.shutdown().await.unwrap();
        assert!(is_quiet(receiver).await);
        assert_eq!((bench.proxy.received(direction), bench.proxy.forwarded(direction)), (16 << 20, 0));
        assert_eq!(bench.proxy.open(), 1);
        bench.proxy.current().heal();
        assert_eq!(rest(receiver).await, (vec![], Ok(())));
    }
}

#[tokio::test]
async fn not_even_a_reset_comes_out_of_a_black_hole() {
    let (bench, client, mut server) = connected().await;
    bench.proxy.current().black_hole(Direction::ToServer);
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    assert!(is_quiet(&mut server).await);
    send(&mut server, b"is anyone there?").await;
    assert!(is_quiet(&mut server).await);
    bench.proxy.cut(Cut::Rst);
    assert!(rest(&mut server).await.1.is_err());
}

#[tokio::test]
async fn delays_add_up_over_both_directions() {
    let (bench, mut client, mut server) = connected().await;
    let current = bench.proxy.current();
    current.delay(Direction::ToServer, Duration::from_millis(40));
    current
        .delay(Direction::ToClient, Delay::fixed(Duration::from_millis(20)).with_jitter(Duration::from_millis(5), 7));
    let begin = Instant::now();
    send(&mut client, b"question").await;
    expect(&mut server, b"question").await;
    assert!(begin.elapsed() >= Duration::from_millis(40));
    send(&mut server, b"answer").await;
    drop(server);
    assert_eq!(rest(&mut client).await, (b"answer".to_vec(), Ok(())));
    assert!(begin.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn healing_lets_delayed_bytes_go() {
    let (bench, mut client, mut server) = connected().await;
    bench.proxy.all().delay(Direction::Both, Duration::MAX).cut_when_idle(Duration::MAX, Cut::Rst);
    send(&mut client, b"late").await;
    assert!(is_quiet(&mut server).await);
    bench.proxy.heal().unwrap();
    expect(&mut server, b"late").await;
}

#[tokio::test]
async fn a_throttle_sets_the_pace() {
    let (bench, mut client, mut server) = connected().await;
    bench.proxy.current().throttle(Direction::ToServer, 1_000_000);
    let begin = Instant::now();
    let sent = pattern(200_000);
    send(&mut client, &sent).await;
    expect(&mut server, &sent).await;
    let took = begin.elapsed();
    // The first portion is free.
    assert!(took >= Duration::from_millis(185), "{took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // The other direction has no bound.
    let begin = Instant::now();
    send(&mut server, &pattern(1 << 20)).await;
    expect(&mut client, &pattern(1 << 20)).await;
    assert!(begin.elapsed() < Duration::from_millis(900));
}

#[tokio::test]
async fn slices_reach_the_receiver_one_by_one() {
    let (bench, mut client, mut server) = connected().await;
    bench.proxy.current().slice(Direction::ToClient, 1).throttle(Direction::ToClient, 200);
    send(&mut server, b"+PONG\r\n").await;
    let (mut reads, mut buffer, mut seen) = (0, [0; 64], Vec::new());
    while seen.len() < 7 {
        let read = soon(client.read(&mut buffer)).await.unwrap();
        seen.extend_from_slice(&buffer[..read]);
        reads += 1;
    }
    assert_eq!(seen, b"+PONG\r\n");
    assert!(reads > 1, "all came at once");
    // Without a throttle it is merely slow.
    bench.proxy.current().heal().slice(Direction::Both, 1);
    let sent = pattern(10_000);
    send(&mut client, &sent).await;
    expect(&mut server, &sent).await;
}

#[tokio::test]
async fn half_duplex_does_not_read_from_a_peer_that_does_not_read() {
    let (bench, mut client, mut server) = connected().await;
    bench.proxy.all().half_duplex();
    // The client's receive buffer is full, and something waits in the proxy.
    let taken = fill(&mut server).await;
    let before = bench.proxy.received(Direction::ToServer);
    send(&mut client, b"a question meanwhile").await;
    assert!(is_quiet(&mut server).await);
    assert_eq!(bench.proxy.received(Direction::ToServer), before);
    expect(&mut client, &vec![0; taken]).await;
    expect(&mut server, b"a question meanwhile").await;
}

#[tokio::test]
async fn a_healthy_proxy_is_transparent_to_much_at_once() {
    let (bench, client, server) = connected().await;
    let (mut client_reads, mut client_writes) = client.into_split();
    let (mut server_reads, mut server_writes) = server.into_split();
    let sent = pattern(32 << 20);
    let mut sending = tokio::task::JoinSet::new();
    let (up, down) = (sent.clone(), sent.clone());
    sending.spawn(async move { client_writes.write_all(&up).await });
    sending.spawn(async move { server_writes.write_all(&down).await });
    let expected = sent.clone();
    let reading = tokio::spawn(async move {
        let mut found = Vec::new();
        soon(server_reads.read_to_end(&mut found)).await.unwrap();
        found == expected
    });
    let mut found = Vec::new();
    soon(client_reads.read_to_end(&mut found)).await.unwrap();
    assert!(found == sent);
    assert!(reading.await.unwrap());
    while let Some(written) = sending.join_next().await {
        written.unwrap().unwrap();
    }
    assert_eq!(bench.proxy.forwarded(Direction::Both), 64 << 20);
}
