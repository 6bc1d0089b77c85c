//! Deny by default: a router whose routes need a login unless they are explicitly public, and that can list who may
//! call what.
//!
//! One layer around everything decides by the route that matched: what is not listed, an unknown path and a wrong
//! method included, needs a login.

mod audit;
mod decision;
mod requirement;

use std::{collections::HashMap, fmt, sync::Arc};

use axum::{
    Router,
    handler::Handler,
    middleware::from_fn_with_state,
    routing::{MethodFilter, on},
};
use http::{Method, StatusCode};

use self::decision::{Guard, guarded};
pub use self::{
    audit::{RouteAudit, RoutePolicy},
    requirement::Requirement,
};
use crate::{extract::User, manager::LoginManager};

/// Who may call a route.
enum Policy<U> {
    Public,
    Login(Requirement<U>),
}

/// A router whose routes need a login unless they are explicitly public.
///
/// ```
/// use http::Method;
/// use vestibule_login::{GuardedRouter, LoggedIn, LoginManager, Requirement};
///
/// async fn list() -> &'static str { "posts" }
/// async fn write(LoggedIn(name): LoggedIn<String>) -> String { name }
///
/// # let login = LoginManager::from_secret("thirty-two bytes that nobody else knows")
/// #     .user_loader(async |name: String| Ok::<_, String>(Some(name))).build()?;
/// let routes = GuardedRouter::new(&login)
///     .public(Method::GET, "/posts", list)
///     .route(Method::POST, "/posts", write)
///     .guarded(Method::GET, "/drafts", Requirement::scopes(["posts:drafts"]), list);
/// println!("{}", routes.audit());
/// # assert_eq!(routes.audit().to_string(), "\
/// # METHOD  PATH     WHO\n\
/// # GET     /drafts  logged in, scope posts:drafts\n\
/// # GET     /posts   anyone\n\
/// # POST    /posts   logged in\n\
/// # ANY     *        logged in\n");
/// let app: axum::Router = routes.into_router().with_state(login);
/// # Ok::<_, vestibule_login::LoginConfigError>(())
/// ```
pub struct GuardedRouter<S, U> {
    router: Router<S>,
    login: LoginManager<U>,
    policies: Policies<U>,
    own: Vec<(String, Router<S>)>,
    has_merged: bool,
    prefix: String,
}

/// Who may call what.
struct Policies<U> {
    routes: HashMap<(Method, String), Policy<U>>,
    /// For paths that are no route's.
    fallback: Policy<U>,
}

impl<S: Clone + Send + Sync + 'static, U: User> GuardedRouter<S, U> {
    /// An empty router.
    #[must_use]
    pub fn new(login: &LoginManager<U>) -> Self {
        let fallback = Policy::Login(Requirement::login());
        Self {
            // Its own, so that another router's is not taken over without a word: two do not merge.
            router: Router::new().fallback(not_found),
            login: login.clone(),
            policies: Policies { routes: HashMap::new(), fallback },
            own: Vec::new(),
            has_merged: false,
            prefix: String::new(),
        }
    }

    /// Says under which prefix the finished router will be nested; say it first. Without it, nested public routes stay
    /// closed.
    ///
    /// ```
    /// # use http::Method;
    /// # use vestibule_login::{GuardedRouter, LoginManager};
    /// # fn app(login: &LoginManager<String>) -> axum::Router {
    /// let api = GuardedRouter::new(login).under("/api").public(Method::GET, "/posts", async || "posts");
    /// axum::Router::new().nest("/api", api.into_router())
    /// # }
    /// ```
    #[must_use]
    pub fn under(mut self, prefix: impl Into<String>) -> Self {
        prefix.into().trim_end_matches('/').clone_into(&mut self.prefix);
        self
    }

    /// A route for everybody, logged in or not. Its handler may still ask who is calling.
    ///
    /// # Panics
    /// As [`Router::route`]: for a path that is none, or one that is there already. And for a method that axum has no
    /// routes for.
    #[must_use]
    pub fn public<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(method, path, Policy::Public, handler)
    }

    /// A route for everybody who is logged in.
    ///
    /// # Panics
    /// As [`Router::route`].
    #[must_use]
    pub fn route<H, T>(self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(method, path, Policy::Login(Requirement::login()), handler)
    }

    /// A route for those who are logged in and fulfil a requirement.
    ///
    /// # Panics
    /// As [`Router::route`].
    #[must_use]
    pub fn guarded<H, T>(self, method: Method, path: &str, requirement: Requirement<U>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add(method, path, Policy::Login(requirement), handler)
    }

    fn add<H, T>(mut self, method: Method, path: &str, policy: Policy<U>, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone());
        #[expect(clippy::expect_used, reason = "documented, as axum does for what is no route")]
        let filter = filter.expect("axum has no routes for this method");
        self.router = self.router.route(path, on(filter, handler));
        // axum calls the root of a nested router by the prefix alone.
        let is_nested_root = path == "/" && !self.prefix.is_empty();
        let path = if is_nested_root { self.prefix.clone() } else { format!("{}{path}", self.prefix) };
        self.policies.routes.insert((method, path), policy);
        self
    }

    /// Answers paths that are no route's, for those who are logged in. Without it they are 404.
    ///
    /// ```
    /// # use http::Method;
    /// # use vestibule_login::{GuardedRouter, LoginManager};
    /// # fn app(login: &LoginManager<String>) -> axum::Router {
    /// let app = GuardedRouter::new(login).public(Method::GET, "/", async || "welcome").fallback(async || "the application");
    /// app.into_router()
    /// # }
    /// ```
    #[must_use]
    pub fn fallback<H, T>(mut self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.router = self.router.fallback(handler);
        self
    }

    /// Answers paths that are no route's, for everybody: the files of a front end.
    #[must_use]
    pub fn public_fallback<H, T>(self, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let mut public = self.fallback(handler);
        public.policies.fallback = Policy::Public;
        public
    }

    /// Adds routes that were made elsewhere; all of them need a login.
    ///
    /// # Panics
    /// As [`Router::merge`], and for a router with a fallback: say that by [`fallback`](Self::fallback).
    #[must_use]
    pub fn merge(mut self, router: Router<S>) -> Self {
        self.router = self.router.merge(router);
        self.has_merged = true;
        self
    }

    /// Adds routes that decide for themselves who may call them, under a name for the audit: files for everybody, or
    /// the routes of Vestibule.
    ///
    /// # Panics
    /// As [`Router::merge`], and for a router with a fallback: say that by [`public_fallback`](Self::public_fallback).
    #[must_use]
    pub fn merge_self_guarded(mut self, name: impl Into<String>, router: Router<S>) -> Self {
        self.own.push((name.into(), router));
        self
    }

    /// Who may call what.
    #[must_use]
    pub fn audit(&self) -> RouteAudit {
        let mut rows: Vec<_> = self
            .policies
            .routes
            .iter()
            .map(|((method, path), policy)| RoutePolicy::new(method.as_str(), path, policy.to_string()))
            .collect();
        rows.sort();
        if self.has_merged && matches!(self.policies.fallback, Policy::Public) {
            // axum does not tell which they are, and what is said of the rest would be wrong of them.
            rows.push(RoutePolicy::new("ANY", "merged routes", Requirement::<U>::login().to_string()));
        }
        let rest = if self.prefix.is_empty() { "*".into() } else { format!("{}/*", self.prefix) };
        rows.push(RoutePolicy::new("ANY", rest, self.policies.fallback.to_string()));
        for (name, _) in &self.own {
            rows.push(RoutePolicy::new("ANY", name, "as its routes decide"));
        }
        RouteAudit::of(rows)
    }

    /// The router, guarded. Layers and fallbacks that are added to it later are outside of the guard.
    pub fn into_router(self) -> Router<S> {
        let guard = Guard { login: self.login, policies: Arc::new(self.policies) };
        // Said here, and so inside of the guard: whoever mounts this could else put one outside of it.
        let guarded = self
            .router
            .method_not_allowed_fallback(method_not_allowed)
            .layer(from_fn_with_state(guard, guarded));
        self.own.into_iter().fold(guarded, |router, (_, own)| router.merge(own))
    }
}

impl<S, U> fmt::Debug for GuardedRouter<S, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedRouter").field("routes", &self.policies.routes.len()).finish_non_exhaustive()
    }
}

impl<U> fmt::Display for Policy<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("anyone"),
            Self::Login(requirement) => requirement.fmt(f),
        }
    }
}

async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}

async fn method_not_allowed() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}
