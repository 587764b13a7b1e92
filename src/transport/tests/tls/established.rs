//! Looking at established connections.

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::*;

/// A connection over which a byte went, so that session tickets are out of the way, and the server's end of it.
async fn pair() -> (Stream, TlsStream<TcpStream>) {
    let listener = tokio::net::TcpListener::bind(local(0)).await.unwrap();
    let address = by_name(listener.local_addr().unwrap());
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(server_config("server")));
    let accept = async { acceptor.accept(listener.accept().await.unwrap().0).await.unwrap() };
    let dialer = with(trusting_ca());
    let (dialed, mut peer) = tokio::join!(dial(&dialer, &address), accept);
    let mut stream = dialed.unwrap().stream;
    peer.write_all(b"x").await.unwrap();
    peer.flush().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'x');
    (stream, peer)
}

#[tokio::test]
async fn a_look_tells_a_close_notify_from_data() {
    let (mut stream, mut peer) = pair().await;
    assert_eq!(stream.look(), Liveness::Open);
    peer.write_all(b"push").await.unwrap();
    peer.flush().await.unwrap();
    assert_eq!(stream.look(), Liveness::Readable);
    let mut heard = [0; 4];
    timeout(LONG, stream.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(&heard, b"push");
    assert_eq!(stream.look(), Liveness::Open);

    peer.get_mut().1.send_close_notify();
    peer.flush().await.unwrap();
    assert_eq!(stream.look(), Liveness::Closed);
    assert_eq!(stream.explain_eof(), Cause::PeerClosed);
}

#[tokio::test]
async fn a_look_sees_fin_and_rst() {
    let (mut stream, peer) = pair().await;
    drop(peer.into_inner());
    assert_eq!(stream.look(), Liveness::Closed);
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(stream.explain_error(&error), Cause::PeerClosed, "{error:?}");

    let (mut stream, peer) = pair().await;
    let (socket, _) = peer.into_inner();
    socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
    drop(socket);
    let Liveness::Failed(Cause::Io(failure)) = stream.look() else { panic!("an RST is a failure") };
    assert_eq!(failure.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn many_bytes_after_a_look_arrive_whole() {
    let (mut stream, mut peer) = pair().await;
    let sent: Vec<u8> = (0..300_000_u32).map(|index| index as u8).collect();
    let expected = sent.clone();
    let writer = tokio::spawn(async move {
        for part in sent.chunks(10_000) {
            peer.write_all(part).await.unwrap();
            peer.flush().await.unwrap();
        }
        peer
    });
    let mut heard = Vec::new();
    let mut part = vec![0; 4096];
    while heard.len() < expected.len() {
        stream.look();
        let length = timeout(LONG, stream.read(&mut part)).await.unwrap().unwrap();
        heard.extend_from_slice(&part[..length]);
    }
    assert!(heard == expected);
    drop(writer.await.unwrap());
}

#[tokio::test]
async fn vectored_writes_go_through_tls() {
    let (mut stream, mut peer) = pair().await;
    assert!(stream.is_write_vectored());
    let parts = [std::io::IoSlice::new(b"hello "), std::io::IoSlice::new(b"world")];
    assert_eq!(stream.write_vectored(&parts).await.unwrap(), 11);
    stream.flush().await.unwrap();
    let mut heard = [0; 11];
    peer.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello world");
}

#[tokio::test]
async fn what_was_taken_and_a_close_notify_leave_with_the_shutdown() {
    let (mut stream, mut peer) = pair().await;
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        // Without a close_notify the end would be an error.
        peer.read_to_end(&mut heard).await.map(|_| heard)
    });
    let sent = vec![b'x'; 200_000];
    let mut taken = 0;
    while taken < sent.len() {
        let most = stream.write(&sent[taken..]).await.unwrap();
        assert!(most <= 64 << 10, "more than rustls holds was taken at once: {most}");
        taken += most;
    }
    stream.shutdown().await.unwrap();
    assert!(timeout(LONG, heard).await.unwrap().unwrap().unwrap() == sent);
}
