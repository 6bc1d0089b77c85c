//! Health, and the documents under `/.well-known`.

use axum::{
    Json,
    extract::{OriginalUri, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answers::no_store,
    error::{ApiError, Code},
    openapi::SERVICE,
    state::AuthState,
};

/// Where password managers ask.
const CHANGE_PASSWORD: &str = "/.well-known/change-password";

/// What the health routes answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
}

/// Whether the process answers at all; asks nothing else.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "is_live",
    tag = SERVICE,
    responses((status = 200, description = "It does.", body = Health)),
)]
pub(crate) async fn live() -> Response {
    no_store(Json(Health { status: "ok" }))
}

/// Whether requests should be sent here: asks the database.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "is_ready",
    tag = SERVICE,
    responses(
        (status = 200, description = "They should.", body = Health),
    ),
)]
pub(crate) async fn ready(State(state): State<AuthState>) -> Result<Response, ApiError> {
    if state.is_draining() {
        return Err(ApiError::new(Code::Unavailable)
            .retry_after(std::time::Duration::from_secs(1))
            .cause("the process is about to stop")
            // Load balancers ask every second while it drains.
            .expected());
    }
    state.auth().check_ready().await?;
    Ok(no_store(Json(Health { status: "ok" })))
}

/// A JSON Web Key.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    /// The key type.
    #[schema(example = "OKP")]
    kty: String,
    /// The curve, for `OKP` and `EC`.
    #[schema(nullable = false, example = "Ed25519")]
    crv: Option<String>,
    /// The public point, for `OKP` and `EC`.
    #[schema(nullable = false)]
    x: Option<String>,
    /// The second coordinate, for `EC`.
    #[schema(nullable = false)]
    y: Option<String>,
    /// The modulus, for `RSA`.
    #[schema(nullable = false)]
    n: Option<String>,
    /// The exponent, for `RSA`.
    #[schema(nullable = false)]
    e: Option<String>,
    /// The key's id, as tokens name it.
    kid: String,
    /// Always `sig`.
    #[schema(example = "sig")]
    r#use: String,
    /// The algorithm.
    #[schema(example = "EdDSA")]
    alg: String,
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Serialize, ToSchema)]
pub(crate) struct KeySet {
    /// The keys, the newest first.
    keys: Vec<Key>,
}

/// The public keys that verify access tokens.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = SERVICE,
    responses((status = 200, description = "The keys.", body = KeySet)),
)]
pub(crate) async fn jwks(State(state): State<AuthState>) -> Response {
    // Short enough that a rotation is seen while the old key still verifies, long enough to spare us.
    let cache = HeaderValue::from_static("public, max-age=60");
    ([(header::CACHE_CONTROL, cache)], Json(state.auth().jwks())).into_response()
}

/// Where passwords are changed, for password managers.
#[utoipa::path(
    get,
    path = "/.well-known/change-password",
    tag = SERVICE,
    responses((status = 303, description = "To the account's routes.")),
)]
pub(crate) async fn change_password(
    State(state): State<AuthState>,
    OriginalUri(uri): OriginalUri,
) -> Response {
    let prefix = uri.path().strip_suffix(CHANGE_PASSWORD).unwrap_or_default();
    let page = state.http().change_password_url.clone();
    Redirect::to(&page.unwrap_or_else(|| format!("{prefix}/docs/#/account"))).into_response()
}
