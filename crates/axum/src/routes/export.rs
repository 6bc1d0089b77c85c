//! One's own data as one JSON document, written as it is read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::Frame;
use serde::Serialize;
use utoipa::ToSchema;
use vestibule_core::{
    export::{ActivityPages, Export},
    ports::{
        StoreError, Timestamp,
        audit::AuditRecord,
        store::{Avatar, KnownDevice},
    },
    values::{language::Language, session::SessionId},
};

use super::audit::AuditEventBody;
use crate::{
    answers::{AccountBody, SessionBody, no_store, raw},
    error::ApiError,
    extract::{Authenticated, Caller},
    openapi::ACCOUNT,
    state::AuthState,
};

/// Everything about an account that is not a secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Export)]
pub(crate) struct ExportBody {
    /// When it was looked at (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    exported_at: String,
    /// The account; `profile` in it is what an application keeps with it, as it is stored.
    account: AccountBody,
    /// Whether the account has a password.
    has_password: bool,
    /// The language its owner is written to in, where they asked for one.
    #[schema(example = "en", required)]
    language: Option<&'static str>,
    /// The live sessions, the newest first.
    sessions: Vec<SessionBody>,
    /// The devices by which the account is known, the newest first: their logins are not told by mail.
    known_devices: Vec<KnownDeviceBody>,
    /// The picture, which `GET /api/v1/users/{id}/avatar` has.
    #[schema(required)]
    avatar: Option<AvatarFacts>,
    /// The audit events that concern the account, the newest first. It is the last member: where it does not end, the
    /// server could not read on.
    activity: Vec<AuditEventBody>,
}

/// A device that has logged in. What it is recognised by says nothing about it.
#[derive(Serialize, ToSchema)]
#[schema(as = KnownDevice)]
pub(crate) struct KnownDeviceBody {
    /// Since when it is known (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    since: String,
    /// Until when, unless it logs in again (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-07-30T12:00:00.000Z")]
    until: String,
    /// When its first login was told by mail, where it was (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00.000Z", required)]
    told_at: Option<String>,
}

impl From<KnownDevice> for KnownDeviceBody {
    fn from(device: KnownDevice) -> Self {
        Self {
            since: device.since.to_rfc3339(),
            until: device.until.to_rfc3339(),
            told_at: device.told_at.map(Timestamp::to_rfc3339),
        }
    }
}

/// What there is to say of a picture.
#[derive(Serialize, ToSchema)]
pub(crate) struct AvatarFacts {
    /// `image/jpeg` or `image/png`.
    #[schema(example = "image/jpeg")]
    media_type: String,
    /// Its length, in bytes.
    size: usize,
    /// When it was set (RFC 3339, UTC).
    #[schema(format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    changed_at: String,
}

impl From<Avatar> for AvatarFacts {
    fn from(avatar: Avatar) -> Self {
        let size = avatar.bytes.len();
        Self { media_type: avatar.media_type, size, changed_at: avatar.changed_at.to_rfc3339() }
    }
}

impl ExportBody {
    fn begin(state: &AuthState, export: Export, current: SessionId) -> (Self, ActivityPages) {
        // As it is stored, whether or not this application has a type for it: it is its owner's.
        let stored = export.account.stored_profile.as_ref().map(raw);
        let account = AccountBody::of(state, export.account);
        let profile = stored.or_else(|| account.profile.clone());
        let sessions = export.sessions.into_iter().map(|session| SessionBody::of(session, current)).collect();
        let head = Self {
            exported_at: export.at.to_rfc3339(),
            account: AccountBody { profile, ..account },
            has_password: export.has_password,
            language: export.language.map(Language::tag),
            sessions,
            known_devices: export.known_devices.into_iter().map(KnownDeviceBody::from).collect(),
            avatar: export.avatar.map(AvatarFacts::from),
            activity: Vec::new(),
        };
        (head, export.activity)
    }
}

/// The caller's own data, as a download.
///
/// All of it: the account, the live sessions, the known devices and every audit event that is kept, and no secrets. What an administrator did
/// is there, but not where from.
#[utoipa::path(
    get,
    path = "/export",
    operation_id = "export",
    tag = ACCOUNT,
    security(("OAuth2PasswordBearer" = []), ("cookie" = [])),
    responses((status = 200, description = "The data.", body = ExportBody,
        headers(("Content-Disposition" = String, description = "A file to be saved.")))),
)]
pub(crate) async fn export(
    State(state): State<AuthState>,
    Caller(client): Caller,
    user: Authenticated,
) -> Result<Response, ApiError> {
    let export = state.auth().export(&user.claims, &client).await?;
    let (head, activity) = ExportBody::begin(&state, export, user.claims.session_id);
    let mut head = serde_json::to_vec(&head).map_err(ApiError::internal)?;
    // What ends the last member and the object comes when there are no more events.
    head.truncate(head.len().saturating_sub(END.len()));
    let body = Body::new(Document::new(head.into(), activity));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"account.json\"")),
    ];
    Ok(no_store((headers, body).into_response()))
}

/// The end of the document.
const END: &[u8] = b"]}";

type Reading =
    Pin<Box<dyn Future<Output = (ActivityPages, Result<Option<Vec<AuditRecord>>, StoreError>)> + Send>>;

/// A document whose last member is read while it is sent, a page at a time and none before the one before has been taken.
struct Document {
    head: Option<Bytes>,
    /// The page that is being read; `None` where all has been written.
    reading: Option<Reading>,
    is_first: bool,
}

impl Document {
    fn new(head: Bytes, pages: ActivityPages) -> Self {
        Self { head: Some(head), reading: Some(read(pages)), is_first: true }
    }

    fn write(&mut self, page: Vec<AuditRecord>) -> Result<Bytes, serde_json::Error> {
        let mut text = Vec::new();
        for record in page {
            if !std::mem::take(&mut self.is_first) {
                text.push(b',');
            }
            serde_json::to_writer(&mut text, &AuditEventBody::from(record))?;
        }
        Ok(text.into())
    }
}

fn read(mut pages: ActivityPages) -> Reading {
    Box::pin(async move {
        let page = pages.next().await;
        (pages, page)
    })
}

impl http_body::Body for Document {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let (pages, page) = ready!(reading.as_mut().poll(context));
        self.reading = None;
        let written = match page {
            Ok(Some(page)) => {
                self.reading = Some(read(pages));
                self.write(page).map_err(io::Error::other)
            }
            Ok(None) => Ok(Bytes::from_static(END)),
            // The connection breaks, so that nobody takes a part for the whole.
            Err(error) => {
                tracing::error!(%error, "an export was broken off");
                Err(io::Error::other(error))
            }
        };
        Poll::Ready(Some(written.map(Frame::data)))
    }
}
