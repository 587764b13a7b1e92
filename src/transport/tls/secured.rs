//! An established TLS connection.

use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustls::{HandshakeKind, ProtocolVersion};
use socket2::Socket;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::certificate;
use super::failure::{Phase, failure, is_disconnect, of_rustls};
use crate::outcome::{Cause, PeerCertificate, TlsFacts, TlsFailure};
use crate::transport::plain::{Plain, is_momentary};
use crate::transport::stream::Liveness;

/// An established TLS connection.
pub(crate) struct Secured {
    stream: TlsStream<Plain>,
    /// The server asked for a client certificate. With TLS 1.3 its verdict comes only after the handshake.
    certificate_requested: bool,
    /// Whether the server has sent anything since the handshake, and so has accepted the client certificate.
    heard: Heard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    Something,
}

/// What there was to take from the socket.
enum Pulled {
    Nothing,
    Plaintext,
    End,
    Failed(io::Error),
    Refused(rustls::Error),
    /// There is no socket to take from.
    NoSocket,
}

impl Secured {
    pub(super) fn new(stream: TlsStream<Plain>, certificate_requested: bool) -> Self {
        Self { stream, certificate_requested, heard: Heard::Nothing }
    }

    /// What the handshake showed of the other side.
    pub(super) fn facts(&self) -> TlsFacts {
        let (_, session) = self.stream.get_ref();
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "unknown",
        };
        let suite = session.negotiated_cipher_suite();
        let mut facts = TlsFacts::new(version, suite.and_then(|suite| suite.suite().as_str()).unwrap_or("unknown"));
        facts.resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
        facts.client_certificate_requested = (!facts.resumed).then_some(self.certificate_requested);
        facts.peer_certificate = session.peer_certificates().and_then(<[_]>::first).map(|der| {
            let (names, not_after) = certificate::names_and_expiry(der);
            PeerCertificate::new(Bytes::copy_from_slice(der), names, not_after)
        });
        facts
    }

    /// Takes what has arrived, for on an encrypted stream only that tells a close_notify from anything else. Plaintext
    /// stays where the next read finds it.
    pub(crate) fn look(&mut self) -> Liveness {
        match self.pull() {
            Pulled::Nothing => Liveness::Open,
            Pulled::Plaintext => Liveness::Readable,
            Pulled::End => Liveness::Closed,
            Pulled::Failed(error) => Liveness::Failed(self.explain_disconnect(&error)),
            Pulled::Refused(error) => Liveness::Failed(self.explain_refusal(&error)),
            Pulled::NoSocket => Liveness::Unknown,
        }
    }

    pub(crate) fn explain_error(&mut self, error: &io::Error) -> Cause {
        if let Some(error) = of_rustls(error) {
            return self.explain_refusal(error);
        }
        // A write may fail before the alert that says why was read.
        match self.pull() {
            Pulled::Refused(refusal) => self.explain_refusal(&refusal),
            _ => self.explain_disconnect(error),
        }
    }

    pub(crate) fn explain_eof(&self) -> Cause {
        if self.may_be_refusal() {
            return TlsFailure::PeerClosed { certificate_requested: true }.into();
        }
        Cause::PeerClosed
    }

    fn explain_refusal(&self, error: &rustls::Error) -> Cause {
        failure(error, Phase::Established, self.certificate_requested).into()
    }

    /// Why the socket failed, when TLS has nothing to say about it.
    fn explain_disconnect(&self, error: &io::Error) -> Cause {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => self.explain_eof(),
            _ if is_disconnect(error) && self.may_be_refusal() => {
                TlsFailure::PeerClosed { certificate_requested: true }.into()
            }
            _ => Cause::Io(error.into()),
        }
    }

    /// An end may stand for the refusal of the client certificate, whose alert was lost.
    fn may_be_refusal(&self) -> bool {
        self.certificate_requested && self.heard == Heard::Nothing
    }

    /// Reads from the socket itself: the runtime may not know yet that there is something.
    fn pull(&mut self) -> Pulled {
        let (plain, session) = self.stream.get_mut();
        let Some(socket) = plain.socket() else { return Pulled::NoSocket };
        let mut socket: &Socket = &socket;
        // A peer that keeps sending does not keep us here: what it sends is plaintext after a few records.
        for _ in 0..MAX_PULLS {
            match session.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() > 0 => return Pulled::Plaintext,
                Ok(_) => {}
                Err(error) => return Pulled::Refused(error),
            }
            match session.read_tls(&mut socket) {
                // FIN, or a close_notify before.
                Ok(0) => return Pulled::End,
                Ok(_) => {}
                Err(error) if is_momentary(&error) => return Pulled::Nothing,
                Err(error) => return Pulled::Failed(error),
            }
        }
        Pulled::Nothing
    }
}

/// Of at most 4 KiB each, as rustls reads.
const MAX_PULLS: usize = 64;

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.heard = Heard::Something;
        }
        polled
    }
}

impl Secured {
    /// Sends what the TLS layer holds, then lets `write` hand it more, once.
    ///
    /// An error comes before anything is taken, and what is taken is counted: the caller must know of every byte whether
    /// it can have reached the server. (`TlsStream` itself goes on taking and sending, and forgets what it took when a
    /// later part fails.) What was taken leaves with the next write or flush; one write takes at most rustls's buffer
    /// limit, 64 KiB.
    fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&mut rustls::Writer<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            let (_, session) = self.stream.get_mut();
            match write(&mut session.writer())? {
                // Keys are changed before more is taken: that must leave first.
                0 if session.wants_write() => {}
                taken => return Poll::Ready(Ok(taken)),
            }
        }
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_take(cx, |writer| writer.write(buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_take(cx, |writer| writer.write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
