//! Where TLS is not compiled in: the same names, for things that can't exist.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::plain::Plain;
use super::stream::Liveness;
use crate::outcome::{Address, Cause, CertificateReload, ConnectFailure, TlsFacts};

/// No TLS options can be had without the feature `tls`.
#[derive(Clone, Debug)]
pub(crate) enum TlsOptions {}

pub(super) struct Tls(TlsOptions);

pub(super) struct Prepared(TlsOptions);

pub(super) struct Secured(TlsOptions);

impl Tls {
    pub(super) fn new(options: TlsOptions) -> Self {
        Self(options)
    }

    pub(super) async fn prepare(&self, _: &Address, _: Option<&str>) -> Result<Prepared, Cause> {
        match self.0 {}
    }

    pub(super) fn take_reload(&self) -> Option<CertificateReload> {
        match self.0 {}
    }
}

impl Prepared {
    pub(super) async fn handshake(&self, _: Plain) -> Result<(Secured, TlsFacts), ConnectFailure> {
        match self.0 {}
    }
}

impl Secured {
    pub(super) fn look(&mut self) -> Liveness {
        match self.0 {}
    }

    pub(super) fn explain_error(&mut self, _: &io::Error) -> Cause {
        match self.0 {}
    }

    pub(super) fn explain_eof(&self) -> Cause {
        match self.0 {}
    }
}

impl AsyncRead for Secured {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

impl AsyncWrite for Secured {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn poll_write_vectored(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn is_write_vectored(&self) -> bool {
        match self.0 {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}
