//! `/dev/mail`: what people would have been written, for a developer at this machine.
//!
//! # Security
//! Letters hold links that take accounts over. The route exists in development mode with the inbox only, and answers
//! nobody but this machine: the connection comes from loopback, names this machine as its host, so that no page of a
//! rebound name reads it, and was not forwarded for somebody else.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension, Json, Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, Uri, header};
use vestibule::{
    core::values::language::Language,
    http::{
        client::PeerAddress,
        error::{ApiError, Code},
        pages::{Html, Page},
    },
};
use vestibule_mail::{Inbox, Received};

use crate::config::{Config, MailMode, Mode};

/// Where it is.
pub const PATH: &str = "/dev/mail";

/// What a proxy adds to a request that is somebody else's.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// The route, for a server seen at `public_url`; none unless this is development and letters stay here.
pub fn routes(config: &Config, public_url: &str, inbox: Option<Inbox>) -> Router {
    match inbox {
        Some(inbox) if config.service.mode == Mode::Development => at(public_url, inbox),
        _ => Router::new(),
    }
}

/// Whether a server of this configuration has it.
#[must_use]
pub fn is_served(config: &Config) -> bool {
    config.service.mode == Mode::Development && matches!(config.mail.mode, MailMode::Inbox { .. })
}

fn at(public_url: &str, inbox: Inbox) -> Router {
    let public_host = public_url.parse::<Uri>().ok().and_then(|url| url.host().map(str::to_owned));
    let public_host: Arc<str> = public_host.unwrap_or_default().into();
    let answer = async move |peer: Option<Extension<PeerAddress>>, headers: HeaderMap| {
        let is_here = peer.is_some_and(|Extension(PeerAddress(peer))| is_loopback(peer.ip()));
        if !is_here || !names_this_machine(&headers, &public_host) || is_forwarded(&headers) {
            return ApiError::new(Code::NotFound).into_response();
        }
        if wants_json(&headers) { Json(inbox.letters()).into_response() } else { page(&inbox.letters()) }
    };
    Router::new().route(PATH, get(answer))
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn names_this_machine(headers: &HeaderMap, public_host: &str) -> bool {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Uri>().ok());
    let Some(host) = named.as_ref().and_then(Uri::host) else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || (!public_host.is_empty() && host.eq_ignore_ascii_case(public_host))
        || address.is_ok_and(is_loopback)
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDED.iter().any(|name| headers.contains_key(*name))
}

/// Whether JSON is asked for; a browser asks for a page.
fn wants_json(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = ranges.flat_map(|value| value.split(',')).map(|range| range.split(';').next());
    types.any(|name| name.is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json")))
}

fn page(letters: &[Received]) -> Response {
    let about = "What people would have been written, newest first. Letters are kept in memory until the server stops; \
                 reload the page for new ones.";
    let mut content = Html::default().raw("<main class=\"wide\">\n<h1>Development inbox</h1>\n").element(
        "<p class=\"quiet\">",
        about,
        "</p>\n",
    );
    if letters.is_empty() {
        content = content.raw("<p>No letters yet. Register an account, and one comes.</p>\n");
    }
    for letter in letters.iter().rev() {
        content = content.html(&article(letter));
    }
    let content = content.raw("</main>\n");
    Page { language: Language::English, title: "Development inbox".to_owned(), content }.respond()
}

fn article(letter: &Received) -> Html {
    let mut html = Html::default().element("<article>\n<h2>", &letter.subject, "</h2>\n").element(
        "<dl>\n<dt>To</dt><dd>",
        &letter.to,
        "</dd>\n",
    );
    // What the letter asks to be opened comes first; the others stand in its text.
    if let Some(link) = letter.links.first() {
        html = html.element("<dt>Link</dt><dd><a href=\"", link, "\" rel=\"noreferrer\">").element(
            "",
            link,
            "</a></dd>\n",
        );
    }
    if let Some(code) = &letter.code {
        html = html.element("<dt>Code</dt><dd>", code, "</dd>\n");
    }
    html.element("</dl>\n<pre>", &letter.text, "</pre>\n</article>\n")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use tower::ServiceExt as _;
    use vestibule_mail::{Site, Templates};

    use super::*;

    async fn status(peer: Option<&str>, headers: &[(&str, &str)]) -> u16 {
        let site = Site { name: "here".into(), url: "http://dev.example:8000".into() };
        let inbox = Inbox::new(Templates::load(site, None).unwrap());
        let mut request = Request::builder().uri(PATH);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        if let Some(peer) = peer {
            request.extensions_mut().insert(PeerAddress(peer.parse().unwrap()));
        }
        at("http://dev.example:8000", inbox).oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn only_this_machine_reads_letters() {
        let here = Some("127.0.0.1:5000");
        for (peer, headers, expected) in [
            (here, &[("host", "localhost:8000")][..], 200),
            (here, &[("host", "127.0.0.1:8000")], 200),
            (here, &[("host", "dev.example:8000")], 200),
            (Some("[::1]:5000"), &[("host", "[::1]:8000")], 200),
            (Some("[::ffff:127.0.0.1]:5000"), &[("host", "localhost")], 200),
            (Some("192.0.2.1:5000"), &[("host", "localhost:8000")], 404),
            (Some("10.0.0.1:5000"), &[("host", "localhost:8000"), ("x-forwarded-for", "127.0.0.1")], 404),
            (None, &[("host", "localhost:8000")], 404),
            (here, &[("host", "evil.example:8000")], 404),
            (here, &[("host", "localhost.evil.example")], 404),
            (here, &[], 404),
            (here, &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")], 404),
            (here, &[("host", "localhost"), ("forwarded", "for=192.0.2.1")], 404),
        ] {
            assert_eq!(status(peer, headers).await, expected, "{peer:?} {headers:?}");
        }
    }

    #[test]
    fn json_is_for_those_who_ask_for_it() {
        let asks = |accept: &'static str| {
            wants_json(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]))
        };
        assert!(asks("application/json") && asks("text/plain, application/json;q=0.9"));
        assert!(!asks("text/html,application/xhtml+xml,*/*;q=0.8") && !asks("*/*"));
        assert!(!wants_json(&HeaderMap::new()));
    }
}
