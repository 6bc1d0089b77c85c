//! What an address is for, where it is not one of the internet's.
//!
//! The ranges are those of the IANA's special-purpose registries (RFC 6890) and of multicast. Some of them are reachable
//! for everybody, for example anycast servers of the domain name system; none of them is where somebody's web server is.
//! Of IPv6, only `2000::/3` has been given out at all.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What an address is for that is none of the internet's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// `0.0.0.0/8` and `::`: no address, or this machine.
    Unspecified,
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, unique local and the former site-local addresses.
    Private,
    /// Between a provider and its customers (RFC 6598).
    Shared,
    /// The network cable, and the metadata of clouds.
    LinkLocal,
    /// Many receivers.
    Multicast,
    /// An IPv4 address written as IPv6.
    Mapped,
    /// IPv6 that leads to an IPv4 address: NAT64, 6to4, Teredo.
    Translated,
    /// Examples in documentation.
    Documentation,
    /// Measurements of network equipment.
    Benchmarking,
    /// Protocols of the internet's own.
    Protocol,
    /// Nobody's yet.
    Reserved,
}

impl Purpose {
    /// Whether no operator can mean an address of it.
    #[must_use]
    pub const fn is_never_allowed(self) -> bool {
        matches!(self, Self::Unspecified | Self::LinkLocal | Self::Multicast | Self::Mapped)
    }

    /// What an address is for; `None` for one of the internet's.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "shared with a provider",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Mapped => "IPv4 written as IPv6",
            Self::Translated => "translated to IPv4",
            Self::Documentation => "for documentation",
            Self::Benchmarking => "for benchmarks",
            Self::Protocol => "of a protocol",
            Self::Reserved => "reserved",
        })
    }
}

const V4: &[(Ipv4Addr, u32, Purpose)] = &[
    (Ipv4Addr::UNSPECIFIED, 8, Purpose::Unspecified),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Purpose::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Purpose::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Purpose::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Purpose::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Purpose::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Purpose::Protocol),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Purpose::Documentation),
    // AS112 (RFC 7534, RFC 7535), twice; automatic multicast tunnels (RFC 7450); relays of 6to4 (RFC 7526).
    (Ipv4Addr::new(192, 31, 196, 0), 24, Purpose::Protocol),
    (Ipv4Addr::new(192, 175, 48, 0), 24, Purpose::Protocol),
    (Ipv4Addr::new(192, 52, 193, 0), 24, Purpose::Protocol),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Purpose::Protocol),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Purpose::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Purpose::Benchmarking),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Purpose::Documentation),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Purpose::Documentation),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Purpose::Multicast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Purpose::Reserved),
];

const V6: &[(Ipv6Addr, u32, Purpose)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, Purpose::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, Purpose::Loopback),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, Purpose::Mapped),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, Purpose::Translated),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Purpose::Translated),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Purpose::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Purpose::LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Purpose::Private),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Purpose::Multicast),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, Purpose::Translated),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, Purpose::Benchmarking),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Purpose::Protocol),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Purpose::Documentation),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Purpose::Translated),
    // AS112 (RFC 7534).
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48, Purpose::Protocol),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Purpose::Documentation),
];

/// The addresses that have been given out (RFC 4291 §2.4); what else there is has no owner yet.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

fn of_v4(address: Ipv4Addr) -> Option<Purpose> {
    let lies_in = |first: Ipv4Addr, prefix| (first.to_bits() ^ address.to_bits()).leading_zeros() >= prefix;
    V4.iter().find(|(first, prefix, _)| lies_in(*first, *prefix)).map(|(.., purpose)| *purpose)
}

fn of_v6(address: Ipv6Addr) -> Option<Purpose> {
    let lies_in = |first: Ipv6Addr, prefix| (first.to_bits() ^ address.to_bits()).leading_zeros() >= prefix;
    let found = V6.iter().find(|(first, prefix, _)| lies_in(*first, *prefix)).map(|(.., purpose)| *purpose);
    let (first, prefix) = GLOBAL_V6;
    found.or_else(|| (!lies_in(first, prefix)).then_some(Purpose::Reserved))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose_of(address: &str) -> Option<Purpose> {
        Purpose::of(address.parse().unwrap())
    }

    #[test]
    fn t05_every_special_range_is_known_by_its_first_and_last_address() {
        for (first, last, purpose) in [
            ("0.0.0.0", "0.255.255.255", Purpose::Unspecified),
            ("10.0.0.0", "10.255.255.255", Purpose::Private),
            ("100.64.0.0", "100.127.255.255", Purpose::Shared),
            ("127.0.0.0", "127.255.255.255", Purpose::Loopback),
            ("169.254.0.0", "169.254.255.255", Purpose::LinkLocal),
            ("172.16.0.0", "172.31.255.255", Purpose::Private),
            ("192.0.0.0", "192.0.0.255", Purpose::Protocol),
            ("192.0.2.0", "192.0.2.255", Purpose::Documentation),
            ("192.31.196.0", "192.31.196.255", Purpose::Protocol),
            ("192.52.193.0", "192.52.193.255", Purpose::Protocol),
            ("192.88.99.0", "192.88.99.255", Purpose::Protocol),
            ("192.168.0.0", "192.168.255.255", Purpose::Private),
            ("192.175.48.0", "192.175.48.255", Purpose::Protocol),
            ("198.18.0.0", "198.19.255.255", Purpose::Benchmarking),
            ("198.51.100.0", "198.51.100.255", Purpose::Documentation),
            ("203.0.113.0", "203.0.113.255", Purpose::Documentation),
            ("224.0.0.0", "239.255.255.255", Purpose::Multicast),
            ("240.0.0.0", "255.255.255.255", Purpose::Reserved),
            ("::", "::", Purpose::Unspecified),
            ("::1", "::1", Purpose::Loopback),
            // IPv4-compatible (RFC 4291 §2.5.5.1) and translated (RFC 2765): outside of what has been given out.
            ("::2", "::ffff:ffff", Purpose::Reserved),
            ("::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1", Purpose::Reserved),
            ("::ffff:0.0.0.0", "::ffff:255.255.255.255", Purpose::Mapped),
            ("64:ff9b::", "64:ff9b::255.255.255.255", Purpose::Translated),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Purpose::Translated),
            ("100::", "100::1:ffff:ffff:ffff:ffff", Purpose::Reserved),
            ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::Reserved),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::Private),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::LinkLocal),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::Private),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::Multicast),
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::Translated),
            ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", Purpose::Benchmarking),
            ("2001:3::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::Protocol),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::Documentation),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::Translated),
            ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", Purpose::Protocol),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Purpose::Documentation),
        ] {
            assert_eq!(purpose_of(first), Some(purpose), "{first}");
            assert_eq!(purpose_of(last), Some(purpose), "{last}");
        }
    }

    #[test]
    fn what_lies_beside_them_is_the_internets() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::",
            "2606:4700::1111",
            "2620:4f:7fff::",
            "3ffe:ffff::",
        ] {
            assert_eq!(purpose_of(address), None, "{address}");
        }
    }
}
