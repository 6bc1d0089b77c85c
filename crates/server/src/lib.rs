//! The Vestibule server: configuration, command line, telemetry, and HTTP around the library.
//!
//! [`cli`] reads the command line, [`config`] the configuration; [`startup`] opens the store and starts the engine;
//! [`serve`] puts the routes of [`app`] behind the accept loop of [`http`] and takes everything apart again.
#![forbid(unsafe_code)]

pub mod app;
pub mod banner;
pub mod breached_file;
pub mod captcha;
pub mod cli;
pub mod config;
pub mod database;
pub mod dev_mail;
pub mod egress;
pub mod failure;
pub mod http;
pub mod mail;
pub mod metrics;
pub mod openapi;
pub mod policy;
pub mod secret_key;
pub mod serve;
pub mod setup;
pub mod signals;
pub mod startup;
pub mod telemetry;
pub mod webhook;
