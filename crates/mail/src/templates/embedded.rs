//! The templates that are part of the program.

macro_rules! file {
    ($($part:expr),+) => {
        (concat!($($part),+), include_str!(concat!("../../../../templates/mail/", $($part),+)))
    };
}

macro_rules! kinds {
    ($($kind:literal),+ $(,)?) => {
        [$(
            file!($kind, "/en.subject.txt"), file!($kind, "/en.txt"), file!($kind, "/en.html"),
            file!($kind, "/de.subject.txt"), file!($kind, "/de.txt"), file!($kind, "/de.html"),
            file!($kind, "/fr.subject.txt"), file!($kind, "/fr.txt"), file!($kind, "/fr.html"),
            file!($kind, "/es.subject.txt"), file!($kind, "/es.txt"), file!($kind, "/es.html"),
        )+]
    };
}

/// What several messages share.
const SHARED: [(&str, &str); 2] = [file!("layout.html"), file!("parts.html")];

const MESSAGES: [(&str, &str); 96] = kinds![
    "confirm_address",
    "reset_password",
    "password_changed",
    "username_changed",
    "address_changed",
    "new_device",
    "already_registered",
    "account_deletion",
];

/// The text of a template.
pub(super) fn find(name: &str) -> Option<&'static str> {
    SHARED.into_iter().chain(MESSAGES).find(|(known, _)| *known == name).map(|(_, text)| text)
}

/// The names of what several messages share.
pub(super) fn shared() -> impl Iterator<Item = &'static str> {
    SHARED.into_iter().map(|(name, _)| name)
}
