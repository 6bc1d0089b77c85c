//! Whose word on who a server is counts.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::error::EgressError;

/// TLS with the authorities of `ca_file`, or with those that the machine trusts.
pub(crate) fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, EgressError> {
    let roots = match ca_file {
        Some(path) => read_authorities(path)?,
        None => known_authorities()?,
    };
    with_roots(roots)
}

/// TLS that trusts nobody, for a client that uses none.
pub(crate) fn nobody() -> Result<ClientConfig, EgressError> {
    with_roots(RootCertStore::empty())
}

fn with_roots(roots: RootCertStore) -> Result<ClientConfig, EgressError> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressError::unable(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Authorities from a PEM file.
pub(crate) fn read_authorities(path: &Path) -> Result<RootCertStore, EgressError> {
    let refused = |cause: &dyn ToString| {
        EgressError::unable(&format!("{} cannot be used: {}", path.display(), cause.to_string()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(&error))? {
        roots.add(certificate.map_err(|error| refused(&error))?).map_err(|error| refused(&error))?;
    }
    if roots.is_empty() { Err(refused(&"it has no certificate")) } else { Ok(roots) }
}

fn known_authorities() -> Result<RootCertStore, EgressError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(EgressError::unable(&format!("this machine trusts no certificates: {cause}")));
    }
    Ok(roots)
}
