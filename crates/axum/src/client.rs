//! Who is calling: the socket's address, unless a proxy we trust knows better.
//!
//! Only `X-Forwarded-For` is read; `Forwarded` (RFC 7239) is not, since proxies that set the one pass the other on as
//! the client sent it. Whatever in the chain cannot be read ends it: what stands further left was written by
//! somebody we cannot name.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::extract::ConnectInfo;
use http::{HeaderMap, HeaderName, header, request::Parts};
pub use vestibule_core::values::address_range::{AddressRange, NoAddressRange};
use vestibule_core::values::client::Client;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address at the other end of the connection, as a request extension; the accept loop sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The proxies whose `X-Forwarded-For` is believed; by default none.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    ranges: Vec<AddressRange>,
    has_warned: Arc<AtomicBool>,
}

impl TrustedProxies {
    /// Trusts the given ranges.
    #[must_use]
    pub fn new(ranges: Vec<AddressRange>) -> Self {
        Self { ranges, has_warned: Arc::default() }
    }

    /// Whether a proxy at this address is believed.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.ranges.iter().any(|range| range.contains(address))
    }

    /// The address a request comes from, given its peer: the right-most hop that is not a trusted proxy.
    #[must_use]
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        if !self.contains(nearest) {
            self.warn_once(nearest, headers);
            return nearest;
        }
        let mut forwarded: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().collect();
        forwarded.reverse();
        for hop in forwarded.iter().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')) {
            let Some(address) = hop_address(hop) else { return nearest };
            nearest = address;
            if !self.contains(nearest) {
                return nearest;
            }
        }
        nearest
    }

    /// Tells the operator, once, that a proxy in front of us is probably not listed.
    fn warn_once(&self, peer: IpAddr, headers: &HeaderMap) {
        if headers.contains_key(X_FORWARDED_FOR)
            && is_private(peer)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                %peer,
                "a private peer that is not in trusted_proxies sends X-Forwarded-For; limits count it as one client"
            );
        }
    }
}

/// Describes the caller of a request.
///
/// The peer's address comes from [`PeerAddress`], else from axum's `ConnectInfo<SocketAddr>`; without either all
/// callers count as one.
#[must_use]
pub fn client(parts: &Parts, proxies: &TrustedProxies) -> Client {
    let connected = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let peer = parts.extensions.get::<PeerAddress>().map(|peer| peer.0.ip()).or_else(connected);
    let address =
        peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| proxies.client_address(peer, &parts.headers));
    let user_agent =
        parts.headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    Client::new(address, user_agent.as_deref().unwrap_or_default())
}

/// The address of a hop: `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_ascii();
    let address = match text.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => IpAddr::V6(inner.parse().ok()?),
            None => text.parse::<SocketAddr>().ok()?.ip(),
        },
    };
    Some(address.to_canonical())
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};
    use proptest::prelude::*;

    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().unwrap()).to_vec())
    }

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let headers = forwarded
            .iter()
            .map(|value| (X_FORWARDED_FOR, HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        proxies().client_address(peer.parse().unwrap(), &headers.collect()).to_string()
    }

    #[test]
    fn t09_a_stranger_cannot_choose_its_address() {
        assert_eq!(seen("203.0.113.5", &["192.0.2.1"]), "203.0.113.5");
        assert_eq!(seen("::ffff:203.0.113.5", &["192.0.2.1"]), "203.0.113.5");
        // What the client wrote stands to the left of what the proxy added.
        assert_eq!(seen("10.0.0.1", &["192.0.2.66, 203.0.113.5"]), "203.0.113.5");
        assert_eq!(seen("10.0.0.1", &["192.0.2.66", "203.0.113.5, 10.0.0.2"]), "203.0.113.5");
        assert_eq!(seen("10.0.0.1", &["10.9.9.9, 203.0.113.5"]), "203.0.113.5");
    }

    #[test]
    fn hops_come_in_several_spellings() {
        for (hop, expected) in [
            ("203.0.113.5:4711", "203.0.113.5"),
            ("[2a00::1]:4711", "2a00::1"),
            ("[2a00::1]", "2a00::1"),
            ("2a00::1", "2a00::1"),
            ("::ffff:203.0.113.5", "203.0.113.5"),
        ] {
            assert_eq!(seen("10.0.0.1", &[hop]), expected);
        }
    }

    #[test]
    fn t08_garbage_in_the_chain_ends_it_at_the_nearest_known_hop() {
        for garbage in
            ["", "unknown", "a.b.c.d", "1.2.3", "é", "[::1", "1.2.3.4:99999", "fe80::1%eth0", "\"1.2.3.4\""]
        {
            assert_eq!(seen("10.0.0.1", &[garbage]), "10.0.0.1", "{garbage}");
            let chain = format!("192.0.2.66, {garbage}, 10.0.0.2");
            assert_eq!(seen("10.0.0.1", &[&chain]), "10.0.0.2", "{garbage}");
        }
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_accept_loops_address_goes_before_axums() {
        let address = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let (mut parts, ()) = Request::builder().header("user-agent", "curl").body(()).unwrap().into_parts();
        assert_eq!(client(&parts, &proxies()).address.to_string(), "0.0.0.0");
        parts.extensions.insert(ConnectInfo(address("203.0.113.1:1")));
        assert_eq!(client(&parts, &proxies()).address.to_string(), "203.0.113.1");
        parts.extensions.insert(PeerAddress(address("203.0.113.2:1")));
        assert_eq!(client(&parts, &proxies()), Client::new("203.0.113.2".parse().unwrap(), "curl"));
    }

    #[test]
    fn a_proxy_that_is_not_listed_is_told_of_once() {
        let log = crate::testing::Log::default();
        let guards = log.collect();
        let proxies = proxies();
        let forwarded = HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from_static("192.0.2.1"))]);
        for (peer, headers) in [
            ("192.168.0.1", &HeaderMap::new()),
            ("203.0.113.5", &forwarded),
            ("10.0.0.1", &forwarded),
            ("192.168.0.1", &forwarded),
            ("192.168.0.2", &forwarded),
        ] {
            let _ = proxies.clone().client_address(peer.parse().unwrap(), headers);
        }
        drop(guards);
        let lines = log.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("192.168.0.1") && lines[0].contains("trusted_proxies"), "{lines:?}");
    }

    proptest! {
        #[test]
        fn t10_nobody_can_aim_at_a_third_party(garbage in "[0-9a-f:., \\[\\]]{0,40}") {
            let chain = format!("{garbage}, 203.0.113.5");
            prop_assert_eq!(seen("10.0.0.1", &[&chain]), "203.0.113.5");
            prop_assert_eq!(seen("203.0.113.9", &[&garbage]), "203.0.113.9");
        }
    }
}
