//! Garbage in headers: it opens nothing, breaks nothing and is not repeated.

use proptest::{prelude::*, test_runner::TestRunner};
use vestibule_testkit::{PASSWORD, TestApp};

use super::{
    bad_input::{CANARY, stage},
    database,
    guard::{Access, ROUTES},
};

const HEADERS: [&str; 18] = [
    "authorization",
    "cookie",
    "origin",
    "referer",
    "content-type",
    "accept",
    "accept-language",
    "host",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "forwarded",
    "x-correlation-id",
    "x-request-id",
    "sec-fetch-site",
    "access-control-request-method",
    "content-length",
];

/// T08, authentik CVE-2024-47070, and T28, Auth.js GHSA-xmf8-cvqr-rfgj: garbage in a header opens nothing and breaks
/// nothing.
#[tokio::test]
async fn t08_garbage_in_every_header_of_every_route() {
    let (app, before, _) = stage().await;
    // Whoever may do everything would do it here.
    database::demote(&app, "ada");
    let ada = app.client().logged_in("ada").await;
    let long = CANARY.repeat(700);
    for route in ROUTES {
        for name in HEADERS {
            for value in [
                &b""[..],
                b"\xff\xfe",
                b"cAnArY-7f3a \xc3\x28",
                b"cAnArY-7f3a,,;;==\"\"",
                b"Bearer cAnArY-7f3a",
                b"Basic cAnArY-7f3a",
                b"access_token=cAnArY-7f3a; refresh_token=cAnArY-7f3a",
                b"null",
                b"${jndi:ldap://cAnArY-7f3a}",
                b"-1",
                long.as_bytes(),
            ] {
                let answer = route.request(&app.client()).header(name, value).await;
                let case = format!("{} {name}: {}", route.path, String::from_utf8_lossy(value));
                assert!(!answer.status.is_server_error(), "{case}: {}", answer.text());
                assert!(!answer.text().contains(CANARY), "{case}: {}", answer.text());
                assert!(!format!("{:?}", answer.headers).contains(CANARY), "{case}: {:?}", answer.headers);
                if route.needs_login() {
                    assert_eq!(answer.status, 401, "{case}");
                }
                if matches!(name, "authorization" | "cookie") && route.needs_login() {
                    // A good credential beside it does not outweigh a bad one where it decides.
                    let answer = route.request(&ada.copy()).header(name, value).await;
                    let is_other_scheme = name == "authorization" && value.starts_with(b"Basic ")
                        || name == "authorization" && !value.is_empty() && is_other_scheme(value);
                    assert!(is_other_scheme || answer.status == 401, "{case}: {}", answer.text());
                }
            }
        }
    }
    let _ = app.client().log_in("ada", PASSWORD).await.expect(200);
    assert_eq!(database::contents(&app).len(), before.len() + 2, "the two logins");
}

/// RFC 9110 §11.4: a scheme that is a token, and not ours.
fn is_other_scheme(value: &[u8]) -> bool {
    let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    scheme.iter().all(is_token) && !scheme.eq_ignore_ascii_case(b"bearer")
}

/// T28, Auth.js GHSA-xmf8-cvqr-rfgj: no bytes in any header make a fault of ours or open a door.
#[test]
fn t28_no_header_is_a_fault_of_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(TestApp::start());
    let byte = prop_oneof![Just(b' '), Just(b'='), Just(b';'), Just(b','), 0x20..=0x7eu8, 0x80..=0xffu8];
    let prefix = prop_oneof![Just(""), Just("Bearer "), Just("access_token="), Just("http://")];
    let strategy = (0..HEADERS.len(), prefix, proptest::collection::vec(byte, 0..80), 0..ROUTES.len());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&strategy, |(header, prefix, bytes, route)| {
        let route = &ROUTES[route];
        let value = [prefix.as_bytes(), &bytes].concat();
        let answer = runtime.block_on(route.request(&app.client()).header(HEADERS[header], value).send());
        prop_assert!(!answer.status.is_server_error(), "{}", answer.text());
        prop_assert!(route.access == Access::Anyone || answer.status.is_client_error());
        Ok(())
    });
    outcome.unwrap();
}
