use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Profile {
    name: String,
    #[serde(default)]
    newsletter: bool,
    #[serde(default)]
    colour: Option<Colour>,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    flags: BTreeMap<String, bool>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Link {
    url: String,
}

impl AccountProfile for Profile {
    fn normalise(&mut self) {
        self.name = self.name.trim().to_owned();
    }

    fn validate(&self) -> Result<(), Vec<ProfileViolation>> {
        if self.name.is_empty() {
            return Err(vec![ProfileViolation::new("name", "name_empty", "Say who you are")]);
        }
        Ok(())
    }
}

fn admit<P: AccountProfile>(sent: Value) -> Result<String, ProfileRefusal> {
    let Value::Object(sent) = sent else { panic!("no object") };
    RulesOf::<P>::default().admit(sent)
}

#[test]
fn what_the_type_writes_is_kept_and_nothing_else() {
    let text =
        admit::<Profile>(json!({"name": "  Ada ", "confirmed": true, "permissions": ["admin"]})).unwrap();
    assert_eq!(text, r#"{"name":"Ada","newsletter":false,"colour":null,"links":[],"flags":{}}"#);
    let read: Profile = read(&text).unwrap();
    assert_eq!(read.name, "Ada");
}

#[test]
fn what_does_not_fit_is_named_and_not_repeated() {
    use MisfitKind::{Invalid, Missing, WrongType};
    let long = "k".repeat(65);
    for (sent, field, kind) in [
        (json!({}), "profile.name", Missing),
        (json!({"name": null}), "profile.name", WrongType),
        (json!({"name": 7}), "profile.name", WrongType),
        (json!({"name": "a", "newsletter": "secret"}), "profile.newsletter", WrongType),
        (json!({"name": "a", "colour": "secret"}), "profile.colour", Invalid),
        (json!({"name": "a", "links": [{"url": "x"}, {"url": 5}]}), "profile.links[1].url", WrongType),
        (json!({"name": "a", "links": [{}]}), "profile.links[0].url", Missing),
        (json!({"name": "a", "links": {}}), "profile.links", WrongType),
        (json!({"name": "a", "flags": {"<script>": 1}}), "profile.flags", WrongType),
        (json!({"name": "a", "flags": {long: 1}}), "profile.flags", WrongType),
    ] {
        let refusal = admit::<Profile>(sent.clone()).unwrap_err();
        let ProfileRefusal::Misfit(misfit) = &refusal else { panic!("{sent}: {refusal}") };
        assert_eq!((misfit.field.as_str(), misfit.kind), (field, kind), "{sent}");
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    }
}

#[test]
fn broken_rules_are_the_applications() {
    let refusal = admit::<Profile>(json!({"name": " "})).unwrap_err();
    let ProfileRefusal::Rules(rules) = refusal else { panic!("{refusal}") };
    assert_eq!(rules, [RuleViolation::new("profile.name", "name_empty", "Say who you are")]);
}

#[test]
fn a_profile_has_an_end() {
    let frame = admit::<Profile>(json!({"name": "a"})).unwrap().len() - 1;
    let fits = json!({"name": "x".repeat(MAX_PROFILE - frame)});
    assert_eq!(admit::<Profile>(fits).unwrap().len(), MAX_PROFILE);
    let refusal = admit::<Profile>(json!({"name": "x".repeat(MAX_PROFILE - frame + 1)})).unwrap_err();
    let ProfileRefusal::Rules(rules) = refusal else { panic!("{refusal}") };
    assert_eq!((rules[0].field.as_ref(), rules[0].code), ("profile", "profile_too_long"));
}

#[derive(Serialize, Deserialize)]
struct Crooked {
    #[serde(rename(serialize = "written", deserialize = "read"))]
    name: String,
}
impl AccountProfile for Crooked {}

#[derive(Serialize, Deserialize)]
#[serde(from = "Map<String, Value>", into = "Vec<u8>")]
#[derive(Clone)]
struct NoObject;
impl AccountProfile for NoObject {}
impl From<Map<String, Value>> for NoObject {
    fn from(_: Map<String, Value>) -> Self {
        Self
    }
}
impl From<NoObject> for Vec<u8> {
    fn from(_: NoObject) -> Self {
        Self::new()
    }
}

#[derive(Serialize, Deserialize)]
struct Moody {}
impl AccountProfile for Moody {
    fn validate(&self) -> Result<(), Vec<ProfileViolation>> {
        Err(Vec::new())
    }
}

#[test]
fn a_type_that_cannot_be_used_is_the_authors_fault() {
    for (refused, cause) in [
        (
            admit::<Crooked>(json!({"read": "secret"})),
            "does not read what it writes: profile.read is missing",
        ),
        (admit::<NoObject>(json!({})), "something else than an object"),
        (admit::<Moody>(json!({})), "without a rule"),
    ] {
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(cause) && !said.contains("secret"), "{said}");
    }
}

#[test]
fn what_older_versions_stored_is_shown_as_it_is_today() {
    let rules = RulesOf::<Profile>::default();
    let shown = rules.show(r#"{"name":"Ada","gone":1}"#).unwrap();
    assert_eq!(shown, r#"{"name":"Ada","newsletter":false,"colour":null,"links":[],"flags":{}}"#);
    let misfit = rules.show(r#"{"newsletter":true}"#).unwrap_err();
    assert_eq!(misfit.to_string(), "profile.name is missing");
    assert_eq!(rules.show_absent(), None);
    assert_eq!(RulesOf::<Moody>::default().show_absent().as_deref(), Some("{}"));
    assert!(rules.are_of(TypeId::of::<Profile>()) && !rules.are_of(TypeId::of::<Moody>()));
}
