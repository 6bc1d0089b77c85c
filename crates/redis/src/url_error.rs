//! What can be wrong with a URL.

/// Why a URL names no Redis. It repeats nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisUrlError {
    /// Another scheme, or none.
    #[error(
        "must begin with redis://, rediss:// (TLS), redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://"
    )]
    Scheme,
    /// A host is empty or is none, or a port is no number.
    #[error("must name its hosts as host or host:port, an IPv6 address in brackets")]
    Host,
    /// Several hosts where one is expected.
    #[error("names several hosts: redis+sentinel:// or redis+cluster:// is meant for that")]
    SeveralHosts,
    /// The user or password is not percent-encoded text.
    #[error(
        "holds a user or password that is not UTF-8 in percent-encoding, which signs such as @ and / need"
    )]
    Credentials,
    /// A `%` in it begins no escape.
    #[error("holds a % that is not followed by two hexadecimal digits: a % itself is written %25")]
    Percent,
    /// Sentinels without the name of what they watch.
    #[error("must name the master that the sentinels watch: redis+sentinel://host,host/master")]
    Master,
    /// The path is no database number.
    #[error("must end with its hosts or the number of a database, for example redis://host/0")]
    Database,
    /// A cluster has a single database.
    #[error("must end with its hosts: a cluster has no databases to choose from")]
    ClusterPath,
    /// A query that is not known.
    #[error(
        "may have no query but sentinel_user and sentinel_password, for sentinels; signs such as ? and # in a password are written in percent-encoding"
    )]
    Query,
    /// One of its parameters stands there twice.
    #[error("says sentinel_user or sentinel_password twice: say it once")]
    Twice,
}
