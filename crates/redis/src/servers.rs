//! The servers behind a URL, and a connection to those of them that take writes.

use std::{fs, path::Path, time::Duration};

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    RedisConnectionInfo, RedisError, TlsCertificates, TlsMode,
    aio::MultiplexedConnection,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{
    throttle::RedisStartError,
    url::{Credentials, RedisUrl, Shape},
};

/// What one server may take to accept a connection, so that a silent one does not keep us from the next.
const CONNECT_PATIENCE: Duration = Duration::from_millis(500);

/// A connection; clones share it.
#[derive(Clone)]
pub(crate) enum Line {
    /// To one server.
    One(MultiplexedConnection),
    /// To all masters of a cluster.
    Cluster(ClusterConnection),
}

/// The servers behind a URL.
pub(crate) enum Servers {
    Single(Box<Client>),
    Sentinel(Box<SentinelClient>),
    Cluster(Box<ClusterClient>),
}

impl Servers {
    /// Prepares to connect; nothing is sent yet. Certificates are checked against those in the file, if one is named.
    pub(crate) fn of(url: &RedisUrl, tls_ca_file: Option<&Path>) -> Result<Self, RedisStartError> {
        if url.is_tls && CryptoProvider::get_default().is_none() {
            // rustls cannot choose by itself in an application that also links another library. Losing a race is fine.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        let authorities = match tls_ca_file {
            Some(path) if url.is_tls => Some(read_authorities(path)?),
            _ => None,
        };
        let servers = match &url.shape {
            Shape::Single { database } => Self::Single(Box::new(single(url, *database, authorities)?)),
            Shape::Sentinel { master, database, login } => {
                Self::Sentinel(Box::new(sentinel(url, master, *database, login, authorities)?))
            }
            Shape::Cluster => Self::Cluster(Box::new(cluster(url, authorities)?)),
        };
        Ok(servers)
    }

    /// Connects to the server that takes writes now. The caller bounds the time that it and every answer may take.
    pub(crate) async fn connect(&mut self) -> Result<Line, RedisError> {
        let client = match self {
            Self::Single(client) => Client::clone(client),
            // Asked anew every time: after a failover the master is another one.
            Self::Sentinel(sentinels) => sentinels.async_get_client().await?,
            Self::Cluster(client) => return client.get_async_connection().await.map(Line::Cluster),
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_PATIENCE))
            .set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await.map(Line::One)
    }
}

fn single(url: &RedisUrl, database: u16, authorities: Option<TlsCertificates>) -> Result<Client, RedisError> {
    let address = addresses(url).next().ok_or((redis::ErrorKind::InvalidClientConfig, "no host"))?;
    let server = info(address, &url.login, database)?;
    match authorities {
        Some(authorities) => Client::build_with_tls(server, authorities),
        None => Client::open(server),
    }
}

fn sentinel(
    url: &RedisUrl,
    master: &str,
    database: u16,
    sentinel_login: &Credentials,
    authorities: Option<TlsCertificates>,
) -> Result<SentinelClient, RedisError> {
    let mut client = SentinelClientBuilder::new(addresses(url), master, SentinelServerType::Master)?
        .set_client_to_redis_db(i64::from(database));
    if url.is_tls {
        client = client.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    if let Some(user) = &url.login.user {
        client = client.set_client_to_redis_username(user);
    }
    if let Some(password) = &url.login.password {
        client = client.set_client_to_redis_password(password);
    }
    if let Some(user) = &sentinel_login.user {
        client = client.set_client_to_sentinel_username(user);
    }
    if let Some(password) = &sentinel_login.password {
        client = client.set_client_to_sentinel_password(password);
    }
    if let Some(authorities) = authorities {
        client = client.set_client_to_redis_certificates(authorities.clone());
        client = client.set_client_to_sentinel_certificates(authorities);
    }
    client.build()
}

fn cluster(url: &RedisUrl, authorities: Option<TlsCertificates>) -> Result<ClusterClient, RedisError> {
    let nodes = addresses(url).map(|address| info(address, &url.login, 0));
    let mut client = ClusterClient::builder(nodes.collect::<Result<Vec<_>, _>>()?)
        .connection_timeout(CONNECT_PATIENCE)
        .overall_response_timeout(None);
    if let Some(authorities) = authorities {
        client = client.certs(authorities);
    }
    client.build()
}

fn addresses(url: &RedisUrl) -> impl Iterator<Item = ConnectionAddr> {
    url.hosts.iter().cloned().map(|(host, port)| {
        if url.is_tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        }
    })
}

fn info(
    address: ConnectionAddr,
    credentials: &Credentials,
    database: u16,
) -> Result<ConnectionInfo, RedisError> {
    let mut login = RedisConnectionInfo::default().set_db(i64::from(database));
    if let Some(user) = &credentials.user {
        login = login.set_username(user);
    }
    if let Some(password) = &credentials.password {
        login = login.set_password(password);
    }
    Ok(address.into_connection_info()?.set_redis_settings(login))
}

fn read_authorities(path: &Path) -> Result<TlsCertificates, RedisStartError> {
    let refused = |cause: String| RedisStartError::Certificates { path: path.to_owned(), cause };
    let text = fs::read(path).map_err(|error| refused(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refused("it is empty".to_owned()));
    }
    Ok(TlsCertificates { client_tls: None, root_cert: Some(text) })
}
