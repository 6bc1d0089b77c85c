//! Login for axum applications that have users of their own.
//!
//! [`LoginManager`] makes and verifies tokens and loads the users they name; extractors protect routes:
//!
//! | extractor | lets in |
//! |---|---|
//! | [`LoggedIn<U>`] | whoever is logged in |
//! | `Option<LoggedIn<U>>` | everybody; a bad token is still 401 |
//! | [`Lenient<U>`] | everybody, a bad token included |
//! | [`Login<U>`] | as `LoggedIn`, with what the token says |
//! | [`Scoped<U, R>`] | tokens with the scopes `R` |
//! | [`Fresh<U, MINUTES>`] | who logged in within the last minutes |
//! | [`Permitted<U, P>`], [`AdminUser<U>`] | users with a permission, as they are now |
//! | [`EmailVerified<U>`] | users with a verified e-mail address |
//! | [`PartialLogin<U>`] | who has shown the first of two factors |
//!
//! [`LoginManager::layer`] tells every route who is calling, [`GuardedRouter`] refuses everything that is not
//! explicitly public, and [`Answer`] is what refused requests get.
//!
//! [`LoginManager::renewal_layer`] keeps whoever is there logged in by cookie.
//!
//! [`policy`] decides who may do what to which things.
//!
//! It stores nothing. A token is valid until it expires, unless
//! [`revoked_if`](LoginManagerBuilder::revoked_if) says otherwise. Numbers: 15 minutes of lifetime, no leeway, 10 seconds
//! for a loader, bodies of up to 64 KiB.
//!
//! # Security
//! - The first place that holds a token decides, and a bad one there is never skipped.
//! - The key fixes the algorithm; type, issuer, audience and every time must be right.
//! - An unsafe request, or one for a WebSocket, that a cookie authenticates must come from our own pages ([`Csrf`]).
//! - What cannot be told is a 5xx: a failing, hanging or panicking loader never lets anybody in, and never says why.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod alarm;
mod answers;
pub mod around;
pub mod authenticator;
mod body;
mod bounded;
mod builder;
mod claims;
pub mod cookies;
mod credentials;
mod csrf;
mod extract;
mod guard;
mod layer;
mod live;
mod location;
mod manager;
mod next;
mod own_tokens;
pub mod policy;
mod refusal;
mod rejection;
mod renewal;
pub mod same_origin;
mod token_response;

pub use vestibule_token as token;
pub use vestibule_token::{
    jws::Algorithm,
    scope::Scopes,
    signing::SigningKey,
    user::{HasPermissions, HasVerifiedEmail},
};

pub use self::{
    answers::Answer,
    authenticator::{Authenticator, BadToken, Failure, VerifyError},
    builder::{Loader, LoginConfigError, LoginManagerBuilder},
    claims::{BadClaim, LoginClaims, NewToken},
    csrf::{Csrf, CsrfToken, DoubleSubmit},
    extract::{
        AdminUser, EmailVerified, Fresh, Lenient, LoggedIn, Login, NotForeign, PartialLogin, Permitted,
        RequiredPermission, RequiredScopes, Scoped, User,
    },
    guard::{GuardedRouter, Requirement, RouteAudit, RoutePolicy},
    layer::{LoginLayer, RequestUser},
    live::UntilEnded,
    location::Location,
    manager::{HasLogin, LoginManager},
    next::Next,
    own_tokens::{AccessToken, TokenError},
    refusal::Refusal,
    rejection::Rejection,
    renewal::RenewalLayer,
    token_response::TokenResponse,
};
