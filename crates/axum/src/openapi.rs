//! The description of all routes.

use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
    Response, ResponseBuilder,
    path::Operation,
    security::{ApiKey, ApiKeyValue, Flow, OAuth2, Password, Scopes, SecurityScheme},
    tag::TagBuilder,
};

use crate::{
    cookies::{CookieKind, CookiePolicy},
    correlation::X_CORRELATION_ID,
    error::Problem,
};

/// The tag of the OAuth2 password login.
pub const PASSWORD_LOGIN: &str = "password login";
/// The tag of the account routes.
pub const ACCOUNT: &str = "account";
/// The tag of the users routes.
pub const USERS: &str = "users";
/// The tag of the service routes.
pub const SERVICE: &str = "service";

/// The operations that look at a password.
const LOGINS: [&str; 3] = ["log_in_by_form", "log_in", "issue_tokens"];

const TAGS: [(&str, &str); 4] = [
    (PASSWORD_LOGIN, "The OAuth2 password form, for first-party clients."),
    (ACCOUNT, "Registration, login, logout and devices; cookies for browsers, bearer tokens equally."),
    (USERS, "Accounts, for clients without cookies."),
    (SERVICE, "Health and well-known documents."),
];

/// The frame of the description: title, tags and ways to authenticate.
#[must_use]
pub fn document(cookies: CookiePolicy) -> OpenApi {
    let mut components = Components::new();
    // Relative, so that it holds behind every proxy and prefix.
    let flow = Flow::Password(Password::new("/api/v1/token", Scopes::new()));
    components.add_security_scheme("OAuth2PasswordBearer", SecurityScheme::OAuth2(OAuth2::new([flow])));
    let cookie = ApiKeyValue::with_description(
        cookies.name(CookieKind::Access),
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
                .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
                .build(),
        )
        .tags(Some(TAGS.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build())))
        .components(Some(components))
        .build()
}

/// Adds to every operation the errors that every one of its kind can answer.
#[must_use]
pub fn complete(mut description: OpenApi) -> OpenApi {
    let components = description.components.get_or_insert_with(Components::new);
    let (name, schema) = problem_schema();
    components.schemas.insert(name, schema);
    for (name, schema) in problem_dependencies() {
        components.schemas.insert(name, schema);
    }
    for item in description.paths.paths.values_mut() {
        for_each_operation(item, complete_operation);
    }
    description
}

fn for_each_operation(item: &mut PathItem, mut change: impl FnMut(&mut Operation)) {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    for operation in [get, put, post, delete, options, head, patch, trace].into_iter().flatten() {
        change(operation);
    }
}

fn complete_operation(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    let is_login = operation.operation_id.as_deref().is_some_and(|id| LOGINS.contains(&id));
    let mut statuses = vec![("408", "The request took too long."), ("500", "A fault of ours.")];
    if operation.request_body.is_some() {
        statuses.extend([
            ("400", "The body cannot be read, or a value breaks a rule."),
            ("413", "The body is too large."),
            ("415", "The media type is not supported."),
            ("422", "Fields are missing, empty or of the wrong type."),
        ]);
    }
    if operation.security.is_some() || is_login {
        statuses.push(("401", "Not authenticated, or the credentials are wrong."));
    }
    if is_login {
        statuses.push(("429", "Too many attempts; `Retry-After` says when the next one may be made."));
    }
    if tag == ACCOUNT || is_login {
        statuses.push(("403", "The request comes from another site, or the account may not be used."));
    }
    if tag == USERS && operation.request_body.is_some() {
        statuses.push(("403", "Registration is closed."));
    }
    if tag != SERVICE {
        statuses
            .push(("503", "Busy, or the database is away; `Retry-After` says when a retry has a chance."));
    }
    for (status, text) in statuses {
        operation.responses.responses.entry(status.into()).or_insert_with(|| RefOr::T(problem(text)));
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.insert(X_CORRELATION_ID.as_str().into(), correlation_header());
        }
    }
}

fn correlation_header() -> RefOr<utoipa::openapi::header::Header> {
    let mut header = utoipa::openapi::header::Header::default();
    header.description = Some("The request's correlation id.".into());
    RefOr::T(header)
}

fn problem(text: &str) -> Response {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(text).content("application/problem+json", content).build()
}

fn problem_schema() -> (String, RefOr<utoipa::openapi::schema::Schema>) {
    use utoipa::{PartialSchema, ToSchema};
    (Problem::name().into_owned(), Problem::schema())
}

fn problem_dependencies() -> Vec<(String, RefOr<utoipa::openapi::schema::Schema>)> {
    use utoipa::ToSchema;
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    schemas
}
