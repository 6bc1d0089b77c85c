//! Which errors each operation can answer: one row an operation, described with their codes and an example each.

mod table;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::{
    Content, ContentBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
    example::{Example, ExampleBuilder},
    header::Header,
    path::Operation,
};

use self::table::{ROWS, Row, VETOABLE};
use crate::error::{Code, RULE_CODES};
/// What can happen to every request.
const ALWAYS: &[Code] = &[Code::RequestTimeout, Code::PayloadTooLarge, Code::Internal];
/// What can be wrong with every body.
const BODY: &[Code] = &[Code::MalformedBody, Code::UnsupportedMediaType, Code::ValidationFailed];

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
    let veto: &[Code] =
        if row.is_some_and(|row| VETOABLE.contains(&row.operation)) { &[Code::Vetoed] } else { &[] };
    let mut failures: Vec<_> =
        own.iter().chain(veto).chain(body).chain(ALWAYS).map(|code| of_code(*code)).collect();
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
    let field = code
        .split('_')
        .find(|part| ["email", "username", "full", "password", "permissions", "profile"].contains(part));
    let field = match field {
        Some("username") => "username",
        Some("full") => "full_name",
        Some("permissions") => "permissions",
        Some("profile") => "profile",
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
