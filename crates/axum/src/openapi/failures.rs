//! Which errors each operation can answer: one row an operation, described with their codes and an example each.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::{
    Content, ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
    example::{Example, ExampleBuilder},
    header::Header,
    path::Operation,
};

use crate::error::{Code, RULE_CODES};

/// What an operation can answer beside its success.
struct Row {
    operation: &'static str,
    codes: &'static [Code],
    /// Rules that values in its body can break, with 400.
    rules: &'static [&'static str],
    /// Names that can be taken, with 409.
    conflicts: &'static [&'static str],
    /// Whether the request may come without its body.
    is_body_optional: bool,
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

/// What can happen to every request.
const ALWAYS: &[Code] = &[Code::RequestTimeout, Code::PayloadTooLarge, Code::Internal];
/// What can be wrong with every body.
const BODY: &[Code] = &[Code::MalformedBody, Code::UnsupportedMediaType, Code::ValidationFailed];

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

const ROWS: &[Row] = &[
    row(
        "log_in_by_form",
        &[
            Code::InvalidCredentials,
            Code::InvalidClient,
            Code::AccountDisabled,
            Code::EmailNotConfirmed,
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
            Code::EmailNotConfirmed,
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
                Code::RateLimited,
                Code::Overloaded,
                Code::Unavailable,
            ],
        )
    },
    row(
        "log_in",
        &[
            Code::InvalidCredentials,
            Code::AccountDisabled,
            Code::EmailNotConfirmed,
            Code::CrossSiteRequest,
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
            &[Code::RegistrationDisabled, Code::RateLimited, Code::Overloaded, Code::Unavailable],
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

/// One failure as the documentation shows it.
struct Failure {
    status: u16,
    code: &'static str,
    meaning: &'static str,
    example: Value,
}

/// Describes every failure of an operation.
pub(super) fn describe(operation: &mut Operation) {
    let row = ROWS.iter().find(|row| operation.operation_id.as_deref() == Some(row.operation));
    if let (Some(RefOr::T(body)), Some(row)) = (operation.request_body.as_mut(), row) {
        body.required = Some(if row.is_body_optional { Required::False } else { Required::True });
    }
    let mut by_status: BTreeMap<u16, Vec<Failure>> = BTreeMap::new();
    for failure in failures(row, operation.request_body.is_some()) {
        by_status.entry(failure.status).or_default().push(failure);
    }
    for (status, failures) in by_status {
        let response = RefOr::T(response(status, &failures));
        operation.responses.responses.insert(status.to_string(), response);
    }
}

fn failures(row: Option<&Row>, has_body: bool) -> Vec<Failure> {
    let own = row.map_or(&[][..], |row| row.codes);
    let body = if has_body { BODY } else { &[] };
    let mut failures: Vec<_> = own.iter().chain(body).chain(ALWAYS).map(|code| of_code(*code)).collect();
    if let Some(row) = row {
        failures.extend(row.rules.iter().filter_map(|code| of_rule(400, code)));
        failures.extend(row.conflicts.iter().filter_map(|code| of_rule(409, code)));
    }
    failures
}

fn of_code(code: Code) -> Failure {
    let status = code.status();
    let title = status.canonical_reason().unwrap_or_default();
    let mut example = problem(code.as_str(), title, status.as_u16(), code.detail());
    if code == Code::ValidationFailed {
        let fault = json!({"field": "password", "code": "missing", "message": "This field is missing"});
        set(&mut example, "errors", json!([fault]));
    }
    Failure { status: status.as_u16(), code: code.as_str(), meaning: code.meaning(), example }
}

fn of_rule(status: u16, code: &'static str) -> Option<Failure> {
    let (code, meaning) = RULE_CODES.iter().find(|(known, _)| *known == code)?;
    let title = if status == 409 { "Conflict" } else { "Bad Request" };
    let mut example = problem(code, title, status, meaning);
    let field =
        code.split('_').find(|part| ["email", "username", "full", "password", "permissions"].contains(part));
    let field = match field {
        Some("username") => "username",
        Some("full") => "full_name",
        Some("permissions") => "permissions",
        Some("password") => "password",
        None if code.starts_with("passwords") => "password2",
        _ => "email",
    };
    set(&mut example, "errors", json!([{"field": field, "code": code, "message": meaning}]));
    Some(Failure { status, code, meaning, example })
}

fn problem(code: &str, title: &str, status: u16, detail: &str) -> Value {
    json!({
        "type": format!("urn:vestibule:problem:{code}"),
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "kind": if status < 500 { "functional" } else { "technical" },
        "id": "5f0c2f0e-8a5b-4d52-9c39-7f1f6f1c0a11",
    })
}

fn set(example: &mut Value, member: &str, value: Value) {
    if let Some(members) = example.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
}

fn response(status: u16, failures: &[Failure]) -> Response {
    let lines: Vec<_> =
        failures.iter().map(|failure| format!("`{}`: {}", failure.code, failure.meaning)).collect();
    let mut response = ResponseBuilder::new()
        .description(lines.join("\n\n"))
        .content("application/problem+json", content(failures))
        .build();
    let header = match status {
        401 => Some(("WWW-Authenticate", "How to authenticate (RFC 9110 §11.6.1).")),
        429 | 503 => Some(("Retry-After", "After how many seconds a retry has a chance.")),
        _ => None,
    };
    if let Some((name, text)) = header {
        response.headers.insert(name.to_owned(), RefOr::T(described_header(text)));
    }
    response
}

fn content(failures: &[Failure]) -> Content {
    let example = |failure: &Failure| -> (String, RefOr<Example>) {
        let example = ExampleBuilder::new().summary(failure.code).value(Some(failure.example.clone()));
        (failure.code.to_owned(), RefOr::T(example.build()))
    };
    ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(failures.iter().map(example))
        .build()
}

pub(super) fn described_header(text: &str) -> Header {
    let mut header = Header::default();
    header.description = Some(text.to_owned());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_is_named_exists_and_names_its_field() {
        for row in ROWS {
            for code in row.rules.iter().chain(row.conflicts) {
                assert!(of_rule(400, code).is_some(), "{code}");
            }
        }
        for (code, field) in [
            ("passwords_mismatch", "password2"),
            ("email_taken", "email"),
            ("full_name_invalid", "full_name"),
        ] {
            assert_eq!(of_rule(400, code).unwrap().example["errors"][0]["field"], field);
        }
    }
}
