//! The servers behind a URL, and a connection to those of them that take writes.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    RedisConnectionInfo, RedisError, TlsMode,
    aio::MultiplexedConnection,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    sentinel::{Sentinel, SentinelNodeConnectionInfo},
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::url::{Credentials, RedisUrl, Shape};

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
    Sentinel { sentinels: Box<Sentinel>, master: String, node: SentinelNodeConnectionInfo },
    Cluster(Box<ClusterClient>),
}

impl Servers {
    /// Prepares to connect; nothing is sent yet.
    pub(crate) fn of(url: &RedisUrl) -> Result<Self, RedisError> {
        if url.is_tls && CryptoProvider::get_default().is_none() {
            // rustls cannot choose by itself in an application that also links another library. Losing a race is fine.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        match &url.shape {
            Shape::Single { database } => {
                let server = infos(url, &login(&url.login, *database))?.into_iter().next();
                let server = server.ok_or((redis::ErrorKind::InvalidClientConfig, "no host"))?;
                Client::open(server).map(Box::new).map(Self::Single)
            }
            Shape::Sentinel { master, database, login: sentinel_login } => {
                let node = SentinelNodeConnectionInfo::default()
                    .set_redis_connection_info(login(&url.login, *database));
                let node = if url.is_tls { node.set_tls_mode(TlsMode::Secure) } else { node };
                let sentinels = Box::new(Sentinel::build(infos(url, &login(sentinel_login, 0))?)?);
                Ok(Self::Sentinel { sentinels, master: master.clone(), node })
            }
            Shape::Cluster => {
                let builder = ClusterClient::builder(infos(url, &login(&url.login, 0))?);
                let builder = builder.connection_timeout(CONNECT_PATIENCE).overall_response_timeout(None);
                builder.build().map(Box::new).map(Self::Cluster)
            }
        }
    }

    /// Connects to the server that takes writes now. The caller bounds the time that it and every answer may take.
    pub(crate) async fn connect(&mut self) -> Result<Line, RedisError> {
        let client = match self {
            Self::Single(client) => Client::clone(client),
            // Asked anew every time: after a failover the master is another one.
            Self::Sentinel { sentinels, master, node } => {
                sentinels.async_master_for(master, Some(node)).await?
            }
            Self::Cluster(client) => return client.get_async_connection().await.map(Line::Cluster),
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_PATIENCE))
            .set_response_timeout(None);
        client.get_multiplexed_async_connection_with_config(&config).await.map(Line::One)
    }
}

fn infos(url: &RedisUrl, login: &RedisConnectionInfo) -> Result<Vec<ConnectionInfo>, RedisError> {
    let info = |(host, port): &(String, u16)| {
        let (host, port) = (host.clone(), *port);
        let address = if url.is_tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        address.into_connection_info().map(|info| info.set_redis_settings(login.clone()))
    };
    url.hosts.iter().map(info).collect()
}

fn login(credentials: &Credentials, database: u16) -> RedisConnectionInfo {
    let mut login = RedisConnectionInfo::default().set_db(i64::from(database));
    if let Some(user) = &credentials.user {
        login = login.set_username(user);
    }
    if let Some(password) = &credentials.password {
        login = login.set_password(password);
    }
    login
}
