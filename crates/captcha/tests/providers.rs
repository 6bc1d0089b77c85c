//! The four providers, asked over HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use serde_json::json;
use vestibule_captcha::{HostedCaptcha, HostedCaptchaOptions, Provider};
use vestibule_core::ports::captcha::{Captcha, CaptchaAction, CaptchaOutage, CaptchaVerdict};
use vestibule_egress::{Egress, EgressOptions, Guard};
use vestibule_testkit::siteverify::{Mood, SiteVerify};

/// Longer than any answer takes on a busy machine, unless there is none.
const PATIENCE: Duration = Duration::from_secs(20);

fn captcha(provider: Provider, url: &str, timeout: Duration) -> HostedCaptcha {
    let guard = Guard::default().with_loopback();
    let egress = Egress::new(EgressOptions { guard, ..EgressOptions::default() });
    let destination = egress.destination(url).unwrap();
    let options = HostedCaptchaOptions {
        provider,
        site_key: "public".into(),
        secret: "hunter2".to_owned().into(),
        hostnames: vec!["127.0.0.1".into()],
        min_score: 0.5,
        timeout,
    };
    HostedCaptcha::new(Arc::new(egress), destination, options)
}

async fn verify(captcha: &HostedCaptcha, token: &str) -> Result<CaptchaVerdict, CaptchaOutage> {
    captcha.verify(token, CaptchaAction::Register).await
}

#[tokio::test]
async fn each_provider_is_asked_once_and_told_no_more_than_it_needs() {
    for provider in Provider::ALL {
        let site = SiteVerify::start();
        let captcha = captcha(provider, &site.url(), PATIENCE);
        assert_eq!(verify(&captcha, "token+/=&").await.unwrap(), CaptchaVerdict::Passed);
        let mut expected = vec![("secret", "hunter2"), ("response", "token+/=&")];
        if provider == Provider::Hcaptcha {
            expected.push(("sitekey", "public"));
        }
        let expected: Vec<_> =
            expected.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(site.take_questions(), [expected]);
        // A token that was used, and one that never was any good.
        for token in ["token+/=&", "bad"] {
            assert!(matches!(verify(&captcha, token).await, Ok(CaptchaVerdict::Refused(_))), "{provider:?}");
        }
        let challenge = captcha.challenge();
        assert_eq!((challenge.provider, challenge.site_key.as_str()), (provider.as_str(), "public"));
        assert!(!format!("{captcha:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn what_was_solved_elsewhere_for_something_else_or_badly_does_not_count() {
    let site = SiteVerify::start();
    let mut asked = 0;
    for (facts, refusing) in [
        (json!({"hostname": "evil.example", "action": "register", "score": 0.9}), &Provider::ALL[..]),
        (json!({"action": "register", "score": 0.9}), &Provider::ALL[..]),
        (
            json!({"hostname": "127.0.0.1", "action": "login", "score": 0.9}),
            &[Provider::RecaptchaV3, Provider::Turnstile],
        ),
        (json!({"hostname": "127.0.0.1", "action": "register", "score": 0.3}), &[Provider::RecaptchaV3]),
    ] {
        site.set(Mood::Honest(facts.clone()));
        for provider in Provider::ALL {
            asked += 1;
            let captcha = captcha(provider, &site.url(), PATIENCE);
            let verdict = verify(&captcha, &format!("token{asked}")).await.unwrap();
            let is_refused = matches!(verdict, CaptchaVerdict::Refused(_));
            assert_eq!(is_refused, refusing.contains(&provider), "{provider:?}: {facts}");
        }
    }
}

/// Nothing that is no answer lets anybody pass, and nobody is asked again about a token that may be used up.
#[tokio::test]
async fn what_is_no_answer_is_an_outage_and_is_asked_for_once() {
    let site = SiteVerify::start();
    let good = json!({"success": true, "hostname": "127.0.0.1", "action": "register"}).to_string();
    for mood in [
        Mood::Says(500, good.clone()),
        Mood::Says(503, String::new()),
        Mood::Says(429, good.clone()),
        Mood::Says(302, good.clone()),
        Mood::Endless,
    ] {
        site.set(mood.clone());
        let captcha = captcha(Provider::Turnstile, &site.url(), PATIENCE);
        let outcome = verify(&captcha, "token").await;
        assert!(matches!(outcome, Err(CaptchaOutage::Away(_))), "{mood:?}: {outcome:?}");
        assert_eq!(site.take_questions().len(), 1, "{mood:?}");
    }
    // Whether that is for this token alone, nobody knows.
    for body in ["<html>", "", "{\"success\": false, \"error-codes\": [\"internal-error\"]}"] {
        site.set(Mood::Says(200, body.into()));
        let outcome = verify(&captcha(Provider::Turnstile, &site.url(), PATIENCE), "token").await;
        assert!(matches!(outcome, Err(CaptchaOutage::Unclear(_))), "{body}: {outcome:?}");
        assert_eq!(site.take_questions().len(), 1, "{body}");
    }
    site.set(Mood::Silent);
    let impatient = captcha(Provider::Turnstile, &site.url(), Duration::from_millis(300));
    assert!(matches!(verify(&impatient, "token").await, Err(CaptchaOutage::Away(_))));
    let url = site.url();
    drop(site);
    let alone = captcha(Provider::Turnstile, &url, PATIENCE);
    let outage = verify(&alone, "canary").await.unwrap_err();
    assert!(!outage.to_string().contains("canary") && !outage.to_string().contains("hunter2"), "{outage}");
}

#[tokio::test]
async fn a_secret_that_the_provider_refuses_is_ours_to_mend() {
    let site = SiteVerify::start();
    site.set(Mood::Says(200, "{\"success\": false, \"error-codes\": [\"invalid-input-secret\"]}".into()));
    for provider in Provider::ALL {
        let outcome = verify(&captcha(provider, &site.url(), PATIENCE), "token").await;
        assert!(matches!(outcome, Err(CaptchaOutage::Misconfigured(_))), "{provider:?}");
    }
}

/// Each provider's own address is one that the guard lets through.
#[test]
fn providers_are_on_the_internet() {
    let egress = Egress::new(EgressOptions::default());
    for provider in Provider::ALL {
        assert!(egress.destination(provider.verify_url()).is_ok());
        assert_eq!(Provider::read(provider.as_str()), Some(provider));
    }
}
