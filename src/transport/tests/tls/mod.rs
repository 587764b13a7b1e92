//! Connections with TLS.

mod clients;
mod established;
mod files;
mod peers;
mod servers;

use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::pki::pki;
use super::server::{Redis, answer_once, echo, provider, serve, server_config};
use super::*;
use crate::outcome::TlsFailure;

/// Trusting the test's own CA.
fn trusting_ca() -> TlsOptions {
    TlsOptions::new().with_root_pem_file(pki().certificate("ca"))
}

fn with(tls: TlsOptions) -> Dialer {
    Dialer::new(DialOptions { tls: Some(tls), ..DialOptions::default() })
}

async fn failure(tls: TlsOptions, address: &Address) -> TlsFailure {
    match dial(&with(tls), address).await {
        Err(Cause::Tls(failure)) => failure,
        Err(cause) => panic!("not a TLS failure: {cause:?}"),
        Ok(_) => panic!("the connection came about"),
    }
}

/// Dials the server and has it echo something.
async fn works(tls: TlsOptions, address: &Address) -> Dialed {
    let mut dialed = dial(&with(tls), address).await.unwrap();
    converse(&mut dialed.stream).await;
    dialed
}

async fn converse(stream: &mut Stream) {
    let mut heard = [0; 7];
    stream.write_all(b"+PONG\r\n").await.unwrap();
    stream.flush().await.unwrap();
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"+PONG\r\n");
}

fn by_name(address: SocketAddr) -> Address {
    Address::tcp("localhost", address.port())
}

/// A file of the test's own, to be overwritten by it.
fn copied(name: &str, of: PathBuf) -> PathBuf {
    let path = pki().file(name);
    std::fs::copy(of, &path).unwrap();
    path
}
