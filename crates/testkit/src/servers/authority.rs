//! A certificate authority of one's own, for servers that speak TLS.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::{programs, watchdog};

/// A certificate authority that nobody trusts who was not given its file; the file goes when this is dropped.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    /// Makes one, with a key that is nowhere but in memory.
    #[must_use]
    pub fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Two of them must not pass for one another.
        let name = format!("Vestibule tests {}", programs::random_word());
        authority.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = authority.self_signed(&key).expect("a certificate");
        let folder = watchdog::folder("authority", false);
        let made = Self { issuer: Issuer::new(authority, key), folder };
        fs::write(made.file(), certificate.pem()).expect("a file");
        made
    }

    /// Its certificate (PEM), for whoever shall trust it.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Makes a server's certificate for these names or addresses, in a folder that [`programs::unprivileged`] programs
    /// can read.
    pub(crate) fn certify(&self, names: &[&str], folder: &Path) -> Papers {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut server = CertificateParams::new(names).expect("names or addresses");
        server.use_authority_key_identifier_extension = true;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // A server of a cluster is the client of the others.
        server.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = server.signed_by(&key, &self.issuer).expect("a certificate");
        let papers = Papers { certificate: folder.join("server.crt"), key: folder.join("server.key") };
        fs::write(&papers.certificate, certificate.pem()).expect("the server's folder");
        // PostgreSQL refuses a key that others may read.
        let private = File::options().create(true).truncate(true).write(true).mode(0o600).open(&papers.key);
        private.expect("the server's folder").write_all(key.serialize_pem().as_bytes()).expect("a key");
        papers
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // What is left in it, the watchdog removes.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// By which a server proves who it is.
#[derive(Debug)]
pub(crate) struct Papers {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}
