//! How connections end: by FIN and by RST.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::task::Poll;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fault::Cut;

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Both sides had ended it, and were told so.
    Closed,
    /// Cut at this moment, whatever is under way.
    CutNow(Cut),
    /// Cut behind what was forwarded.
    CutBehind(Cut),
}

/// Ends these sockets, all at once.
pub(crate) async fn end(sockets: Vec<TcpStream>, ending: Ending) {
    let mut ends: Vec<_> = sockets.into_iter().map(|socket| Some(Box::pin(end_one(socket, ending)))).collect();
    poll_fn(|context| {
        for end in &mut ends {
            if end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
                *end = None;
            }
        }
        if ends.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Ends one side.
async fn end_one(stream: TcpStream, ending: Ending) {
    match ending {
        Ending::Closed => {}
        Ending::CutNow(Cut::Fin) | Ending::CutBehind(Cut::Fin) => close(stream).await,
        Ending::CutNow(Cut::Rst) => reset(stream),
        Ending::CutBehind(Cut::Rst) => {
            if let Ok(stream) = sent(stream).await {
                reset(stream);
            }
        }
    }
}

/// Sends a FIN behind everything that was written. A socket that is closed with unread bytes sends an RST instead, which also
/// takes back what is unsent: so what still comes is read for a while.
async fn close(mut stream: TcpStream) {
    shut(&stream);
    let mut lost = [0; 4096];
    let _ = timeout(LINGER, async { while matches!(stream.read(&mut lost).await, Ok(1..)) {} }).await;
}

/// Sends a FIN behind everything that was written.
pub(crate) fn shut(stream: &TcpStream) {
    // It fails only where there is nothing left to end.
    let _ = SockRef::from(stream).shutdown(Shutdown::Write);
}

/// Sends an RST.
pub(crate) fn reset(stream: TcpStream) {
    // If it fails the socket is no longer connected, and nobody can be told.
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

/// Waits, for a bounded time, until all that was written has left: an RST would take it back.
///
/// The system then calls a socket writable when nothing is unsent. Registering anew makes the runtime ask for that.
async fn sent(stream: TcpStream) -> io::Result<TcpStream> {
    if set_writable_when_sent(&stream).is_err() {
        return Ok(stream);
    }
    let stream = TcpStream::from_std(stream.into_std()?)?;
    let _ = timeout(PATIENCE, stream.writable()).await;
    Ok(stream)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_writable_when_sent(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_tcp_notsent_lowat(1)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_writable_when_sent(_: &TcpStream) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

const LINGER: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(1);
