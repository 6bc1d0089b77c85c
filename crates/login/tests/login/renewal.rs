//! Logins by cookie that last while somebody is there: when a token is exchanged, for what, and when it is not.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::any,
};
use http::{HeaderMap, Method, Request, StatusCode};
use vestibule_login::{
    Fresh, LoggedIn, Login, LoginClaims, LoginManager, LoginManagerBuilder, NewToken, RenewalLayer,
    Requirement,
};

use super::app::{Answer, TurnedClock, User, builder, built, find, send};

const MINUTE: i64 = 60_000;
const NAME: &str = "__Host-access_token";

async fn log_out(State(login): State<LoginManager<User>>) -> Response {
    let mut answer = "out".into_response();
    login.delete_cookie(answer.headers_mut()).unwrap();
    answer
}

async fn log_in_again(State(login): State<LoginManager<User>>) -> Response {
    let mut answer = "in".into_response();
    login.set_cookie(answer.headers_mut(), &login.create_access_token("eve").unwrap()).unwrap();
    answer
}

fn routes() -> Router<LoginManager<User>> {
    let cached = [
        ("cache-control", "public, max-age=3600"),
        ("cdn-cache-control", "max-age=600"),
        ("example-cdn-cache-control", "max-age=600"),
        ("surrogate-control", "max-age=600"),
        ("set-cookie", "theme=dark"),
    ];
    Router::new()
        .route("/page", any(async |LoggedIn(user): LoggedIn<User>| user.name))
        .route("/public", any(async || "for everybody"))
        .route("/fresh", any(async |Fresh(user): Fresh<User, 5>| user.name))
        .route("/claims", any(async |login: Login<User>| format!("{:?}", login.claims.authenticated_at)))
        .route("/cached", any(async move || (cached, "page")))
        .route("/moved", any(async || (StatusCode::SEE_OTHER, [("location", "/page")])))
        .route("/refused", any(async || StatusCode::FORBIDDEN))
        .route("/same", any(async || StatusCode::NOT_MODIFIED))
        .route("/broken", any(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/away", any(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/switch", any(async || StatusCode::SWITCHING_PROTOCOLS))
        .route("/clear", any(async || [("clear-site-data", "\"cookies\"")]))
        .route("/near", any(async || [("set-cookie", "__Host-access_token2=x"), ("set-cookie", "a=b")]))
        .route("/logout", any(log_out))
        .route("/relogin", any(log_in_again))
}

struct App {
    router: Router,
    login: LoginManager<User>,
    clock: Arc<TurnedClock>,
}

impl App {
    fn new() -> Self {
        Self::of(|builder| builder, |layer| layer)
    }

    fn of(
        change: impl FnOnce(LoginManagerBuilder<()>) -> LoginManagerBuilder<()>,
        layer: impl FnOnce(RenewalLayer<User>) -> RenewalLayer<User>,
    ) -> Self {
        let clock = TurnedClock::new();
        let login = built(change(builder().clock(Arc::clone(&clock) as _)).user_loader(find));
        let renewal = layer(login.renewal_layer().unwrap());
        let router = routes().layer(renewal).with_state(login.clone());
        Self { router, login, clock }
    }

    fn token(&self, new: impl Into<NewToken>) -> String {
        self.login.create_access_token(new).unwrap().expose().to_owned()
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "app.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(&self.router, request.body(Body::empty()).unwrap()).await
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, &[("cookie", &format!("{NAME}={token}"))]).await
    }

    async fn claims(&self, token: &str) -> LoginClaims {
        self.login.verify(token).await.unwrap()
    }
}

/// Method, path, headers, and whether the answer has a new token.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], bool);

/// The token of our cookie that an answer sets, if it sets one.
fn renewed(answer: &Answer) -> Option<String> {
    let mut cookies = answer.headers.get_all("set-cookie").iter().filter_map(|value| {
        let rest = value.to_str().unwrap().strip_prefix(&format!("{NAME}="))?;
        Some(rest.split(';').next().unwrap().to_owned())
    });
    let token = cookies.next().filter(|token| !token.is_empty());
    assert_eq!(cookies.next(), None, "one cookie of a name");
    token
}

#[tokio::test]
async fn the_last_third_of_a_lifetime_renews_and_nothing_earlier() {
    for (millis, is_renewed, is_good) in [
        (0, false, true),
        (10 * MINUTE - 1, false, true),
        (10 * MINUTE, true, true),
        (15 * MINUTE - 1, true, true),
        (15 * MINUTE, false, false),
        (24 * 60 * MINUTE, false, false),
    ] {
        let app = App::new();
        let token = app.token("ada");
        app.clock.advance(millis);
        let answer = app.get("/page", &token).await;
        assert_eq!(answer.status, if is_good { 200 } else { 401 }, "after {millis} ms");
        assert_eq!(renewed(&answer).is_some(), is_renewed, "after {millis} ms");
        assert_eq!(answer.headers.contains_key("set-cookie"), is_renewed);
    }
}

#[tokio::test]
async fn a_new_token_says_what_the_old_one_said() {
    let app = App::new();
    let new = NewToken::of("ada").scopes(["read", "write"]).claim("team", "blue").unwrap();
    let mut token = app.token(new.lifetime(Duration::from_millis(3_599_500)));
    let first = app.claims(&token).await;
    for round in 1..=5 {
        app.clock.advance(45 * MINUTE + 137);
        let answer = app.get("/page", &token).await;
        assert_eq!((answer.body.as_str(), answer.header("cache-control")), ("ada", "no-store"));
        let cookie = answer.header("set-cookie").to_owned();
        assert!(cookie.ends_with("; Path=/; Max-Age=3599; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
        token = renewed(&answer).unwrap();
        let claims = app.claims(&token).await;
        assert_eq!(claims.subject, "ada");
        assert_eq!(claims.scopes, first.scopes);
        assert_eq!(claims.custom, first.custom);
        assert_eq!(claims.authenticated_at, first.authenticated_at, "a proof is not made younger");
        assert_eq!(claims.session_id, first.token_id, "the login keeps its name");
        assert_eq!(claims.login_id(), first.login_id());
        assert_ne!(claims.token_id, first.token_id);
        let (made, ends) = (claims.issued_at.unwrap(), claims.expires_at);
        assert_eq!(ends.since(made), Duration::from_hours(1), "round {round}: a lifetime does not creep");
        assert_eq!(made.since(first.issued_at.unwrap()).as_secs(), round * 45 * 60);
    }
    assert_eq!(app.get("/fresh", &token).await.code(), "fresh_login_required");
}

#[tokio::test]
async fn what_is_due_is_renewed_only_where_it_belongs() {
    let app = App::new();
    let (token, other) = (app.token("ada"), app.token("eve"));
    app.clock.advance(12 * MINUTE);
    let cookie = &*format!("{NAME}={token}");
    let with_header = &*format!("Bearer {other}");
    let own = ("origin", "https://app.example");
    let cases: &[Case<'_>] = &[
        ("GET", "/page", &[("cookie", cookie)], true),
        ("HEAD", "/page", &[("cookie", cookie)], true),
        ("GET", "/public", &[("cookie", cookie)], true),
        ("GET", "/moved", &[("cookie", cookie)], true),
        ("GET", "/refused", &[("cookie", cookie)], true),
        ("GET", "/nowhere", &[("cookie", cookie)], true),
        ("GET", "/near", &[("cookie", cookie)], true),
        ("POST", "/page", &[("cookie", cookie), own], true),
        ("POST", "/page", &[("cookie", cookie)], false),
        ("POST", "/public", &[("cookie", cookie)], false),
        ("POST", "/public", &[("cookie", cookie), ("origin", "https://evil.example")], false),
        ("DELETE", "/public", &[("cookie", cookie), ("sec-fetch-site", "cross-site")], false),
        ("OPTIONS", "/public", &[("cookie", cookie)], false),
        ("TRACE", "/public", &[("cookie", cookie)], false),
        ("GET", "/public", &[("cookie", cookie), ("upgrade", "websocket"), own], false),
        ("GET", "/switch", &[("cookie", cookie)], false),
        ("GET", "/same", &[("cookie", cookie)], false),
        ("GET", "/broken", &[("cookie", cookie)], false),
        ("GET", "/away", &[("cookie", cookie)], false),
        ("GET", "/logout", &[("cookie", cookie)], false),
        ("GET", "/clear", &[("cookie", cookie)], false),
        ("GET", "/page", &[], false),
        ("GET", "/page", &[("authorization", with_header)], false),
        ("GET", "/page", &[("authorization", with_header), ("cookie", cookie)], false),
        ("GET", "/page", &[("cookie", &format!("access_token={token}"))], false),
        ("GET", "/page", &[("cookie", &format!("{NAME}={token}; {NAME}={token}"))], false),
        ("GET", "/page", &[("cookie", &format!("{NAME}={token}x"))], false),
        ("GET", "/page", &[("cookie", &format!("{NAME}="))], false),
    ];
    for (method, path, headers, is_renewed) in cases {
        let answer = app.send(method.parse().unwrap(), path, headers).await;
        assert_eq!(renewed(&answer).is_some(), *is_renewed, "{method} {path} {headers:?}");
    }
    let again = app.get("/relogin", &token).await;
    assert_eq!(app.claims(&renewed(&again).unwrap()).await.subject, "eve", "the handler's own cookie stays");
}

#[tokio::test]
async fn no_cache_keeps_an_answer_with_a_token() {
    let app = App::new();
    let token = app.token("ada");
    let kept = ["cdn-cache-control", "example-cdn-cache-control", "surrogate-control"];
    let early = app.get("/cached", &token).await;
    assert_eq!(early.header("cache-control"), "public, max-age=3600");
    assert!(kept.iter().all(|name| early.headers.contains_key(*name)));
    app.clock.advance(12 * MINUTE);
    let answer = app.get("/cached", &token).await;
    assert!(renewed(&answer).is_some());
    let values: Vec<_> = answer.headers.get_all("cache-control").iter().collect();
    assert_eq!(values, ["no-store"]);
    assert!(!kept.iter().any(|name| answer.headers.contains_key(*name)), "{:?}", answer.headers);
    assert_eq!(answer.header("set-cookie"), "theme=dark", "other cookies stay");
}

#[tokio::test]
async fn a_window_and_a_longest_time_are_the_applications() {
    let hour = 60 * MINUTE;
    let app = App::of(
        |builder| builder.lifetime(Duration::from_hours(1)),
        |layer| layer.within(Duration::from_mins(59)).max_age(Duration::from_mins(150)),
    );
    let mut token = app.token("ada");
    app.clock.advance(MINUTE - 1);
    assert_eq!(renewed(&app.get("/page", &token).await), None);
    app.clock.advance(1);
    token = renewed(&app.get("/page", &token).await).unwrap();
    app.clock.advance(hour - MINUTE);
    token = renewed(&app.get("/page", &token).await).unwrap();
    // 60 minutes after the login: an hour more. After 100 minutes: 50 minutes more, and that is the end.
    app.clock.advance(40 * MINUTE);
    token = renewed(&app.get("/page", &token).await).unwrap();
    let last = app.claims(&token).await;
    assert_eq!(last.expires_at.since(last.authenticated_at.unwrap()), Duration::from_mins(150));
    app.clock.advance(50 * MINUTE - 1);
    let answer = app.get("/page", &token).await;
    assert_eq!((answer.status, renewed(&answer)), (200, None));
    app.clock.advance(1);
    assert_eq!(app.get("/page", &token).await.status, 401, "nobody stays longer than that");
}

#[tokio::test]
async fn t46_no_token_is_made_of_another_kind() {
    let app = App::new();
    let partial = app.login.create_partial_token("ada").unwrap().expose().to_owned();
    let staff = built(builder().login_type("staff").user_loader(find));
    let staff = staff.create_access_token("ada").unwrap().expose().to_owned();
    let other = LoginManager::from_secret("other thirty-two bytes that nobody else knows");
    let other = built(other.public_url("https://app.example").user_loader(find));
    let other = other.create_access_token("ada").unwrap().expose().to_owned();
    let unproved = app.token(NewToken::of("ada").not_fresh());
    let (gone, broken) = (app.token("nobody"), app.token("broken"));
    app.clock.advance(12 * MINUTE);
    for (token, status) in
        [(partial, 401), (staff, 401), (other, 401), (unproved, 200), (gone, 401), (broken, 500)]
    {
        let answer = app.get("/page", &token).await;
        assert_eq!((answer.status, renewed(&answer)), (status, None), "{}", answer.body);
        assert_eq!(renewed(&app.get("/public", &token).await), None);
    }
}

#[tokio::test]
async fn leeway_is_no_lifetime() {
    let app = App::of(|builder| builder.leeway(Duration::from_mins(5)), |layer| layer);
    let token = app.token("ada");
    app.clock.advance(19 * MINUTE);
    let token = renewed(&app.get("/page", &token).await).unwrap();
    let claims = app.claims(&token).await;
    let rest = claims.expires_at.since(claims.issued_at.unwrap());
    assert_eq!(rest, Duration::from_mins(15 + 5), "what is read has the leeway on top");
}

/// What is revoked while its request is answered is not renewed, and a cut-off "everything made before now" is not
/// outrun.
#[tokio::test]
async fn a_revocation_is_not_outrun() {
    type Revoked = Arc<Mutex<(HashSet<String>, i64)>>;
    let revoked: Revoked = Arc::default();
    let asked = Arc::clone(&revoked);
    let clock = TurnedClock::new();
    let login =
        built(
            builder()
                .clock(Arc::clone(&clock) as _)
                .revoked_if(move |claims: LoginClaims| {
                    let (logins, cut_off) = asked.lock().unwrap().clone();
                    let is_old = claims.issued_at.is_none_or(|made| made.as_millis() < cut_off);
                    async move {
                        Ok::<_, String>(is_old || claims.login_id().is_none_or(|id| logins.contains(id)))
                    }
                })
                .user_loader(find),
        );
    let ending = {
        let (revoked, clock) = (Arc::clone(&revoked), Arc::clone(&clock));
        async move |login: Login<User>, headers: HeaderMap| {
            if headers.contains_key("x-cut-off") {
                // A second passes before the cut-off is made.
                clock.advance(1_000);
                revoked.lock().unwrap().1 = login.claims.issued_at.unwrap().as_millis() + 1;
            } else {
                revoked.lock().unwrap().0.insert(login.claims.login_id().unwrap().to_owned());
            }
            "ended"
        }
    };
    let router = Router::new()
        .route("/end", any(ending))
        .merge(routes())
        .layer(login.renewal_layer().unwrap())
        .with_state(login.clone());
    let app = App { router, login, clock };
    for header in ["x-login", "x-cut-off"] {
        let token = app.token("ada");
        app.clock.advance(12 * MINUTE);
        // The name of a login is the same after a renewal.
        let token = renewed(&app.get("/page", &token).await).unwrap();
        app.clock.advance(12 * MINUTE);
        let cookie = format!("{NAME}={token}");
        let ended = app.send(Method::GET, "/end", &[("cookie", &cookie), (header, "1")]).await;
        assert_eq!((ended.body.as_str(), renewed(&ended)), ("ended", None), "{header}");
        assert_eq!(app.get("/page", &token).await.status, 401, "{header}");
    }
}

#[tokio::test]
async fn a_new_token_is_as_old_as_its_request() {
    let clock = TurnedClock::new();
    let login = built(builder().clock(Arc::clone(&clock) as _).user_loader(find));
    let turned = Arc::clone(&clock);
    let slow = any(async move |LoggedIn(user): LoggedIn<User>| {
        turned.advance(5 * MINUTE);
        user.name
    });
    let router =
        Router::new().route("/slow", slow).layer(login.renewal_layer().unwrap()).with_state(login.clone());
    let app = App { router, login, clock };
    let token = app.token("ada");
    app.clock.advance(12 * MINUTE);
    // The old token has expired meanwhile; when it came it was good.
    let answer = app.get("/slow", &token).await;
    assert!(answer.header("set-cookie").contains("Max-Age=600;"), "{:?}", answer.headers);
    let claims = app.claims(&renewed(&answer).unwrap()).await;
    let age = claims.issued_at.unwrap().since(claims.authenticated_at.unwrap());
    assert_eq!(age, Duration::from_mins(12));
}

#[tokio::test]
async fn two_layers_set_one_cookie_and_a_guard_does_not_mind() {
    let app = App::new();
    let token = app.token("ada");
    app.clock.advance(12 * MINUTE);
    let renewal = app.login.renewal_layer().unwrap();
    let guarded = vestibule_login::GuardedRouter::new(&app.login)
        .guarded(Method::GET, "/admin", Requirement::permission("admin"), async || "in")
        .into_router()
        .layer(app.login.layer())
        .layer(renewal.clone())
        .layer(renewal)
        .with_state(());
    let twice = App { router: guarded, login: app.login.clone(), clock: Arc::clone(&app.clock) };
    let answer = twice.get("/admin", &token).await;
    assert_eq!(answer.body, "in");
    assert!(renewed(&answer).is_some());
}

#[test]
fn a_manager_without_a_cookie_has_nothing_to_renew() {
    let login = built(builder().locations([vestibule_login::Location::Header]).user_loader(find));
    let refused = login.renewal_layer().unwrap_err().to_string();
    assert!(refused.contains("a cookie among its places"), "{refused}");
}

#[tokio::test]
async fn a_renewal_by_hand_is_as_fresh_as_the_token_it_renews() {
    let app = App::new();
    let first = app.token(NewToken::of("ada").scopes(["read"]).claim("team", "blue").unwrap());
    let first = app.claims(&first).await;
    app.clock.advance(10 * MINUTE);
    let token = app.token(NewToken::renewing(&first));
    let second = app.claims(&token).await;
    assert_eq!(app.get("/page", &token).await.status, 200);
    assert_eq!(app.get("/fresh", &token).await.status, 401);
    assert_ne!(second.token_id, first.token_id);
    assert_eq!(second.login_id(), first.login_id());
    assert_eq!(second.expires_at, first.expires_at.plus(Duration::from_mins(10)));
    let said = |claims: &LoginClaims| {
        (claims.subject.clone(), claims.scopes.clone(), claims.authenticated_at, claims.custom.clone())
    };
    assert_eq!(said(&second), said(&first));
    // What nobody proved stays so.
    let unproved = app.claims(&app.token(NewToken::of("ada").not_fresh())).await;
    let renewed = app.claims(&app.token(NewToken::renewing(&unproved))).await;
    assert_eq!(renewed.authenticated_at, None);
}
