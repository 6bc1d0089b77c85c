//! How connections are encrypted, and whose word on who is at the other end counts.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{error::OpenError, options::PostgresOptions};

/// How connections are encrypted, where they are.
pub(super) fn connector(options: &PostgresOptions) -> Result<MakeRustlsConnect, OpenError> {
    let roots = match &options.tls_ca_file {
        // Nobody is asked who they are, so nobody is trusted.
        _ if !options.is_encrypted() => RootCertStore::empty(),
        Some(path) => read_authorities(path)?,
        None => known_authorities()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::engine(options, error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn read_authorities(path: &Path) -> Result<RootCertStore, OpenError> {
    let refused = |cause: String| OpenError::Certificates { path: path.to_owned(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(error.to_string()))? {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() { Err(refused("it is empty".to_owned())) } else { Ok(roots) }
}

/// Those that the machine trusts.
fn known_authorities() -> Result<RootCertStore, OpenError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(OpenError::NoAuthorities { cause });
    }
    Ok(roots)
}
