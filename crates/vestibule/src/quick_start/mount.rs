//! Where the routes of a [`Vestibule`] stand, and which of them.

use axum::{Router, response::Redirect, routing::get};
use vestibule_axum::{
    pages::page_routes,
    routes::{self, Route, Routes},
    utoipa_axum::router::OpenApiRouter,
};
use vestibule_login::Next;

use super::Vestibule;

/// Where which routes stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Mount {
    pub(super) prefix: String,
    pub(super) left_out: Vec<Route>,
}

impl Mount {
    /// Whether routes can stand there, and links lead there: a plain path of this application, or none.
    pub(super) fn is_sound(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        let prefix = &self.prefix;
        prefix.is_empty() || Next::read(prefix).is_some() && prefix.bytes().all(is_plain)
    }
}

impl Vestibule {
    /// Every route that was not left out, with the pages of mailed links and the documentation, at the place that
    /// [`mounted_at`](super::VestibuleBuilder::mounted_at) says.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.placed(self.selected().with_pages_and_docs()).with_state(())
    }

    /// The same routes and pages without the documentation, to be described beside your own.
    ///
    /// ```
    /// use axum::Router;
    /// use vestibule::{
    ///     Vestibule,
    ///     http::{
    ///         docs::docs_routes,
    ///         utoipa::{self, OpenApi as _},
    ///         utoipa_axum::{router::OpenApiRouter, routes},
    ///     },
    /// };
    ///
    /// #[derive(utoipa::OpenApi)]
    /// #[openapi(info(title = "Shop", version = "1.0"))]
    /// struct Shop;
    ///
    /// /// What is for sale.
    /// #[utoipa::path(get, path = "/goods", responses((status = 200, description = "Everything.")))]
    /// async fn goods() -> &'static str {
    ///     "tea"
    /// }
    ///
    /// fn app(vestibule: &Vestibule) -> Router<Vestibule> {
    ///     let (router, description) = OpenApiRouter::with_openapi(Shop::openapi())
    ///         .routes(routes!(goods))
    ///         .merge(vestibule.described_routes())
    ///         .split_for_parts();
    ///     router.merge(docs_routes(description))
    /// }
    /// ```
    #[must_use]
    pub fn described_routes<S: Clone + Send + Sync + 'static>(&self) -> OpenApiRouter<S> {
        let description = OpenApiRouter::<S>::from(self.selected().under(&self.mount.prefix)).into_openapi();
        let router = self.placed(Router::from(self.selected()).merge(page_routes(&self.state)));
        let mut described = OpenApiRouter::from(router.with_state(()));
        *described.get_openapi_mut() = description;
        described
    }

    fn selected(&self) -> Routes {
        self.mount
            .left_out
            .iter()
            .fold(routes::all_routes(&self.state), |routes, route| routes.without(*route))
    }

    fn placed(&self, routes: Router) -> Router {
        if self.mount.prefix.is_empty() {
            return routes;
        }
        let placed = Router::new().nest(&self.mount.prefix, routes);
        if self.mount.left_out.contains(&Route::WellKnownChangePassword) {
            return placed;
        }
        // Password managers ask at the root alone.
        let url = self.state.http().change_password_url.clone();
        let url = url.unwrap_or_else(|| format!("{}/docs/#/account", self.mount.prefix));
        placed.route("/.well-known/change-password", get(async move || Redirect::to(&url)))
    }
}
