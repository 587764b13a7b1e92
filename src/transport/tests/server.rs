//! Peers to dial: a TLS server inside the test, and real `redis-server`s.

use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::pki::pki;
use super::{LONG, local};

/// A TLS server that sends back what it hears.
pub(super) async fn echo(certificate: &str) -> SocketAddr {
    serve(server_config(certificate), local(0)).await
}

/// A TLS server of that configuration that sends back what it hears.
pub(super) async fn serve(config: ServerConfig, at: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(at).await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let (mut reader, mut writer) = tokio::io::split(stream);
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
        }
    });
    address
}

pub(super) fn server_config(certificate: &str) -> ServerConfig {
    let chain = CertificateDer::pem_file_iter(pki().certificate(certificate)).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(pki().key(certificate)).unwrap();
    ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

#[cfg(feature = "ring")]
pub(super) fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(not(feature = "ring"))]
pub(super) fn provider() -> rustls::crypto::CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// A real server, ended when it is dropped.
pub(super) struct Redis {
    process: Child,
    directory: PathBuf,
    pub(super) address: SocketAddr,
}

impl Redis {
    /// With TLS on its port, and that certificate; `further` arguments beside.
    pub(super) async fn with_tls(certificate: &str, further: &[&str]) -> Self {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        let (certificate, key) = (path(pki().certificate(certificate)), path(pki().key(certificate)));
        let ca = path(pki().certificate("ca"));
        let mut arguments = vec!["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
        arguments.extend(further);
        Self::start("--tls-port", &arguments).await
    }

    pub(super) async fn plain() -> Self {
        Self::start("--port", &[]).await
    }

    async fn start(port_option: &str, arguments: &[&str]) -> Self {
        let port = StdTcpListener::bind(local(0)).unwrap().local_addr().unwrap().port();
        let directory = std::env::temp_dir().join(format!("steadfast-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]).arg(&directory);
        if port_option != "--port" {
            command.args(["--port", "0"]);
        }
        let process = command
            .args([port_option, &port.to_string()])
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("this test needs the program `redis-server` (install redis-server): {error}")
            });
        let redis = Self { process, directory, address: local(port) };
        for _ in 0..LONG.as_millis() / 10 {
            if TcpStream::connect(redis.address).await.is_ok() {
                return redis;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("redis-server does not listen");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Accepts one connection, hears something, answers with `answer` and closes.
pub(super) async fn answer_once(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind(local(0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = [0; 4096];
        let _ = stream.read(&mut heard).await;
        let _ = stream.write_all(answer).await;
    });
    address
}
