//! Letters: put into words, delivered to a real mail server, kept for a developer.
#![expect(clippy::unwrap_used, reason = "tests; the functions they share are not marked as tests")]

#[path = "mail/inbox.rs"]
mod inbox;
#[path = "mail/injection.rs"]
mod injection;
#[path = "mail/overrides.rs"]
mod overrides;
#[path = "mail/samples.rs"]
mod samples;
#[path = "mail/smtp.rs"]
mod smtp;
#[path = "mail/trouble.rs"]
mod trouble;
#[path = "mail/words.rs"]
mod words;
