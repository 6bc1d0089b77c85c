//! The sections of the configuration, in the order of the documentation.

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
