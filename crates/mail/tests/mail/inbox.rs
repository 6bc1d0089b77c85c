//! The inbox for developers, and no mail at all.

use serde_json::json;
use vestibule_core::{
    ports::mailer::Mailer as _,
    values::message::{Content, Message},
};
use vestibule_mail::{CAPACITY, Inbox, NoMail};

use crate::samples::{CODE, LINK, message, reset, templates};

#[tokio::test]
async fn letters_are_kept_as_they_would_have_arrived() {
    let inbox = Inbox::new(templates());
    inbox.deliver(&reset()).await.unwrap();
    inbox.deliver(&message(Content::PasswordChanged)).await.unwrap();
    let expected = templates().render(&reset()).unwrap();
    let shown = serde_json::to_value(inbox.letters()).unwrap();
    assert_eq!(
        shown[0],
        json!({
            "to": "Ada@example.com",
            "subject": expected.subject,
            "text": expected.text,
            "html": expected.html,
            "links": [LINK, "https://login.example.org"],
            "code": CODE,
        })
    );
    assert_eq!(
        (&shown[1]["links"], &shown[1]["code"]),
        (&json!(["https://login.example.org"]), &json!(null))
    );
    assert!(
        expected.html.contains(&format!("href=\"{LINK}\"")) && expected.html.contains(&format!(">{LINK}<"))
    );
    inbox.clear();
    assert_eq!(inbox.letters(), []);
}

#[tokio::test]
async fn the_newest_stay_oldest_first() {
    let inbox = Inbox::new(templates());
    for number in 0..CAPACITY + 2 {
        let to = format!("ada{number}@example.com");
        inbox.clone().deliver(&Message { to, ..reset() }).await.unwrap();
    }
    let letters = inbox.letters();
    assert_eq!(letters.len(), CAPACITY);
    assert_eq!(
        (letters[0].to.as_str(), letters[CAPACITY - 1].to.as_str()),
        ("ada2@example.com", "ada201@example.com")
    );
}

#[tokio::test]
async fn t55_an_inbox_does_not_print_what_is_in_it() {
    let inbox = Inbox::new(templates());
    inbox.deliver(&reset()).await.unwrap();
    let printed = format!("{inbox:?} {:?}", inbox.letters());
    assert!(!printed.contains("canary") && !printed.contains(CODE), "{printed}");
}

#[tokio::test]
async fn where_mail_is_off_no_message_waits() {
    NoMail.deliver(&reset()).await.unwrap();
}
