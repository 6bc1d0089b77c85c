//! Who is calling, as far as the network tells.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The longest user agent that is kept, in characters.
const MAX_USER_AGENT: usize = 256;

/// The caller of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address: the socket's, or what a trusted proxy said.
    pub address: IpAddr,
    /// The `User-Agent` header, cut to 256 characters and without control characters.
    pub user_agent: String,
}

impl Client {
    /// Describes a caller.
    #[must_use]
    pub fn new(address: IpAddr, user_agent: &str) -> Self {
        let user_agent = user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect();
        Self { address: address.to_canonical(), user_agent }
    }

    /// The network that limits are counted for.
    #[must_use]
    pub fn network(&self) -> ClientNetwork {
        ClientNetwork::of(self.address)
    }
}

/// The unit that limits are counted for: an IPv4 address, or an IPv6 /64.
///
/// A /64 is what one subscriber is given; counting single IPv6 addresses would count nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    /// The network of commands typed on the machine itself.
    pub const LOCAL: Self = Self(IpAddr::V4(Ipv4Addr::LOCALHOST));

    /// The network an address belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => {
                let prefix = u128::from(address) & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from(prefix)))
            }
        }
    }

    /// The network's first address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for ClientNetwork {
    /// `192.0.2.7` or `2001:db8::/64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(prefix) => write!(f, "{prefix}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_written_as_what_it_is() {
        let text = |text: &str| ClientNetwork::of(text.parse().unwrap()).to_string();
        assert_eq!(text("192.0.2.7"), "192.0.2.7");
        assert_eq!(text("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(text("2001:db8::ffff:0:0:1"), "2001:db8::/64");
        assert_eq!(text("::192.0.2.7"), "::/64");
    }

    #[test]
    fn ipv6_counts_by_its_64_and_mapped_ipv4_by_its_address() {
        let network = |text: &str| ClientNetwork::of(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:0:0:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.7"), network("192.0.2.7"));
        assert_ne!(network("192.0.2.7"), network("192.0.2.8"));
    }

    #[test]
    fn a_user_agent_is_cut_and_cleaned() {
        let client = Client::new(IpAddr::V4(Ipv4Addr::LOCALHOST), &format!("a\r\nb{}", "c".repeat(400)));
        assert_eq!(client.user_agent.chars().count(), 256);
        assert!(client.user_agent.starts_with("abc"));
    }
}
