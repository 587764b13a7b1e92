//! What a user may set for TLS.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;

use crate::outcome::Address;

/// How to speak TLS: whom to trust, who to be, what to insist on.
///
/// `TlsOptions::new()` alone trusts public certificate authorities, verifies names, and speaks TLS 1.2 and 1.3.
///
/// # Files
/// Files are read off the runtime's threads, before the first handshake, and looked at again before each further one.
/// When their contents changed, the new ones are used from that handshake on, with fresh session resumption;
/// established connections stay as they are. If the new ones can't be used (also if a certificate and its key do not fit
/// together for the moment between two writes), the last good ones stay, and an event says so. What came from memory is
/// read once, the system's own roots when something else is read.
///
/// # Errors
/// Settings are checked when they are used: a call that needs the connection then fails with
/// [`TlsFailure::Configuration`](crate::outcome::TlsFailure::Configuration). The link goes on trying, so that a file that is repaired heals it.
///
/// A server that speaks plaintext on the port mostly shows as a timeout in [`Stage::TlsHandshake`](crate::Stage::TlsHandshake):
/// it takes the first message for a command and waits for the rest of it.
#[derive(Clone, Default)]
pub struct TlsOptions {
    pub(super) roots: Vec<Roots>,
    pub(super) identity: Option<Identity>,
    pub(super) min_version: Option<TlsVersion>,
    pub(super) max_version: Option<TlsVersion>,
    pub(super) name: NameChoice,
    pub(super) crls: Vec<Pem>,
    pub(super) pins: Vec<[u8; 32]>,
    pub(super) resumption: SessionResumption,
    pub(super) crypto: Option<CryptoChoice>,
    pub(super) config: Option<Arc<ClientConfig>>,
    pub(super) certificates: Strictness,
    pub(super) names: Strictness,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// Whether TLS sessions are resumed, which saves a reconnection the certificates and one round trip (TLS 1.2) or some
/// computation (TLS 1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionResumption {
    /// Sessions are kept in memory and resumed.
    #[default]
    On,
    /// Every connection makes a full handshake, and the server's certificate is verified anew every time.
    Off,
}

/// Which implementation of cryptography TLS uses.
///
/// It is always passed to rustls explicitly, so that it does not matter whether, or by whom, a process-wide default
/// was installed.
#[derive(Clone)]
#[non_exhaustive]
pub enum CryptoChoice {
    /// `ring`, of the feature `ring`.
    Ring,
    /// `aws-lc-rs`, of the feature `aws-lc-rs`.
    AwsLcRs,
    /// One of the user's own: a FIPS module, say.
    Custom(Arc<CryptoProvider>),
}

/// Where certificates to trust come from.
#[derive(Clone, Debug)]
pub(super) enum Roots {
    System,
    WebPki,
    Pem(Pem),
}

/// PEM text.
#[derive(Clone)]
pub(super) enum Pem {
    File(PathBuf),
    Memory(Arc<[u8]>),
}

/// A client certificate chain and its key.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) chain: Pem,
    pub(super) key: Pem,
}

/// Which name a server must have.
#[derive(Clone, Default)]
pub(super) enum NameChoice {
    /// The host of its address.
    #[default]
    Host,
    Fixed(String),
    /// What the function says; where it says nothing, the host.
    Function(Arc<NameFunction>),
}

type NameFunction = dyn Fn(&Address) -> Option<String> + Send + Sync;

/// Whether what is wrong is an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Strictness {
    #[default]
    Strict,
    /// Only by a method with `danger` in its name.
    Anything,
}

impl TlsOptions {
    /// The defaults, as each method states them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the operating system's certificate authorities (feature `system-roots`).
    ///
    /// Default, when no roots are named at all: these; without the feature, those of [`with_webpki_roots`](Self::with_webpki_roots).
    /// As soon as any roots are named, exactly the named ones are trusted.
    pub fn with_system_roots(mut self) -> Self {
        self.roots.push(Roots::System);
        self
    }

    /// Trusts Mozilla's certificate authorities, as they were compiled in (feature `webpki-roots`). Default: see
    /// [`with_system_roots`](Self::with_system_roots).
    pub fn with_webpki_roots(mut self) -> Self {
        self.roots.push(Roots::WebPki);
        self
    }

    /// Trusts every certificate of a PEM file: your own certificate authority, say. May be repeated and mixed with the
    /// others. Default: none.
    ///
    /// A self-signed server certificate can be trusted in this way if it is not marked as a CA's (`CA:FALSE`); one that
    /// is (`openssl req -x509` makes such) is refused as `BadPurpose` when a server uses it.
    pub fn with_root_pem_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.push(Roots::Pem(Pem::File(path.into())));
        self
    }

    /// As [`with_root_pem_file`](Self::with_root_pem_file), from memory.
    pub fn with_root_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.push(Roots::Pem(Pem::Memory(pem.as_ref().into())));
        self
    }

    /// Shows this certificate to servers that ask for one: a PEM file with the certificate and its intermediates, and
    /// a PEM file with the unencrypted key (PKCS#8, PKCS#1 or SEC1). They may be the same file. Default: none.
    ///
    /// Where the server takes its user from the certificate (`tls-auth-clients-user`), leave user and password unset:
    /// no `AUTH` is sent then, which would put another user in its place.
    pub fn with_client_certificate_files(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some(Identity { chain: Pem::File(chain.into()), key: Pem::File(key.into()) });
        self
    }

    /// As [`with_client_certificate_files`](Self::with_client_certificate_files), from memory.
    pub fn with_client_certificate_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        let memory = |pem: &[u8]| Pem::Memory(pem.into());
        self.identity = Some(Identity { chain: memory(chain.as_ref()), key: memory(key.as_ref()) });
        self
    }

    /// The oldest version to speak. Default: TLS 1.2. Too high: servers of older systems are out of reach.
    pub fn with_min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = Some(version);
        self
    }

    /// The newest version to speak. Default: TLS 1.3.
    pub fn with_max_version(mut self, version: TlsVersion) -> Self {
        self.max_version = Some(version);
        self
    }

    /// The name (or IP address) that every server's certificate must carry, and that is sent as SNI. Default: the host
    /// of the server's address, as it was configured or as the topology announced it.
    ///
    /// Needed for TLS over a Unix socket, which has no host.
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.name = NameChoice::Fixed(name.into());
        self
    }

    /// As [`with_server_name`](Self::with_server_name), for each address by itself: a cluster whose nodes are announced
    /// by IP addresses while their certificates carry names, say. `None` stands for the host of the address.
    ///
    /// The function is called on a thread of the runtime before each handshake, so it must not block.
    pub fn with_server_name_by(mut self, name: impl Fn(&Address) -> Option<String> + Send + Sync + 'static) -> Self {
        self.name = NameChoice::Function(Arc::new(name));
        self
    }

    /// Checks revocation against a file of certificate revocation lists (PEM, or one DER). May be repeated. Default: none,
    /// and no revocation check.
    ///
    /// With any list given, there must be a current one of the issuer of *every* certificate in the chain below the
    /// root; otherwise the handshake fails with `RevocationUnknown`.
    pub fn with_crl_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.crls.push(Pem::File(path.into()));
        self
    }

    /// As [`with_crl_file`](Self::with_crl_file), from memory.
    pub fn with_crl(mut self, list: impl AsRef<[u8]>) -> Self {
        self.crls.push(Pem::Memory(list.as_ref().into()));
        self
    }

    /// Insists on a public key: the SHA-256 of a SubjectPublicKeyInfo (DER), of the server's own certificate or of a CA
    /// above it (RFC 7469, section 2.4). May be repeated: one of them must be met, *besides* everything else. Default: none.
    ///
    /// `openssl x509 -in c.crt -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256` prints it.
    /// Pin a spare key too: a pin that no certificate meets any more locks the client out.
    pub fn with_pin(mut self, sha256: [u8; 32]) -> Self {
        self.pins.push(sha256);
        self
    }

    /// Whether sessions are resumed. Default: [`SessionResumption::On`]. What was resumable is forgotten when a
    /// certificate file changes.
    pub fn with_resumption(mut self, resumption: SessionResumption) -> Self {
        self.resumption = resumption;
        self
    }

    /// The implementation of cryptography. Default: the one that is compiled in; of both, `ring`.
    pub fn with_crypto(mut self, choice: CryptoChoice) -> Self {
        self.crypto = Some(choice);
        self
    }

    /// A ready-made configuration of rustls, for what the other methods can't say.
    ///
    /// It can be combined with the server name only: any other setting beside it is a configuration error, since it
    /// could not be obeyed.
    pub fn with_config(mut self, config: Arc<ClientConfig>) -> Self {
        self.config = Some(config);
        self
    }

    /// Accepts any certificate of anyone: expired, self-signed, for other names, revoked. Default: no.
    ///
    /// Whoever can get between client and server can read and change everything, passwords too. Pins still hold, for
    /// the server's own certificate: with one, this is a safe way to use a self-signed certificate.
    pub fn danger_accept_invalid_certificates(mut self) -> Self {
        self.certificates = Strictness::Anything;
        self
    }

    /// Accepts a trusted certificate that was issued for other names. Default: no.
    ///
    /// Whoever holds any certificate of a trusted CA can pose as the server. Harmless only where the roots are a CA
    /// that serves nothing but these servers.
    pub fn danger_accept_invalid_names(mut self) -> Self {
        self.names = Strictness::Anything;
        self
    }

    /// Whether anything but the server name was set beside a ready-made configuration.
    pub(super) fn contradicts_config(&self) -> bool {
        self.config.is_some()
            && (!self.roots.is_empty()
                || self.identity.is_some()
                || self.min_version.is_some()
                || self.max_version.is_some()
                || !self.crls.is_empty()
                || !self.pins.is_empty()
                || self.resumption != SessionResumption::On
                || self.crypto.is_some()
                || self.certificates != Strictness::Strict
                || self.names != Strictness::Strict)
    }

    /// Everything that is PEM.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Pem> {
        let roots = self.roots.iter().filter_map(|roots| match roots {
            Roots::Pem(pem) => Some(pem),
            Roots::System | Roots::WebPki => None,
        });
        let identity = self.identity.iter().flat_map(|identity| [&identity.chain, &identity.key]);
        roots.chain(identity).chain(&self.crls)
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("roots", &self.roots)
            .field("identity", &self.identity)
            .field("min_version", &self.min_version)
            .field("max_version", &self.max_version)
            .field("name", &self.name)
            .field("crls", &self.crls)
            .field("pins", &self.pins.len())
            .field("resumption", &self.resumption)
            .field("crypto", &self.crypto)
            .field("config", &self.config.as_ref().map(|_| format_args!("ready-made")))
            .field("certificates", &self.certificates)
            .field("names", &self.names)
            .finish()
    }
}

/// Never the contents: they may be a key.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Memory(pem) => write!(f, "{} bytes in memory", pem.len()),
        }
    }
}

impl fmt::Debug for NameChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("Host"),
            Self::Fixed(name) => write!(f, "Fixed({name:?})"),
            Self::Function(_) => f.write_str("Function"),
        }
    }
}

impl fmt::Debug for CryptoChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ring => "Ring",
            Self::AwsLcRs => "AwsLcRs",
            Self::Custom(_) => "Custom",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_files_and_never_contents() {
        let options = TlsOptions::new()
            .with_client_certificate_pem("CHAIN", "SECRET")
            .with_root_pem("ROOT")
            .with_crl_file("/etc/list.pem");
        let shown = format!("{options:?}");
        assert!(shown.contains("/etc/list.pem") && shown.contains("6 bytes in memory"), "{shown}");
        for content in ["CHAIN", "SECRET", "ROOT", "83, 69"] {
            assert!(!shown.contains(content), "{shown}");
        }
    }
}
