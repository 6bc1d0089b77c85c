//! Every configuration key: the one table that the file, the environment, `vestibule init` and the documentation
//! are read against.

mod choices;

use vestibule::core::values::username::RESERVED_USERNAMES;

pub use self::choices::{ALGORITHMS, CAPTCHA_PROVIDERS, EVENTS};

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path of a file or folder.
    Path,
    /// `true` or `false`.
    Switch,
    /// A whole number between two bounds.
    Count(u64, u64),
    /// A number from 0 to 1.
    Share,
    /// A positive span of time with its unit, for example `15m`.
    Span,
    /// A span of time that may be zero.
    SpanOrZero,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// An IP address and a port.
    Address,
    /// A scheme, a host and perhaps a port: `https://login.example.org`.
    Origin,
    /// A list of origins.
    Origins,
    /// A list of IP addresses and networks.
    Networks,
    /// A list of names.
    Names,
    /// A list of words, in any script and with blanks.
    Words,
    /// A secret of at least 32 bytes.
    Secret,
    /// A list of such secrets.
    Secrets,
    /// A URL that may hold a password.
    SecretUrl,
    /// A password that somebody else chose.
    Password,
}

/// What a key is when nobody sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// Nothing; the sentence says what follows from that.
    Unset(&'static str),
    /// A value, written as in an environment variable.
    Value(&'static str),
    /// A list.
    List(&'static [&'static str]),
}

/// One configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The stable name, `section.key` or `key`.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// What it is when nobody sets it.
    pub default: Default,
    /// What it does, in one sentence or two.
    pub doc: &'static str,
}

impl Key {
    /// The section; empty for keys at the top.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The name within its section.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, key)| key)
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("VESTIBULE_{}", self.name.replace('.', "__").to_uppercase())
    }

    /// Whether its value must never be shown.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::Secrets | Kind::SecretUrl | Kind::Password)
    }
}

/// The key of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// What a section is about; the order is that of the documentation.
pub const SECTIONS: &[(&str, &str)] = &[
    ("", "Where the server listens and keeps its data, and its secrets."),
    ("server", "Time-outs and bounds of the HTTP server."),
    ("tokens", "Access and refresh tokens."),
    ("login", "Logging in."),
    ("passwords", "Rules for passwords, and what a hash costs."),
    ("usernames", "Rules for user names."),
    ("throttle", "Limits against guessing."),
    ("postgres", "How a PostgreSQL database in `database_url` is used."),
    ("redis", "How `redis_url` is used."),
    ("mail", "What people are written; docs/mail.md says more."),
    ("smtp", "The mail server that takes letters."),
    ("egress", "How others are asked, where something is configured that asks them."),
    ("webhook", "The system that is told of events; docs/webhooks.md says more."),
    ("registration", "Making accounts."),
    ("accounts", "How accounts end."),
    ("captcha", "Telling people from programs; docs/captcha.md says more."),
    ("danger", "What should not be needed; every key that is set here is warned of at every start."),
    ("audit", "The log of who did what."),
    (
        "log",
        "What the server logs, on standard error. On standard output it prints nothing but where it listens, and with JSON logs not even that.",
    ),
];

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default: Default::Value(default), doc }
}

const fn optional(name: &'static str, kind: Kind, unset: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default: Default::Unset(unset), doc }
}

const fn list(name: &'static str, kind: Kind, values: &'static [&'static str], doc: &'static str) -> Key {
    Key { name, kind, default: Default::List(values), doc }
}

const ANY: u64 = u32::MAX as u64;

/// Every key, section by section.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("listen", Kind::Address, "127.0.0.1:8000",
        "The address and port to listen on. With port 0 a free port is chosen and printed."),
    key("data_dir", Kind::Path, "./vestibule-data",
        "The folder for the database and the generated secret_key. One running server per folder."),
    optional("public_url", Kind::Origin, "http:// and `listen` where that is a loopback address; required elsewhere",
        "The URL under which browsers reach the server. It decides whether cookies are Secure and which origin counts as ours."),
    optional("mode", Kind::Choice(&["development", "production"]), "development where public_url is http on loopback, else production",
        "Production refuses settings that are not safe on the open internet."),
    optional("database_url", Kind::SecretUrl, "sqlite: and vestibule.db in `data_dir`",
        "The database: sqlite: and a path, or postgres://user:password@host:5432/database, which several nodes can share. Hosts that are not loopback are reached over TLS and verified in full, unless the URL ends in ?sslmode=disable."),
    optional("database_url_file", Kind::Path, "none",
        "A file that holds database_url, which may have a password in it."),
    optional("redis_url", Kind::SecretUrl, "each node counts for itself",
        "The Redis or Valkey that counts attempts for all nodes: redis://host, redis+sentinel://host,host/master or redis+cluster://host,host; with rediss for TLS, and user:password@ before the first host."),
    optional("redis_url_file", Kind::Path, "none",
        "A file that holds redis_url, which may have a password in it."),
    optional("metrics_listen", Kind::Address, "no metrics",
        "The address and port of a second listener that serves Prometheus metrics at /metrics. Keep it private."),
    list("trusted_proxies", Kind::Networks, &[],
        "The addresses or networks of the reverse proxies whose X-Forwarded-For is believed."),
    list("cors_origins", Kind::Origins, &[],
        "The origins whose pages may read answers (CORS), for example a single-page application on another host."),
    list("allowed_origins", Kind::Origins, &[],
        "Further origins whose pages may send requests that our cookies authenticate."),
    key("csrf", Kind::Choice(&["same_origin", "double_submit"]), "same_origin",
        "How requests that our cookies authenticate show that they come from our own pages: by Origin or Sec-Fetch-Site, which browsers send, or by the value of the cookie csrf_access_token in the header X-CSRF-TOKEN."),
    optional("secret_key", Kind::Secret, "made at the first start, as `secret_key` in `data_dir`",
        "At least 32 random bytes. It wraps the signing keys and derives every MAC key, so that nobody can make tokens from a stolen database."),
    optional("secret_key_file", Kind::Path, "none",
        "A file that holds secret_key, instead of the key itself."),
    list("previous_secret_keys", Kind::Secrets, &[],
        "Earlier values of secret_key that still verify and unwrap, for a rotation."),
    optional("previous_secret_keys_file", Kind::Path, "none",
        "A file that holds previous_secret_keys, one a line."),

    key("server.shutdown_grace", Kind::SpanOrZero, "20s",
        "How long requests in flight may take to finish after SIGTERM."),
    key("server.drain_delay", Kind::SpanOrZero, "0s",
        "How long to go on accepting after SIGTERM while /health/ready answers 503, so that load balancers notice."),
    key("server.header_timeout", Kind::Span, "10s",
        "How long the head of a request may take, from its first byte."),
    key("server.request_timeout", Kind::Span, "30s",
        "How long a request may take from its head to its answer, its body included."),
    key("server.idle_timeout", Kind::Span, "60s",
        "How long a connection may stay open without a request, or without taking what is sent to it."),
    key("server.max_connections", Kind::Count(1, 1_000_000), "10000",
        "How many connections may be open at once; further ones wait to be accepted."),
    key("server.body_limit_kib", Kind::Count(1, 1_048_576), "64",
        "The largest request body, in KiB."),

    optional("tokens.issuer", Kind::Text, "public_url",
        "The `iss` claim of access tokens."),
    optional("tokens.audience", Kind::Text, "public_url",
        "The `aud` claim of access tokens."),
    key("tokens.access_ttl", Kind::Span, "15m",
        "How long an access token is valid."),
    key("tokens.refresh_ttl", Kind::Span, "30d",
        "How long a session lives without being refreshed."),
    key("tokens.refresh_max", Kind::Span, "90d",
        "How long a session lives however often it is refreshed."),
    key("tokens.refresh_grace", Kind::SpanOrZero, "10s",
        "How long a refresh token that was just used gives the same successor again, for two tabs and lost answers; at most 5m."),
    key("tokens.algorithm", Kind::Choice(ALGORITHMS), "EdDSA",
        "The algorithm of the keys that sign access tokens. Changing it changes no key that is there: `vestibule keys rotate` makes one of it."),
    optional("tokens.signing_key_file", Kind::Path, "keys are made and kept in the database, wrapped with secret_key",
        "A PEM file (PKCS #8) with the private key that signs access tokens; `vestibule keys rotate` is then refused. Replacing the file and restarting ends every access token at once; sessions go on, by refreshing."),
    list("tokens.scopes", Kind::Names, &[],
        "The scopes that a login may ask for; an account is granted those that are also among its permissions."),
    key("tokens.leeway", Kind::SpanOrZero, "0s",
        "How far `exp` and `nbf` may be off when an access token is verified; at most 5m."),

    key("login.strict_grant_type", Kind::Switch, "false",
        "Whether the password login requires grant_type=password instead of taking it for granted."),

    key("passwords.min_length", Kind::Count(1, 256), "8",
        "The least number of symbols of a new password."),
    key("passwords.max_length", Kind::Count(8, 4096), "256",
        "The greatest number of symbols of a password; longer ones are refused before they are hashed."),
    list("passwords.context_words", Kind::Words, &[],
        "Words that no password may contain, in any case: what people call this service. Each has at least 4 symbols; the host of public_url is among them by itself."),
    optional("passwords.breached_file", Kind::Path, "only the common passwords that the program carries are refused",
        "A file of Pwned Passwords: SHA-1 hashes in hexadecimal, sorted, one a line, with or without counts. New passwords in it are refused; while it cannot be read, they are taken and `vestibule_breached_checks_failed_total` counts them. It is searched on the disk, and opened at the start: a newer one counts after a restart."),
    key("passwords.memory_kib", Kind::Count(8, 262_144), "19456",
        "The memory of one Argon2id hash, in KiB: at least 47104 with 1 pass, 19456 with 2, 12288 with 3, 9216 with 4, 7168 with 5 or more. Existing hashes are upgraded at the next login. `vestibule hash calibrate` measures what this machine can do."),
    key("passwords.iterations", Kind::Count(1, 16), "2",
        "The passes of one Argon2id hash over its memory."),
    key("passwords.parallelism", Kind::Count(1, 4), "1",
        "The lanes of one Argon2id hash."),
    optional("passwords.threads", Kind::Count(1, 1_024), "one per processor",
        "How many hashes are computed at once; threads × memory_kib is what hashing takes of the memory, at most 8 GiB."),
    key("passwords.queue_wait_max", Kind::Span, "2s",
        "How long a login may wait for its hash before further ones are answered 503."),

    key("usernames.min_length", Kind::Count(1, 255), "3",
        "The least number of symbols of a user name."),
    key("usernames.max_length", Kind::Count(1, 255), "20",
        "The greatest number of symbols of a user name."),
    list("usernames.reserved", Kind::Names, RESERVED_USERNAMES,
        "User names nobody may take; `vestibule admin create` is exempt."),

    key("throttle.enabled", Kind::Switch, "true",
        "Whether attempts are limited at all; production refuses to run without."),
    key("throttle.login_attempts", Kind::Count(1, ANY), "30",
        "How many logins a client network may try in `login_window`; those that succeed do not count."),
    key("throttle.login_window", Kind::Span, "60s",
        "The window for `login_attempts`, from the first attempt."),
    key("throttle.account_failures", Kind::Count(1, ANY), "5",
        "How many failed logins strangers have for a name, and for an account whichever of its names they use, until each further one makes them wait: a second, then twice as long from failure to failure. Counted for names that are nobody's too."),
    key("throttle.account_delay_max", Kind::Span, "15m",
        "The longest such wait. Failures are forgotten when the last one is `account_failures` times as long ago."),
    key("throttle.device_failures", Kind::Count(1, ANY), "10",
        "How many failed logins a browser has that has logged in to the account before, and a session that is asked for its password again, until it must wait in the same way; what strangers fail does not count."),
    key("throttle.registrations", Kind::Count(1, ANY), "20",
        "How many accounts a client network may make in `registration_window`. A name that is taken counts too, a broken rule does not."),
    key("throttle.registration_window", Kind::Span, "1h",
        "The window for `registrations`, from the first one."),
    key("throttle.mails", Kind::Count(1, ANY), "2",
        "How many mails to confirm an address, and how many to reset a password, an account may ask for in `mail_window`."),
    key("throttle.mail_window", Kind::Span, "30m",
        "The window for `mails`, from the first one."),
    key("throttle.exports", Kind::Count(1, ANY), "5",
        "How often the data of an account may be exported in `export_window`."),
    key("throttle.export_window", Kind::Span, "1h",
        "The window for `exports`, from the first one."),

    key("postgres.connections", Kind::Count(1, 10_000), "16",
        "How many connections one node opens at most. All nodes together must stay below the server's max_connections."),
    key("postgres.acquire_timeout", Kind::Span, "2s",
        "How long a request may wait for a free connection before it is answered 503."),
    key("postgres.connect_timeout", Kind::Span, "3s",
        "How long each host in database_url may take to take a connection, TLS and login included; the next one has as long again."),
    key("postgres.statement_timeout", Kind::Span, "5s",
        "How long a statement may take, in the database and, half a second more, on the way."),
    key("postgres.prepared", Kind::Switch, "true",
        "Whether statements stay prepared on their connection; false behind PgBouncer in transaction mode."),
    optional("postgres.tls_ca_file", Kind::Path, "the certificates that the machine trusts",
        "A PEM file with the authority that signed the database's certificate."),

    key("redis.prefix", Kind::Text, "vestibule",
        "What every key begins with, so that several installations can share a Redis; the nodes of one have the same."),
    key("redis.timeout", Kind::Span, "100ms",
        "How long a login may wait for Redis; after that, and until Redis answers in time again, each node counts for itself."),
    optional("redis.tls_ca_file", Kind::Path, "the certificates that the machine trusts",
        "A PEM file with the authority that signed the certificates of Redis and its sentinels."),

    optional("mail.mode", Kind::Choice(&["smtp", "inbox", "off"]), "smtp where `smtp.host` is set, else inbox",
        "Where letters go: to a mail server, into an inbox in memory for developers, or nowhere. Production refuses the inbox."),
    optional("mail.site_name", Kind::Text, "the host of `public_url`",
        "What letters call this place."),
    key("mail.confirm_ttl", Kind::Span, "24h",
        "How long the link and the code are good for by which an address is confirmed."),
    key("mail.reset_ttl", Kind::Span, "2h",
        "How long the link and the code are good for by which a new password is chosen."),
    key("mail.new_device", Kind::Switch, "true",
        "Whether owners are told by mail of logins from devices that are new to their accounts."),
    optional("mail.templates_dir", Kind::Path, "the templates of the program",
        "A folder whose templates replace those of the program, file by file."),

    optional("smtp.host", Kind::Text, "no mail server",
        "The name of the mail server; its certificate must be for it."),
    optional("smtp.port", Kind::Count(1, 65_535), "587 with starttls, 465 with tls, 25 with none",
        "The port of the mail server."),
    key("smtp.tls", Kind::Choice(&["starttls", "tls", "none"]), "starttls",
        "How the connection is encrypted. With starttls and tls nothing is sent to a server that does not encrypt."),
    optional("smtp.tls_ca_file", Kind::Path, "the certificates that the machine trusts",
        "A PEM file with the authority that signed the mail server's certificate."),
    optional("smtp.user", Kind::Text, "no login",
        "The user that the mail server knows us as."),
    optional("smtp.password", Kind::Password, "no login",
        "The password of `user`. In production it is not sent without encryption, unless to this machine."),
    optional("smtp.password_file", Kind::Path, "none",
        "A file that holds smtp.password, instead of the password itself."),
    optional("smtp.from", Kind::Text, "required where there is a mail server",
        "The address that letters come from."),
    optional("smtp.display_name", Kind::Text, "`mail.site_name`",
        "The name beside that address."),
    key("smtp.timeout", Kind::Span, "60s",
        "How long one delivery may take, connecting included; later it is tried again."),

    list("egress.allowed_networks", Kind::Networks, &[],
        "Networks beside the internet that may be asked where something is configured that asks others, for example the one that your own receivers are in. Link-local addresses, such as a cloud's metadata, never are. In development this machine is allowed."),
    optional("egress.tls_ca_file", Kind::Path, "the certificates that the machine trusts",
        "A PEM file with the authority that signed the certificates of those who are asked."),
    key("egress.connect_timeout", Kind::Span, "5s",
        "How long resolving a name and connecting may take, TLS included."),

    optional("webhook.url", Kind::SecretUrl, "nobody is told",
        "Where events are sent: https, or http on this machine in development."),
    optional("webhook.secret", Kind::Password, "required with `url`",
        "What signs events: whsec_ and the base64 of 24 to 64 random bytes, as Standard Webhooks has it."),
    optional("webhook.secret_file", Kind::Path, "none",
        "A file that holds webhook.secret, instead of the secret itself."),
    optional("webhook.previous_secret", Kind::Password, "none",
        "The secret before this one: while it is being replaced, events have two signatures."),
    optional("webhook.previous_secret_file", Kind::Path, "none",
        "A file that holds webhook.previous_secret."),
    list("webhook.events", Kind::Names, EVENTS,
        "What is told."),
    key("webhook.timeout", Kind::Span, "10s",
        "How long the receiver may take to answer, at most 2m; later it is told once more."),

    key("registration.enabled", Kind::Switch, "true",
        "Whether people may make accounts themselves."),
    key("registration.require_confirmation", Kind::Switch, "false",
        "Whether nobody logs in before they have confirmed their e-mail address."),
    key("registration.conceal_existing", Kind::Switch, "false",
        "Whether registering says the same for an address that has an account as for one that has none; the owner is told by mail. Accounts are then made when their address is confirmed, so require_confirmation comes with it."),

    optional("captcha.provider", Kind::Choice(CAPTCHA_PROVIDERS), "no captcha is asked for",
        "Whose captcha everybody who registers solves, and who logs in after failures."),
    optional("captcha.site_key", Kind::Text, "required where there is a provider",
        "The public key under which the provider knows this site."),
    optional("captcha.secret", Kind::Password, "required where there is a provider",
        "The key that the provider knows this server by."),
    optional("captcha.secret_file", Kind::Path, "none",
        "A file that holds captcha.secret, instead of the key itself."),
    key("captcha.login_after_failures", Kind::Count(0, ANY), "3",
        "How many logins of a client network, and with a name, may fail before further ones need a captcha; with 0, every login needs one."),
    key("captcha.login_window", Kind::Span, "15m",
        "The window in which those failures count, from the first one."),
    key("captcha.on_outage", Kind::Choice(&["refuse", "allow"]), "refuse",
        "What becomes of people while the provider does not answer: 503 captcha_unavailable, or they are let through, which is logged and counted. Keys that the provider refuses are always refused."),
    key("captcha.min_score", Kind::Share, "0.5",
        "The least score of reCAPTCHA v3 that passes."),
    list("captcha.hostnames", Kind::Names, &[],
        "Further hosts of pages where captchas may be solved; those of public_url, allowed_origins and cors_origins may be anyway."),
    key("captcha.timeout", Kind::Span, "5s",
        "How long the provider may take to answer; at most 30s."),
    optional("captcha.verify_url", Kind::Text, "the provider's own",
        "Where tokens are verified; for tests, in development only."),

    key("danger.reveal_unknown_accounts", Kind::Switch, "false",
        "Dangerous: logins and forgotten passwords tell strangers who has an account. Unknown names are 404, disabled accounts 400 \"User is banned\"."),

    key("accounts.deletion_grace", Kind::SpanOrZero, "14d",
        "How long an account whose owner deletes it can still be taken back. It is out of use meanwhile and its names stay taken; with 0s it is deleted at once."),

    key("audit.retention", Kind::Span, "90d",
        "How long audit events are kept."),

    key("log.format", Kind::Choice(&["console", "json"]), "console",
        "How log lines look: for people, or one JSON object a line."),
    key("log.level", Kind::Text, "info",
        "The least severity that is logged: error, warn, info, debug or trace; also by part, as in `info,vestibule_core=debug`."),
];
