//! The description as a part of an application's own.

use std::collections::HashSet;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use utoipa::openapi::{
    OpenApi, Paths, RefOr,
    path::Operation,
    security::{Flow, Http, HttpAuthScheme, OAuth2, Password, Scopes, SecurityScheme},
};

use super::for_each_operation;
use crate::routes::Route;

/// The name of the bearer token's scheme.
pub(super) const BEARER: &str = "OAuth2PasswordBearer";
/// What references to schemas begin with.
const SCHEMAS: &str = "#/components/schemas/";

/// Tells the Authorize dialog where tokens are issued, once every route stands at its place; of tags that are called the
/// same the first stays, which is the application's own.
///
/// [`docs_routes`](crate::docs::docs_routes) does it to what it shows; whoever serves a merged description in another
/// way calls this first.
///
/// ```
/// use utoipa::{OpenApi, openapi};
/// use utoipa_axum::router::OpenApiRouter;
/// use vestibule_axum::{openapi::finish, routes::all_routes, state::AuthState};
///
/// #[derive(OpenApi)]
/// #[openapi(info(title = "Shop"))]
/// struct Shop;
///
/// fn description(state: &AuthState) -> openapi::OpenApi {
///     let shop = OpenApiRouter::<()>::with_openapi(Shop::openapi()).nest("/auth", all_routes(state).into());
///     finish(shop.into_openapi())
/// }
/// ```
#[must_use]
pub fn finish(mut description: OpenApi) -> OpenApi {
    let mut seen = HashSet::new();
    description.tags.iter_mut().for_each(|tags| tags.retain(|tag| seen.insert(tag.name.clone())));
    let Some(components) = &mut description.components else { return description };
    let names: Vec<_> =
        components.security_schemes.keys().filter(|name| name.ends_with(BEARER)).cloned().collect();
    for name in names {
        let Some(label) = name.strip_suffix(BEARER).filter(|label| label.is_empty() || label.ends_with('.'))
        else {
            continue;
        };
        if let Some(url) = token_url(&mut description.paths, label.trim_end_matches('.')) {
            components.security_schemes.insert(name, bearer(Some(&url)).into());
        }
    }
    description
}

/// A bearer token, and where it is had if that is known.
pub(super) fn bearer(token_url: Option<&str>) -> SecurityScheme {
    token_url.map_or_else(
        || SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
        |url| SecurityScheme::OAuth2(OAuth2::new([Flow::Password(Password::new(url, Scopes::new()))])),
    )
}

fn token_url(paths: &mut Paths, name: &str) -> Option<String> {
    let find = |paths: &mut Paths, route: Route| {
        let wanted =
            if name.is_empty() { route.operation_id().to_owned() } else { id_of(name, route.operation_id()) };
        paths.paths.iter_mut().find_map(|(path, item)| {
            let mut is_it = false;
            for_each_operation(item, |operation| is_it |= operation.operation_id.as_deref() == Some(&wanted));
            is_it.then(|| path.clone())
        })
    };
    find(paths, Route::IssueTokens).or_else(|| find(paths, Route::PasswordLogin))
}

fn id_of(name: &str, operation: &str) -> String {
    format!("{name}_{operation}")
}

/// The description with a name before everything that could be called the same in another one.
#[must_use]
pub(crate) fn named(mut description: OpenApi, name: &str) -> OpenApi {
    for item in description.paths.paths.values_mut() {
        for_each_operation(item, |operation| rename_operation(operation, name));
    }
    for tag in description.tags.iter_mut().flatten() {
        tag.name = format!("{name} {}", tag.name);
    }
    if let Some(components) = &mut description.components {
        let schemas = std::mem::take(&mut components.schemas).into_iter();
        components.schemas = schemas
            .map(|(key, schema)| {
                (format!("{name}.{key}"), rewritten(schema, |value| rename_references(value, name)))
            })
            .collect();
        let security = std::mem::take(&mut components.security_schemes).into_iter();
        components.security_schemes =
            security.map(|(key, scheme)| (format!("{name}.{key}"), scheme)).collect();
    }
    description
}

fn rename_operation(operation: &mut Operation, name: &str) {
    if let Some(id) = &mut operation.operation_id {
        *id = id_of(name, id);
    }
    for tag in operation.tags.iter_mut().flatten() {
        *tag = format!("{name} {tag}");
    }
    for requirement in operation.security.iter_mut().flatten() {
        *requirement = rewritten(std::mem::take(requirement), |value| rename_members(value, name));
    }
    let mut contents = Vec::new();
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        contents.extend(body.content.values_mut());
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            contents.extend(response.content.values_mut());
        }
    }
    let bodies = contents.into_iter().filter_map(|content| match content {
        RefOr::T(content) => content.schema.as_mut(),
        RefOr::Ref(_) => None,
    });
    let parameters = operation.parameters.iter_mut().flatten().filter_map(|one| match one {
        RefOr::T(parameter) => parameter.schema.as_mut(),
        RefOr::Ref(_) => None,
    });
    for schema in bodies.chain(parameters) {
        *schema = rewritten(schema.clone(), |value| rename_references(value, name));
    }
}

/// A part of a description after a change that its type has no door for. Not for whole responses: utoipa cannot read
/// every header that it writes.
fn rewritten<T: Serialize + DeserializeOwned + Clone>(part: T, change: impl FnOnce(&mut Value)) -> T {
    let changed = serde_json::to_value(&part).map(|mut value| {
        change(&mut value);
        value
    });
    changed.and_then(serde_json::from_value).unwrap_or(part)
}

fn rename_members(value: &mut Value, name: &str) {
    if let Value::Object(members) = value {
        let before = std::mem::take(members).into_iter();
        *members = before.map(|(member, value)| (format!("{name}.{member}"), value)).collect();
    }
}

fn rename_references(value: &mut Value, name: &str) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref")
                && let Some(schema) = reference.strip_prefix(SCHEMAS)
            {
                *reference = format!("{SCHEMAS}{name}.{schema}");
            }
            members.values_mut().for_each(|member| rename_references(member, name));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename_references(item, name)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cookies::CookiePolicy, routes::describe};

    #[test]
    fn a_name_changes_names_and_nothing_else() {
        let plain = describe(CookiePolicy::new(true));
        let named = named(plain.clone(), "staff").to_pretty_json().unwrap();
        let mut lost = serde_json::from_str::<Value>(&plain.to_json().unwrap()).unwrap();
        let mut kept = serde_json::from_str::<Value>(
            &named.replace("staff.", "").replace("\"staff_", "\"").replace("\"staff ", "\""),
        )
        .unwrap();
        for key in ["paths", "components", "tags"] {
            assert_eq!(lost[key].take(), kept[key].take(), "{key}");
        }
        assert_eq!(named.matches(SCHEMAS).count(), named.matches(&format!("{SCHEMAS}staff.")).count());
    }
}
