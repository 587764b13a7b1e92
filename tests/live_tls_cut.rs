//! TLS on a socket that fails in the middle of a write: no command runs twice, and none that is said not to have been
//! sent has run.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
#[path = "support/pki.rs"]
#[allow(dead_code, unreachable_pub, clippy::panic, clippy::unwrap_used, reason = "the certificates of all tests")]
mod pki;
mod support;

use std::future::{Future, IntoFuture};
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use steadfast::api::Strings;
use steadfast::outcome::Address;
use steadfast::{BoxFuture, Client, Config, Connector, Error, Fate, Io, TlsOptions, TlsVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use live::{PATIENCE, clients_of, connected, quick, until, within};
use pki::pki;
use support::{ClientCertificates, Kind, Server, TlsFiles};

/// Opens one socket that takes only so many bytes, and then sound ones.
struct FailsOnce {
    port: u16,
    takes: usize,
    opened: AtomicUsize,
    /// Sockets that failed, still open: the server gets to read all that they took.
    failed: Arc<Mutex<Vec<TcpStream>>>,
}

impl Connector for FailsOnce {
    fn connect<'a>(&'a self, _: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            if self.opened.fetch_add(1, Ordering::SeqCst) > 0 {
                return Ok(Box::new(stream) as Box<dyn Io>);
            }
            Ok(Box::new(Failing { stream: Some(stream), left: self.takes, failed: Arc::clone(&self.failed) }) as _)
        })
    }
}

struct Failing {
    stream: Option<TcpStream>,
    left: usize,
    failed: Arc<Mutex<Vec<TcpStream>>>,
}

impl Failing {
    fn stream(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().unwrap())
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        self.failed.lock().unwrap().extend(self.stream.take());
    }
}

impl AsyncRead for Failing {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl AsyncWrite for Failing {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let most = buf.len().min(self.left);
        let taken = ready!(self.stream().poll_write(cx, &buf[..most]))?;
        self.left -= taken;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A server, and a client whose first socket fails.
struct Cut {
    server: Server,
    client: Client,
    failed: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cut {
    async fn after(takes: usize, version: TlsVersion) -> Self {
        let certificate = |name| pki().certificate(name);
        let files =
            TlsFiles { certificate: certificate("server"), key: pki().key("server"), authority: certificate("ca") };
        let server = Server::build(Kind::Redis).tls(files, ClientCertificates::Ignored).start();
        let tls =
            TlsOptions::new().with_root_pem_file(certificate("ca")).with_min_version(version).with_max_version(version);
        let port = server.tls_port();
        let failed = Arc::default();
        let connector = FailsOnce { port, takes, opened: AtomicUsize::new(0), failed: Arc::clone(&failed) };
        let config = quick(Config::tcp("localhost", port)).with_tls(tls).with_deadline(PATIENCE);
        let client = connected(config.with_connector(Arc::new(connector))).await;
        Self { server, client, failed }
    }

    /// How often the server ran each command, after it has run all that it was sent.
    async fn counts(self) -> Vec<usize> {
        self.client.close(PATIENCE).await;
        for stream in self.failed.lock().unwrap().iter() {
            socket2::SockRef::from(stream).shutdown(Shutdown::Write).unwrap();
        }
        assert_eq!(self.failed.lock().unwrap().len(), 1, "the socket was to fail");
        until(async || clients_of(&self.server).is_empty()).await;
        let keys: Vec<String> = (0..CALLS).map(key).collect();
        let words: Vec<&str> = std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
        self.server.raw(&words).lines().map(|count| count.parse().unwrap_or(0)).collect()
    }
}

fn key(number: usize) -> String {
    format!("key:{number}")
}

/// Each command ran as its outcome says, and never twice.
fn judge(outcomes: &[Result<i64, Error>], counts: &[usize]) {
    assert_eq!((outcomes.len(), counts.len()), (CALLS, CALLS));
    for (number, (outcome, count)) in outcomes.iter().zip(counts).enumerate() {
        let allowed = match outcome {
            Ok(_) => 1..=1,
            Err(error) if error.fate() == Fate::Unknown => 0..=1,
            Err(_) => 0..=0,
        };
        assert!(allowed.contains(count), "command {number} ran {count} times: {outcome:?}");
    }
}

/// All of them at once, in one task.
async fn together<F: Future + Unpin>(mut calls: Vec<F>) -> Vec<F::Output> {
    let mut outcomes: Vec<Option<F::Output>> = calls.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (call, outcome) in calls.iter_mut().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_none()) {
            if let Poll::Ready(output) = Pin::new(call).poll(cx) {
                *outcome = Some(output);
            }
        }
        if outcomes.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_on_a_tls_socket_that_fails_run_at_most_once() {
    for (takes, version) in CUTS {
        let cut = Cut::after(takes, version).await;
        let calls = (0..CALLS).map(|number| Box::pin(cut.client.incr(key(number)).into_future())).collect();
        let outcomes = within(PATIENCE, together(calls)).await;
        judge(&outcomes, &cut.counts().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_on_a_tls_socket_that_fails_runs_each_command_at_most_once() {
    for (takes, version) in CUTS {
        let cut = Cut::after(takes, version).await;
        let mut pipeline = cut.client.pipeline();
        for number in 0..CALLS {
            let _ = pipeline.incr(key(number)).queue();
        }
        let results = within(PATIENCE, pipeline.execute()).await;
        let outcomes: Vec<Result<i64, Error>> = results.iter().collect();
        judge(&outcomes, &cut.counts().await);
    }
}

/// The socket takes a part of the first piece that TLS takes, exactly about one, several.
const CUTS: [(usize, TlsVersion); 6] = [
    (3_000, TlsVersion::Tls13),
    (40_000, TlsVersion::Tls13),
    (66_000, TlsVersion::Tls12),
    (70_000, TlsVersion::Tls13),
    (200_000, TlsVersion::Tls13),
    (500_000, TlsVersion::Tls12),
];

const CALLS: usize = 20_000;
