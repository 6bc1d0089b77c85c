//! Who may administrate.

use axum::extract::{FromRef, FromRequestParts, Path};
use http::request::Parts;
use vestibule_core::{administration::Administrator, values::account::AccountId};

use super::{Authenticated, Caller};
use crate::{
    error::{ApiError, Code},
    state::AuthState,
};

/// A caller whose account may administrate as the store says now; asks the store once.
///
/// Nobody is 401, somebody else 403 `forbidden`. The engine does nothing for others without what is in here.
///
/// ```
/// use vestibule_axum::extract::Admin;
///
/// async fn secrets(Admin(_): Admin) -> &'static str {
///     "for administrators"
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Admin(pub Administrator);

impl<S: Send + Sync> FromRequestParts<S> for Admin
where
    AuthState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let user = Authenticated::from_request_parts(parts, state).await?;
        let Ok(Caller(client)) = Caller::from_request_parts(parts, state).await;
        let state = AuthState::from_ref(state);
        Ok(Self(state.auth().find_administrator(&user.claims, &client).await?))
    }
}

/// The account that a path names; what is no id names nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountInPath(pub(crate) AccountId);

impl<S: Send + Sync> FromRequestParts<S> for AccountInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = Path::<String>::from_request_parts(parts, state).await.ok();
        let id = id.and_then(|Path(id)| AccountId::read(&id));
        id.map(Self).ok_or_else(|| Code::NotFound.into())
    }
}

/// The account that a path names, or `me`: `None`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountOrMe(pub(crate) Option<AccountId>);

impl<S: Send + Sync> FromRequestParts<S> for AccountOrMe {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) if name == "me" => Ok(Self(None)),
            _ => {
                AccountInPath::from_request_parts(parts, state).await.map(|AccountInPath(id)| Self(Some(id)))
            }
        }
    }
}
