//! The page of a link that resets a password.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use http::HeaderMap;
use vestibule_core::{
    password_reset::{Chooser, PasswordResetError, TypedTwice},
    values::{device::DeviceToken, rule::RuleViolation},
};

use super::{
    Frame, Html, alert,
    failure::Failure,
    field::{Field, fields_html},
    paragraph,
    words::with_lengths,
};
use crate::{
    answers::remember,
    error::ApiError,
    extract::{Caller, Languages},
    form::FormFields,
    routes::login::choosing_device,
    state::AuthState,
};

/// Shows the form; asks nothing.
pub(super) async fn ask(State(state): State<AuthState>, Languages(language): Languages) -> Response {
    let frame = Frame::new(&state, language);
    frame.page(frame.words.reset_title, &form(&frame, &[]))
}

/// Sets the password, and says what came of it.
pub(super) async fn reset(
    State(state): State<AuthState>,
    Caller(client): Caller,
    Languages(language): Languages,
    headers: HeaderMap,
    token: Result<Path<String>, PathRejection>,
    typed: Result<FormFields, ApiError>,
) -> Response {
    let frame = Frame::new(&state, language);
    let words = frame.words;
    let new = match typed.and_then(read) {
        Ok(new) => new,
        Err(error) => {
            return frame.failed(&Failure::of(error, words), words.reset_title, &form(&frame, &[]));
        }
    };
    // What cannot be read is no token.
    let token = token.map(|Path(token)| token).unwrap_or_default();
    let device = choosing_device(&state, &headers);
    let by = Chooser { client: &client, device: &device };
    let error = match state.auth().reset_password(&token, new, by).await {
        Ok(device) => return changed(&frame, device.as_ref()),
        Err(error) => error,
    };
    let (is_refused, broken) = match &error {
        PasswordResetError::Refused => (true, None),
        PasswordResetError::Rules(broken) => (false, Some(broken.clone())),
        _ => (false, None),
    };
    let failure = Failure::of(error.into(), words);
    if is_refused {
        return frame.wrong(&failure, words.refused_title, &paragraph(words.reset_refused));
    }
    if let Some(broken) = broken {
        let below = alert(words.not_changed).html(&form(&frame, &broken));
        return frame.wrong(&failure, words.reset_title, &below);
    }
    frame.failed(&failure, words.reset_title, &form(&frame, &[]))
}

/// Says that the password is another one, and has the browser known.
fn changed(frame: &Frame<'_>, device: Option<&DeviceToken>) -> Response {
    let mut page = frame.page(frame.words.changed_title, &paragraph(frame.words.changed));
    // Without the cookie the browser is a stranger, and the password is another one all the same.
    if let Err(error) = remember(frame.state, device, &mut page) {
        tracing::warn!(%error, "a browser could not be given its cookie");
    }
    page
}

fn read(form: FormFields) -> Result<TypedTwice, ApiError> {
    let mut fields = form.fields();
    let password = fields.required_password("password1");
    let repeated = fields.required_password("password2");
    fields.finish()?;
    Ok(TypedTwice { password, repeated })
}

/// The form, with what is wrong beside each field. What was typed does not come back.
fn form(frame: &Frame<'_>, broken: &[RuleViolation]) -> Html {
    let words = frame.words;
    let lengths = &frame.state.auth().policy().passwords;
    let hint = with_lengths(words.password_hint, lengths);
    let fields = [
        Field::new_password("password1", words.password1).with_hint(&hint),
        Field::new_password("password2", words.password2),
    ];
    paragraph(words.reset_ask)
        .raw("<form method=\"post\">\n")
        .html(&fields_html(fields, broken, |rule| words.rule(rule, lengths)))
        .element("<button type=\"submit\">", words.reset_button, "</button>\n</form>\n")
        .element("<p class=\"quiet\">", words.reset_ignore, "</p>\n")
}
