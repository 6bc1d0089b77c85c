//! When keys are fetched, and how long they verify.

use std::time::Duration;

use serde_json::json;
use vestibule_verifier::{BuildError, Health, Rejected, Verifier, VerifyError};

use crate::issuer::{Answer, Issuer, Key};

const MINUTE: Duration = Duration::from_mins(1);

fn is_rejected<T>(verified: &Result<T, VerifyError>) -> bool {
    matches!(verified, Err(VerifyError::Rejected(_)))
}

#[tokio::test]
async fn the_first_token_waits_for_the_keys() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.builder().build().unwrap();
    let claims = verifier.verify(&key.token(&issuer.claims())).await.unwrap();
    assert_eq!(claims.username.as_deref(), Some("ada"));
    assert!(claims.has_scopes(["orders:read"]) && !claims.has_scopes(["orders"]));
    assert_eq!((issuer.asked(), verifier.health()), (1, Health::Ready));
}

#[tokio::test]
async fn keys_are_fetched_before_they_are_old_and_nobody_waits_for_it() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.verifier().await;
    let token = key.token(&issuer.claims());
    issuer.clock.advance(Duration::from_millis(59_999));
    let _ = verifier.verify(&token).await.unwrap();
    assert_eq!(issuer.asked(), 1);
    issuer.clock.advance(Duration::from_millis(1));
    issuer.close().await;
    let _ = verifier.verify(&token).await.unwrap();
    let _ = verifier.verify(&token).await.unwrap();
    issuer.open();
    verifier.refresh().await.unwrap();
    assert_eq!(issuer.asked(), 2, "the refresh joined the fetch under way");
}

#[tokio::test]
async fn the_background_fetches_without_any_token() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer
        .builder()
        .refresh_every(Duration::from_millis(200))
        .unknown_kid_pause(Duration::ZERO)
        .build()
        .unwrap();
    verifier.refresh().await.unwrap();
    let before = issuer.asked();
    issuer.clock.advance(MINUTE);
    wait_until(|| issuer.asked() > before).await;

    drop(verifier);
    // The test's own, and nobody's: the background work has ended.
    wait_until(|| issuer.shares() == 1).await;
}

async fn wait_until(is_so: impl Fn() -> bool) {
    let patience = tokio::time::timeout(MINUTE, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    patience.await.unwrap();
}

#[tokio::test]
async fn a_new_key_verifies_at_once_and_a_withdrawn_one_until_the_next_refresh() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let issuer = Issuer::of(&[&old]);
    let verifier = issuer.verifier().await;
    let (by_old, by_new) = (old.token(&issuer.claims()), new.token(&issuer.claims()));
    let _ = verifier.verify(&by_old).await.unwrap();
    issuer.clock.advance(Duration::from_secs(2));
    issuer.publish(&[&new, &old]);
    let _ = verifier.verify(&by_new).await.unwrap();
    let _ = verifier.verify(&by_old).await.unwrap();
    assert_eq!(issuer.asked(), 2);

    issuer.publish(&[&new]);
    issuer.clock.advance(Duration::from_millis(119_999));
    // Within the bound the remembered one is answered while the keys are fetched; at the bound it waits for them.
    issuer.close().await;
    let _ = verifier.verify(&by_old).await.unwrap();
    issuer.open();
    verifier.refresh().await.unwrap();
    assert!(is_rejected(&verifier.verify(&by_old).await), "a token that was remembered");
    let _ = verifier.verify(&by_new).await.unwrap();
}

#[tokio::test]
async fn after_a_quiet_night_no_token_is_verified_with_yesterdays_keys() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let issuer = Issuer::of(&[&old]);
    let verifier = issuer.verifier().await;
    let by_old = old.token(&issuer.claims());
    let _ = verifier.verify(&by_old).await.unwrap();
    issuer.publish(&[&new]);
    issuer.clock.advance(MINUTE * 2);
    assert!(is_rejected(&verifier.verify(&by_old).await));
}

/// T40 (CVE-2018-0114): a kid is a name to look up, and looking up made-up ones costs the issuer next to nothing.
#[tokio::test]
async fn t40_made_up_kids_cannot_make_us_hammer_the_issuer() {
    let (key, stranger) = (Key::new("one"), Key::new("made up"));
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.verifier().await;
    let claims = issuer.claims().to_string();
    let garbage = |number: usize| {
        let mut header = stranger.header();
        header["kid"] = json!(format!("../../{number}'; DROP TABLE keys"));
        stranger.sign(&header, claims.as_bytes())
    };
    for round in 1..=3 {
        issuer.clock.advance(Duration::from_secs(2));
        for number in 0..50 {
            assert!(is_rejected(&verifier.verify(&garbage(number)).await));
        }
        assert_eq!(issuer.asked(), 1 + round);
    }

    issuer.clock.advance(Duration::from_secs(2));
    issuer.close().await;
    let crowd: Vec<_> = (0..64)
        .map(|number| {
            let (verifier, token) = (verifier.clone(), garbage(number));
            tokio::spawn(async move { is_rejected(&verifier.verify(&token).await) })
        })
        .collect();
    wait_until(|| issuer.asked() == 5).await;
    issuer.open();
    for one in crowd {
        assert!(one.await.unwrap());
    }
    assert_eq!(issuer.asked(), 5, "one fetch for all of them");
    // Nothing of it has hurt anybody else.
    let _ = verifier.verify(&key.token(&issuer.claims())).await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_a_token_of_ours_asks_nobody() {
    let (key, stranger) = (Key::new("one"), Key::new("made up"));
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.verifier().await;
    issuer.clock.advance(Duration::from_secs(30));
    let mut token = stranger.token(&issuer.claims());
    for header in [
        json!({"alg": "HS256", "typ": "at+jwt", "kid": "x"}),
        json!({"alg": "none", "typ": "at+jwt", "kid": "x"}),
        json!({"alg": "EdDSA", "typ": "JWT", "kid": "x"}),
        json!({"alg": "EdDSA", "typ": "at+jwt"}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "x".repeat(129)}),
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "x", "jku": "https://evil.example"}),
    ] {
        assert!(is_rejected(&verifier.verify(&stranger.sign(&header, b"{}")).await), "{header}");
    }
    token.truncate(100);
    assert!(is_rejected(&verifier.verify(&token).await));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn only_the_named_algorithms_are_accepted() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.builder().algorithms([vestibule_verifier::Algorithm::Es256]).build().unwrap();
    assert!(is_rejected(&verifier.verify(&key.token(&issuer.claims())).await));

    // T39: a public key in the set must never become an HMAC secret, and a secret has no business there.
    let secret = json!({"keys": [{"kty": "oct", "k": "A".repeat(43), "kid": "one", "alg": "HS256"}]});
    issuer.set(Answer::Document(secret.to_string().into_bytes()));
    let verifier = issuer.verifier().await;
    assert!(is_rejected(&verifier.verify(&key.token(&issuer.claims())).await));
}

#[tokio::test]
async fn an_expired_token_is_refused_although_it_is_remembered() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.builder().leeway(Duration::from_secs(5)).build().unwrap();
    let token = key.token(&issuer.claims());
    let _ = verifier.verify(&token).await.unwrap();
    issuer.clock.advance(Duration::from_secs(904));
    verifier.refresh().await.unwrap();
    let _ = verifier.verify(&token).await.unwrap();
    issuer.clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        let refused = verifier.verify(&token).await.unwrap_err();
        let expired = Rejected::Claims(vestibule_token::claims::BadClaims::Expired);
        assert_eq!(refused, VerifyError::Rejected(expired));
    }
}

/// T59 (Duende CVE-2024-51987): what is shared between requests never answers one caller with another's claims.
#[tokio::test]
async fn t59_nobody_gets_anothers_claims() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.verifier().await;
    let tokens: Vec<(String, String)> = (0..20)
        .map(|_| {
            let claims = issuer.claims();
            (claims["sub"].as_str().unwrap().to_owned(), key.token(&claims))
        })
        .collect();
    let crowd: Vec<_> = (0..400)
        .map(|number: usize| {
            let (verifier, (subject, token)) = (verifier.clone(), tokens[number % tokens.len()].clone());
            tokio::spawn(
                async move { verifier.verify(&token).await.unwrap().account_id.to_string() == subject },
            )
        })
        .collect();
    for one in crowd {
        assert!(one.await.unwrap());
    }
    // Not even to a token that differs in what is not signed.
    let (_, token) = &tokens[0];
    assert!(is_rejected(&verifier.verify(&format!("{token}=")).await));
}

#[tokio::test]
async fn a_verifier_that_remembers_nothing_verifies_as_well() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.builder().cached_tokens(0).build().unwrap();
    let token = key.token(&issuer.claims());
    for _ in 0..3 {
        let _ = verifier.verify(&token).await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_was_turned_back_does_not_keep_old_keys() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let issuer = Issuer::of(&[&old]);
    let verifier = issuer.verifier().await;
    issuer.publish(&[&new]);
    issuer.clock.turn_back(Duration::from_hours(5));
    assert!(is_rejected(&verifier.verify(&old.token(&issuer.claims())).await));
    let _ = verifier.verify(&new.token(&issuer.claims())).await.unwrap();
}

#[tokio::test]
async fn numbers_that_contradict_each_other_are_refused() {
    let issuer = Issuer::of(&[]);
    let builder = || issuer.builder();
    for unsound in [
        builder().refresh_every(Duration::ZERO),
        builder().timeout(Duration::ZERO),
        builder().stale_for(Duration::from_secs(119)),
        builder().unknown_kid_pause(Duration::from_secs(61)),
    ] {
        assert!(matches!(unsound.build(), Err(BuildError::Spans)));
    }
    for algorithms in [vec![], vec![vestibule_verifier::Algorithm::Hs256]] {
        assert!(matches!(builder().algorithms(algorithms).build(), Err(BuildError::Algorithms)));
    }
}

#[test]
fn without_a_runtime_there_is_no_verifier() {
    let built = Verifier::builder("https://login.example").build();
    assert!(matches!(built, Err(BuildError::NoRuntime)));
}
