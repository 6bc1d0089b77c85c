//! Pictures of accounts: set by whoever may change the account, seen by everybody.

use axum::{
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use utoipa::ToSchema;
use vestibule_core::{avatar::MAX_FILE, ports::store::Avatar};

use crate::{
    answers::{no_content, not_modified, null},
    body::{Fields, media_type, read_body_within, request_of},
    error::{ApiError, Code},
    extract::{AccountInPath, Authenticated, Caller},
    openapi::USERS,
    state::AuthState,
};

/// How the path of these routes ends, wherever they are mounted.
pub(crate) const PATH: &str = "/{id}/avatar";
/// The longest body of an upload, in bytes: a file and what frames it.
pub(crate) const MAX_BODY: usize = MAX_FILE + 16 * 1024;

/// The form of an upload.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the form; the file is read part by part")]
pub(crate) struct AvatarForm {
    /// PNG, JPEG, WebP or GIF, at most 5 MiB and 26 million pixels; what it is, its content says.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Sets an account's picture: one's own, or, for administrators, anybody's.
///
/// It is drawn anew, the right way up, at most 512 by 512 pixels, and of a moving one the first frame. Nothing else of the
/// file is kept.
#[utoipa::path(
    post,
    path = "/{id}/avatar",
    operation_id = "set_avatar",
    tag = USERS,
    params(("id" = String, Path, description = "The account's id.")),
    request_body(content = AvatarForm, content_type = "multipart/form-data"),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "Set.", body = ())),
)]
pub(crate) async fn set(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    AccountInPath(id): AccountInPath,
    request: Request,
) -> Result<Response, ApiError> {
    if media_type(request.headers()).as_deref() != Some("multipart/form-data") {
        return Err(Code::UnsupportedMediaType.into());
    }
    let access = state.auth().access_account(&user.claims, &client, id).await?;
    let sitting = state.auth().receive_avatar()?;
    let file = read_file(request).await?;
    state.auth().set_avatar(&sitting, access, file).await?;
    Ok(null())
}

async fn read_file(request: Request) -> Result<Vec<u8>, ApiError> {
    let malformed = |error| ApiError::new(Code::MalformedBody).cause(error);
    let headers = request.headers().clone();
    let mut body = request_of(read_body_within(request, MAX_BODY).await?, headers);
    // It has been read, within our own limit.
    DefaultBodyLimit::disable().apply(&mut body);
    let mut parts = Multipart::from_request(body, &())
        .await
        .map_err(|error| ApiError::new(Code::MalformedBody).cause(error))?;
    let mut file = None;
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        let is_file = part.name() == Some("file");
        let bytes = part.bytes().await.map_err(malformed)?;
        // RFC 7578 §4.3 knows several files under one name; an account has one picture.
        if is_file && file.replace(bytes).is_some() {
            return Err(Code::MalformedBody.into());
        }
    }
    let Some(file) = file else {
        let mut fields = Fields::from_json(serde_json::Map::new());
        fields.reject_missing("file");
        return fields.finish().and(Err(Code::ValidationFailed.into()));
    };
    if file.len() > MAX_FILE {
        return Err(Code::PayloadTooLarge.into());
    }
    Ok(file.into())
}

/// Removes an account's picture: one's own, or, for administrators, anybody's.
#[utoipa::path(
    delete,
    path = "/{id}/avatar",
    operation_id = "delete_avatar",
    tag = USERS,
    params(("id" = String, Path, description = "The account's id.")),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 204, description = "Removed.")),
)]
pub(crate) async fn delete(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
    AccountInPath(id): AccountInPath,
) -> Result<Response, ApiError> {
    let access = state.auth().access_account(&user.claims, &client, id).await?;
    state.auth().delete_avatar(access).await?;
    Ok(no_content())
}

/// An account's picture, for everybody.
///
/// An account that may not be used shows none. Caches ask each time whether it is still the one, by its `ETag`.
#[utoipa::path(
    get,
    path = "/{id}/avatar",
    operation_id = "avatar",
    tag = USERS,
    params(
        ("id" = String, Path, description = "The account's id."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of a picture that the caller has."),
    ),
    responses(
        (status = 200, description = "The picture.", content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png")),
            headers(("ETag" = String, description = "What tells it from every other one."))),
        (status = 304, description = "It is the one that the caller has."),
    ),
)]
pub(crate) async fn find(
    State(state): State<AuthState>,
    AccountInPath(id): AccountInPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let avatar = state.auth().find_avatar(id).await?;
    let etag = format!("\"{}\"", avatar.etag);
    let is_known = knows(&headers, &etag);
    let etag = HeaderValue::try_from(etag).map_err(ApiError::internal)?;
    let mut response = if is_known { not_modified() } else { picture(avatar)? };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    // Whoever opens it as a page sees a picture, and other sites may show it.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
    );
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    Ok(response)
}

fn picture(avatar: Avatar) -> Result<Response, ApiError> {
    let media_type = HeaderValue::try_from(avatar.media_type).map_err(ApiError::internal)?;
    Ok(([(header::CONTENT_TYPE, media_type)], avatar.bytes).into_response())
}

/// RFC 9110 §13.1.2: any of the tags, weak or not, or any picture at all.
fn knows(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
