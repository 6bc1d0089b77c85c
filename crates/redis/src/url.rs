//! Where Redis is: one URL for a single server, sentinels or a cluster.

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode_str;

use crate::url_error::RedisUrlError;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Where Redis or Valkey is, and how to be let in. Printing it shows neither user nor password.
///
/// | form | servers |
/// |---|---|
/// | `redis://[user:password@]host[:port][/database]` | a single one |
/// | `redis+sentinel://[user:password@]host[:port],host[:port]/master[/database]` | the master that these sentinels name |
/// | `redis+cluster://[user:password@]host[:port],host[:port]` | a cluster, found from these nodes |
///
/// With `rediss` in place of `redis` the connections are TLS, and certificates are verified in full.
/// Sentinels that ask for a password find it in the query: `?sentinel_user=…&sentinel_password=…`. Signs such as `@`,
/// `/` or `?` in a user or password are written in percent-encoding.
///
/// ```
/// use vestibule_redis::RedisUrl;
///
/// let url: RedisUrl = "redis+sentinel://:secret@a.example,b.example:26380/main".parse()?;
/// assert_eq!(url.to_string(), "redis+sentinel://a.example:26379,b.example:26380/main");
/// # Ok::<(), vestibule_redis::RedisUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(crate) is_tls: bool,
    pub(crate) hosts: Vec<(String, u16)>,
    pub(crate) login: Credentials,
    pub(crate) shape: Shape,
}

/// What kind of servers the hosts are.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Single { database: u16 },
    Sentinel { master: String, database: u16, login: Credentials },
    Cluster,
}

/// A user and a password; it has no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl RedisUrl {
    /// Whether connections are encrypted, and the other end's certificate verified.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.is_tls
    }

    /// Whether every host is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.hosts.iter().all(|(host, _)| {
            host.eq_ignore_ascii_case("localhost")
                || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        })
    }
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, RedisUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(RedisUrlError::Scheme)?;
        let (transport, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let is_tls = match transport {
            "redis" => false,
            "rediss" => true,
            _ => return Err(RedisUrlError::Scheme),
        };
        if rest.contains('#') {
            return Err(RedisUrlError::Query);
        }
        let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        // Where a password has one of these nobody can tell where it ends, and what follows would be shown as a host.
        if login.contains('/') {
            return Err(RedisUrlError::Credentials);
        }
        let (place, query) =
            place.split_once('?').map_or((place, None), |(place, query)| (place, Some(query)));
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let default_port = if kind == "sentinel" { SENTINEL_PORT } else { REDIS_PORT };
        let url = Self {
            is_tls,
            shape: read_shape(kind, path, query)?,
            login: read_credentials(login)?,
            hosts: hosts.split(',').map(|host| read_host(host, default_port)).collect::<Result<_, _>>()?,
        };
        let is_single = matches!(url.shape, Shape::Single { .. });
        if is_single && url.hosts.len() > 1 { Err(RedisUrlError::SeveralHosts) } else { Ok(url) }
    }
}

fn read_shape(kind: &str, path: &str, query: Option<&str>) -> Result<Shape, RedisUrlError> {
    match (kind, query) {
        ("", None) => Ok(Shape::Single { database: read_database(path)? }),
        ("cluster", None) if path.is_empty() => Ok(Shape::Cluster),
        ("cluster", None) => Err(RedisUrlError::ClusterPath),
        ("sentinel", query) => {
            let (master, database) = path.split_once('/').unwrap_or((path, ""));
            if master.is_empty() {
                return Err(RedisUrlError::Master);
            }
            let (master, database) = (decode(master)?, read_database(database)?);
            Ok(Shape::Sentinel { master, database, login: read_sentinel_login(query.unwrap_or(""))? })
        }
        ("" | "cluster", Some(_)) => Err(RedisUrlError::Query),
        _ => Err(RedisUrlError::Scheme),
    }
}

fn read_database(text: &str) -> Result<u16, RedisUrlError> {
    if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| RedisUrlError::Database) }
}

fn read_credentials(text: &str) -> Result<Credentials, RedisUrlError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let part = |text: &str| if text.is_empty() { Ok(None) } else { decode(text).map(Some) };
    Ok(Credentials { user: part(user)?, password: part(password)? })
}

fn read_sentinel_login(query: &str) -> Result<Credentials, RedisUrlError> {
    let mut login = Credentials::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let replaced = match pair.split_once('=') {
            Some(("sentinel_user", value)) => login.user.replace(decode(value)?),
            Some(("sentinel_password", value)) => login.password.replace(decode(value)?),
            _ => return Err(RedisUrlError::Query),
        };
        if replaced.is_some() {
            return Err(RedisUrlError::Twice);
        }
    }
    Ok(login)
}

fn read_host(text: &str, default_port: u16) -> Result<(String, u16), RedisUrlError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']').ok_or(RedisUrlError::Host)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| RedisUrlError::Host)?;
            (
                host,
                if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(RedisUrlError::Host)?) },
            )
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_sound = !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || "-_.:".contains(c));
    let port = port.map_or(Some(default_port), |port| port.parse().ok().filter(|&port| port > 0));
    port.filter(|_| is_sound).map(|port| (host.to_owned(), port)).ok_or(RedisUrlError::Host)
}

fn decode(text: &str) -> Result<String, RedisUrlError> {
    // Taken for itself, a stray one would be a part of a password that nobody meant.
    let is_escape =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if !text.split('%').skip(1).all(is_escape) {
        return Err(RedisUrlError::Percent);
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| RedisUrlError::Credentials)
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = if self.is_tls { "rediss" } else { "redis" };
        let kind = match self.shape {
            Shape::Single { .. } => "",
            Shape::Sentinel { .. } => "+sentinel",
            Shape::Cluster => "+cluster",
        };
        write!(f, "{transport}{kind}://")?;
        for (place, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            if host.contains(':') {
                write!(f, "{comma}[{host}]:{port}")?;
            } else {
                write!(f, "{comma}{host}:{port}")?;
            }
        }
        match &self.shape {
            Shape::Single { database: 0 } | Shape::Cluster => Ok(()),
            Shape::Single { database } => write!(f, "/{database}"),
            Shape::Sentinel { master, database: 0, .. } => write!(f, "/{master}"),
            Shape::Sentinel { master, database, .. } => write!(f, "/{master}/{database}"),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> RedisUrl {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_is_read_and_printed_without_its_secrets() {
        for (text, printed) in [
            ("redis://cache", "redis://cache:6379"),
            ("redis://cache/", "redis://cache:6379"),
            ("rediss://ada:pa%40ss@cache.example:7000/3", "rediss://cache.example:7000/3"),
            ("redis://:pass@[::1]", "redis://[::1]:6379"),
            ("redis://:pa@ss@[2001:db8::1]:7000", "redis://[2001:db8::1]:7000"),
            ("redis://ada:pass?x@cache/1", "redis://cache:6379/1"),
            ("redis+sentinel://a,b:1/main", "redis+sentinel://a:26379,b:1/main"),
            ("rediss+sentinel://:pass@a/main/2?sentinel_password=pass", "rediss+sentinel://a:26379/main/2"),
            ("redis+cluster://ada:pass@a,b,c:1", "redis+cluster://a:6379,b:6379,c:1"),
        ] {
            let url = read(text);
            assert_eq!(url.to_string(), printed);
            assert!(!format!("{url:?}").contains("pass") && !format!("{url:?}").contains("ada"));
        }
    }

    #[test]
    fn what_is_this_machine_is_told_from_the_network() {
        for (text, is_local) in [
            ("redis://LocalHost", true),
            ("redis://127.0.0.2:1", true),
            ("redis://[::1]", true),
            ("redis+cluster://127.0.0.1:1,localhost:2", true),
            ("redis+cluster://127.0.0.1:1,cache:2", false),
            ("redis://10.0.0.1", false),
            ("redis://localhost.example", false),
        ] {
            assert_eq!(read(text).is_local(), is_local, "{text}");
        }
        assert!(read("rediss+cluster://a,b").is_encrypted() && !read("redis://a").is_encrypted());
    }

    #[test]
    fn users_and_passwords_are_decoded() {
        let url = read("redis+sentinel://ada:pa%40s%3As@a/main?sentinel_user=bob&sentinel_password=x%26y");
        assert_eq!((url.login.user.as_deref(), url.login.password.as_deref()), (Some("ada"), Some("pa@s:s")));
        let Shape::Sentinel { login, .. } = url.shape else { panic!("sentinels") };
        assert_eq!((login.user.as_deref(), login.password.as_deref()), (Some("bob"), Some("x&y")));
        assert_eq!(read("redis://:p@a").login.user, None);
    }

    #[test]
    fn what_is_wrong_is_told_without_repeating_it() {
        use RedisUrlError as E;
        for (text, error) in [
            ("cache:6379", E::Scheme),
            ("http://cache", E::Scheme),
            ("redis+ring://cache", E::Scheme),
            ("redis://", E::Host),
            ("redis://:secret@", E::Host),
            ("redis://cache:port", E::Host),
            ("redis://cache:0", E::Host),
            ("redis://cache:70000", E::Host),
            ("redis://[::1", E::Host),
            ("redis://[cache]", E::Host),
            ("redis+cluster://a,,b", E::Host),
            ("redis://a,b", E::SeveralHosts),
            ("redis://ada:%ff@a", E::Credentials),
            ("redis://ada:100%secret@a", E::Percent),
            ("redis://ada:secret%2@a", E::Percent),
            ("redis+sentinel://a,b", E::Master),
            ("redis+sentinel://a/main/x", E::Database),
            ("redis://a/main", E::Database),
            ("redis+cluster://a/1", E::ClusterPath),
            ("redis://a?db=1", E::Query),
            ("redis://a#1", E::Query),
            ("redis+sentinel://a/main?password=secret", E::Query),
            ("redis+sentinel://ada:12/secret@a", E::Credentials),
            ("redis+sentinel://ada:12@a/secret@b", E::Credentials),
            ("redis+sentinel://a/main?sentinel_password=se@cret", E::Credentials),
            ("redis+sentinel://a/main?sentinel_password=secret&sentinel_password=x", E::Twice),
        ] {
            assert_eq!(text.parse::<RedisUrl>().err(), Some(error), "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
