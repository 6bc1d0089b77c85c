//! Who may call which route, read from the routers and their description.

use std::collections::HashSet;

use utoipa::openapi::{OpenApi, path::Operation};
use vestibule_login::{RouteAudit, RoutePolicy};

use crate::{cookies::CookiePolicy, pages::PAGES, routes};

/// The documents of the API, which everybody reads.
const DOCUMENTS: [&str; 2] = ["/openapi.json", "/docs/*"];

/// Every route at its default place, and who may call it. What is not listed does not exist.
///
/// ```
/// use vestibule_axum::{cookies::CookiePolicy, route_audit::audit_routes};
///
/// let audit = audit_routes(CookiePolicy::new(true));
/// assert!(audit.rows().iter().any(|row| row.path == "/api/v1/audit" && row.who == "administrators"));
/// ```
#[must_use]
pub fn audit_routes(cookies: CookiePolicy) -> RouteAudit {
    let described = routes::describe(cookies);
    let administrators = operations(&routes::describe_administration(cookies)).map(|(at, _)| at).collect();
    let mut rows: Vec<_> = operations(&described)
        .map(|(at, operation)| {
            let who = who_may_call(&at, operation, &administrators);
            RoutePolicy::new(at.0, at.1, who)
        })
        .collect();
    let pages = PAGES.iter().map(|(method, path)| RoutePolicy::new(*method, *path, ANYONE));
    let documents = DOCUMENTS.iter().map(|path| RoutePolicy::new("GET", *path, ANYONE));
    rows.extend(pages.chain(documents));
    rows.sort();
    RouteAudit::of(rows)
}

const ANYONE: &str = "anyone";

/// A method and a path.
type Place = (&'static str, String);

fn who_may_call(at: &Place, operation: &Operation, administrators: &HashSet<Place>) -> &'static str {
    if administrators.contains(at) {
        return "administrators";
    }
    let security = operation.security.as_deref().unwrap_or_default();
    let named = serde_json::to_value(security).unwrap_or_default();
    let alternatives = named.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_optional = alternatives.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty));
    let takes_bearer = alternatives.iter().any(|one| one.get("OAuth2PasswordBearer").is_some());
    match (alternatives.is_empty(), is_optional, takes_bearer) {
        (false, false, _) => "logged in",
        // The cookie that it takes is the refresh token's, which may also come in the body.
        (false, true, false) => "with a refresh token",
        _ => ANYONE,
    }
}

fn operations(described: &OpenApi) -> impl Iterator<Item = (Place, &Operation)> {
    described.paths.paths.iter().flat_map(|(path, item)| {
        let methods = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        methods.into_iter().filter_map(move |(method, operation)| {
            operation.as_ref().map(|operation| ((method, path.clone()), operation))
        })
    })
}
