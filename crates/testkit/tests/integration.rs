//! The flows of every capability through the router, the guards over all routes, and the invariants of the layers.

#[cfg(test)]
mod integration {
    mod account_changes;
    mod admin;
    mod admin_users;
    mod announcements;
    mod audit;
    mod avatar;
    mod bad_headers;
    mod bad_input;
    mod captcha;
    mod concealed;
    mod confirmation;
    mod cookies_and_origins;
    mod csrf;
    mod danger;
    mod database;
    mod deletion;
    mod email_change;
    mod engine_login;
    mod export;
    mod faults;
    mod forging;
    mod gate;
    mod gate_refunds;
    mod guard;
    mod hang_up;
    mod hooks;
    mod implicit_refresh;
    mod imported_hashes;
    mod keys;
    mod layers;
    mod limits;
    mod live;
    mod log;
    mod login;
    mod logout;
    #[cfg(all(unix, feature = "servers"))]
    mod mail_outage;
    mod mounting;
    mod new_device;
    mod openapi;
    mod outbox;
    mod pages;
    mod password;
    mod profile;
    mod profile_types;
    mod queries;
    mod refresh;
    mod register;
    mod service;
    mod sessions;
    mod setup;
    mod token;
    mod unconfirmed;
    mod upkeep;
    mod users;
    mod verifier;
}
