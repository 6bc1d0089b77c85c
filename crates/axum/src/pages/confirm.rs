//! The page of a link that confirms an address.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use vestibule_core::confirmation::ConfirmationError;

use super::{Frame, Html, failure::Failure, paragraph, words::Words};
use crate::{
    extract::{Caller, Languages},
    state::AuthState,
};

/// Shows the button; asks nothing.
pub(super) async fn ask(State(state): State<AuthState>, Languages(language): Languages) -> Response {
    let frame = Frame::new(&state, language);
    frame.page(frame.words.confirm_title, &form(frame.words))
}

/// Confirms, and says what came of it.
pub(super) async fn confirm(
    State(state): State<AuthState>,
    Caller(client): Caller,
    Languages(language): Languages,
    token: Result<Path<String>, PathRejection>,
) -> Response {
    let frame = Frame::new(&state, language);
    let words = frame.words;
    // What cannot be read is no token.
    let token = token.map(|Path(token)| token).unwrap_or_default();
    let Err(error) = state.auth().confirm(&token, &client).await else {
        return frame.page(words.confirmed_title, &paragraph(words.confirmed));
    };
    let is_refused = matches!(error, ConfirmationError::Refused);
    let failure = Failure::of(error.into(), words);
    if is_refused {
        return frame.wrong(&failure, words.refused_title, &paragraph(words.confirm_refused));
    }
    frame.failed(&failure, words.confirm_title, &form(words))
}

fn form(words: &Words) -> Html {
    paragraph(words.confirm_ask)
        // Without an action it goes to the page's own address, so that the token stands nowhere in the page.
        .element(
            "<form method=\"post\">\n<button type=\"submit\">",
            words.confirm_button,
            "</button>\n</form>\n",
        )
        .element("<p class=\"quiet\">", words.confirm_ignore, "</p>\n")
}
