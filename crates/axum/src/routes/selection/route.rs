//! Every route there is, by the name under which it can be left out.

macro_rules! routes {
    ($($(#[$meaning:meta])* $name:ident = $operation:literal,)*) => {
        /// One operation of the routers, by which it can be left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Route {
            $($(#[$meaning])* $name,)*
        }

        impl Route {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The `operationId` in the description.
            #[must_use]
            pub const fn operation_id(self) -> &'static str {
                match self {
                    $(Self::$name => $operation,)*
                }
            }
        }
    };
}

routes! {
    /// The OAuth2 password form at `/login`.
    PasswordLogin = "log_in_by_form",
    /// The OAuth2 token endpoint, `/token`; the Authorize dialog of the documentation asks it.
    IssueTokens = "issue_tokens",
    /// Which captcha a page has to show.
    Captcha = "captcha",
    /// Registration with cookies.
    Register = "register",
    /// Login with cookies.
    LogIn = "log_in",
    /// Logout.
    LogOut = "log_out",
    /// The claims of one's access token.
    Claims = "claims",
    /// Exchanging a refresh token.
    Refresh = "refresh",
    /// One's devices.
    ListSessions = "list_sessions",
    /// Ending a session on one of them.
    EndSession = "end_session",
    /// Whether one's address is proved.
    ConfirmationStatus = "confirmation_status",
    /// Asking for a confirmation mail.
    RequestConfirmation = "request_confirmation",
    /// Proving an address by a mailed link.
    Confirm = "confirm",
    /// Proving an address by a mailed code.
    ConfirmByCode = "confirm_by_code",
    /// Asking for a mail to reset a password.
    ForgotPassword = "forgot_password",
    /// Whether one has a password.
    PasswordStatus = "password_status",
    /// Setting a first password.
    SetPassword = "set_password",
    /// Changing a password one knows.
    ChangePassword = "change_own_password",
    /// Choosing a password by a mailed link.
    ResetPassword = "reset_password",
    /// Choosing a password by a mailed code.
    ResetPasswordByCode = "reset_password_by_code",
    /// What has happened to one's account.
    ListActivity = "list_activity",
    /// Failed logins at one's account.
    ListOwnLimits = "list_own_limits",
    /// Deleting one's own account.
    DeleteAccount = "delete_account",
    /// Taking one's own data away.
    Export = "export",
    /// Another user name.
    ChangeUsername = "change_username",
    /// Another address.
    ChangeEmail = "change_email",
    /// Disabled accounts.
    ListDisabled = "list_disabled",
    /// Banning an account, and lifting the ban.
    ToggleBan = "toggle_ban",
    /// Ending all sessions of an account.
    Kick = "kick",
    /// The notice of the last blackout.
    Blackout = "blackout",
    /// Ending all sessions that there are.
    BlackOut = "black_out",
    /// Taking the notice down.
    ClearBlackout = "clear_blackout",
    /// The id of a user name.
    IdByUsername = "id_by_username",
    /// What an account may do.
    ChangePermissions = "change_permissions",
    /// Accounts searched by their names.
    SearchUsers = "search_users",
    /// One account, for administrators.
    FindUser = "find_user",
    /// Failed logins at an account, for administrators.
    ListLimits = "list_limits",
    /// Forgetting failed logins at an account.
    Unlock = "unlock",
    /// Accounts in their order.
    ListUsers = "list_users",
    /// One account, for administrators without cookies.
    ReadUser = "read_user",
    /// Changing an account.
    ChangeUser = "change_user",
    /// Deleting an account.
    DeleteUser = "delete_user",
    /// The audit log.
    SearchAudit = "search_audit",
    /// One's own account.
    CurrentUser = "current_user",
    /// Registration without cookies.
    CreateUser = "create_user",
    /// The picture of an account.
    Avatar = "avatar",
    /// Setting the picture of an account.
    SetAvatar = "set_avatar",
    /// Removing the picture of an account.
    DeleteAvatar = "delete_avatar",
    /// What the application keeps with an account; mounted where it keeps something.
    Profile = "profile",
    /// Setting what the application keeps with an account; mounted where it keeps something.
    SetProfile = "set_profile",
    /// Whether the process answers.
    IsLive = "is_live",
    /// Whether requests should be sent here.
    IsReady = "is_ready",
    /// The public keys.
    Jwks = "jwks",
    /// Where password managers are led.
    WellKnownChangePassword = "change_password",
}
