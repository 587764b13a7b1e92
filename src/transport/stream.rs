//! An established connection, with or without TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::plain::Plain;
use super::tls::Secured;
use crate::outcome::Cause;

/// An established connection.
///
/// With TLS, what was written may sit in the TLS layer until it is flushed.
pub(crate) struct Stream(Layers);

enum Layers {
    Plain(Plain),
    Secured(Box<Secured>),
}

/// What a look at a connection showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// Nothing has arrived that says otherwise.
    Open,
    /// Bytes have arrived that were not read yet; what follows them can't be seen before they are.
    Readable,
    /// The peer has closed its side (FIN, or TLS's close_notify); [`Stream::explain_eof`] tells what that means.
    Closed,
    /// The connection is broken (RST, a TLS alert, ...).
    Failed(Cause),
    /// A stream of a user's own connector can't be looked at.
    Unknown,
}

impl Stream {
    pub(super) fn plain(stream: Plain) -> Self {
        Self(Layers::Plain(stream))
    }

    pub(super) fn secured(stream: Secured) -> Self {
        Self(Layers::Secured(Box::new(stream)))
    }

    /// Looks with a real system call whether the peer is still there, for the moment before the first write after a
    /// pause. The runtime's readiness is no help there: it may not have been told yet.
    pub(crate) fn look(&mut self) -> Liveness {
        match &mut self.0 {
            Layers::Plain(stream) => stream.look(),
            Layers::Secured(stream) => stream.look(),
        }
    }

    /// Why reading or writing failed. To be asked after everything that still can be read was read, for a TLS alert
    /// may say more than a failed write.
    pub(crate) fn explain_error(&mut self, error: &io::Error) -> Cause {
        match &mut self.0 {
            Layers::Plain(_) => Cause::Io(error.into()),
            Layers::Secured(stream) => stream.explain_error(error),
        }
    }

    /// Why reading came to an end.
    pub(crate) fn explain_eof(&self) -> Cause {
        match &self.0 {
            Layers::Plain(_) => Cause::PeerClosed,
            Layers::Secured(stream) => stream.explain_eof(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Layers::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Layers::Secured(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Layers::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Layers::Secured(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Layers::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Layers::Secured(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Layers::Plain(stream) => stream.is_write_vectored(),
            Layers::Secured(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Layers::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Layers::Secured(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Layers::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Layers::Secured(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
