//! What the configuration means to the engine and to HTTP.

use std::collections::HashSet;

use vestibule::{
    Csrf,
    core::{
        Policy, danger,
        policy::{
            AccountPolicy, AuditPolicy, CaptchaPolicy, HookPolicy, MailPolicy, RegistrationPolicy,
            ThrottlePolicy, TokenPolicy,
        },
        token::jws::Algorithm,
        values::{
            password::{MIN_TELLING_WORD, PasswordPolicy},
            username::UsernamePolicy,
        },
    },
    http::{
        client::TrustedProxies,
        policy::HttpPolicy,
        same_origin::{NoOrigin, Origin},
    },
};

use crate::config::{Config, Mode, Tokens};

/// The engine's rules for a server seen at `public_url`.
#[must_use]
pub fn rules(config: &Config, public_url: &str) -> Policy {
    let reserved: HashSet<_> = config.usernames.reserved.iter().cloned().collect();
    let policy = Policy {
        passwords: PasswordPolicy {
            min_length: config.passwords.min_length,
            max_length: config.passwords.max_length,
            context_words: context_words(config, public_url),
        },
        usernames: UsernamePolicy {
            min_length: config.usernames.min_length,
            max_length: config.usernames.max_length,
            reserved,
        },
        tokens: token_rules(&config.tokens, public_url),
        throttle: ThrottlePolicy {
            is_enabled: config.throttle.enabled,
            login_attempts: config.throttle.login_attempts,
            login_window: config.throttle.login_window,
            account_failures: config.throttle.account_failures,
            account_delay_max: config.throttle.account_delay_max,
            device_failures: config.throttle.device_failures,
            registrations: config.throttle.registrations,
            registration_window: config.throttle.registration_window,
            mails: config.throttle.mails,
            mail_window: config.throttle.mail_window,
            exports: config.throttle.exports,
            export_window: config.throttle.export_window,
        },
        registration: RegistrationPolicy {
            is_enabled: config.registration.enabled,
            requires_confirmation: config.registration.require_confirmation,
            conceals_existing: config.registration.conceal_existing,
        },
        accounts: AccountPolicy { deletion_grace: config.accounts.deletion_grace },
        audit: AuditPolicy { retention: config.audit.retention },
        hooks: HookPolicy::default(),
        mail: MailPolicy {
            public_url: public_url.trim_end_matches('/').to_owned(),
            confirm_ttl: config.mail.confirm_ttl,
            reset_ttl: config.mail.reset_ttl,
            tells_of_new_devices: config.mail.new_device,
        },
        captcha: CaptchaPolicy {
            login_after_failures: config.captcha.login_after_failures,
            login_window: config.captcha.login_window,
            lets_through_on_outage: config.captcha.allow_on_outage,
        },
        ..Policy::default()
    };
    if config.danger.reveal_unknown_accounts { danger::reveal_unknown_accounts(policy) } else { policy }
}

/// What this service is called: the words that are configured, and the host under which it is seen.
fn context_words(config: &Config, public_url: &str) -> Vec<String> {
    let host = public_url.parse::<::http::Uri>().ok().and_then(|url| url.host().map(str::to_owned));
    let host = host.filter(|host| host.chars().count() >= MIN_TELLING_WORD);
    config.passwords.context_words.iter().cloned().chain(host).collect()
}

fn token_rules(tokens: &Tokens, public_url: &str) -> TokenPolicy {
    let or_public_url = |name: &Option<String>| name.clone().unwrap_or_else(|| public_url.to_owned());
    TokenPolicy {
        issuer: or_public_url(&tokens.issuer),
        audience: or_public_url(&tokens.audience),
        access_ttl: tokens.access_ttl,
        refresh_ttl: tokens.refresh_ttl,
        refresh_max: tokens.refresh_max,
        refresh_grace: tokens.refresh_grace,
        leeway: tokens.leeway,
        algorithm: Algorithm::read(&tokens.algorithm).unwrap_or(Algorithm::EdDsa),
        scopes: tokens.scopes.iter().cloned().collect(),
        ..TokenPolicy::default()
    }
}

/// The rules of HTTP for a server seen at `public_url`.
///
/// # Errors
/// A text that is no origin; the configuration has refused those already.
pub fn http_rules(config: &Config, public_url: &str) -> Result<HttpPolicy, NoOrigin> {
    let origins =
        |texts: &[String]| texts.iter().map(|text| text.parse()).collect::<Result<Vec<Origin>, _>>();
    let public_origin = public_url.parse()?;
    let mut policy = match config.service.mode {
        Mode::Development => HttpPolicy::development(public_origin),
        Mode::Production => HttpPolicy::new(public_origin),
    };
    policy.origins = policy
        .origins
        .with_allowed(origins(&config.service.allowed_origins)?)
        .with_cors(origins(&config.service.cors_origins)?);
    if config.service.has_double_submit {
        policy.csrf = Csrf::double_submit();
    }
    let proxies = config.service.trusted_proxies.iter().filter_map(|range| range.parse().ok());
    policy.trusted_proxies = TrustedProxies::new(proxies.collect());
    policy.body_limit_bytes = config.server.body_limit_kib.saturating_mul(1024);
    policy.request_timeout = config.server.request_timeout;
    Ok(policy)
}
