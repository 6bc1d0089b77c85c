//! The real binary on a free port in a folder of its own, used as people and service managers use it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests; the functions they share are not marked as tests"
)]

#[path = "black_box/answers.rs"]
mod answers;
#[path = "black_box/bad_days.rs"]
mod bad_days;
#[path = "black_box/beside.rs"]
mod beside;
#[path = "black_box/breached.rs"]
mod breached;
#[path = "black_box/browser.rs"]
mod browser;
#[path = "black_box/captcha.rs"]
mod captcha;
#[path = "black_box/client.rs"]
mod client;
#[path = "black_box/commands.rs"]
mod commands;
#[path = "black_box/configuration.rs"]
mod configuration;
#[path = "black_box/crash.rs"]
mod crash;
#[path = "black_box/drain.rs"]
mod drain;
#[path = "black_box/encrypted.rs"]
mod encrypted;
#[path = "black_box/full_disk.rs"]
mod full_disk;
#[path = "black_box/journey.rs"]
mod journey;
#[path = "black_box/letters.rs"]
mod letters;
#[path = "black_box/load.rs"]
mod load;
#[path = "black_box/mail.rs"]
mod mail;
#[path = "black_box/password.rs"]
mod password;
#[path = "black_box/pooled.rs"]
mod pooled;
#[path = "black_box/postgres.rs"]
mod postgres;
#[path = "black_box/program.rs"]
mod program;
#[path = "black_box/redis.rs"]
mod redis;
#[path = "black_box/setup.rs"]
mod setup;
#[path = "black_box/storage.rs"]
mod storage;
#[path = "black_box/two_nodes.rs"]
mod two_nodes;
#[path = "black_box/users.rs"]
mod users;
#[path = "black_box/webhooks.rs"]
mod webhooks;
