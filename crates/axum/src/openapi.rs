//! The description of the routes.

mod failures;
mod merged;
mod profile;

use std::collections::HashSet;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, RefOr, Schema,
        path::Operation,
        security::{ApiKey, ApiKeyValue, SecurityScheme},
        tag::TagBuilder,
    },
};

pub use self::merged::finish;
pub(crate) use self::merged::named;
pub use self::profile::ProfileSchema;
use crate::{
    cookies::{CookieKind, CookiePolicy},
    correlation::X_CORRELATION_ID,
    error::{Code, Problem, RULE_CODES},
};

/// The tag of the OAuth2 password login.
pub const PASSWORD_LOGIN: &str = "password login";
/// The tag of the account routes.
pub const ACCOUNT: &str = "account";
/// The tag of the users routes.
pub const USERS: &str = "users";
/// The tag of what administrators do.
pub const ADMINISTRATION: &str = "administration";
/// The tag of the service routes.
pub const SERVICE: &str = "service";

const TAGS: [(&str, &str); 5] = [
    (PASSWORD_LOGIN, "The OAuth2 password form, for first-party clients."),
    (ACCOUNT, "Registration, login, logout and devices; cookies for browsers, bearer tokens equally."),
    (USERS, "Accounts, for clients without cookies."),
    (ADMINISTRATION, "Accounts and the audit log, for whoever has the permission `admin`."),
    (SERVICE, "Health and well-known documents."),
];

/// The frame of the description: title, tags and ways to authenticate.
#[must_use]
pub fn document(cookies: CookiePolicy) -> OpenApi {
    let mut components = Components::new();
    components.add_security_scheme(merged::BEARER, merged::bearer(None));
    let cookie = ApiKeyValue::with_description(
        &*cookies.name(CookieKind::Access),
        "Set by the login and register routes of the account; browsers send it by themselves.",
    );
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Vestibule")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "The way into a web application: accounts, login, tokens and protected routes.",
                ))
                .license(Some(
                    LicenseBuilder::new()
                        .name("MIT OR Apache-2.0")
                        .identifier(Some("MIT OR Apache-2.0"))
                        .build(),
                ))
                .build(),
        )
        .tags(Some(TAGS.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build())))
        .components(Some(components))
        .build()
}

/// Adds to every operation the errors that it can answer, and to the schemas the codes there are; leaves out the tags
/// that no operation has.
pub(crate) fn complete(mut description: OpenApi) -> OpenApi {
    let components = description.components.get_or_insert_with(Components::new);
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let mut needed = Vec::new();
    Problem::schemas(&mut needed);
    components.schemas.extend(needed);
    let codes = Code::ALL.iter().map(|code| code.as_str()).chain(RULE_CODES.iter().map(|(code, _)| *code));
    set_enum(components, "Problem", "code", codes);
    set_enum(components, "Problem", "kind", ["functional", "technical"]);
    let mut tags = HashSet::new();
    for item in description.paths.paths.values_mut() {
        for_each_operation(item, |operation| {
            complete_operation(operation);
            tags.extend(operation.tags.iter().flatten().cloned());
        });
    }
    description.tags.iter_mut().for_each(|all| all.retain(|tag| tags.contains(&tag.name)));
    finish(description)
}

fn set_enum<'a>(
    components: &mut Components,
    schema: &str,
    member: &str,
    values: impl IntoIterator<Item = &'a str>,
) {
    let values = values.into_iter().map(Into::into).collect();
    if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(schema)
        && let Some(RefOr::T(Schema::Object(member))) = object.properties.get_mut(member)
    {
        member.enum_values = Some(values);
    }
}

pub(crate) fn for_each_operation(item: &mut PathItem, mut change: impl FnMut(&mut Operation)) {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    for operation in [get, put, post, delete, options, head, patch, trace].into_iter().flatten() {
        change(operation);
    }
}

fn complete_operation(operation: &mut Operation) {
    failures::describe(operation);
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            let header = failures::described_header("The request's correlation id.");
            response.headers.insert(X_CORRELATION_ID.as_str().into(), RefOr::T(header));
        }
    }
}
