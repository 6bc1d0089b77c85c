//! `LoginManager`, its extractors, layers and answers, through a router.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "a loader takes its name by value")]

mod login {
    mod answers;
    mod app;
    mod csrf;
    mod guard;
    mod layer;
    mod live;
    mod loader;
    mod places;
    mod policy;
    mod proofs;
    mod renewal;
    mod tokens;
}
