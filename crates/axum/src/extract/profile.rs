//! The caller's profile, as the application's own type.

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use vestibule_core::ports::profile::{AccountProfile, ProfileError};

use super::CurrentUser;
use crate::{error::ApiError, state::AuthState};

/// What the application keeps with the caller's account, as it is now; asks the store once.
///
/// An account without a profile has what the type makes of `{}`; where the type has a member without a default that is 409
/// `profile_missing`, and `None` for an `Option<CurrentProfile<P>>`. Nobody is 401 either way. A stored profile that does not
/// fit the type, or another type than the one the engine was given, is a fault of ours: 500, logged with what is wrong.
///
/// For the account and its profile at once take [`CurrentUser`] and ask [`Account::profile`].
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use vestibule_axum::extract::CurrentProfile;
/// use vestibule_core::ports::profile::AccountProfile;
///
/// #[derive(Serialize, Deserialize)]
/// struct Profile {
///     display_colour: Option<String>,
/// }
///
/// impl AccountProfile for Profile {}
///
/// async fn colour(CurrentProfile(profile): CurrentProfile<Profile>) -> String {
///     profile.display_colour.unwrap_or_else(|| "grey".into())
/// }
/// ```
///
/// [`Account::profile`]: vestibule_core::values::account::Account::profile
#[derive(Clone, Debug)]
pub struct CurrentProfile<P: AccountProfile>(pub P);

impl<S: Send + Sync, P: AccountProfile> FromRequestParts<S> for CurrentProfile<P>
where
    AuthState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Ok(Self(find(parts, state).await??))
    }
}

impl<S: Send + Sync, P: AccountProfile> OptionalFromRequestParts<S> for CurrentProfile<P>
where
    AuthState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, ApiError> {
        match find(parts, state).await? {
            Ok(profile) => Ok(Some(Self(profile))),
            Err(ProfileError::Missing) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

async fn find<S: Send + Sync, P: AccountProfile>(
    parts: &mut Parts,
    state: &S,
) -> Result<Result<P, ProfileError>, ApiError>
where
    AuthState: FromRef<S>,
{
    let CurrentUser(account) = CurrentUser::from_request_parts(parts, state).await?;
    Ok(AuthState::from_ref(state).auth().profile_of(&account))
}
