//! `[egress]`: how others are asked, and who may be.

use std::{path::PathBuf, time::Duration};

use vestibule_egress::Guard;

use super::settings::Settings;
use crate::failure::Problem;

/// How others are asked.
#[derive(Clone, Debug)]
pub struct Egress {
    /// Who may be: the internet, and the networks that were allowed.
    pub guard: Guard,
    /// Whose certificates are trusted, where it is not those the machine trusts.
    pub tls_ca_file: Option<PathBuf>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
}

impl Egress {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        let networks = settings.list("egress.allowed_networks");
        // What cannot be read is a problem already.
        let networks = networks.iter().filter_map(|network| network.parse().ok()).collect();
        let guard = Guard::default().with_networks(networks).unwrap_or_else(|unfit| {
            let origin = settings.origin("egress.allowed_networks");
            problems.push(
                Problem::new(format!("egress.allowed_networks ({origin}) is refused: {unfit}"))
                    .help("name the networks of your own receivers, as narrowly as you can"),
            );
            Guard::default()
        });
        Self {
            guard,
            tls_ca_file: settings.path("egress.tls_ca_file"),
            connect_timeout: settings.span("egress.connect_timeout"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, testing};

    fn read(networks: &str) -> Result<Config, String> {
        testing::read(&[("VESTIBULE_EGRESS__ALLOWED_NETWORKS", networks)])
    }

    #[test]
    fn t05_networks_that_nobody_can_mean_are_refused_at_the_start() {
        assert!(read("10.1.0.0/16,fd00::/8").is_ok());
        for (networks, told) in [
            ("10.1.0.0/16,0.0.0.0/0", "0.0.0.0 is unspecified, which is never asked"),
            ("169.254.169.254", "169.254.169.254 is link-local, which is never asked"),
            ("intranet", "egress.allowed_networks"),
        ] {
            let refusal = read(networks).unwrap_err();
            assert!(refusal.contains(told), "{refusal}");
        }
    }
}
