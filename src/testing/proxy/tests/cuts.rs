//! Connections that end.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;

use super::super::{Corruption, Cut, Direction};
use super::{Bench, DIRECTIONS, connected, ends, expect, is_quiet, pattern, rest, send, soon};

const RESET: Result<(), ErrorKind> = Err(ErrorKind::ConnectionReset);

fn how(cut: Cut) -> Result<(), ErrorKind> {
    if cut == Cut::Fin { Ok(()) } else { RESET }
}

#[tokio::test]
async fn a_cut_ends_both_sides_as_asked_and_later_connections_live() {
    for cut in [Cut::Fin, Cut::Rst] {
        let (bench, mut client, mut server) = connected().await;
        send(&mut client, b"before").await;
        expect(&mut server, b"before").await;
        assert_eq!(bench.proxy.cut(cut), 1);
        assert_eq!(rest(&mut client).await, (vec![], how(cut)));
        assert_eq!(rest(&mut server).await, (vec![], how(cut)));
        soon(bench.proxy.wait_for_open(0)).await;
        let (mut client, mut server) = bench.connect().await;
        send(&mut client, b"after").await;
        expect(&mut server, b"after").await;
        assert_eq!((bench.proxy.accepted(), bench.proxy.open()), (2, 1));
    }
}

#[tokio::test]
async fn a_cut_is_done_when_it_returns() {
    for cut in [Cut::Fin, Cut::Rst] {
        let (bench, mut client, mut server) = connected().await;
        send(&mut client, b"x").await;
        expect(&mut server, b"x").await;
        if cut == Cut::Fin {
            bench.proxy.current().cut_after(Direction::ToClient, 0, cut);
        } else {
            bench.proxy.cut(cut);
            assert_eq!(bench.proxy.open(), 0);
        }
        for end in [&client, &server] {
            let found = socket2::SockRef::from(end).peek(&mut [std::mem::MaybeUninit::uninit()]);
            assert_eq!(found.map_err(|error| error.kind()), how(cut).map(|()| 0));
        }
    }
}

#[tokio::test]
async fn a_cut_by_fin_stays_one_when_the_peer_goes_on_writing() {
    let (bench, mut client, server) = connected().await;
    bench.proxy.current().stall(Direction::ToServer);
    send(&mut client, &[0; 100_000]).await;
    bench.proxy.cut(Cut::Fin);
    send(&mut client, &[0; 100_000]).await;
    assert_eq!(rest(&mut client).await, (vec![], Ok(())));
    drop(server);
}

#[tokio::test]
async fn exactly_so_many_bytes_pass_before_a_cut() {
    for direction in DIRECTIONS {
        for cut in [Cut::Fin, Cut::Rst] {
            for bytes in [0, 1, 2, 17, 4095, 4096, 65_536, 65_537] {
                let (bench, mut client, mut server) = connected().await;
                let (sender, receiver) = ends(direction, &mut client, &mut server);
                // What went before does not count.
                send(sender, b"before").await;
                expect(receiver, b"before").await;
                bench.proxy.current().cut_after(direction, bytes, cut);
                let sent = pattern(100_000);
                // It may be cut while this is under way.
                let _ = sender.write_all(&sent).await;
                let (received, end) = rest(receiver).await;
                assert_eq!((received.len() as u64, end), (bytes, how(cut)), "{direction:?}");
                assert!(received == sent[..bytes as usize]);
                assert_eq!(bench.proxy.forwarded(direction), 6 + bytes);
                // It had bytes to take back and may see a reset for them either way.
                assert!(rest(sender).await.0.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_cut_far_into_a_long_transfer_takes_back_no_byte() {
    for cut in [Cut::Fin, Cut::Rst] {
        let (bench, mut client, mut server) = connected().await;
        let (sent, bytes) = (pattern(16 << 20), 9_999_999);
        bench.proxy.current().cut_after(Direction::ToClient, bytes, cut);
        let writing = {
            let sent = sent.clone();
            tokio::spawn(async move { server.write_all(&sent).await })
        };
        let (received, end) = rest(&mut client).await;
        assert_eq!((received.len() as u64, end), (bytes, how(cut)));
        assert!(received == sent[..bytes as usize]);
        // It may have got rid of the rest, all the same.
        let _ = soon(writing).await;
    }
}

#[tokio::test]
async fn directions_are_counted_apart() {
    let (bench, mut client, mut server) = connected().await;
    bench.proxy.all().cut_after(Direction::Both, 4, Cut::Fin);
    send(&mut client, b"abc").await;
    expect(&mut server, b"abc").await;
    send(&mut server, b"123").await;
    expect(&mut client, b"123").await;
    send(&mut server, b"45").await;
    assert_eq!(rest(&mut client).await, (b"4".to_vec(), Ok(())));
    assert_eq!(rest(&mut server).await, (vec![], Ok(())));
    // Each connection has its own count.
    let (mut client, mut server) = bench.connect().await;
    send(&mut client, b"abcde").await;
    assert_eq!(rest(&mut server).await, (b"abcd".to_vec(), Ok(())));
}

#[tokio::test]
async fn only_the_next_connection_is_cut_and_before_the_server_hears_of_it() {
    let (bench, mut client, mut server) = connected().await;
    bench.proxy.next().cut_after(Direction::ToServer, 0, Cut::Rst);
    let mut refused = bench.dial().await;
    assert_eq!(rest(&mut refused).await, (vec![], RESET));
    let (mut third, mut third_server) = bench.connect().await;
    send(&mut third, b"third").await;
    expect(&mut third_server, b"third").await;
    send(&mut client, b"first").await;
    expect(&mut server, b"first").await;
    soon(bench.proxy.wait_for_open(2)).await;
    assert_eq!(bench.proxy.accepted(), 3);
}

#[tokio::test]
async fn what_peers_end_themselves_is_passed_on() {
    let (bench, mut client, mut server) = connected().await;
    send(&mut client, b"question").await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut server).await, (b"question".to_vec(), Ok(())));
    // The other half still works.
    send(&mut server, b"answer").await;
    drop(server);
    assert_eq!(rest(&mut client).await, (b"answer".to_vec(), Ok(())));
    soon(bench.proxy.wait_for_open(0)).await;

    // A reset, of a connection that is in use and of one that was just made.
    for bytes in [&b"in use"[..], b""] {
        let (mut client, mut server) = bench.connect().await;
        send(&mut client, bytes).await;
        expect(&mut server, bytes).await;
        socket2::SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        assert_eq!(rest(&mut client).await, (vec![], RESET));
        soon(bench.proxy.wait_for_open(0)).await;
    }
}

#[tokio::test]
async fn a_reset_that_a_write_has_met_is_passed_on_as_one() {
    let (bench, mut client, mut server) = connected().await;
    send(&mut client, b"x").await;
    expect(&mut server, b"x").await;
    bench.proxy.current().stall(Direction::ToServer);
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    send(&mut server, b"into the void").await;
    assert!(is_quiet(&mut server).await);
    bench.proxy.current().resume(Direction::ToServer);
    assert_eq!(rest(&mut server).await, (vec![], RESET));
}

#[tokio::test]
async fn what_was_forwarded_arrives_though_the_receiver_reads_late() {
    // More than TCP hands to a receiver that does not read, less than the sender's system takes.
    let (sent, bytes) = (pattern(1 << 20), 300_000);
    for cut in [Cut::Fin, Cut::Rst] {
        let (bench, mut client, mut server) = connected().await;
        bench.proxy.current().cut_after(Direction::ToClient, bytes, cut);
        // It may be cut while this is under way.
        let _ = server.write_all(&sent).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let (received, end) = rest(&mut client).await;
        assert_eq!((received.len() as u64, end), (bytes, how(cut)));
    }
    // Nor do bytes that the client sends meanwhile turn a FIN into a reset.
    let (bench, mut client, mut server) = connected().await;
    bench.proxy.current().stall(Direction::ToServer);
    send(&mut client, b"unread").await;
    send(&mut server, &sent[..bytes as usize]).await;
    while bench.proxy.forwarded(Direction::ToClient) < bytes {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bench.proxy.cut(Cut::Fin);
    tokio::time::sleep(Duration::from_millis(5)).await;
    send(&mut client, b"and more").await;
    let (received, end) = rest(&mut client).await;
    assert_eq!((received.len() as u64, end), (bytes, Ok(())));
}

#[tokio::test]
async fn an_idle_connection_is_cut_and_a_busy_one_is_not() {
    for cut in [Cut::Fin, Cut::Rst] {
        let bench = Bench::new().await;
        let period = Duration::from_millis(150);
        bench.proxy.all().cut_when_idle(period, cut);
        let (mut client, mut server) = bench.connect().await;
        let begin = Instant::now();
        let mut last = begin;
        while begin.elapsed() < 3 * period {
            // A machine that stops for so long can't be told from an idle one.
            let sent = client.write_all(b"x").await;
            if last.elapsed() >= period {
                break;
            }
            sent.unwrap();
            expect(&mut server, b"x").await;
            last = Instant::now();
            tokio::time::sleep(period / 15).await;
        }
        let (bytes, end) = rest(&mut client).await;
        assert!(bytes.is_empty());
        assert!(begin.elapsed() >= period);
        assert_eq!(end, how(cut));
        assert_eq!(rest(&mut server).await.1, how(cut));
    }
}

#[tokio::test]
async fn healing_calls_a_cut_off() {
    let (bench, mut client, mut server) = connected().await;
    bench
        .proxy
        .current()
        .cut_after(Direction::ToServer, 3, Cut::Rst)
        .cut_when_idle(Duration::from_millis(40), Cut::Rst);
    bench.proxy.next().cut_after(Direction::ToServer, 0, Cut::Rst);
    bench.proxy.heal().unwrap();
    send(&mut client, b"whole").await;
    expect(&mut server, b"whole").await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(is_quiet(&mut client).await);
    let (mut client, mut server) = bench.connect().await;
    send(&mut client, b"whole").await;
    expect(&mut server, b"whole").await;
}

#[tokio::test]
async fn corruption_changes_one_place_of_the_stream() {
    for direction in DIRECTIONS {
        let (bench, mut client, mut server) = connected().await;
        let (sender, receiver) = ends(direction, &mut client, &mut server);
        send(sender, b"before").await;
        expect(receiver, b"before").await;
        let current = bench.proxy.current();
        current.corrupt(direction, 0, Corruption::Insert(Bytes::from_static(b"unasked ")));
        expect(receiver, b"unasked ").await;
        current.corrupt(direction, 1, Corruption::Flip(0x20)).corrupt(direction, 3, Corruption::Replace(b'0'));
        current.corrupt(direction, 5, Corruption::Insert(Bytes::from_static(b"--")));
        send(sender, b"abc").await;
        send(sender, b"defgh").await;
        expect(receiver, b"aBc0e--fgh").await;
        // Nothing is left of it.
        send(sender, b"abcdefgh").await;
        expect(receiver, b"abcdefgh").await;
        assert_eq!((bench.proxy.received(direction), bench.proxy.forwarded(direction)), (22, 32));
    }
}
