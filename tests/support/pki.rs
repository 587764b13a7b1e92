//! Certificates of every kind, good and bad, made by `openssl` for the tests of one binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// A directory of certificates and keys.
///
/// Authorities: `ca`, `otherca`, `inter` (signed by `ca`). Leaves for `localhost`, `redis.test`, `127.0.0.1` and `::1`
/// signed by `ca`, unless the name says otherwise: `server`, `server-rsa`, `server-ed`, `dnsonly`, `wildcard`
/// (`*.redis.test`), `wronghost`, `nosan`, `expired`, `notyet`, `sha1`, `wrongca`, `clientonly`, `revoked`, `selfsigned`,
/// `caleaf`, `chained` (with its intermediate), `chained-nointer`. Client certificates: `client`, `client-bad` (of
/// `otherca`), `client-exp`. Revocation lists of `ca`: `crl.pem`, `crl.der`, `crl-old.pem` (out of date), `crl-empty.pem`, and of `inter`: `crl-inter.pem`.
#[derive(Debug)]
pub struct Pki {
    directory: PathBuf,
}

/// The certificates of this test binary, made at the first call.
pub fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| {
        remove_leftovers();
        let directory = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
        Pki::generate(&directory)
    })
}

impl Pki {
    /// Makes everything anew in `directory`.
    pub fn generate(directory: &Path) -> Self {
        let _ = fs::remove_dir_all(directory);
        fs::create_dir_all(directory.join("db")).unwrap();
        let pki = Self { directory: directory.to_owned() };
        pki.write("db/index.txt", "");
        pki.write("db/serial", "1000\n");
        pki.write("db/crlnumber", "01\n");
        pki.write("ca.cnf", CA_CONFIGURATION);
        pki.authority("ca", "Test Root CA");
        pki.authority("otherca", "Other Root CA");
        for leaf in LEAVES {
            pki.leaf(leaf);
        }
        pki.intermediate();
        pki.oddities();
        pki.revocation_lists();
        pki
    }

    /// The certificate (chain) of that name.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.crt"))
    }

    /// The private key that belongs to the certificate of that name.
    pub fn key(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.key"))
    }

    /// Any other file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The SHA-256 of a certificate's SubjectPublicKeyInfo, as `openssl` counts it.
    pub fn pin(&self, name: &str) -> [u8; 32] {
        self.openssl(&format!("x509 -in {name}.crt -pubkey -noout -out {name}.pub"));
        self.openssl(&format!("pkey -pubin -in {name}.pub -outform der -out {name}.spki"));
        self.openssl(&format!("dgst -sha256 -binary -out {name}.sha256 {name}.spki"));
        fs::read(self.file(&format!("{name}.sha256"))).unwrap().try_into().unwrap()
    }

    fn authority(&self, name: &str, common_name: &str) {
        self.new_key(name, KeyKind::P256);
        self.run(
            &["req", "-x509", "-new", "-sha256", "-days", "3650"],
            &["-key", &format!("{name}.key"), "-out", &format!("{name}.crt"), "-subj", &format!("/CN={common_name}")],
            &["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
        );
    }

    fn leaf(&self, leaf: &Leaf) {
        let name = leaf.name;
        self.new_key(name, leaf.key);
        self.run(
            &["req", "-new", "-key", &format!("{name}.key")],
            &["-subj", &format!("/CN={name}"), "-out", &format!("{name}.csr")],
            &[],
        );
        let mut extensions = format!(
            "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage={}\n",
            leaf.usage
        );
        if !leaf.names.is_empty() {
            extensions.push_str(&format!("subjectAltName={}\n", leaf.names));
        }
        self.write(&format!("{name}.ext"), &extensions);
        let (issuer, digest) = (leaf.issuer, leaf.digest);
        match leaf.validity {
            None => self.openssl(&format!(
                "x509 -req -in {name}.csr -CA {issuer}.crt -CAkey {issuer}.key -CAcreateserial -{digest} -days 825 \
                 -extfile {name}.ext -out {name}.crt"
            )),
            Some((start, end)) => self.openssl(&format!(
                "ca -batch -config ca.cnf -md {digest} -cert {issuer}.crt -keyfile {issuer}.key -in {name}.csr \
                 -extfile {name}.ext -startdate {start} -enddate {end} -out {name}.crt -notext"
            )),
        }
    }

    fn intermediate(&self) {
        self.new_key("inter", KeyKind::P256);
        self.run(&["req", "-new", "-key", "inter.key"], &["-subj", "/CN=Test Intermediate", "-out", "inter.csr"], &[]);
        self.write("inter.ext", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n");
        self.openssl(
            "x509 -req -in inter.csr -CA ca.crt -CAkey ca.key -CAcreateserial -sha256 -days 825 -extfile inter.ext \
             -out inter.crt",
        );
        self.leaf(&Leaf { issuer: "inter", ..Leaf::named("chained") });
        let alone = self.read("chained.crt");
        self.write("chained-nointer.crt", &alone);
        self.write("chained-nointer.key", &self.read("chained.key"));
        self.write("chained.crt", &format!("{alone}{}", self.read("inter.crt")));
        // A chain with a certificate that has nothing to do with it.
        self.write("stranger.crt", &format!("{}{}", self.read("server.crt"), self.read("otherca.crt")));
        self.write("stranger.key", &self.read("server.key"));
    }

    fn oddities(&self) {
        self.new_key("selfsigned", KeyKind::P256);
        self.run(
            &["req", "-x509", "-new", "-key", "selfsigned.key", "-out", "selfsigned.crt", "-days", "825"],
            &["-subj", "/CN=localhost", "-addext", &format!("subjectAltName={HERE}")],
            &["-addext", "basicConstraints=critical,CA:FALSE"],
        );
        for extension in ["crt", "key"] {
            self.write(&format!("caleaf.{extension}"), &self.read(&format!("ca.{extension}")));
        }
    }

    fn revocation_lists(&self) {
        self.openssl("ca -gencrl -config ca.cnf -cert ca.crt -keyfile ca.key -crldays 365 -out crl-empty.pem");
        self.openssl("ca -batch -config ca.cnf -cert ca.crt -keyfile ca.key -revoke revoked.crt");
        self.openssl("ca -gencrl -config ca.cnf -cert ca.crt -keyfile ca.key -crldays 365 -out crl.pem");
        self.openssl("ca -gencrl -config ca.cnf -cert inter.crt -keyfile inter.key -crldays 365 -out crl-inter.pem");
        self.openssl("crl -in crl.pem -outform der -out crl.der");
        self.openssl(
            "ca -gencrl -config ca.cnf -cert ca.crt -keyfile ca.key -crl_lastupdate 20200101000000Z \
             -crl_nextupdate 20210101000000Z -out crl-old.pem",
        );
    }

    fn new_key(&self, name: &str, kind: KeyKind) {
        let algorithm = match kind {
            KeyKind::P256 => "EC -pkeyopt ec_paramgen_curve:prime256v1",
            KeyKind::Rsa => "RSA -pkeyopt rsa_keygen_bits:2048",
            KeyKind::Ed25519 => "ED25519",
        };
        self.openssl(&format!("genpkey -algorithm {algorithm} -out {name}.key"));
    }

    fn openssl(&self, arguments: &str) {
        self.run(&arguments.split_whitespace().collect::<Vec<_>>(), &[], &[]);
    }

    fn run(&self, first: &[&str], second: &[&str], third: &[&str]) {
        let arguments = [first, second, third].concat();
        let output = Command::new("openssl")
            .args(&arguments)
            .current_dir(&self.directory)
            .output()
            .unwrap_or_else(|error| panic!("this test needs the program `openssl` (install openssl 3): {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {}: {said}", arguments.join(" "));
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.file(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }
}

struct Leaf {
    name: &'static str,
    issuer: &'static str,
    names: &'static str,
    usage: &'static str,
    digest: &'static str,
    key: KeyKind,
    validity: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Copy)]
enum KeyKind {
    P256,
    Rsa,
    Ed25519,
}

impl Leaf {
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            issuer: "ca",
            names: HERE,
            usage: "serverAuth,clientAuth",
            digest: "sha256",
            key: KeyKind::P256,
            validity: None,
        }
    }

    const fn of_client(name: &'static str) -> Self {
        Self { names: "", usage: "clientAuth", ..Self::named(name) }
    }
}

const LEAVES: &[Leaf] = &[
    Leaf::named("server"),
    Leaf { key: KeyKind::Rsa, ..Leaf::named("server-rsa") },
    Leaf { key: KeyKind::Ed25519, ..Leaf::named("server-ed") },
    Leaf { names: "DNS:localhost,DNS:redis.test", ..Leaf::named("dnsonly") },
    Leaf { names: "DNS:*.redis.test", ..Leaf::named("wildcard") },
    Leaf { names: "DNS:other.example,IP:10.1.2.3", ..Leaf::named("wronghost") },
    Leaf { names: "", ..Leaf::named("nosan") },
    Leaf { validity: Some(PAST), ..Leaf::named("expired") },
    Leaf { validity: Some(("20490101000000Z", "20500101000000Z")), ..Leaf::named("notyet") },
    Leaf { digest: "sha1", key: KeyKind::Rsa, ..Leaf::named("sha1") },
    Leaf { issuer: "otherca", ..Leaf::named("wrongca") },
    Leaf { usage: "clientAuth", ..Leaf::named("clientonly") },
    Leaf::named("revoked"),
    Leaf::of_client("client"),
    Leaf { issuer: "otherca", ..Leaf::of_client("client-bad") },
    Leaf { validity: Some(PAST), ..Leaf::of_client("client-exp") },
];

const HERE: &str = "DNS:localhost,DNS:redis.test,IP:127.0.0.1,IP:::1";
const PAST: (&str, &str) = ("20200101000000Z", "20210101000000Z");

const CA_CONFIGURATION: &str = "[ca]\ndefault_ca=x\n[x]\ndatabase=db/index.txt\nserial=db/serial\nnew_certs_dir=db\n\
    policy=p\ndefault_md=sha256\nunique_subject=no\ncrlnumber=db/crlnumber\ncrl_extensions=e\n[p]\ncommonName=supplied\n\
    [e]\nauthorityKeyIdentifier=keyid:always\n";

const PREFIX: &str = "steadfast-pki-";

/// Of test runs of the past: what is kept for a whole binary has nobody who removes it at the end.
fn remove_leftovers() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if is_ours && age.is_some_and(|age| age > Duration::from_secs(3_600)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
