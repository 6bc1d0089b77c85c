//! The stable codes of SPEC §7: one table of code, status and sentences, from which `docs/errors.md` is made.

use std::fmt::Write as _;

use http::StatusCode;

macro_rules! codes {
    ($($name:ident $text:literal $status:ident $detail:literal, $doc:literal;)*) => {
        /// A stable error code. Codes are an API: none changes its name or its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $doc] $name,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as clients read it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The status it is answered with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The sentence clients are shown unless the place that fails knows a better one.
            #[must_use]
            pub const fn detail(self) -> &'static str {
                match self { $(Self::$name => $detail,)* }
            }

            /// What it means, for the documentation.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc,)* }
            }
        }
    };
}

codes! {
    InvalidCredentials "invalid_credentials" UNAUTHORIZED "Invalid credentials",
        "The name or the password is wrong; which one is not told.";
    NotAuthenticated "not_authenticated" UNAUTHORIZED "Not authenticated",
        "The route needs a login and the request carries none.";
    InvalidToken "invalid_token" UNAUTHORIZED "The token is not valid",
        "The token is malformed, expired, revoked or not ours.";
    FreshLoginRequired "fresh_login_required" UNAUTHORIZED "Log in again to do this",
        "The person proved who they are too long ago for this; `WWW-Authenticate` says how recent it must be.";
    InvalidClient "invalid_client" UNAUTHORIZED "The client is not known",
        "The request names an OAuth client that does not exist.";
    AccountDisabled "account_disabled" FORBIDDEN "The account is disabled",
        "The password is right, but the account has been disabled.";
    DeletionPending "deletion_pending" FORBIDDEN "The account is to be deleted",
        "The password is right, but its owner has asked for the account to be deleted; until then it can be taken back.";
    EmailNotConfirmed "email_not_confirmed" FORBIDDEN "The e-mail address is not confirmed",
        "The password is right, but the e-mail address has to be confirmed first.";
    CaptchaFailed "captcha_failed" BAD_REQUEST "Wrong captcha",
        "The captcha is missing, was not solved, has expired or was used; `captcha` names its provider and site key.";
    CaptchaUnavailable "captcha_unavailable" SERVICE_UNAVAILABLE "Captchas cannot be verified at the moment",
        "The captcha's provider does not answer; `Retry-After` says when to try again, with a new captcha.";
    InsufficientScope "insufficient_scope" FORBIDDEN "The token's scope does not allow this",
        "The token lacks a scope that the route needs; `WWW-Authenticate` names it.";
    Forbidden "forbidden" FORBIDDEN "Not allowed",
        "The account lacks the permission, or the thing belongs to somebody else.";
    CrossSiteRequest "cross_site_request" FORBIDDEN "The request does not prove that it comes from our own pages",
        "A request that cookies authenticate did not prove that it comes from our own pages.";
    RegistrationDisabled "registration_disabled" FORBIDDEN "Registration is closed",
        "This server does not take new accounts.";
    Vetoed "vetoed" BAD_REQUEST "The application does not allow this",
        "The application that Vestibule is part of does not allow it; `detail` is its reason.";
    ValidationFailed "validation_failed" UNPROCESSABLE_ENTITY "Some fields are missing or not valid",
        "Fields are missing, empty or of the wrong type; `errors` names them all.";
    BadRequest "bad_request" BAD_REQUEST "The request is not valid HTTP",
        "The request breaks a rule of HTTP, for example it has no `Host` or two.";
    MalformedBody "malformed_body" BAD_REQUEST "The body cannot be read",
        "The body is no valid JSON or form, or names a field twice.";
    InvalidImage "invalid_image" BAD_REQUEST "Send a PNG, JPEG, WebP or GIF picture of at most 26 million pixels",
        "The file is neither PNG, JPEG, WebP nor GIF, is damaged, has too many pixels, or takes too much memory to \
         decode: a WebP without loss of more than some 500 KB. Another format helps then.";
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The media type is not supported",
        "The `Content-Type` is not one that the route takes.";
    PayloadTooLarge "payload_too_large" PAYLOAD_TOO_LARGE "The body is too large",
        "The body is longer than the server takes.";
    NotFound "not_found" NOT_FOUND "Not found",
        "There is no such route or no such thing.";
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The method is not allowed here",
        "The route exists but not for this method; `Allow` lists those it has.";
    Conflict "conflict" CONFLICT "The request conflicts with what exists",
        "Something of that name exists, was changed by somebody else meanwhile, or must stay as it is.";
    ProfileMissing "profile_missing" CONFLICT "Fill in your profile first",
        "The account has no profile yet, and the route needs one of the application's type.";
    RateLimited "rate_limited" TOO_MANY_REQUESTS "Too many attempts, try again later",
        "Too many attempts; `Retry-After` says when the next one may be made.";
    RequestTimeout "request_timeout" REQUEST_TIMEOUT "The request took too long",
        "The request was not received and answered within the time limit.";
    Overloaded "overloaded" SERVICE_UNAVAILABLE "The server is busy, try again later",
        "Too much work is waiting; `Retry-After` says when a retry has a chance.";
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The service is not available, try again later",
        "The database or another part is away for the moment.";
    Internal "internal" INTERNAL_SERVER_ERROR "Something went wrong",
        "A fault of ours; the log has the cause under the error's `id`.";
}

/// The codes that broken rules carry, with their meaning. All are answered with 400, a taken name in
/// `/api/v1/users` with 409.
pub const RULE_CODES: &[(&str, &str)] = &[
    ("invalid_email", "The e-mail address is not one."),
    ("email_taken", "The e-mail address belongs to an account."),
    ("email_unchanged", "The e-mail address is the one that the account has."),
    ("email_already_confirmed", "The e-mail address has been confirmed."),
    ("username_length", "The user name is too short or too long."),
    ("username_characters", "The user name has other characters than ASCII letters, digits, `-` and `_`."),
    ("username_reserved", "The user name is reserved."),
    ("username_unchanged", "The user name is the one that the account has."),
    ("username_taken", "The user name belongs to an account."),
    ("full_name_invalid", "The full name is too long or has control characters."),
    ("profile_too_long", "The profile is longer than 8 KiB."),
    ("permissions_too_long", "The permissions are more than fit into a token."),
    (
        "password_characters",
        "The password contains a NUL; requests with one are a `validation_failed` before.",
    ),
    ("password_length", "The password is too short or too long."),
    ("password_common", "The password is among those that most people choose."),
    (
        "password_contains_name",
        "The password contains the user name, the e-mail address or a name of this service.",
    ),
    ("password_breached", "The password is known from a breach of another service."),
    ("password_wrong", "The password, asked for once more, is wrong."),
    ("password_missing", "The account has no password, which has to be set first."),
    ("password_exists", "The account has a password, which can only be changed."),
    ("passwords_mismatch", "The two passwords differ."),
];

/// The codes of single fields in `errors` of a `validation_failed`.
pub const FIELD_CODES: &[(&str, &str)] = &[
    ("missing", "The field is absent, or null where a value is needed."),
    ("empty", "The field is empty."),
    ("wrong_type", "The field has another type than the schema says."),
    ("invalid", "The field has the right type but none of the values allowed."),
];

/// The text of `docs/errors.md`.
#[must_use]
pub fn errors_document() -> String {
    let mut text = String::from(
        "# Error codes\n\n\
         Generated from `crates/axum/src/error/code.rs` by its test; run it with `UPDATE_DOCS=1` after a change.\n\n\
         Every error is an `application/problem+json` (RFC 9457) whose `type` is `urn:vestibule:problem:` followed\n\
         by the code. `kind` is `functional` where the caller can do something about it (4xx) and `technical`\n\
         where we must (5xx). `id` names this one error in the server's log. Of `unavailable`, `overloaded` and\n\
         `captcha_unavailable`, which may meet every request, each has one line in ten seconds, whose `kept_back` says\n\
         how many there were besides since the last; at the level `debug` all of them are there.\n\n\
         Every answer, errors included, has the header `X-Correlation-ID`: the request's own `X-Correlation-ID` or\n\
         `X-Request-ID` where that is 1 to 128 letters, digits, `.`, `_` and `-`, else a new one. It names the\n\
         request in the log, beside the error's `id`.\n\n\
         The server refuses what it cannot even parse as HTTP with a bare 400, 414 or 431: no body and none of these\n\
         headers.\n\n\
         | code | status | detail | meaning |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        // Writing to a `String` does not fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            code.as_str(),
            code.status().as_u16(),
            code.detail(),
            code.meaning()
        );
    }
    text.push_str("\n## Broken rules\n\nAnswered with 400; a taken name in `/api/v1/users` with 409.\n\n");
    push_table(&mut text, RULE_CODES);
    text.push_str("\n## Fields\n\nIn `errors` of a `validation_failed`.\n\n");
    push_table(&mut text, FIELD_CODES);
    text
}

fn push_table(text: &mut String, rows: &[(&str, &str)]) {
    text.push_str("| code | meaning |\n|---|---|\n");
    for (code, meaning) in rows {
        let _ = writeln!(text, "| `{code}` | {meaning} |");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_every_status_is_an_error() {
        let plain = Code::ALL.iter().map(|code| code.as_str());
        let all: Vec<_> = plain.chain(RULE_CODES.iter().chain(FIELD_CODES).map(|(code, _)| *code)).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(
            Code::ALL.iter().all(|code| code.status().is_client_error() || code.status().is_server_error())
        );
    }

    #[test]
    fn the_document_of_all_codes_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, errors_document()).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(found, errors_document(), "run this test with UPDATE_DOCS=1");
    }
}
