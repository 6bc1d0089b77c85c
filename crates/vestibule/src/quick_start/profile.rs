//! What a [`Vestibule`](super::Vestibule) keeps with each account.

use vestibule_axum::{openapi::ProfileSchema, utoipa::ToSchema};
use vestibule_core::{AuthBuilder, ports::AccountProfile};

use super::VestibuleBuilder;

impl VestibuleBuilder {
    /// Keeps a profile of this type with each account: a colour, a newsletter, whatever the application has to know.
    ///
    /// It is taken at registration, shown with the account, changed at `/api/v1/users/me/profile`, exported and deleted with
    /// the account, and never stored past its rules. Handlers have it as [`CurrentProfile`](crate::CurrentProfile) or by
    /// [`Account::profile`](vestibule_core::values::account::Account::profile).
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use vestibule::{AccountProfile, Vestibule};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Profile {
    ///     display_colour: Option<String>,
    ///     #[serde(default)]
    ///     newsletter: bool,
    /// }
    ///
    /// impl AccountProfile for Profile {}
    ///
    /// let builder = Vestibule::builder("https://app.example").profile::<Profile>();
    /// # drop(builder);
    /// ```
    pub fn profile<P: AccountProfile>(self) -> Self {
        self.engine(AuthBuilder::profile::<P>)
    }

    /// As [`profile`](Self::profile), with the type's schema in the description of the routes.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use vestibule::{
    ///     AccountProfile, Vestibule,
    ///     http::utoipa::{self, ToSchema},
    /// };
    ///
    /// #[derive(Serialize, Deserialize, ToSchema)]
    /// struct Profile {
    ///     display_colour: Option<String>,
    /// }
    ///
    /// impl AccountProfile for Profile {}
    ///
    /// let builder = Vestibule::builder("https://app.example").described_profile::<Profile>();
    /// # drop(builder);
    /// ```
    pub fn described_profile<P: AccountProfile + ToSchema>(self) -> Self {
        self.http(|policy| policy.profile_schema = Some(ProfileSchema::of::<P>())).profile::<P>()
    }
}
