//! Connections without TLS.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;
use crate::outcome::{ConnectFailure, Stage};
use crate::transport::tcp;

#[tokio::test]
async fn a_tcp_connection_carries_bytes_and_knows_its_ends() {
    let listener = TcpListener::bind(local(0)).await.unwrap();
    let remote = listener.local_addr().unwrap();
    let mut dialed = dial(&plaintext(), &address_of(remote)).await.unwrap();
    let (mut peer, local) = listener.accept().await.unwrap();
    assert_eq!((dialed.facts.local, dialed.facts.remote, &dialed.facts.tls), (Some(local), Some(remote), &None));
    assert!(dialed.stream.is_write_vectored());

    dialed.stream.write_all(b"ping").await.unwrap();
    let mut heard = [0; 4];
    peer.read_exact(&mut heard).await.unwrap();
    peer.write_all(&heard).await.unwrap();
    dialed.stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"ping");
}

#[tokio::test]
async fn ipv6_is_spoken() {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.unwrap();
    let remote = listener.local_addr().unwrap();
    let dialer = plaintext();
    let dialed = dial(&dialer, &address_of(remote)).await.unwrap();
    assert_eq!(dialed.facts.remote, Some(remote));
    assert_eq!(dialer.take_reload(), None);
}

#[tokio::test]
async fn every_refused_address_is_named_in_the_cause() {
    let refusing = [Refusing::open(), Refusing::open()];
    let [first, second] = [refusing[0].address, refusing[1].address];
    let cause = dial(&resolving_to(vec![first, second]), &Address::tcp("node", 1)).await.err().unwrap();
    let Cause::Connect { attempts } = &cause else { panic!("{cause:?}") };
    let refused = |(address, failure): &(Option<SocketAddr>, ConnectFailure)| match failure {
        ConnectFailure::Io(failure) if failure.kind() == io::ErrorKind::ConnectionRefused => *address,
        _ => None,
    };
    assert_eq!(attempts.iter().map(refused).collect::<Vec<_>>(), [Some(first), Some(second)]);
    assert!(cause.to_string().contains(&second.to_string()), "{cause}");
    assert!(!cause.is_permanent());
}

#[tokio::test]
async fn a_refused_address_is_passed_over_without_a_pause() {
    let listener = TcpListener::bind(local(0)).await.unwrap();
    let live = listener.local_addr().unwrap();
    let mut addresses = Vec::new();
    let refusing: Vec<_> = (0..20).map(|_| Refusing::open()).collect();
    addresses.extend(refusing.iter().map(|refusing| refusing.address));
    addresses.push(live);
    let begin = Instant::now();
    let dialed = dial(&resolving_to(addresses), &Address::tcp("node", 1)).await.unwrap();
    assert_eq!(dialed.facts.remote, Some(live));
    assert!(begin.elapsed() < Duration::from_secs(4), "20 pauses would be 5 s: {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_silent_address_delays_the_next_one_by_the_stagger_only() {
    let silent = BlackHole::open();
    let listener = TcpListener::bind(local(0)).await.unwrap();
    let live = listener.local_addr().unwrap();
    let begin = Instant::now();
    let dialed = dial(&resolving_to(vec![silent.address, live]), &Address::tcp("node", 1)).await.unwrap();
    assert_eq!(dialed.facts.remote, Some(live));
    assert!(begin.elapsed() >= Duration::from_millis(240), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn refusals_behind_a_silent_address_cost_no_stagger() {
    let silent = BlackHole::open();
    let listener = TcpListener::bind(local(0)).await.unwrap();
    let live = listener.local_addr().unwrap();
    let mut addresses = vec![silent.address];
    let refusing: Vec<_> = (0..20).map(|_| Refusing::open()).collect();
    addresses.extend(refusing.iter().map(|refusing| refusing.address));
    addresses.push(live);
    let begin = Instant::now();
    let dialed = dial(&resolving_to(addresses), &Address::tcp("node", 1)).await.unwrap();
    assert_eq!(dialed.facts.remote, Some(live));
    assert!(begin.elapsed() < Duration::from_secs(4), "21 pauses would be 5 s: {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_dial_without_answer_shows_its_stage_and_ends_when_dropped() {
    let silent = BlackHole::open();
    let (dialer, progress) = (plaintext(), Progress::new());
    let address = address_of(silent.address);
    let ended = tokio::time::timeout(Duration::from_millis(600), dialer.dial(&address, None, &progress)).await;
    assert!(ended.is_err());
    let standing = progress.standing();
    assert_eq!((standing.stage, standing.address), (Stage::Connecting, Some(silent.address)));
}

#[tokio::test]
async fn a_resolver_without_answer_shows_its_stage() {
    struct Silent;
    impl Resolver for Silent {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(std::future::pending())
        }
    }
    let dialer = Dialer::new(DialOptions { resolver: Arc::new(Silent), ..DialOptions::default() });
    let (progress, address) = (Progress::new(), Address::tcp("node", 1));
    assert!(tokio::time::timeout(Duration::from_millis(50), dialer.dial(&address, None, &progress)).await.is_err());
    assert_eq!((progress.standing().stage, progress.standing().address), (Stage::Resolving, None));
}

#[tokio::test]
async fn a_name_without_address_is_a_resolve_failure() {
    let cause = dial(&resolving_to(vec![]), &Address::tcp("node", 1)).await.err().unwrap();
    assert!(matches!(&cause, Cause::Resolve { host, .. } if host == "node"), "{cause:?}");
    // Longer than a name may be, so that the system says no without asking anybody.
    let long = "a".repeat(300);
    let cause = dial(&plaintext(), &Address::tcp(&long, 1)).await.err().unwrap();
    assert!(matches!(&cause, Cause::Resolve { host, .. } if *host == long), "{cause:?}");
}

#[tokio::test]
async fn the_system_resolves_localhost() {
    let listener = TcpListener::bind(local(0)).await.unwrap();
    let remote = listener.local_addr().unwrap();
    let dialed = dial(&plaintext(), &Address::tcp("localhost", remote.port())).await.unwrap();
    assert_eq!(dialed.facts.remote, Some(remote));
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_carries_bytes_and_is_looked_at() {
    let path = std::env::temp_dir().join(format!("steadfast-unix-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let mut dialed = dial(&plaintext(), &Address::Unix(path.clone())).await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    peer.write_all(b"x").await.unwrap();
    assert_eq!(dialed.stream.read_u8().await.unwrap(), b'x');
    assert_eq!(dialed.stream.look(), Liveness::Open);
    drop(peer);
    assert_eq!(dialed.stream.look(), Liveness::Closed);
    drop(listener);
    std::fs::remove_file(&path).unwrap();
    let cause = dial(&plaintext(), &Address::Unix(path)).await.err().unwrap();
    assert!(matches!(&cause, Cause::Connect { attempts } if attempts[0].0.is_none()), "{cause:?}");
}

#[tokio::test]
async fn a_connector_of_the_users_own_replaces_the_socket() {
    struct Pipe;
    impl Connector for Pipe {
        fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
            Box::pin(async move {
                let (near, mut far) = tokio::io::duplex(64);
                far.write_all(address.to_string().as_bytes()).await?;
                Ok(Box::new(near) as Box<dyn Io>)
            })
        }
    }
    let dialer = Dialer::new(DialOptions { connector: Some(Arc::new(Pipe)), ..DialOptions::default() });
    let mut dialed = dial(&dialer, &Address::tcp("node", 7)).await.unwrap();
    assert_eq!(dialed.stream.look(), Liveness::Unknown);
    let mut heard = String::new();
    dialed.stream.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "node:7");
}

#[tokio::test]
async fn a_look_sees_what_the_runtime_was_not_told() {
    let (mut stream, peer) = pair().await;
    assert_eq!(stream.look(), Liveness::Open);
    // From here to the look nothing yields to the runtime, so it can't have learned of the FIN.
    drop(peer);
    assert_eq!(stream.look(), Liveness::Closed);
    assert_eq!(stream.explain_eof(), Cause::PeerClosed);

    let (mut stream, peer) = pair().await;
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    let Liveness::Failed(Cause::Io(failure)) = stream.look() else { panic!("an RST is a failure") };
    assert_eq!(failure.kind(), io::ErrorKind::ConnectionReset);
    // The look took the error off the socket, and still it is the end.
    let error = io::Error::from(io::ErrorKind::ConnectionReset);
    assert_eq!(stream.explain_error(&error), Cause::Io(io::ErrorKind::ConnectionReset.into()));
    assert_eq!(stream.read(&mut [0; 4]).await.unwrap_or(0), 0);

    let (mut stream, peer) = pair().await;
    assert_eq!(SockRef::from(&peer).send(b"push").unwrap(), 4);
    assert_eq!(stream.look(), Liveness::Readable);
    let mut heard = [0; 4];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(stream.look(), Liveness::Open);
}

#[tokio::test]
async fn socket_options_reach_the_socket() {
    let listener = TcpListener::bind(local(0)).await.unwrap();
    let remote = listener.local_addr().unwrap();

    let stream = tcp::open(remote, &SocketOptions::new()).await.unwrap();
    let socket = SockRef::from(&stream);
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(10));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(5));
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
    assert_eq!(socket.linger().unwrap(), None);
    #[cfg(target_os = "linux")]
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(30)));

    let options = SocketOptions::new()
        .with_nodelay(false)
        .with_keepalive(None)
        .with_user_timeout(Some(Duration::from_millis(1500)))
        .with_linger(Linger::Reset)
        .with_bind_address(Some(local(0).ip()))
        .with_send_buffer_size(Some(32 << 10))
        .with_receive_buffer_size(Some(48 << 10));
    let stream = tcp::open(remote, &options).await.unwrap();
    let socket = SockRef::from(&stream);
    assert!(!socket.tcp_nodelay().unwrap());
    assert!(!socket.keepalive().unwrap());
    assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
    #[cfg(target_os = "linux")]
    {
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(socket.send_buffer_size().unwrap(), 64 << 10, "Linux doubles");
        assert_eq!(socket.recv_buffer_size().unwrap(), 96 << 10, "Linux doubles");
    }

    let elsewhere = SocketOptions::new().with_bind_address(Some([192, 0, 2, 1].into()));
    let error = tcp::open(remote, &elsewhere).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
}

#[tokio::test]
async fn keepalive_below_a_second_is_a_second() {
    let listener = TcpListener::bind(local(0)).await.unwrap();
    let keepalive = Keepalive::new().with_idle(Duration::ZERO).with_interval(Duration::from_millis(10)).with_retries(0);
    let options = SocketOptions::new().with_keepalive(Some(keepalive));
    let stream = tcp::open(listener.local_addr().unwrap(), &options).await.unwrap();
    let socket = SockRef::from(&stream);
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(1));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(1));
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 1);
}

fn plaintext() -> Dialer {
    Dialer::new(DialOptions::default())
}

fn resolving_to(addresses: Vec<SocketAddr>) -> Dialer {
    struct Fixed(Vec<SocketAddr>);
    impl Resolver for Fixed {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(async move { Ok(self.0.clone()) })
        }
    }
    Dialer::new(DialOptions { resolver: Arc::new(Fixed(addresses)), ..DialOptions::default() })
}

/// A connection, and the peer's end as a socket that the runtime knows nothing of.
async fn pair() -> (Stream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind(local(0)).unwrap();
    let dialed = dial(&plaintext(), &address_of(listener.local_addr().unwrap())).await.unwrap();
    (dialed.stream, listener.accept().unwrap().0)
}

/// An address at which connecting takes for ever: a listener that accepts nothing, with its backlog full.
struct BlackHole {
    address: SocketAddr,
    _sockets: Vec<Socket>,
}

impl BlackHole {
    fn open() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&local(0).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut sockets = vec![listener];
        for _ in 0..4 {
            let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            filler.set_nonblocking(true).unwrap();
            let _ = filler.connect(&address);
            sockets.push(filler);
        }
        Self { address: address.as_socket().unwrap(), _sockets: sockets }
    }
}
