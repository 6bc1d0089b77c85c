//! The pages that mailed links open: plain HTML, without scripts and without cookies.
//!
//! GET and HEAD change nothing and do not even ask whether the link is good, since mail scanners and previews open it
//! before its reader does. The button sends the form to the page's own address.
//!
//! # Security
//! No cookie is read and none is set: what is done is what the link allows, so a foreign page that sends the form does
//! nothing that it could not do without its visitor, and no proof of origin is asked for. The token stands in the
//! address alone, which no referrer and no cache keeps.

mod confirm;
mod failure;
mod field;
mod markup;
mod reset;
mod setup;
mod words;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use vestibule_core::values::language::Language;

use crate::state::AuthState;

pub use markup::Html;

use failure::Failure;
use words::Words;

const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// `/confirm/{token}` and `/reset/{token}`, where mailed links lead, `/setup/{token}`, which
/// [`issue_setup_link`](vestibule_core::Auth::issue_setup_link) leads to, and what they look like. They belong at
/// `public_url`.
pub fn page_routes(state: &AuthState) -> Router {
    Router::new()
        .route("/confirm/{token}", get(confirm::ask).post(confirm::confirm))
        .route("/reset/{token}", get(reset::ask).post(reset::reset))
        .route("/setup/{token}", get(setup::ask).post(setup::set_up))
        .route("/pages/style.css", get(style))
        .with_state(state.clone())
}

/// What is routed above, for the list of all routes.
pub(crate) const PAGES: [(&str, &str); 7] = [
    ("GET", "/confirm/{token}"),
    ("POST", "/confirm/{token}"),
    ("GET", "/reset/{token}"),
    ("POST", "/reset/{token}"),
    ("GET", "/setup/{token}"),
    ("POST", "/setup/{token}"),
    ("GET", "/pages/style.css"),
];

/// A page, one level below the root.
#[derive(Clone, Debug)]
pub struct Page {
    /// The language it is written in.
    pub language: Language,
    /// Its title.
    pub title: String,
    /// Everything below `<body>`.
    pub content: Html,
}

impl Page {
    /// Answers with it.
    #[must_use]
    pub fn respond(self) -> Response {
        let html = Html::default()
            .element("<!doctype html>\n<html lang=\"", self.language.tag(), "\">\n<head>\n")
            .raw("<meta charset=\"utf-8\">\n")
            .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
            .raw("<meta name=\"robots\" content=\"noindex, nofollow\">\n")
            .element("<title>", &self.title, "</title>\n")
            .raw("<link rel=\"stylesheet\" href=\"../pages/style.css\">\n</head>\n<body>\n")
            .html(&self.content)
            .raw("</body>\n</html>\n");
        let mut response = html.into_string().into_response();
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_LANGUAGE, self.language.tag()),
            (header::VARY, "accept-language, accept"),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
        response
    }
}

/// What every page of a mailed link says around its own part.
struct Frame<'a> {
    state: &'a AuthState,
    words: &'static Words,
    language: Language,
}

impl<'a> Frame<'a> {
    fn new(state: &'a AuthState, language: Option<Language>) -> Self {
        let language = language.unwrap_or_default();
        Self { state, words: Words::of(language), language }
    }

    /// A page of a heading and what stands below it.
    fn page(&self, heading: &str, below: &Html) -> Response {
        self.titled(heading.to_owned(), heading, below)
    }

    /// A page whose title begins with the word that something is wrong, which is what is read aloud first.
    fn wrong(&self, failure: &Failure, heading: &str, below: &Html) -> Response {
        failure.mark(self.titled(format!("{}: {heading}", self.words.error), heading, below))
    }

    /// What a failure looks like, above the form that may be sent again.
    fn failed(&self, failure: &Failure, heading: &str, form: &Html) -> Response {
        self.wrong(failure, heading, &alert(&failure.sentence).html(form))
    }

    fn titled(&self, title: String, heading: &str, below: &Html) -> Response {
        let url = self.state.auth().policy().mail.public_url.as_str();
        let site = url.split_once("://").map_or(url, |(_, host)| host);
        let content = Html::default()
            .element("<main>\n<p class=\"site\">", site, "</p>\n")
            .element("<h1>", heading, "</h1>\n")
            .html(below)
            .raw("</main>\n");
        Page { language: self.language, title, content }.respond()
    }
}

fn paragraph(text: &str) -> Html {
    Html::default().element("<p>", text, "</p>\n")
}

fn alert(text: &str) -> Html {
    Html::default().element("<p class=\"alert\" role=\"alert\">", text, "</p>\n")
}

async fn style() -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    (headers, include_str!("pages/style.css")).into_response()
}
