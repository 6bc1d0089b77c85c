//! What letters say.

use std::collections::HashSet;

use vestibule_core::values::{
    language::Language,
    message::{Content, Message},
};

use crate::samples::{CODE, LINK, all, message, templates};

#[test]
fn every_message_is_written_in_every_language() {
    let templates = templates();
    let mut subjects = HashSet::new();
    for message in all() {
        for language in Language::ALL {
            let letter = templates.render(&Message { language, ..message.clone() }).unwrap();
            assert!(subjects.insert(letter.subject.clone()), "{}", letter.subject);
            assert!(letter.html.contains(&format!("<html lang=\"{}\"", language.tag())));
            assert!(
                letter.html.contains(&format!("<title>{}</title>", letter.subject.replace('\'', "&#39;")))
            );
            for body in [&letter.text, &letter.html] {
                assert!(body.contains("Example") && body.contains("https://login.example.org"), "{body}");
                assert!(!body.contains("{{") && !body.contains("{%"), "{body}");
            }
            assert!(!letter.text.contains("none"), "{}", letter.text);
            for asset in ["<img", "<script", "src=", "url(", "@import", "<link"] {
                assert!(!letter.html.contains(asset), "{asset}");
            }
        }
    }
    assert_eq!(subjects.len(), Content::KINDS.len() * Language::ALL.len());
}

#[test]
fn an_invitation_shows_its_link_and_its_code_and_how_long_they_last() {
    for message in all().into_iter().filter(|message| message.content.invitation().is_some()) {
        for (language, lifetime) in
            Language::ALL.into_iter().zip(["2 hours", "2 Stunden", "2 heures", "2 horas"])
        {
            let letter = templates().render(&Message { language, ..message.clone() }).unwrap();
            assert!(
                letter.text.lines().any(|line| line == LINK) && letter.text.lines().any(|line| line == CODE)
            );
            assert!(
                letter.html.contains(&format!(">{LINK}</a>"))
                    && letter.html.contains(&format!(">{CODE}</p>"))
            );
            assert!(letter.text.contains(lifetime) && letter.html.contains(lifetime));
        }
    }
}

#[test]
fn letters_tell_what_happened_when_and_to_whom() {
    for (position, told) in [
        (2, &["Hello ada,", "1 March 2026, 01:00 UTC"][..]),
        (3, &["is now countess; until now it was ada", "1 March 2026"]),
        (4, &["is now countess@example.org", "1 March 2026"]),
        (5, &["Device: Firefox, Linux", "Network address: 192.0.2.1", "1 March 2026"]),
        (0, &["Asked for: 1 March 2026, 00:00 UTC, from the network address 192.0.2.2"]),
        (
            6,
            &[
                "its user name is ada",
                "Asked for: 1 March 2026, 00:00 UTC, from the network address 192.0.2.2",
            ],
        ),
    ] {
        let letter = templates().render(&all()[position]).unwrap();
        // Lines are broken somewhere.
        let text = letter.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for told in told {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    for content in [
        Content::UsernameChanged { old: None, new: "ada".into() },
        Content::NewDevice { address: "192.0.2.1".into(), user_agent: String::new() },
        Content::AlreadyRegistered { asked: None },
    ] {
        let letter = templates().render(&Message { username: None, ..message(content) }).unwrap();
        assert!(letter.text.starts_with("Hello,\n"), "{}", letter.text);
        assert!(!letter.text.contains("until now") && !letter.text.contains("Device:"), "{}", letter.text);
    }
}
