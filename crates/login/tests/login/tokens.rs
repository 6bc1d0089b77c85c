//! Tokens: what is in them, how long they live, which are refused.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use serde_json::{Value, json};
use vestibule_login::{
    Algorithm, Location, LoginConfigError, LoginManager, NewToken, SigningKey, TokenError,
    cookies::UnfitCookie,
    token::{clock::Timestamp, jws},
};

use super::app::{
    SECRET, START, TurnedClock, User, builder, built, find, get, manager, routes, send, with_token,
};

fn secret_key() -> SigningKey {
    SigningKey::from_secret(SECRET.as_bytes()).unwrap()
}

fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&jws::verify(token, secret_key().verifying()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_says_what_it_was_given_and_nothing_registered_by_others() {
    let login = manager();
    let token = NewToken::of("ada").scopes(["write", "read", "read"]).session("s1").claim("team", 7).unwrap();
    let token = login.create_access_token(token).unwrap();
    let claims = claims_of(token.expose());
    let seconds = START / 1000;
    for (name, value) in [
        ("iss", json!("https://app.example")),
        ("aud", json!("https://app.example")),
        ("sub", json!("ada")),
        ("iat", json!(seconds)),
        ("exp", json!(seconds + 900)),
        ("auth_time", json!(seconds)),
        ("scope", json!("read write")),
        ("sid", json!("s1")),
        ("type", json!("access")),
        ("team", json!(7)),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert!(claims["jti"].is_string());
    let header = jws::Parts::read(token.expose()).unwrap();
    assert_eq!((header.typ(), header.kid().is_some()), (Some("at+jwt"), true));
}

#[tokio::test]
async fn a_lifetime_is_any_and_zero_is_expired_now() {
    let clock = TurnedClock::new();
    let login = built(builder().clock(Arc::clone(&clock) as _).user_loader(find));
    let app = routes().with_state(login.clone());
    let make = |lifetime| login.create_access_token(NewToken::of("ada").lifetime(lifetime)).unwrap();
    let (zero, usual, long) = (
        make(Duration::ZERO),
        login.create_access_token("ada").unwrap(),
        make(Duration::from_hours(24 * 365)),
    );
    let brief = make(Duration::from_millis(1));
    let status = async |token: &str| send(&app, with_token("/required", token)).await.status;
    assert_eq!(status(zero.expose()).await, 401, "expired now, without leeway");
    assert_eq!(status(brief.expose()).await, 200);
    clock.advance(899_999);
    assert_eq!(status(usual.expose()).await, 200);
    clock.advance(1);
    assert_eq!(status(usual.expose()).await, 401);
    assert_eq!(status(long.expose()).await, 200);
    let forever = login.create_access_token(NewToken::of("ada").lifetime(Duration::MAX));
    assert!(matches!(forever, Err(TokenError::Lifetime)));
}

#[tokio::test]
async fn a_manager_has_its_own_lifetime_and_leeway() {
    let clock = TurnedClock::new();
    let builder = builder().clock(Arc::clone(&clock) as _).lifetime(Duration::from_mins(1));
    let login = built(builder.leeway(Duration::from_secs(10)).user_loader(find));
    let token = login.create_access_token("ada").unwrap();
    assert_eq!(token.lifetime(), Duration::from_mins(1));
    clock.advance(69_999);
    assert!(login.verify(token.expose()).await.is_ok());
    clock.advance(1);
    assert!(login.verify(token.expose()).await.is_err());
}

#[tokio::test]
async fn a_cookie_lives_as_long_as_its_token_and_is_deleted_as_it_was_set() {
    let clock = TurnedClock::new();
    let login = built(builder().clock(Arc::clone(&clock) as _).user_loader(find));
    let token = login.create_access_token(NewToken::of("ada").lifetime(Duration::from_secs(100))).unwrap();
    let set = |login: &LoginManager<User>| {
        let mut headers = HeaderMap::new();
        login.set_cookie(&mut headers, &token).unwrap();
        headers["set-cookie"].to_str().unwrap().replace(token.expose(), "T")
    };
    let attributes = "Path=/; Max-Age=100; HttpOnly; SameSite=Lax; Secure";
    assert_eq!(set(&login), format!("__Host-access_token=T; {attributes}"));
    clock.advance(30_000);
    assert!(set(&login).contains("Max-Age=70;"), "{}", set(&login));
    clock.advance(100_000);
    assert!(set(&login).contains("Max-Age=0;"), "{}", set(&login));
    let mut headers = HeaderMap::new();
    login.delete_cookie(&mut headers).unwrap();
    assert_eq!(
        headers["set-cookie"],
        attributes.replace("100", "0").replace("Path", "__Host-access_token=; Path").as_str()
    );
}

/// While a cookie gets another name, the old one is still looked at: left behind, it would undo a logout.
#[tokio::test]
async fn a_logout_deletes_the_cookies_of_every_name() {
    let names = ["session", "old"].map(|name| Location::Cookie(name.into()));
    let login = built(builder().locations(names).user_loader(find));
    let token = login.create_access_token("ada").unwrap();
    let old = format!("__Host-old={}", token.expose());
    let app = routes().with_state(login.clone());
    let request = get("/required").header("cookie", &old).body(Body::empty()).unwrap();
    assert_eq!(send(&app, request).await.body, "ada");
    let deleted = |headers: &HeaderMap| {
        let cookies = headers.get_all("set-cookie").iter();
        cookies
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut headers = HeaderMap::new();
    login.delete_cookie(&mut headers).unwrap();
    assert_eq!(deleted(&headers), ["__Host-session=", "__Host-old="]);
    // One that will never be a login again goes by itself, wherever it was.
    let request = get("/required").header("cookie", "__Host-old=a.b.c").body(Body::empty()).unwrap();
    assert!(deleted(&send(&app, request).await.headers).contains(&"__Host-old=".to_owned()));
}

/// Browsers drop `__Host-` and `__Secure-` cookies without `Secure`, and say nothing.
#[test]
fn a_prefix_of_a_cookies_name_is_there_only_with_secure() {
    let cookie_of = |url: &str, name: &str| {
        let places = [Location::Cookie(name.into())];
        let login = builder().public_url(url).locations(places).user_loader(find).build()?;
        let token = login.create_access_token("ada").unwrap();
        let mut headers = HeaderMap::new();
        login.set_cookie(&mut headers, &token).unwrap();
        let cookie = headers["set-cookie"].to_str().unwrap();
        Ok::<_, LoginConfigError>(cookie.split('=').next().unwrap().to_owned())
    };
    let (tls, loopback) = ("https://app.example", "http://127.0.0.1:3000");
    assert_eq!(cookie_of(tls, "__Host-session").unwrap(), "__Host-session");
    assert_eq!(cookie_of(loopback, "__Host-session").unwrap(), "session");
    assert!(matches!(cookie_of(loopback, "__Secure-session"), Err(LoginConfigError::LocationName(_))));
    for url in [tls, loopback] {
        assert!(matches!(cookie_of(url, "__Host-"), Err(LoginConfigError::LocationName(_))), "{url}");
    }
}

#[tokio::test]
async fn without_tls_on_loopback_cookies_are_plain() {
    let builder = builder().public_url("http://127.0.0.1:3000");
    let cookie = vestibule_login::Location::Cookie("session".into());
    let login = built(builder.locations([cookie]).user_loader(find));
    let token = login.create_access_token("ada").unwrap();
    let mut headers = HeaderMap::new();
    login.set_cookie(&mut headers, &token).unwrap();
    let cookie = headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("session=") && !cookie.contains("Secure"), "{cookie}");
    let request = get("/required").header("cookie", cookie.split(';').next().unwrap());
    let answer = send(&routes().with_state(login), request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.body, "ada");
}

#[tokio::test]
async fn no_token_lasts_that_fits_nowhere() {
    let login = manager();
    let huge = NewToken::of("ada").claim("x", "x".repeat(10_000)).unwrap();
    assert!(matches!(login.create_access_token(huge), Err(TokenError::TooLong)));
    let large = login.create_access_token(NewToken::of("ada").claim("x", "x".repeat(3200)).unwrap()).unwrap();
    let refusal = login.set_cookie(&mut HeaderMap::new(), &large).unwrap_err();
    assert_eq!(refusal, UnfitCookie::TooLong, "browsers drop it without a word");
    assert!(matches!(login.create_access_token(""), Err(TokenError::NoSubject)));
}

/// CVE-2026-25537 and its kind: every claim through every extractor.
#[tokio::test]
async fn t38_t39_a_claim_that_is_wrong_is_a_bad_token_to_every_extractor() {
    let login = manager();
    let app = routes().with_state(login.clone());
    let good = login.create_access_token(NewToken::of("ada").session("s")).unwrap();
    let good = claims_of(good.expose());
    let sign = |claims: &Value| secret_key().sign(claims.to_string().as_bytes()).unwrap();
    assert_eq!(send(&app, with_token("/required", &sign(&good))).await.body, "ada");
    let wrong = [json!(null), json!({}), json!([1]), json!(true), json!(1.5), json!("")];
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "scope", "auth_time", "type"] {
        for value in &wrong {
            if matches!(name, "jti" | "sid" | "scope") && *value == json!("") {
                continue;
            }
            let mut claims = good.clone();
            claims[name] = value.clone();
            let token = sign(&claims);
            for (route, status) in [("/required", 401), ("/optional", 401), ("/lenient", 200)] {
                let answer = send(&app, with_token(route, &token)).await;
                assert_eq!(answer.status, status, "{name} = {value} at {route}: {}", answer.body);
                assert_ne!(answer.body, "ada", "{name} = {value} at {route}");
            }
        }
    }
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "scope", "type"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(send(&app, with_token("/required", &sign(&claims))).await.status, 401, "no {name}");
    }
    for (name, value) in [
        ("exp", json!("1700000900")),
        ("iat", json!("1700000000")),
        ("exp", json!(-1)),
        ("exp", json!(1e18)),
        ("iat", json!(START / 1000 + 60)),
        ("nbf", json!(START / 1000 + 60)),
        ("nbf", json!("0")),
        ("iss", json!("https://app.example/")),
        ("aud", json!("https://other.example")),
        ("aud", json!([])),
        ("scope", json!(["read"])),
        ("type", json!("refresh")),
    ] {
        let mut claims = good.clone();
        claims[name] = value.clone();
        assert_eq!(send(&app, with_token("/required", &sign(&claims))).await.status, 401, "{name} = {value}");
    }
    let doubled = good.to_string().replacen('{', "{\"sub\":\"eve\",", 1);
    let doubled = secret_key().sign(doubled.as_bytes()).unwrap();
    assert_eq!(send(&app, with_token("/required", &doubled)).await.status, 401);
}

/// CVE-2015-9235, CVE-2024-33663: algorithm confusion and `none`.
#[tokio::test]
async fn t39_t40_the_key_fixes_the_algorithm() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let public = key.jwk()["x"].as_str().unwrap().to_owned();
    let kid = key.kid().to_owned();
    let login = LoginManager::from_key(key).clock(TurnedClock::new()).user_loader(find).build().unwrap();
    let app = routes().with_state(login.clone());
    let good = login.create_access_token("ada").unwrap();
    assert_eq!(send(&app, with_token("/required", good.expose())).await.body, "ada");
    let (_, rest) = good.expose().split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    for header in [
        json!({"alg":"none","typ":"at+jwt","kid":kid}),
        json!({"alg":"None","typ":"at+jwt","kid":kid}),
        json!({"alg":"nOnE","typ":"at+jwt","kid":kid}),
        json!({"alg":"HS256","typ":"at+jwt","kid":kid}),
        json!({"alg":"ES256","typ":"at+jwt","kid":kid}),
        json!({"alg":"EdDSA","typ":"at+jwt"}),
        json!({"alg":"EdDSA","typ":"at+jwt","kid":"other"}),
        json!({"alg":"EdDSA","typ":"at+jwt","kid":kid,"crit":["exp"]}),
        json!({"alg":"EdDSA","typ":"at+jwt","kid":kid,"jwk":{"kty":"OKP","crv":"Ed25519","x":public}}),
        json!({"alg":"EdDSA","typ":"JWT","kid":kid}),
    ] {
        for signature in ["", signature] {
            let token = format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()));
            assert_eq!(send(&app, with_token("/required", &token)).await.status, 401, "{header}");
        }
    }
    // The public key as an HMAC secret.
    let forged = SigningKey::from_secret(format!("{public}{public}").as_bytes()).unwrap();
    let forged = forged.sign(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(send(&app, with_token("/required", &forged)).await.status, 401);
}

#[tokio::test]
async fn every_kind_of_key_makes_and_reads_tokens() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let pem = SigningKey::generate(algorithm).unwrap().pem().to_vec();
        let login = LoginManager::from_pem(&pem).user_loader(find).build().unwrap();
        let token = login.create_access_token("ada").unwrap();
        assert_eq!(login.current_user(token.expose()).await.unwrap().name, "ada", "{algorithm:?}");
    }
}

/// Files as `openssl pkcs8 -topk8` writes them: PBES2 with PBKDF2 or scrypt, AES of either length.
#[cfg(feature = "encrypted-pem")]
#[tokio::test]
async fn an_encrypted_key_needs_its_password() {
    let ed25519 = include_str!("../../../token/src/signing/encrypted_test_key.pem");
    let (rsa, scrypt, pbkdf2) = (
        include_str!("../keys/rs256.pem"),
        include_str!("../keys/es256.pem"),
        include_str!("../keys/es256-pbkdf2.pem"),
    );
    for (pem, password, algorithm) in [
        (ed25519, "open sesame", "EdDSA"),
        (rsa, "a quiet garden", "RS256"),
        (scrypt, "zwölf Boxkämpfer", "ES256"),
        (pbkdf2, "twelve boxers", "ES256"),
    ] {
        let login = LoginManager::from_encrypted_pem(pem, password).user_loader(find).build().unwrap();
        let token = login.create_access_token("ada").unwrap();
        assert_eq!(login.current_user(token.expose()).await.unwrap().name, "ada", "{algorithm}");
        let header = token.expose().split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        assert_eq!(header["alg"], algorithm);
        // The key is the same at the next start.
        let again = LoginManager::from_encrypted_pem(pem, password).user_loader(find).build().unwrap();
        assert!(again.verify(token.expose()).await.is_ok(), "{algorithm}");
        for wrong in ["wrong", "", &password.to_uppercase()] {
            let refused = LoginManager::from_encrypted_pem(pem, wrong).user_loader(find).build().unwrap_err();
            assert_eq!(
                refused.to_string(),
                "the signing key cannot be used: it cannot be decrypted with this password",
                "{algorithm}"
            );
        }
        let plain = LoginManager::from_pem(pem).user_loader(find).build().unwrap_err().to_string();
        assert!(plain.contains("it is encrypted; read it with its password"), "{plain}");
    }
}

#[tokio::test]
async fn a_previous_key_verifies_and_signs_no_more() {
    let old = manager();
    let token = old.create_access_token("ada").unwrap();
    let rotated = |builder: vestibule_login::LoginManagerBuilder<()>| {
        built(builder.public_url("https://app.example").clock(TurnedClock::new()).user_loader(find))
    };
    let other = "another thirty-two bytes, for the new one";
    let new = rotated(LoginManager::from_secret(other).previous_secret(SECRET));
    assert!(new.verify(token.expose()).await.is_ok());
    let fresh = new.create_access_token("ada").unwrap();
    assert!(new.verify(fresh.expose()).await.is_ok());
    assert!(old.verify(fresh.expose()).await.is_err(), "the old key has not signed it");
    let forgotten = rotated(LoginManager::from_secret(other));
    assert!(forgotten.verify(token.expose()).await.is_err());
    let twice = LoginManager::from_secret(SECRET).previous_secret(SECRET).user_loader(find).build();
    assert!(twice.is_err(), "two keys of one name");
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let pem = key.pem().to_vec();
    let es256 = LoginManager::from_key(key).user_loader(find).build().unwrap();
    let token = es256.create_access_token("ada").unwrap();
    let new = LoginManager::from_key(SigningKey::generate(Algorithm::EdDsa).unwrap()).previous_pem(pem);
    assert!(new.user_loader(find).build().unwrap().verify(token.expose()).await.is_ok());
}

#[test]
fn what_cannot_work_is_refused_with_a_sentence() {
    use vestibule_login::{Answer, Location};
    let secret = || LoginManager::from_secret(SECRET);
    let cases: Vec<(vestibule_login::LoginManagerBuilder<()>, &str)> = vec![
        (LoginManager::from_secret(""), "the secret is empty"),
        (LoginManager::from_secret("short"), "the secret has 5 bytes"),
        (LoginManager::from_secret(" ".repeat(64)), "the secret is only white space"),
        (LoginManager::from_pem("no key"), "the signing key cannot be used"),
        (secret().previous_secret("short"), "the secret has 5 bytes"),
        (secret().previous_pem("no key"), "the signing key cannot be used"),
        (secret().public_url("app.example"), "the public URL is none"),
        (secret().locations([]), "no place to look for tokens"),
        (secret().locations([Location::Cookie("a b".into())]), "`a b` cannot be the name"),
        (secret().locations([Location::Cookie(String::new())]), "`` cannot be the name"),
        (secret().locations([Location::Query(String::new())]), "`` cannot be the name"),
        (secret().unauthenticated(Answer::redirect("//evil.example")), "no page of this application"),
        (secret().out_of_scope(Answer::redirect("https://evil.example")), "no page of this application"),
        (secret().issuer(""), "must have 1 to 200 characters"),
        (secret().login_type("a\"b"), "must have 1 to 200 characters"),
    ];
    for (builder, sentence) in cases {
        let error = builder.user_loader(find).build().unwrap_err().to_string();
        assert!(error.contains(sentence), "{sentence}: {error}");
    }
}

#[tokio::test]
async fn two_managers_live_in_one_process_and_do_not_share_tokens() {
    let one = manager();
    let two = LoginManager::from_secret("other thirty-two bytes that nobody else knows");
    let two = two.clock(TurnedClock::new()).user_loader(find).build().unwrap();
    let token = one.create_access_token("ada").unwrap();
    assert!(one.verify(token.expose()).await.is_ok());
    assert!(two.verify(token.expose()).await.is_err());
    // The same secret, but another application.
    let other = built(builder().public_url("https://other.example").user_loader(find));
    assert!(other.verify(token.expose()).await.is_err());
}

#[tokio::test]
async fn a_token_of_another_type_of_login_is_refused_and_told_so() {
    let customers = built(builder().login_type("customer").user_loader(find));
    let staff = built(builder().login_type("staff").user_loader(find));
    let token = customers.create_access_token("ada").unwrap();
    let shop = routes().with_state(customers);
    let office = routes().with_state(staff);
    assert_eq!(send(&shop, with_token("/required", token.expose())).await.body, "ada");
    let refused = send(&office, with_token("/required", token.expose())).await;
    assert_eq!((refused.status, refused.code()), (401, "invalid_token".into()));
    assert!(refused.body.contains("one of type `staff` is expected"), "{}", refused.body);
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains("a token of type staff is expected"), "{challenge}");
}

#[tokio::test]
async fn a_token_does_not_print() {
    let token = manager().create_access_token("ada").unwrap();
    assert!(!format!("{token:?} {:?}", vestibule_login::TokenResponse::of(&token)).contains(token.expose()));
    assert_eq!(token.expires_at(), Timestamp::from_millis(START + 900_000));
}

#[tokio::test]
async fn has_scopes_asks_a_token() {
    let login = manager();
    let token = login.create_access_token(NewToken::of("ada").scopes(["read", "write"])).unwrap();
    assert!(login.has_scopes(token.expose(), ["read"]).await.unwrap());
    assert!(login.has_scopes(token.expose(), ["read", "write"]).await.unwrap());
    assert!(!login.has_scopes(token.expose(), ["read", "admin"]).await.unwrap());
    assert!(!login.has_scopes("a.b.c", [] as [&str; 0]).await.unwrap(), "a bad token has none");
    assert!(login.has_scopes(token.expose(), [] as [&str; 0]).await.unwrap());
}

#[tokio::test]
async fn a_manager_without_a_cookie_says_that_it_has_none() {
    let login = built(builder().locations([Location::Header]).user_loader(find));
    let token = login.create_access_token("ada").unwrap();
    let refusal = login.set_cookie(&mut HeaderMap::new(), &token).unwrap_err();
    assert_eq!(refusal, UnfitCookie::NoCookieLocation);
    assert_eq!(login.delete_cookie(&mut HeaderMap::new()), Err(UnfitCookie::NoCookieLocation));
    assert!(refusal.to_string().contains("LoginManagerBuilder::locations"));
}
