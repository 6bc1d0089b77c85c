//! Which addresses may be asked.

use std::net::IpAddr;

use vestibule_core::values::address_range::AddressRange;

use crate::purpose::Purpose;

/// Says which addresses may be asked: those of the internet, and what was allowed beside them.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allows_loopback: bool,
    networks: Vec<AddressRange>,
}

/// A network that nobody can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{first} is {purpose}, which is never asked")]
pub struct UnfitNetwork {
    /// The address that it was written with.
    pub first: IpAddr,
    /// What that is for.
    pub purpose: Purpose,
}

/// An address that is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It is not the internet's, and nobody has allowed it.
    #[error("{address} is {purpose}")]
    Special {
        /// The address.
        address: IpAddr,
        /// What it is for.
        purpose: Purpose,
    },
    /// It would be asked without TLS, and is not this machine.
    #[error("{address} is asked over https only")]
    Plain {
        /// The address.
        address: IpAddr,
    },
}

impl Guard {
    /// Allows this machine, also without TLS: for development.
    #[must_use]
    pub const fn with_loopback(mut self) -> Self {
        self.allows_loopback = true;
        self
    }

    /// Allows these networks, although they are not the internet's.
    ///
    /// # Errors
    /// [`UnfitNetwork`] for one that begins with an address that is never asked, as `0.0.0.0/0` does and the metadata of
    /// clouds.
    pub fn with_networks(mut self, networks: Vec<AddressRange>) -> Result<Self, UnfitNetwork> {
        for first in networks.iter().map(AddressRange::first) {
            if let Some(purpose) = Purpose::of(first).filter(|purpose| purpose.is_never_allowed()) {
                return Err(UnfitNetwork { first, purpose });
            }
        }
        self.networks = networks;
        Ok(self)
    }

    /// Whether a port is one that web servers have: 443, or one that needs no privileges; 80 without TLS.
    pub(crate) const fn is_port_allowed(port: u16, is_plain: bool) -> bool {
        port >= 1024 || port == 443 || (port == 80 && is_plain)
    }

    /// Whether anything may be asked without TLS.
    pub(crate) const fn allows_plain(&self) -> bool {
        self.allows_loopback
    }

    /// Whether an address may be asked.
    pub(crate) fn check(&self, address: IpAddr, is_plain: bool) -> Result<(), Forbidden> {
        let purpose = Purpose::of(address);
        if purpose == Some(Purpose::Loopback) && self.allows_loopback {
            return Ok(());
        }
        if is_plain {
            return Err(Forbidden::Plain { address });
        }
        match purpose {
            None => Ok(()),
            Some(purpose) if !purpose.is_never_allowed() && self.is_allowed_network(address) => Ok(()),
            Some(purpose) => Err(Forbidden::Special { address, purpose }),
        }
    }

    fn is_allowed_network(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(networks: &[&str]) -> Result<Guard, UnfitNetwork> {
        Guard::default().with_networks(networks.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn networks_are_allowed_by_name_and_no_further() {
        let guard = guard(&["10.1.0.0/16", "fd00::/8", "192.168.0.7"]).unwrap();
        for (address, is_allowed) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("fd12::1", true),
            ("fc12::1", false),
            ("192.168.0.7", true),
            ("192.168.0.8", false),
            ("127.0.0.1", false),
            ("::ffff:10.1.2.3", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(guard.check(address.parse().unwrap(), false).is_ok(), is_allowed, "{address}");
            assert!(guard.check(address.parse().unwrap(), true).is_err(), "{address}");
        }
    }

    #[test]
    fn t05_metadata_and_everything_at_once_cannot_be_allowed() {
        for network in ["169.254.169.254", "169.254.0.0/16", "fe80::/10", "0.0.0.0/0", "::/0", "224.0.0.1"] {
            assert!(guard(&[network]).is_err(), "{network}");
        }
        // A range that is written with a harmless address, and has the metadata of clouds in it.
        let guard = guard(&["160.0.0.0/3"]).unwrap();
        assert!(guard.check("169.254.169.254".parse().unwrap(), false).is_err());
    }

    #[test]
    fn development_may_ask_this_machine_without_tls_and_no_other() {
        let guard = Guard::default().with_loopback();
        for (address, is_plain, is_allowed) in [
            ("127.0.0.1", true, true),
            ("127.9.9.9", false, true),
            ("::1", true, true),
            ("::ffff:127.0.0.1", true, false),
            ("10.0.0.1", true, false),
            ("8.8.8.8", true, false),
            ("8.8.8.8", false, true),
        ] {
            assert_eq!(guard.check(address.parse().unwrap(), is_plain).is_ok(), is_allowed, "{address}");
        }
    }
}
