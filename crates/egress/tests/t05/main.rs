//! Security case T05: requests of ours that somebody aims at what only we can reach (Zitadel CVE-2026-27945, -55671).
#![expect(clippy::unwrap_used, reason = "tests; the functions they share are not marked as tests")]

mod server;

use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use vestibule_egress::{DestinationError, Egress, EgressError, EgressOptions, Forbidden, Guard, Resolver};

use server::{Authority, Server};

const NAME: &str = "hooks.example.org";

/// A name server whose answers a test has written down; the last one is given again and again.
#[derive(Debug)]
struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Answers {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |addresses: &&[&str]| addresses.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[async_trait]
impl Resolver for Answers {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        answer.ok_or_else(|| io::Error::other("no such name"))
    }
}

fn options(guard: Guard) -> EgressOptions {
    EgressOptions { guard, ..EgressOptions::default() }
}

fn allowing(networks: &[&str]) -> Guard {
    Guard::default().with_networks(networks.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
}

async fn post(egress: &Egress, url: &str) -> Result<http::Response<Bytes>, EgressError> {
    let destination = egress.destination(url).unwrap();
    egress.post(&destination, HeaderMap::new(), Bytes::from_static(b"{}")).await
}

#[test]
fn t05_literal_addresses_are_refused_in_every_notation() {
    let egress = Egress::new(EgressOptions::default());
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "0X7F.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0177.0.0.01",
        "127.0.0.1.",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "0xa.1",
        "167772161",
        "012.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "3232235777",
        "100.64.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:169.254.169.254]",
        "[::ffff:0:10.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::a00:1]",
        "[2002:7f00:1::]",
        "[2002:a00:1::1]",
        "[2001:0:53aa:64c:0:0:f5ff:fffe]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fec0::1]",
        "[ff02::1]",
        "[100::1]",
        "[2001:db8::1]",
    ] {
        for port in ["", ":8443"] {
            let url = format!("https://{host}{port}/hook");
            let refused = egress.destination(&url).unwrap_err();
            assert!(
                matches!(refused, DestinationError::Forbidden(Forbidden::Special { .. })),
                "{url}: {refused}"
            );
        }
    }
    for url in
        ["https://[fe80::1%25eth0]/", "https://1.2.3.4.5/", "https://256.0.0.1/", "https:///", "https://"]
    {
        assert!(egress.destination(url).is_err(), "{url}");
    }
}

#[test]
fn t05_a_destination_is_https_on_a_port_of_web_servers() {
    let egress = Egress::new(EgressOptions::default());
    for (url, expected) in [
        ("http://hooks.example.org/", DestinationError::Scheme),
        ("ftp://hooks.example.org/", DestinationError::Scheme),
        ("file:///etc/passwd", DestinationError::Scheme),
        ("gopher://hooks.example.org/", DestinationError::Scheme),
        ("hooks.example.org", DestinationError::NoUrl),
        ("https://ada:secret@hooks.example.org/", DestinationError::Credentials),
        ("https://ada@hooks.example.org/", DestinationError::Credentials),
        ("https://hooks.example.org/#part", DestinationError::Fragment),
        ("https://hooks.example.org:22/", DestinationError::Port),
        ("https://hooks.example.org:25/", DestinationError::Port),
        ("https://hooks.example.org:80/", DestinationError::Port),
        ("https://hooks.example.org:0/", DestinationError::Port),
    ] {
        assert_eq!(egress.destination(url).unwrap_err(), expected, "{url}");
    }
    for url in ["https://hooks.example.org", " https://hooks.example.org:8443/a?b=c ", "https://1.1.1.1/"] {
        egress.destination(url).unwrap();
    }
    let development = Egress::new(options(Guard::default().with_loopback()));
    development.destination("http://127.0.0.1:8080/").unwrap();
    development.destination("http://localhost/").unwrap();
    for url in ["http://10.0.0.1/", "http://1.1.1.1/", "http://[::ffff:127.0.0.1]/", "https://10.0.0.1/"] {
        assert!(development.destination(url).is_err(), "{url}");
    }
}

#[test]
fn a_destination_prints_without_what_its_receiver_believes() {
    let egress = Egress::new(EgressOptions::default());
    let destination = egress.destination("https://hooks.example.org:8443/T0K3N?key=S3CR3T").unwrap();
    assert_eq!(destination.to_string(), "https://hooks.example.org:8443");
    assert_eq!(format!("{destination:?}"), "Destination(https://hooks.example.org:8443)");
}

#[tokio::test]
async fn t05_a_name_that_leads_inside_is_not_asked() {
    let authority = Authority::new();
    let inside = Server::encrypted("127.0.0.1", &authority, NAME, "200 OK", "").await;
    for addresses in [
        &["127.0.0.1"][..],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["fd00:ec2::254"],
        // An attacker's second address, for a client that tries one after the other.
        &["1.1.1.1", "127.0.0.1"],
        &["127.0.0.1", "1.1.1.1"],
    ] {
        let options = EgressOptions { ca_file: Some(authority.file()), ..options(Guard::default()) };
        let egress = Egress::with_resolver(options, Answers::of(&[addresses]));
        let refused = post(&egress, &format!("https://{NAME}:{}/", inside.port())).await.unwrap_err();
        assert!(matches!(refused, EgressError::Forbidden { .. }), "{addresses:?}: {refused}");
        assert!(refused.to_string().starts_with("hooks.example.org is not asked: "), "{refused}");
    }
    assert_eq!(inside.requests(), 0);
}

#[tokio::test]
async fn t05_the_address_that_was_checked_is_the_one_that_is_asked() {
    let authority = Authority::new();
    let meant = Server::encrypted("127.0.0.2", &authority, NAME, "200 OK", "").await;
    let inside = Server::encrypted_on("127.0.0.1", meant.port(), &authority, NAME, "200 OK", "").await;
    let resolver = Answers::of(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let options = EgressOptions { ca_file: Some(authority.file()), ..options(allowing(&["127.0.0.2"])) };
    let egress = Egress::with_resolver(options, Arc::clone(&resolver) as Arc<dyn Resolver>);
    let url = format!("https://{NAME}:{}/", meant.port());
    assert_eq!(post(&egress, &url).await.unwrap().status(), StatusCode::OK);
    // Asked twice, for the check and for the connection, it would have answered 127.0.0.1 by now.
    assert_eq!((resolver.left(), meant.requests(), inside.requests()), (1, 1, 0));
    let refused = post(&egress, &url).await.unwrap_err();
    assert!(matches!(refused, EgressError::Forbidden { .. }), "{refused}");
    assert_eq!((meant.requests(), inside.requests()), (1, 0));
}

#[tokio::test]
async fn t05_redirects_are_answers() {
    let inside = Server::plain("200 OK", "").await;
    let egress = Egress::new(options(Guard::default().with_loopback()));
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!("Location: http://127.0.0.1:{}/\r\n", inside.port());
        let meant = Server::plain(status, &location).await;
        let answer = post(&egress, &meant.url()).await.unwrap();
        assert_eq!(answer.status().as_str(), &status[..3]);
        assert_eq!(meant.requests(), 1);
    }
    assert_eq!(inside.requests(), 0);
}

#[tokio::test]
async fn t05_development_asks_this_machine_by_name_and_no_other_without_tls() {
    let meant = Server::plain("200 OK", "").await;
    for (addresses, is_asked) in [(&["127.0.0.1"], true), (&["10.0.0.1"], false), (&["1.1.1.1"], false)] {
        let options = options(Guard::default().with_loopback());
        let egress = Egress::with_resolver(options, Answers::of(&[addresses]));
        let answer = post(&egress, &format!("http://{NAME}:{}/", meant.port())).await;
        assert_eq!(answer.is_ok(), is_asked, "{addresses:?}");
    }
    assert_eq!(meant.requests(), 1);
}

#[tokio::test]
async fn t05_a_destination_of_somebody_who_is_allowed_more_is_refused() {
    let meant = Server::plain("200 OK", "").await;
    let lax = Egress::new(options(Guard::default().with_loopback()));
    let destination = lax.destination(&meant.url()).unwrap();
    let strict = Egress::new(EgressOptions::default());
    let refused = strict.get(&destination, HeaderMap::new()).await.unwrap_err();
    assert!(matches!(refused, EgressError::Forbidden { .. }), "{refused}");
    assert_eq!(meant.requests(), 0);
}

/// The environment is a process's, so the proxies are named to one that does nothing else.
#[tokio::test]
async fn t05_proxies_of_the_environment_are_not_asked() {
    let proxy = Server::plain("200 OK", "").await;
    let meant = Server::plain("204 No Content", "").await;
    // cargo builds examples with the tests of a whole crate.
    let tests = std::env::current_exe().unwrap();
    let ask = tests.ancestors().nth(2).unwrap().join("examples/ask");
    assert!(
        ask.exists(),
        "{} is missing: `cargo build -p vestibule-egress --example ask` makes it",
        ask.display()
    );
    let mut command = Command::new(ask);
    command.arg(meant.url());
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, proxy.url());
    }
    let run = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && said == "204 No Content\n", "{said}{failed}");
    assert_eq!((meant.requests(), proxy.requests()), (1, 0));
}

#[tokio::test]
async fn answers_have_bounds() {
    let egress = Egress::new(options(Guard::default().with_loopback()));
    let long = Server::plain("200 OK", "Content-Length: 9999999\r\n").await;
    let endless = Server::endless().await;
    for server in [&long, &endless] {
        let destination = egress.destination(&server.url()).unwrap().with_answer_limit(1000);
        let refused = egress.get(&destination, HeaderMap::new()).await.unwrap_err();
        assert!(matches!(refused, EgressError::TooLong { limit_bytes: 1000, .. }), "{refused}");
    }
    let silent = Server::silent().await;
    let destination = egress.destination(&silent.url()).unwrap().with_timeout(Duration::from_millis(50));
    let refused = egress.get(&destination, HeaderMap::new()).await.unwrap_err();
    assert!(matches!(refused, EgressError::TimedOut { .. }), "{refused}");
}

#[tokio::test]
async fn whom_nobody_vouches_for_is_not_believed() {
    let (known, unknown) = (Authority::new(), Authority::new());
    let options = EgressOptions { ca_file: Some(known.file()), ..options(allowing(&["127.0.0.2"])) };
    let egress = Egress::with_resolver(options, Answers::of(&[&["127.0.0.2"]]));
    egress.check().unwrap();
    for (authority, name, is_believed) in
        [(&known, NAME, true), (&unknown, NAME, false), (&known, "example.net", false)]
    {
        let server = Server::encrypted("127.0.0.2", authority, name, "200 OK", "").await;
        let answer = post(&egress, &format!("https://{NAME}:{}/", server.port())).await;
        assert_eq!(answer.is_ok(), is_believed, "{answer:?}");
        assert_eq!(server.requests(), usize::from(is_believed));
    }
}

#[tokio::test]
async fn forms_and_answers_arrive_and_no_cookie_is_kept() {
    let server = Server::plain("200 OK", "Set-Cookie: a=b\r\nX-Seen: yes\r\n").await;
    let egress = Egress::new(options(Guard::default().with_loopback()));
    let destination = egress.destination(&server.url()).unwrap();
    for _ in 0..2 {
        let answer = egress.post_form(&destination, &[("secret", "a&b"), ("response", "ä")]).await.unwrap();
        assert_eq!(
            (answer.headers()["x-seen"].to_str().unwrap(), answer.body().as_ref()),
            ("yes", &b"{}"[..])
        );
    }
    let seen = server.seen();
    assert!(seen.contains("secret=a%26b&response=%C3%A4"), "{seen}");
    assert!(seen.contains("content-type: application/x-www-form-urlencoded"), "{seen}");
    assert!(seen.contains("user-agent: vestibule/") && seen.contains("accept: application/json"), "{seen}");
    assert!(!seen.contains("cookie:") && !seen.contains("referer:"), "{seen}");
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told_apart() {
    let egress = Egress::with_resolver(EgressOptions::default(), Answers::of(&[]));
    let failed = post(&egress, "https://hooks.example.org/").await.unwrap_err();
    assert_eq!(failed.to_string(), "hooks.example.org cannot be resolved: no such name");
    let egress = Egress::with_resolver(EgressOptions::default(), Answers::of(&[&[]]));
    let failed = post(&egress, "https://hooks.example.org/").await.unwrap_err();
    assert!(matches!(failed, EgressError::Unresolved { .. }), "{failed}");
}

#[test]
fn authorities_are_checked_before_they_are_needed() {
    let nothing = EgressOptions { ca_file: Some("/does/not/exist.pem".into()), ..EgressOptions::default() };
    let refused = Egress::new(nothing).check().unwrap_err();
    assert!(refused.to_string().contains("/does/not/exist.pem cannot be used"), "{refused}");
    Egress::new(EgressOptions::default()).check().unwrap();
}
