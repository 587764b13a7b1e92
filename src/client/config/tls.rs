//! TLS in a configuration, and the options of a URL that set it.

use std::path::{Path, PathBuf};

use super::options::{Applies, UrlOption};
use super::sentinels::SentinelTls;
use super::validate::value;
use super::values::{SWITCH, show_switch, show_word, switch, word};
use super::{Config, ConfigError};
use crate::outcome::Address;
use crate::transport::{CryptoChoice, SessionResumption, TlsOptions, TlsVersion};

impl Config {
    /// Speaks TLS. Default: plaintext; a URL with the scheme `rediss` or `valkeys` has [`TlsOptions::new`].
    ///
    /// Connections are then made by TLS or not at all: nothing a server says leads back to plaintext.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsOptions) -> Self {
        self.route.tls = Some(tls);
        self
    }

    /// Speaks TLS with Sentinels by these options. Default: as with the servers.
    ///
    /// For Sentinels whose certificates are of another authority. Without effect where no Sentinels are asked.
    #[must_use]
    pub fn with_sentinel_tls(self, tls: TlsOptions) -> Self {
        self.set_sentinel_tls(SentinelTls::Own(Some(Box::new(tls))))
    }

    /// The options of TLS; `None` for plaintext.
    pub fn tls(&self) -> Option<&TlsOptions> {
        self.route.tls.as_ref()
    }

    /// The same configuration with TLS, where TLS is compiled in.
    pub(in crate::client) fn over_tls(self) -> Option<Self> {
        Some(self.with_tls(TlsOptions::new()))
    }

    pub(super) fn check_tls(&self) -> Result<(), ConfigError> {
        let Some(tls) = self.tls() else { return Ok(()) };
        let lone_key = tls.client_certificate_files().is_some_and(|(chain, _)| chain.as_os_str().is_empty());
        value("tls_key", !lone_key, "tls_cert beside it")?;
        let empty = tls.fixed_server_name().is_some_and(str::is_empty);
        value("tls_server_name", !empty, "a host name or an IP address")?;
        let nameless = matches!(self.address(), Address::Unix(_)) && tls.takes_name_from_host();
        value("tls_server_name", !nameless, "the name of the server: a Unix socket has no host to verify")?;
        let contradict = tls.min_version().zip(tls.max_version()).is_some_and(|(min, max)| min > max);
        value("tls_max", !contradict, "at least tls_min")
    }
}

pub(super) const OPTIONS: &[UrlOption] = &[
    UrlOption {
        name: "tls_ca",
        methods: "with_tls",
        form: FILE,
        about: "a PEM file of certificates to trust: these, and nobody else unless `tls_roots` says so",
        applies: Applies::ToTls,
        set: |config, value| change(config, |tls| Some(tls.with_root_pem_file(file(value)?))),
        show: |config| config.tls()?.root_pem_files().next().map(show_file),
    },
    UrlOption {
        name: "tls_roots",
        methods: "with_tls",
        form: "system, webpki, or system,webpki",
        about: "certificate authorities to trust: the `system`'s, or Mozilla's as compiled in (`webpki`); where neither this \
                nor `tls_ca` is set, the system's if the feature `system-roots` is on, else Mozilla's",
        applies: Applies::ToTls,
        set: |config, value| change(config, |tls| with_roots(tls, value)),
        show: |config| show_roots(config.tls()?),
    },
    UrlOption {
        name: "tls_cert",
        methods: "with_tls",
        form: FILE,
        about: "a PEM file with the client certificate and its intermediates",
        applies: Applies::ToTls,
        set: |config, value| {
            change(config, |tls| {
                let chain = file(value)?;
                // A key without a certificate is one that stood before it in the URL.
                let key = key_of(&tls).filter(|_| chain_of(&tls).is_none()).unwrap_or_else(|| chain.clone());
                Some(tls.with_client_certificate_files(chain, key))
            })
        },
        show: |config| chain_of(config.tls()?).as_deref().map(show_file),
    },
    UrlOption {
        name: "tls_key",
        methods: "with_tls",
        form: FILE,
        about: "a PEM file with the client certificate's key; where it is not set, the file of `tls_cert`",
        applies: Applies::ToTls,
        set: |config, value| {
            change(config, |tls| {
                let chain = chain_of(&tls).unwrap_or_default();
                Some(tls.with_client_certificate_files(chain, file(value)?))
            })
        },
        show: |config| key_of(config.tls()?).as_deref().map(show_file),
    },
    UrlOption {
        name: "tls_server_name",
        methods: "with_tls",
        form: "a host name or an IP address",
        about: "the name that the server's certificate must carry; where it is not set, the host",
        applies: Applies::ToTls,
        set: |config, value| change(config, |tls| Some(tls.with_server_name(value))),
        show: |config| config.tls()?.fixed_server_name().map(str::to_owned),
    },
    UrlOption {
        name: "tls_crl",
        methods: "with_tls",
        form: FILE,
        about: "a file of certificate revocation lists, one for every issuer",
        applies: Applies::ToTls,
        set: |config, value| change(config, |tls| Some(tls.with_crl_file(file(value)?))),
        show: |config| config.tls()?.crl_files().next().map(show_file),
    },
    UrlOption {
        name: "tls_pin",
        methods: "with_tls",
        form: "SHA-256 of a public key (SubjectPublicKeyInfo) in 64 hexadecimal digits, several with commas between",
        about: "public keys of which the server's certificate chain must have one, besides all else",
        applies: Applies::ToTls,
        set: |config, value| change(config, |tls| with_pins(tls, value)),
        show: |config| show_pins(config.tls()?),
    },
    UrlOption {
        name: "tls_min",
        methods: "with_tls",
        form: "1.2 or 1.3",
        about: "the oldest version of TLS",
        applies: Applies::ToTls,
        set: |config, value| change(config, |tls| Some(tls.with_min_version(word(value, VERSIONS)?))),
        show: |config| Some(show_word(config.tls()?.min_version().unwrap_or(TlsVersion::Tls12), VERSIONS)),
    },
    UrlOption {
        name: "tls_max",
        methods: "with_tls",
        form: "1.2 or 1.3",
        about: "the newest version of TLS",
        applies: Applies::ToTls,
        set: |config, value| change(config, |tls| Some(tls.with_max_version(word(value, VERSIONS)?))),
        show: |config| Some(show_word(config.tls()?.max_version().unwrap_or(TlsVersion::Tls13), VERSIONS)),
    },
    UrlOption {
        name: "tls_resumption",
        methods: "with_tls",
        form: SWITCH,
        about: "whether TLS sessions are resumed",
        applies: Applies::ToTls,
        set: |config, value| change(config, |tls| Some(tls.with_resumption(word(value, RESUMPTION)?))),
        show: |config| Some(show_word(config.tls()?.resumption(), RESUMPTION)),
    },
    UrlOption {
        name: "tls_crypto",
        methods: "with_tls",
        form: "ring or aws-lc-rs",
        about: "the implementation of cryptography; where it is not set, the one that is compiled in, and of both `ring`",
        applies: Applies::ToTls,
        set: |config, value| {
            let choice = match value {
                "ring" => CryptoChoice::Ring,
                "aws-lc-rs" => CryptoChoice::AwsLcRs,
                _ => return None,
            };
            change(config, |tls| Some(tls.with_crypto(choice)))
        },
        show: |config| match config.tls()?.crypto()? {
            CryptoChoice::Ring => Some("ring".to_owned()),
            CryptoChoice::AwsLcRs => Some("aws-lc-rs".to_owned()),
            CryptoChoice::Custom(_) => None,
        },
    },
    UrlOption {
        name: "danger_tls_accept_invalid_certificates",
        methods: "with_tls",
        form: SWITCH,
        about: "accept any certificate of anyone: whoever is in between can read and change everything",
        applies: Applies::ToTls,
        set: |config, value| {
            let accept = switch(value)?;
            change(config, |tls| Some(if accept { tls.danger_accept_invalid_certificates() } else { tls }))
        },
        show: |config| Some(show_switch(config.tls()?.accepts_invalid_certificates())),
    },
    UrlOption {
        name: "danger_tls_accept_invalid_names",
        methods: "with_tls",
        form: SWITCH,
        about: "accept a trusted certificate that was issued for other names",
        applies: Applies::ToTls,
        set: |config, value| {
            let accept = switch(value)?;
            change(config, |tls| Some(if accept { tls.danger_accept_invalid_names() } else { tls }))
        },
        show: |config| Some(show_switch(config.tls()?.accepts_invalid_names())),
    },
];

fn change(config: Config, change: impl FnOnce(TlsOptions) -> Option<TlsOptions>) -> Option<Config> {
    let tls = change(config.tls().cloned().unwrap_or_default())?;
    Some(config.with_tls(tls))
}

fn file(value: &str) -> Option<PathBuf> {
    Some(PathBuf::from(value)).filter(|path| !value.is_empty() && !value.contains('\0') && path.file_name().is_some())
}

fn show_file(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The file of the client certificate. It is nameless where only a key was given so far, and that is none.
fn chain_of(tls: &TlsOptions) -> Option<PathBuf> {
    let (chain, _) = tls.client_certificate_files()?;
    Some(chain.to_owned()).filter(|chain| !chain.as_os_str().is_empty())
}

fn key_of(tls: &TlsOptions) -> Option<PathBuf> {
    tls.client_certificate_files().map(|(_, key)| key.to_owned())
}

fn with_roots(tls: TlsOptions, value: &str) -> Option<TlsOptions> {
    match value {
        "system" => Some(tls.with_system_roots()),
        "webpki" => Some(tls.with_webpki_roots()),
        "system,webpki" | "webpki,system" => Some(tls.with_system_roots().with_webpki_roots()),
        _ => None,
    }
}

fn show_roots(tls: &TlsOptions) -> Option<String> {
    match (tls.trusts_system_roots(), tls.trusts_webpki_roots()) {
        (true, true) => Some("system,webpki".to_owned()),
        (true, false) => Some("system".to_owned()),
        (false, true) => Some("webpki".to_owned()),
        (false, false) => None,
    }
}

fn with_pins(tls: TlsOptions, value: &str) -> Option<TlsOptions> {
    value.split(',').try_fold(tls, |tls, pin| Some(tls.with_pin(sha256(pin)?)))
}

fn sha256(hex: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    bytes.try_into().ok().filter(|_| digits.len() == 64)
}

fn show_pins(tls: &TlsOptions) -> Option<String> {
    let hex = |pin: &[u8; 32]| pin.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let pins: Vec<String> = tls.pins().iter().map(hex).collect();
    if pins.is_empty() { None } else { Some(pins.join(",")) }
}

const VERSIONS: &[(&str, TlsVersion)] = &[("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)];

const RESUMPTION: &[(&str, SessionResumption)] = &[("on", SessionResumption::On), ("off", SessionResumption::Off)];

const FILE: &str = "the path of a file";
