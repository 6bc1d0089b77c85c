//! `[registration]`: making accounts.

use super::{
    danger::Danger,
    mail::MailMode,
    settings::{Origin, Settings},
};
use crate::failure::Problem;

/// Who may make an account.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whether people may make accounts themselves.
    pub enabled: bool,
    /// Whether nobody logs in before they have confirmed their address.
    pub require_confirmation: bool,
    /// Whether a registration tells nobody that an address has an account.
    pub conceal_existing: bool,
}

impl Registration {
    pub(super) fn read(settings: &Settings) -> Self {
        let conceal_existing = settings.switch("registration.conceal_existing");
        let is_left_open = settings.origin("registration.require_confirmation") == Origin::Default;
        Self {
            enabled: settings.switch("registration.enabled"),
            require_confirmation: settings.switch("registration.require_confirmation")
                || (conceal_existing && is_left_open),
            conceal_existing,
        }
    }

    pub(super) fn check(&self, mail: &MailMode, danger: Danger, problems: &mut Vec<Problem>) {
        self.check_concealment(mail, danger, problems);
        if self.require_confirmation && !self.conceal_existing && matches!(mail, MailMode::Off) {
            let sentence = "registration.require_confirmation needs mail, and mail.mode is \"off\"";
            problems.push(Problem::new(sentence).help("nobody could confirm their address: set smtp.host"));
        }
    }

    fn check_concealment(&self, mail: &MailMode, danger: Danger, problems: &mut Vec<Problem>) {
        if !self.conceal_existing {
            return;
        }
        if !self.require_confirmation {
            let sentence = "registration.conceal_existing and registration.require_confirmation=false contradict each other";
            let help = "who is logged in at once knows that the address was free: remove one of them";
            problems.push(Problem::new(sentence).help(help));
        }
        if matches!(mail, MailMode::Off) {
            let sentence = "registration.conceal_existing needs mail, and mail.mode is \"off\"";
            problems.push(
                Problem::new(sentence)
                    .help("nobody would learn what became of a registration: set smtp.host"),
            );
        }
        if danger.reveal_unknown_accounts {
            let sentence =
                "registration.conceal_existing and danger.reveal_unknown_accounts contradict each other";
            problems.push(
                Problem::new(sentence)
                    .help("one hides who has an account and the other tells it: remove one"),
            );
        }
    }
}
