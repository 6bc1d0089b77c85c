//! The claims of an access token (RFC 9068) as we write them; they are read in `vestibule_token::access`.

use std::time::Duration;

use serde::Serialize;
pub use vestibule_token::{
    access::{AccessClaims, Expected},
    claims::{ACCESS_TOKEN_TYPE, BadClaims, Claims, is_of_type},
};

use crate::{
    policy::TokenPolicy,
    ports::clock::Timestamp,
    values::{account::Account, scope::Scopes, secret::time_ordered_id, session::SessionId},
};

/// The `client_id` of logins at our own routes.
const FIRST_PARTY: &str = "vestibule";
/// More than most claims sets take as JSON, so that writing one does not begin small and move.
const USUAL_LENGTH: usize = 768;
/// What permissions and scope may take together, so that the token fits into a cookie, in bytes.
const MAX_NAMES: usize = 1536;

/// What is said in an access token.
#[derive(Debug, Serialize)]
struct WrittenClaims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    jti: String,
    sid: String,
    scope: String,
    client_id: &'static str,
    auth_time: i64,
    id: String,
    username: Option<&'a str>,
    permissions: Vec<&'a str>,
    r#type: &'static str,
}

/// For whom and for what an access token is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant<'a> {
    pub(crate) account: &'a Account,
    pub(crate) session_id: SessionId,
    pub(crate) scope: &'a Scopes,
    pub(crate) authenticated_at: Timestamp,
}

impl Grant<'_> {
    /// The claims as JSON.
    pub(crate) fn to_json(
        self,
        policy: &TokenPolicy,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Vec<u8>, serde_json::Error> {
        let id = self.account.id.to_string();
        let scope = self.scope.to_string();
        let claims = WrittenClaims {
            iss: &policy.issuer,
            sub: id.clone(),
            aud: &policy.audience,
            exp: now.plus(ttl).as_seconds(),
            iat: now.as_seconds(),
            jti: time_ordered_id(now).to_string(),
            sid: self.session_id.to_string(),
            client_id: FIRST_PARTY,
            auth_time: self.authenticated_at.as_seconds(),
            id,
            username: self.account.username.as_deref(),
            permissions: fitting(&self.account.permissions, MAX_NAMES.saturating_sub(scope.len())),
            scope,
            r#type: "access",
        };
        let mut json = Vec::with_capacity(USUAL_LENGTH);
        serde_json::to_writer(&mut json, &claims)?;
        Ok(json)
    }
}

/// As many names as fit; a token that is cut short grants less, never more.
fn fitting(names: &Scopes, room: usize) -> Vec<&str> {
    let mut used = 0;
    let fits = |name: &&str| {
        used += name.len() + 3;
        used <= room
    };
    names.iter().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::account::AccountId;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);

    fn claims() -> Value {
        let account = Account {
            id: AccountId::new(NOW),
            email: "ada@example.com".into(),
            username: Some("ada".into()),
            full_name: None,
            active: true,
            confirmed: false,
            permissions: ["admin"].into_iter().collect(),
            created_at: NOW,
            last_login_at: None,
            stored_profile: None,
        };
        let scope = Scopes::read("write read");
        let grant = Grant {
            account: &account,
            session_id: SessionId::new(NOW),
            scope: &scope,
            authenticated_at: NOW,
        };
        let json = grant.to_json(&TokenPolicy::default(), NOW, Duration::from_mins(15)).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    fn read(claims: &Value) -> Result<AccessClaims, BadClaims> {
        AccessClaims::read(claims.to_string().as_bytes(), &TokenPolicy::default().expected(), NOW)
    }

    #[test]
    fn what_we_write_we_read() {
        let read = read(&claims()).unwrap();
        assert_eq!(read.scope.to_string(), "read write");
        assert_eq!(read.username.as_deref(), Some("ada"));
        assert!(read.permissions.contains("admin"));
        assert_eq!(read.expires_at.as_seconds(), 1_700_000_900);
        assert!(!read.is_expired(Duration::ZERO, Timestamp::from_millis(1_700_000_899_999)));
        assert!(read.is_expired(Duration::ZERO, Timestamp::from_millis(1_700_000_900_000)));
    }

    #[test]
    fn t38_a_missing_or_wrong_typed_claim_is_refused() {
        for name in
            ["exp", "iat", "sub", "iss", "aud", "jti", "sid", "scope", "auth_time", "permissions", "type"]
        {
            for wrong in [
                None,
                Some(json!(null)),
                Some(json!({})),
                Some(json!([1])),
                Some(json!(true)),
                Some(json!(1.5)),
            ] {
                let mut claims = claims();
                let object = claims.as_object_mut().unwrap();
                match &wrong {
                    None => object.remove(name),
                    Some(wrong) => object.insert(name.into(), wrong.clone()),
                };
                assert!(read(&claims).is_err(), "{name} = {wrong:?}");
            }
        }
        for (name, wrong) in [
            ("exp", json!("1700000900")),
            ("iat", json!("1700000000")),
            ("exp", json!(-1)),
            ("exp", json!(1e18)),
            ("sub", json!("somebody")),
            ("sid", json!("")),
            ("username", json!(1)),
            ("type", json!("refresh")),
        ] {
            let mut claims = claims();
            claims[name] = wrong.clone();
            assert_eq!(read(&claims).unwrap_err(), BadClaims::Claim(name), "{name} = {wrong}");
        }
    }

    #[test]
    fn a_token_for_somebody_else_or_another_time_is_refused() {
        for (name, value, refusal) in [
            ("iss", json!("http://127.0.0.1:8000/"), BadClaims::Issuer),
            ("aud", json!("other"), BadClaims::Audience),
            ("aud", json!([]), BadClaims::Audience),
            ("exp", json!(1_700_000_000), BadClaims::Expired),
            ("iat", json!(1_700_000_100), BadClaims::NotYetValid),
            ("nbf", json!(1_700_000_100), BadClaims::NotYetValid),
        ] {
            let mut claims = claims();
            claims[name] = value.clone();
            assert_eq!(read(&claims).unwrap_err(), refusal, "{name} = {value}");
        }
    }

    #[test]
    fn duplicate_claims_are_refused() {
        let json = claims().to_string().replacen('{', r#"{"sub":"x","#, 1);
        let read = AccessClaims::read(json.as_bytes(), &TokenPolicy::default().expected(), NOW);
        assert_eq!(read.unwrap_err(), BadClaims::Malformed);
    }

    #[test]
    fn names_that_do_not_fit_are_left_out() {
        let many: Scopes = (0..200).map(|number| format!("permission-{number:03}")).collect();
        let kept = fitting(&many, MAX_NAMES);
        assert!(!kept.is_empty() && kept.iter().map(|name| name.len() + 3).sum::<usize>() <= MAX_NAMES);
    }
}
