//! The audit log: all of it for administrators, one's own for everybody.

use axum::{Json, extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use vestibule_core::{
    ports::{
        Timestamp,
        audit::{AuditKind, AuditRecord},
        store::AuditSearch,
    },
    values::account::AccountId,
};

use crate::{
    answers::no_store,
    body::Fields,
    error::ApiError,
    extract::{Admin, Authenticated},
    openapi::{ACCOUNT, ADMINISTRATION},
    query::QueryFields,
    state::AuthState,
};

/// How many events are returned unless the query says otherwise.
const DEFAULT_LIMIT: u32 = 100;
/// How many events are returned at most.
const MAX_LIMIT: u32 = 1000;

/// An event of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct AuditEventBody {
    /// The event's id; ids sort by the moment.
    id: Uuid,
    /// When it happened (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    at: String,
    /// What happened.
    #[schema(example = "login")]
    kind: String,
    /// `success` or `failure`.
    #[schema(example = "success")]
    outcome: String,
    /// The account it concerns.
    #[schema(required)]
    account_id: Option<Uuid>,
    /// The administrator who did it; null where it was the account's owner or the operator.
    #[schema(required)]
    actor_id: Option<Uuid>,
    /// The session it concerns.
    #[schema(required)]
    session_id: Option<Uuid>,
    /// Where it came from; empty where it did not come over the network.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// A stable code that explains the outcome.
    #[schema(example = "")]
    detail: String,
}

impl From<AuditRecord> for AuditEventBody {
    fn from(record: AuditRecord) -> Self {
        Self {
            id: record.id,
            at: record.at.to_rfc3339(),
            kind: record.kind,
            outcome: record.outcome,
            account_id: record.account_id.map(|id| *id.as_uuid()),
            actor_id: record.actor_id.map(|id| *id.as_uuid()),
            session_id: record.session_id.map(|id| *id.as_uuid()),
            address: record.address,
            detail: record.detail,
        }
    }
}

/// The newest audit events; for administrators.
#[utoipa::path(
    get,
    path = "/audit",
    operation_id = "search_audit",
    tag = ADMINISTRATION,
    params(
        ("account" = Option<String>, Query, description = "Events that concern this account."),
        ("kind" = Option<String>, Query, description = "Events of this kind."),
        ("since" = Option<String>, Query, description = "The earliest moment (RFC 3339)."),
        ("until" = Option<String>, Query, description = "The moment before which they happened (RFC 3339)."),
        ("limit" = Option<u32>, Query, description = "How many, from 1 to 1000; 100 by default.",
            minimum = 1, maximum = 1000),
    ),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The events, the newest first.", body = Vec<AuditEventBody>)),
)]
pub(crate) async fn search(
    State(state): State<AuthState>,
    Admin(admin): Admin,
    query: QueryFields,
) -> Result<Response, ApiError> {
    let mut fields = query.fields()?;
    let account_id = take(&mut fields, "account", "This must be an id", AccountId::read);
    let known = |kind: &str| AuditKind::ALL.iter().any(|one| one.as_str() == kind).then(|| kind.to_owned());
    let kind = take(&mut fields, "kind", "There is no such kind of events", known);
    let moment = "This must be a moment as RFC 3339 writes it, for example 2026-01-31T12:00:00Z";
    let since = take(&mut fields, "since", moment, Timestamp::read_rfc3339);
    let until = take(&mut fields, "until", moment, Timestamp::read_rfc3339);
    let limit = fields.optional_number("limit", 1..=MAX_LIMIT).unwrap_or(DEFAULT_LIMIT);
    fields.finish()?;
    let search = AuditSearch { account_id, kind, since, until, limit };
    Ok(events(state.auth().search_audit(&admin, search).await?))
}

/// Takes a parameter that may be absent or empty.
fn take<T>(
    fields: &mut Fields,
    name: &'static str,
    message: &'static str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let text = fields.optional_string(name).filter(|text| !text.is_empty())?;
    let value = read(&text);
    if value.is_none() {
        fields.reject_value(name, message);
    }
    value
}

/// The newest audit events that concern the caller's account.
///
/// What an administrator did is there, but not where from.
#[utoipa::path(
    get,
    path = "/activity",
    operation_id = "list_activity",
    tag = ACCOUNT,
    params(
        ("limit" = Option<u32>, Query, description = "How many, from 1 to 1000; 100 by default.",
            minimum = 1, maximum = 1000),
    ),
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The events, the newest first.", body = Vec<AuditEventBody>)),
)]
pub(crate) async fn activity(
    State(state): State<AuthState>,
    user: Authenticated,
    query: QueryFields,
) -> Result<Response, ApiError> {
    let mut fields = query.fields()?;
    let limit = fields.optional_number("limit", 1..=MAX_LIMIT).unwrap_or(DEFAULT_LIMIT);
    fields.finish()?;
    Ok(events(state.auth().list_own_activity(&user.claims, limit).await?))
}

fn events(records: Vec<AuditRecord>) -> Response {
    no_store(Json(records.into_iter().map(AuditEventBody::from).collect::<Vec<_>>()))
}
