//! The table of errors: one row an operation.

use crate::error::Code;

/// What an operation can answer beside its success.
pub(super) struct Row {
    pub(super) operation: &'static str,
    pub(super) codes: &'static [Code],
    /// Rules that values in its body can break, with 400.
    pub(super) rules: &'static [&'static str],
    /// Names that can be taken, with 409.
    pub(super) conflicts: &'static [&'static str],
    /// Whether the request may come without its body.
    pub(super) is_body_optional: bool,
}

const NO_RULES: &[&str] = &[];

const NAME_RULES: &[&str] = &[
    "invalid_email",
    "username_length",
    "username_characters",
    "username_reserved",
    "full_name_invalid",
    "password_length",
    "password_common",
    "password_contains_name",
    "password_breached",
];

const PASSWORD_RULES: &[&str] = &[
    "password_length",
    "password_common",
    "password_contains_name",
    "password_breached",
    "passwords_mismatch",
];

const fn row(operation: &'static str, codes: &'static [Code]) -> Row {
    Row { operation, codes, rules: NO_RULES, conflicts: NO_RULES, is_body_optional: false }
}

/// What changing one's own password can meet.
const OWN_PASSWORD: &[Code] = &[
    Code::NotAuthenticated,
    Code::InvalidToken,
    Code::CrossSiteRequest,
    Code::RateLimited,
    Code::Overloaded,
    Code::Unavailable,
];
/// What a reset by mail can meet.
const RESET: &[Code] = &[Code::NotFound, Code::Overloaded, Code::Unavailable];
/// For administrators who look at something that is there,
const LOOKING: &[Code] = &[Code::NotAuthenticated, Code::InvalidToken, Code::Forbidden, Code::Unavailable];
/// at something that may not be there,
const FINDING: &[Code] =
    &[Code::NotAuthenticated, Code::InvalidToken, Code::Forbidden, Code::NotFound, Code::Unavailable];
/// for many things,
const SEARCHING: &[Code] =
    &[Code::NotAuthenticated, Code::InvalidToken, Code::Forbidden, Code::ValidationFailed, Code::Unavailable];
/// or for one,
const SEARCHING_ONE: &[Code] = &[
    Code::NotAuthenticated,
    Code::InvalidToken,
    Code::Forbidden,
    Code::NotFound,
    Code::ValidationFailed,
    Code::Unavailable,
];
/// who do something,
const DOING: &[Code] =
    &[Code::NotAuthenticated, Code::InvalidToken, Code::Forbidden, Code::CrossSiteRequest, Code::Unavailable];
/// or change an account that may be the last administrator's.
const CHANGING_AN_ADMIN: &[Code] = &[
    Code::NotAuthenticated,
    Code::InvalidToken,
    Code::Forbidden,
    Code::CrossSiteRequest,
    Code::NotFound,
    Code::Conflict,
    Code::Unavailable,
];

/// What changing an account that may be one's own can meet.
const CHANGING: &[Code] = &[
    Code::NotAuthenticated,
    Code::InvalidToken,
    Code::Forbidden,
    Code::CrossSiteRequest,
    Code::NotFound,
    Code::Unavailable,
];

/// What the callbacks of an application can veto.
pub(super) const VETOABLE: &[&str] = &[
    "log_in_by_form",
    "issue_tokens",
    "register",
    "log_in",
    "create_user",
    "change_username",
    "change_email",
    "set_profile",
    "change_user",
    "delete_user",
    "delete_account",
    "set_password",
    "change_own_password",
    "reset_password",
    "reset_password_by_code",
];

pub(super) const ROWS: &[Row] = &[
    row(
        "log_in_by_form",
        &[
            Code::InvalidCredentials,
            Code::InvalidClient,
            Code::AccountDisabled,
            Code::DeletionPending,
            Code::EmailNotConfirmed,
            Code::CaptchaFailed,
            Code::CaptchaUnavailable,
            Code::RateLimited,
            Code::Overloaded,
            Code::Unavailable,
        ],
    ),
    row(
        "issue_tokens",
        &[
            Code::InvalidCredentials,
            Code::InvalidClient,
            Code::InvalidToken,
            Code::AccountDisabled,
            Code::DeletionPending,
            Code::EmailNotConfirmed,
            Code::CaptchaFailed,
            Code::CaptchaUnavailable,
            Code::RateLimited,
            Code::Overloaded,
            Code::Unavailable,
        ],
    ),
    Row {
        rules: &[
            "invalid_email",
            "email_taken",
            "username_length",
            "username_characters",
            "username_reserved",
            "username_taken",
            "full_name_invalid",
            "password_length",
            "password_common",
            "password_contains_name",
            "password_breached",
            "passwords_mismatch",
        ],
        ..row(
            "register",
            &[
                Code::RegistrationDisabled,
                Code::CrossSiteRequest,
                Code::CaptchaFailed,
                Code::CaptchaUnavailable,
                Code::RateLimited,
                Code::Overloaded,
                Code::Unavailable,
            ],
        )
    },
    row("captcha", &[]),
    row(
        "log_in",
        &[
            Code::InvalidCredentials,
            Code::AccountDisabled,
            Code::DeletionPending,
            Code::EmailNotConfirmed,
            Code::CrossSiteRequest,
            Code::CaptchaFailed,
            Code::CaptchaUnavailable,
            Code::RateLimited,
            Code::Overloaded,
            Code::Unavailable,
        ],
    ),
    Row { is_body_optional: true, ..row("log_out", &[Code::CrossSiteRequest, Code::Unavailable]) },
    row("claims", &[Code::NotAuthenticated, Code::InvalidToken, Code::CrossSiteRequest]),
    Row {
        is_body_optional: true,
        ..row(
            "refresh",
            &[Code::NotAuthenticated, Code::InvalidToken, Code::CrossSiteRequest, Code::Unavailable],
        )
    },
    row("list_sessions", &[Code::NotAuthenticated, Code::InvalidToken, Code::Unavailable]),
    row(
        "end_session",
        &[
            Code::NotAuthenticated,
            Code::InvalidToken,
            Code::CrossSiteRequest,
            Code::NotFound,
            Code::Unavailable,
        ],
    ),
    row("current_user", &[Code::NotAuthenticated, Code::InvalidToken, Code::Unavailable]),
    Row {
        rules: NAME_RULES,
        conflicts: &["email_taken", "username_taken"],
        ..row(
            "create_user",
            &[
                Code::RegistrationDisabled,
                Code::CaptchaFailed,
                Code::CaptchaUnavailable,
                Code::RateLimited,
                Code::Overloaded,
                Code::Unavailable,
            ],
        )
    },
    row("list_disabled", LOOKING),
    Row {
        rules: &[
            "username_length",
            "username_characters",
            "username_reserved",
            "username_unchanged",
            "username_taken",
        ],
        ..row("change_username", CHANGING)
    },
    Row {
        rules: &["invalid_email", "email_unchanged", "email_taken", "password_wrong"],
        ..row(
            "change_email",
            &[
                Code::NotAuthenticated,
                Code::InvalidToken,
                Code::Forbidden,
                Code::CrossSiteRequest,
                Code::NotFound,
                Code::RateLimited,
                Code::Overloaded,
                Code::Unavailable,
            ],
        )
    },
    row("toggle_ban", CHANGING_AN_ADMIN),
    row(
        "kick",
        &[
            Code::NotAuthenticated,
            Code::InvalidToken,
            Code::Forbidden,
            Code::CrossSiteRequest,
            Code::NotFound,
            Code::Unavailable,
        ],
    ),
    row(
        "unlock",
        &[
            Code::NotAuthenticated,
            Code::InvalidToken,
            Code::Forbidden,
            Code::CrossSiteRequest,
            Code::NotFound,
            Code::Unavailable,
        ],
    ),
    row("list_limits", FINDING),
    row("list_own_limits", &[Code::NotAuthenticated, Code::InvalidToken, Code::Unavailable]),
    row("blackout", FINDING),
    row("black_out", DOING),
    row("clear_blackout", DOING),
    row("id_by_username", SEARCHING_ONE),
    Row { rules: &["permissions_too_long"], ..row("change_permissions", CHANGING_AN_ADMIN) },
    row("search_users", SEARCHING),
    row("find_user", FINDING),
    row("list_users", SEARCHING),
    row("read_user", FINDING),
    Row {
        rules: &[
            "invalid_email",
            "username_length",
            "username_characters",
            "username_reserved",
            "full_name_invalid",
            "permissions_too_long",
        ],
        conflicts: &["email_taken", "username_taken"],
        ..row("change_user", CHANGING_AN_ADMIN)
    },
    row("delete_user", CHANGING_AN_ADMIN),
    row("search_audit", SEARCHING),
    Row {
        rules: &["password_wrong", "password_missing"],
        ..row(
            "delete_account",
            &[
                Code::NotAuthenticated,
                Code::InvalidToken,
                Code::CrossSiteRequest,
                Code::Conflict,
                Code::RateLimited,
                Code::Overloaded,
                Code::Unavailable,
            ],
        )
    },
    row(
        "set_avatar",
        &[
            Code::InvalidImage,
            Code::NotAuthenticated,
            Code::InvalidToken,
            Code::Forbidden,
            Code::CrossSiteRequest,
            Code::NotFound,
            Code::Overloaded,
            Code::Unavailable,
        ],
    ),
    row("delete_avatar", CHANGING),
    row("avatar", &[Code::NotFound, Code::Unavailable]),
    row("profile", FINDING),
    Row { rules: &["profile_too_long"], ..row("set_profile", CHANGING) },
    row("export", &[Code::NotAuthenticated, Code::InvalidToken, Code::RateLimited, Code::Unavailable]),
    row(
        "list_activity",
        &[Code::NotAuthenticated, Code::InvalidToken, Code::ValidationFailed, Code::Unavailable],
    ),
    row("is_ready", &[Code::Unavailable]),
    row("confirmation_status", &[Code::NotAuthenticated, Code::InvalidToken, Code::Unavailable]),
    Row {
        rules: &["email_already_confirmed"],
        ..row(
            "request_confirmation",
            &[
                Code::NotAuthenticated,
                Code::InvalidToken,
                Code::CrossSiteRequest,
                Code::RateLimited,
                Code::Unavailable,
            ],
        )
    },
    row("confirm", &[Code::Forbidden, Code::Unavailable]),
    row("confirm_by_code", &[Code::Forbidden, Code::Unavailable]),
    row("forgot_password", &[Code::RateLimited, Code::Unavailable]),
    row("password_status", &[Code::NotAuthenticated, Code::InvalidToken, Code::Unavailable]),
    Row {
        rules: &[
            "password_exists",
            "password_length",
            "password_common",
            "password_contains_name",
            "password_breached",
            "passwords_mismatch",
        ],
        ..row("set_password", OWN_PASSWORD)
    },
    Row {
        rules: &[
            "password_wrong",
            "password_length",
            "password_common",
            "password_contains_name",
            "password_breached",
            "passwords_mismatch",
        ],
        ..row("change_own_password", OWN_PASSWORD)
    },
    Row { rules: PASSWORD_RULES, ..row("reset_password", RESET) },
    Row { rules: PASSWORD_RULES, ..row("reset_password_by_code", RESET) },
];
