//! Which of the routes an application mounts.

mod route;

use std::{collections::HashSet, fmt};

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

pub use self::route::Route;
use crate::{
    cookies::CookiePolicy,
    docs::lazy_docs_routes,
    openapi::{self, ProfileSchema},
    pages::page_routes,
    state::AuthState,
};

/// Routes that have not been mounted yet.
///
/// Turn them into a [`Router`] with `into()`, or into an [`OpenApiRouter`] to describe them beside your own.
#[must_use = "turn them into a router"]
#[derive(Clone, Debug)]
pub struct Routes {
    table: Table,
    state: AuthState,
    name: Option<&'static str>,
}

impl Routes {
    pub(super) fn new(table: Table, state: &AuthState) -> Self {
        let table = if state.auth().keeps_profiles() { table } else { table.without_profiles() };
        Self { table, state: state.clone(), name: None }
    }

    /// Leaves a route out: it answers like every path that is none, and is not described.
    ///
    /// One that is not among them stays absent.
    pub fn without(mut self, route: Route) -> Self {
        self.table.entries.retain(|entry| entry.route != route);
        self
    }

    /// Leaves every route out but these.
    pub fn only(mut self, routes: impl IntoIterator<Item = Route>) -> Self {
        let kept: HashSet<_> = routes.into_iter().collect();
        self.table.entries.retain(|entry| kept.contains(&entry.route));
        self
    }

    /// These and others of the same engine.
    pub fn merge(mut self, other: Self) -> Self {
        self.table = self.table.merge(other.table);
        self
    }

    /// Puts them under a prefix, which begins with a slash and ends without one.
    pub fn under(mut self, prefix: &str) -> Self {
        self.table = self.table.under(prefix);
        self
    }

    /// Gives what the description calls them a name of its own: operations, tags, schemas and ways to authenticate.
    ///
    /// For a second engine in one description, or an application whose own schemas have the same names as ours.
    /// `name` is of ASCII letters, digits and `_`.
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Describes them under a tag of the application's own.
    pub fn tagged(mut self, tag: &str) -> Self {
        for entry in &mut self.table.entries {
            entry.tag = Some(tag.to_owned());
        }
        self
    }

    /// Which there are, in their order.
    pub fn list(&self) -> impl Iterator<Item = Route> + '_ {
        self.table.entries.iter().map(|entry| entry.route)
    }

    /// These with the pages of mailed links, `/openapi.json` and the documentation at `/docs`, for an application that
    /// describes nothing else. It can be nested under a prefix.
    ///
    /// The description is made when it is asked for first.
    pub fn with_pages_and_docs(self) -> Router {
        let pages = page_routes(&self.state);
        let router = Router::from(self.clone());
        router
            .merge(pages)
            .merge(lazy_docs_routes(move || OpenApiRouter::<()>::from(self.clone()).into_openapi()))
    }
}

impl<S: Clone + Send + Sync + 'static> From<Routes> for OpenApiRouter<S> {
    fn from(routes: Routes) -> Self {
        let mut described =
            routes.table.described(routes.state.http().cookies, routes.state.profile_schema().as_ref());
        if let Some(name) = routes.name {
            let description = described.to_openapi();
            *described.get_openapi_mut() = openapi::named(description, name);
        }
        described.with_state(routes.state)
    }
}

impl<S: Clone + Send + Sync + 'static> From<Routes> for Router<S> {
    fn from(routes: Routes) -> Self {
        routes.table.undescribed().with_state(routes.state)
    }
}

/// Routes without an engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    route: Route,
    prefix: String,
    /// The tag of the description, where it is another than ours.
    tag: Option<String>,
    make: MakeRoute,
}

/// Makes a handler and its description, which takes far more memory and is not kept.
type MakeRoute = fn() -> UtoipaMethodRouter<AuthState>;

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("route", &self.route)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Table {
    pub(super) fn add(mut self, route: Route, make: MakeRoute) -> Self {
        self.entries.push(Entry { route, prefix: String::new(), tag: None, make });
        self
    }

    pub(super) fn merge(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
    }

    pub(super) fn under(mut self, prefix: &str) -> Self {
        for entry in &mut self.entries {
            entry.prefix.insert_str(0, prefix);
        }
        self
    }

    /// The routers alone.
    fn undescribed(self) -> Router<AuthState> {
        let mut router = Router::new();
        for Entry { prefix, make, .. } in self.entries {
            let (_, described, handlers) = make();
            for path in described.paths.keys() {
                // As nesting has it: the root under a prefix is the prefix.
                let is_root = path == "/" && !prefix.is_empty();
                let place = if is_root { prefix.clone() } else { format!("{prefix}{path}") };
                router = router.route(&place, handlers.clone());
            }
        }
        router
    }

    /// Without what an application that keeps no profiles does not have.
    pub(super) fn without_profiles(mut self) -> Self {
        self.entries.retain(|entry| !matches!(entry.route, Route::Profile | Route::SetProfile));
        self
    }

    /// The routers, and the description of them alone.
    pub(super) fn described(
        self,
        cookies: CookiePolicy,
        profile: Option<&ProfileSchema>,
    ) -> OpenApiRouter<AuthState> {
        // Nested one prefix at a time: nesting a second router there would replace what is described of a shared path.
        let mut groups: Vec<(String, OpenApiRouter<AuthState>)> = Vec::new();
        for Entry { prefix, tag, make, .. } in self.entries {
            let mut parts = make();
            for item in parts.1.paths.values_mut().filter(|_| tag.is_some()) {
                openapi::for_each_operation(item, |operation| {
                    operation.tags = tag.clone().map(|tag| vec![tag]);
                });
            }
            let at = groups.iter().position(|(known, _)| *known == prefix);
            let before = at.map_or_else(empty, |at| groups.remove(at).1);
            let after = before.routes(parts);
            groups.insert(at.unwrap_or(groups.len()), (prefix, after));
        }
        let frame = OpenApiRouter::with_openapi(openapi::document(cookies));
        let mut all = groups.into_iter().fold(frame, |all, (prefix, group)| {
            if prefix.is_empty() { all.merge(group) } else { all.nest(&prefix, group) }
        });
        let description: OpenApi = all.to_openapi();
        let mut description = openapi::complete(description);
        if let Some(profile) = profile {
            profile.describe(&mut description);
        }
        *all.get_openapi_mut() = description;
        all
    }
}

fn empty() -> OpenApiRouter<AuthState> {
    OpenApiRouter::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_can_be_left_out_by_its_own_name() {
        let entries = super::super::all().entries;
        for entry in &entries {
            let mut items = (entry.make)().1.paths.into_values();
            let mut item = items.next().unwrap();
            let mut ids = Vec::new();
            openapi::for_each_operation(&mut item, |operation| ids.extend(operation.operation_id.clone()));
            assert_eq!((ids, items.count()), (vec![entry.route.operation_id().to_owned()], 0));
        }
        let mounted: Vec<_> = entries.iter().map(|entry| entry.route).collect();
        let all: HashSet<_> = Route::ALL.iter().copied().collect();
        assert_eq!((mounted.len(), mounted.into_iter().collect::<HashSet<_>>()), (all.len(), all));
    }
}
