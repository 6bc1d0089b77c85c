//! Which captcha a page has to show.

use axum::{Json, extract::State, response::Response};

use crate::{answers::no_store, error::CaptchaBody, openapi::ACCOUNT, state::AuthState};

/// The captcha to solve for a registration, and for a login once there have been failures; `null` where there is none.
///
/// Its token goes into the field `captcha`. Providers with actions are told `register` or `login`.
#[utoipa::path(
    get,
    path = "/captcha",
    operation_id = "captcha",
    tag = ACCOUNT,
    responses((status = 200, description = "The captcha.", body = Option<CaptchaBody>)),
)]
pub(crate) async fn challenge(State(state): State<AuthState>) -> Response {
    no_store(Json(state.auth().captcha_challenge().map(CaptchaBody::from)))
}
