//! What the routes and extractors need: the engine and the rules of the road.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use vestibule_core::{Auth, values::account::Account};
use vestibule_login::LoginManager;

use crate::{engine_login::EngineLogins, openapi::ProfileSchema, policy::HttpPolicy};

/// The engine together with the HTTP policy; cheap to clone.
///
/// The extractors work in every application whose state this can be taken from (`FromRef`).
#[derive(Clone, Debug)]
pub struct AuthState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    auth: Arc<Auth>,
    http: Arc<HttpPolicy>,
    login: LoginManager<Account>,
    is_grant_type_required: bool,
    is_draining: AtomicBool,
}

impl AuthState {
    /// Joins an engine and a policy.
    #[must_use]
    pub fn new(auth: Arc<Auth>, http: HttpPolicy) -> Self {
        Self(Arc::new(Inner {
            login: EngineLogins::manager(&auth, &http),
            auth,
            http: Arc::new(http),
            is_grant_type_required: false,
            is_draining: AtomicBool::new(false),
        }))
    }

    /// Demands `grant_type` of every OAuth2 password login, as RFC 6749 §4.3.2 writes.
    #[must_use]
    pub fn with_strict_grant_type(self, is_required: bool) -> Self {
        Self(Arc::new(Inner {
            auth: Arc::clone(&self.0.auth),
            http: Arc::clone(&self.0.http),
            login: self.0.login.clone(),
            is_grant_type_required: is_required,
            is_draining: AtomicBool::new(self.is_draining()),
        }))
    }

    /// Another manager for the extractors of [`vestibule_login`], with answers or places of the application's own; make
    /// it over [`EngineLogins`].
    #[must_use]
    pub fn with_login(self, login: LoginManager<Account>) -> Self {
        Self(Arc::new(Inner {
            auth: Arc::clone(&self.0.auth),
            http: Arc::clone(&self.0.http),
            login,
            is_grant_type_required: self.0.is_grant_type_required,
            is_draining: AtomicBool::new(self.is_draining()),
        }))
    }

    /// The engine as a manager: what `LoggedIn<Account>`, `Scoped`, `Fresh` and their kin ask.
    #[must_use]
    pub fn login(&self) -> &LoginManager<Account> {
        &self.0.login
    }

    /// The engine.
    #[must_use]
    pub fn auth(&self) -> &Arc<Auth> {
        &self.0.auth
    }

    /// How the description shows profiles; `None` where none are kept.
    pub(crate) fn profile_schema(&self) -> Option<ProfileSchema> {
        let schema = || self.0.http.profile_schema.clone().unwrap_or_default();
        let auth = self.auth();
        auth.keeps_profiles().then(|| schema().required(auth.needs_profile()))
    }

    /// The policy.
    #[must_use]
    pub fn http(&self) -> &Arc<HttpPolicy> {
        &self.0.http
    }

    /// Whether an OAuth2 password login must name its grant type.
    #[must_use]
    pub fn is_grant_type_required(&self) -> bool {
        self.0.is_grant_type_required
    }

    /// Makes readiness answer 503 from now on, so that load balancers send nobody new.
    pub fn begin_drain(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process is about to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }
}
