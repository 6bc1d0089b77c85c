//! Whose word on who the mail server is counts.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio_rustls::TlsConnector;

use super::SmtpOptions;

/// Mail cannot be sent with these options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpStartError {
    /// A certificate is for a name or an address.
    #[error("{host:?} is neither a host name nor an address")]
    Host {
        /// What was given.
        host: String,
    },
    /// The named authorities cannot be read.
    #[error("{} cannot be used: {cause}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The machine trusts nobody.
    #[error("this machine trusts no certificates: {cause}")]
    NoAuthorities {
        /// Why.
        cause: String,
    },
    /// The cryptography does not work.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
}

/// The server's name as its certificate must have it.
pub(super) fn server_name(options: &SmtpOptions) -> Result<ServerName<'static>, SmtpStartError> {
    let refused = |_| SmtpStartError::Host { host: options.host.clone() };
    ServerName::try_from(options.host.clone()).map_err(refused)
}

pub(super) fn connector(options: &SmtpOptions) -> Result<TlsConnector, SmtpStartError> {
    let roots = match &options.tls_ca_file {
        Some(path) => read_authorities(path)?,
        None => known_authorities()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn read_authorities(path: &Path) -> Result<RootCertStore, SmtpStartError> {
    let refused = |cause: String| SmtpStartError::Certificates { path: path.to_owned(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(error.to_string()))? {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() { Err(refused("it has no certificate".to_owned())) } else { Ok(roots) }
}

/// Those that the machine trusts.
fn known_authorities() -> Result<RootCertStore, SmtpStartError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(SmtpStartError::NoAuthorities { cause });
    }
    Ok(roots)
}
