//! The page that makes the first administrator.
//!
//! Unlike the pages of mailed links it says at once where a link is not good: nobody's mail scanner opens it, and whoever
//! filled in the form would have done so for nothing. Looking changes nothing all the same.

mod words;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use http::HeaderMap;
use vestibule_core::{
    setup::{FirstAdmin, SetupError},
    values::rule::RuleViolation,
};

use self::words::{SetupWords, with_name_lengths};
use super::{
    Frame, Html, alert,
    failure::Failure,
    field::{Field, fields_html},
    paragraph,
    words::with_lengths,
};
use crate::{
    error::{ApiError, Code},
    extract::{Caller, Languages},
    form::FormFields,
    state::AuthState,
};

/// Shows the form where the link is good.
pub(super) async fn ask(
    State(state): State<AuthState>,
    Languages(language): Languages,
    token: Result<Path<String>, PathRejection>,
) -> Response {
    let page = SetupPage::new(Frame::new(&state, language));
    match state.auth().is_setup_link_good(&read_token(token)).await {
        Ok(true) => page.frame.page(page.words.title, &page.form(&Names::default(), &[])),
        Ok(false) => page.refused(SetupError::Refused),
        Err(error) => page.failed(SetupError::from(error), &Names::default()),
    }
}

/// Makes the first administrator, and says what came of it.
pub(super) async fn set_up(
    State(state): State<AuthState>,
    Caller(client): Caller,
    Languages(language): Languages,
    headers: HeaderMap,
    token: Result<Path<String>, PathRejection>,
    typed: Result<FormFields, ApiError>,
) -> Response {
    let page = SetupPage::new(Frame::new(&state, language));
    let mut names = Names::default();
    let is_foreign = state.http().origins.is_said_to_be_foreign(&headers);
    let admin = if is_foreign { Err(Code::CrossSiteRequest.into()) } else { typed };
    match admin.and_then(|form| read(form, &mut names)) {
        Err(error) => page.failed(error, &names),
        Ok(admin) => match state.auth().set_up(&read_token(token), admin, &client).await {
            Ok(_) => page.done(),
            Err(SetupError::Refused) => page.refused(SetupError::Refused),
            Err(error) => page.not_done(error, &names),
        },
    }
}

/// What cannot be read is no token.
fn read_token(token: Result<Path<String>, PathRejection>) -> String {
    token.map(|Path(token)| token).unwrap_or_default()
}

/// What was typed and comes back.
#[derive(Default)]
struct Names {
    email: String,
    username: String,
}

/// Keeps the names, also where something else is wrong. An empty name breaks its rule and is told beside its field.
fn read(form: FormFields, names: &mut Names) -> Result<FirstAdmin, ApiError> {
    let mut fields = form.fields();
    let mut name = |field| fields.optional_string(field).unwrap_or_default();
    *names = Names { email: name("email"), username: name("username") };
    let password = fields.required_password("password1");
    let repeated = fields.required_password("password2");
    fields.finish()?;
    let Names { email, username } = &*names;
    Ok(FirstAdmin { email: email.clone(), username: username.clone(), password, repeated })
}

struct SetupPage<'a> {
    frame: Frame<'a>,
    words: &'static SetupWords,
}

impl<'a> SetupPage<'a> {
    fn new(frame: Frame<'a>) -> Self {
        let words = SetupWords::of(frame.language);
        Self { frame, words }
    }

    fn done(&self) -> Response {
        let docs = Html::default().element("<p><a href=\"../docs/\">", self.words.docs, "</a></p>\n");
        self.frame.page(self.words.done_title, &paragraph(self.words.done).html(&docs))
    }

    fn refused(&self, error: SetupError) -> Response {
        let failure = Failure::of(error.into(), self.frame.words);
        self.frame.wrong(&failure, self.frame.words.refused_title, &paragraph(self.words.refused))
    }

    fn failed(&self, error: impl Into<ApiError>, names: &Names) -> Response {
        let failure = Failure::of(error.into(), self.frame.words);
        self.frame.failed(&failure, self.words.title, &self.form(names, &[]))
    }

    fn not_done(&self, error: SetupError, names: &Names) -> Response {
        let broken = match &error {
            SetupError::Rules(broken) => broken.clone(),
            SetupError::Taken { email, username } => taken(*email, *username),
            _ => return self.failed(error, names),
        };
        let failure = Failure::of(error.into(), self.frame.words);
        let below = alert(self.words.not_done).html(&self.form(names, &broken));
        self.frame.wrong(&failure, self.words.title, &below)
    }

    fn form(&self, names: &Names, broken: &[RuleViolation]) -> Html {
        let (words, common) = (self.words, self.frame.words);
        let policy = self.frame.state.auth().policy();
        let username_hint = with_name_lengths(words.username_hint, &policy.usernames);
        let password_hint = with_lengths(common.password_hint, &policy.passwords);
        let fields = [
            Field::email("email", words.email).with_value(&names.email),
            Field::username("username", words.username).with_hint(&username_hint).with_value(&names.username),
            Field::new_password("password1", words.password1).with_hint(&password_hint),
            Field::new_password("password2", words.password2),
        ];
        let told = |rule: &RuleViolation| {
            let own = words.rule(rule, &policy.usernames);
            own.unwrap_or_else(|| common.rule(rule, &policy.passwords))
        };
        paragraph(words.ask).raw("<form method=\"post\">\n").html(&fields_html(fields, broken, told)).element(
            "<button type=\"submit\">",
            words.button,
            "</button>\n</form>\n",
        )
    }
}

fn taken(email: bool, username: bool) -> Vec<RuleViolation> {
    let names = [(email, "email", "email_taken"), (username, "username", "username_taken")];
    let taken = names.into_iter().filter(|(is_taken, ..)| *is_taken);
    taken.map(|(_, field, code)| RuleViolation::new(field, code, "")).collect()
}
