//! A link's socket, from dialing on.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};

use crate::command::Slices;
use crate::outcome::{Address, Cause, PeerFacts};
use crate::transport::{Dialed, Dialer, Progress, Stream};

/// A socket, or what will be one.
pub(super) enum Socket {
    None,
    Dialing(Dialing, Progress),
    Open(Stream),
}

/// What a link dials.
pub(super) struct Destination {
    pub(super) dialer: Arc<Dialer>,
    pub(super) address: Arc<Address>,
    /// The name that its certificate is verified for; `None` for the host of the address.
    pub(super) server_name: Option<Arc<str>>,
}

type Dialing = Pin<Box<dyn Future<Output = Result<Dialed, Cause>> + Send>>;

impl Socket {
    /// Begins to dial.
    pub(super) fn dial(destination: &Arc<Destination>) -> Self {
        let (destination, progress) = (Arc::clone(destination), Progress::new());
        let shown = progress.clone();
        let dialing = async move {
            let Destination { dialer, address, server_name } = &*destination;
            dialer.dial(address, server_name.as_deref(), &progress).await
        };
        Self::Dialing(Box::pin(dialing), shown)
    }

    /// Goes on dialing; pending too if it does not.
    pub(super) fn poll_dialed(&mut self, cx: &mut Context<'_>) -> Poll<Result<PeerFacts, Cause>> {
        let Self::Dialing(dialing, _) = self else { return Poll::Pending };
        match ready!(dialing.as_mut().poll(cx)) {
            Ok(Dialed { stream, facts }) => {
                *self = Self::Open(stream);
                Poll::Ready(Ok(facts))
            }
            Err(cause) => {
                *self = Self::None;
                Poll::Ready(Err(cause))
            }
        }
    }

    /// Drops it, saying goodbye as far as that goes without waiting.
    pub(super) fn hang_up(&mut self, cx: &mut Context<'_>) {
        if let Self::Open(stream) = self {
            // TLS says that it closes; what the socket does not take at once is not worth waiting for.
            let _ = Pin::new(stream).poll_shutdown(cx);
        }
        *self = Self::None;
    }
}

/// Reads once; returns how many bytes. The error is why the connection is lost.
pub(super) fn poll_read(
    stream: &mut Stream,
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<Result<usize, Cause>> {
    match ready!(pin!(stream.read_buf(buffer)).poll(cx)) {
        Ok(0) => Poll::Ready(Err(stream.explain_eof())),
        Ok(count) => Poll::Ready(Ok(count)),
        Err(error) => Poll::Ready(Err(stream.explain_error(&error))),
    }
}

/// Writes once what `fill` says; returns how many bytes were taken, 0 if there is nothing to write.
pub(super) fn poll_write<'a>(
    stream: &mut Stream,
    cx: &mut Context<'_>,
    fill: impl FnOnce(&mut Slices<'a, '_>) -> usize,
) -> Poll<io::Result<usize>> {
    let mut list = [IoSlice::new(&[]); SLICES];
    let mut slices = Slices::new(&mut list);
    if fill(&mut slices) == 0 {
        return Poll::Ready(Ok(0));
    }
    let count = slices.len();
    let list = list.get(..count).unwrap_or_default();
    let written = match list {
        [one] => Pin::new(stream).poll_write(cx, one),
        many => Pin::new(stream).poll_write_vectored(cx, many),
    };
    match ready!(written) {
        Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => Poll::Ready(written),
    }
}

/// How many pieces one vectored write takes at most.
const SLICES: usize = 64;
