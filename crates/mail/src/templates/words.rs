//! Moments, spans and devices as people say them.

use std::time::Duration;

use time::{Month, OffsetDateTime};
use vestibule_core::{ports::clock::Timestamp, values::language::Language};

const DAY: u64 = 24 * 60;
const HOUR: u64 = 60;
/// A longer name of a program is none.
const MAX_PROGRAM: usize = 40;

/// A moment to the minute, in UTC.
pub(super) fn moment(language: Language, at: Timestamp) -> String {
    let Ok(moment) = OffsetDateTime::from_unix_timestamp(at.as_seconds()) else { return at.to_rfc3339() };
    let (day, year, month) = (moment.day(), moment.year(), month(language, moment.month()));
    let time = format!("{:02}:{:02}", moment.hour(), moment.minute());
    match language {
        Language::German => format!("{day}. {month} {year}, {time} Uhr UTC"),
        Language::French if day == 1 => format!("1er {month} {year}, {time} UTC"),
        Language::English | Language::French => format!("{day} {month} {year}, {time} UTC"),
        Language::Spanish => format!("{day} de {month} de {year}, {time} UTC"),
    }
}

fn month(language: Language, month: Month) -> &'static str {
    let [english, german, french, spanish] = match month {
        Month::January => ["January", "Januar", "janvier", "enero"],
        Month::February => ["February", "Februar", "février", "febrero"],
        Month::March => ["March", "März", "mars", "marzo"],
        Month::April => ["April", "April", "avril", "abril"],
        Month::May => ["May", "Mai", "mai", "mayo"],
        Month::June => ["June", "Juni", "juin", "junio"],
        Month::July => ["July", "Juli", "juillet", "julio"],
        Month::August => ["August", "August", "août", "agosto"],
        Month::September => ["September", "September", "septembre", "septiembre"],
        Month::October => ["October", "Oktober", "octobre", "octubre"],
        Month::November => ["November", "November", "novembre", "noviembre"],
        Month::December => ["December", "Dezember", "décembre", "diciembre"],
    };
    match language {
        Language::English => english,
        Language::German => german,
        Language::French => french,
        Language::Spanish => spanish,
    }
}

/// A span in the largest unit that leaves a whole number; rounded down to minutes, so that nobody is promised more.
///
/// In German it stands after a preposition with the accusative.
pub(super) fn span(language: Language, span: Duration) -> String {
    let minutes = (span.as_secs() / 60).max(1);
    let (count, unit) = match minutes {
        // 24 hours are said so; from two days on, people count days.
        minutes if minutes >= 2 * DAY && minutes.is_multiple_of(DAY) => (minutes / DAY, 0),
        minutes if minutes.is_multiple_of(HOUR) => (minutes / HOUR, 1),
        minutes => (minutes, 2),
    };
    let [one, many] = match (language, unit) {
        (Language::English, 0) => ["day", "days"],
        (Language::English, 1) => ["hour", "hours"],
        (Language::German, 0) => ["Tag", "Tage"],
        (Language::German, 1) => ["Stunde", "Stunden"],
        (Language::German, _) => ["Minute", "Minuten"],
        (Language::French, 0) => ["jour", "jours"],
        (Language::French, 1) => ["heure", "heures"],
        (Language::English | Language::French, _) => ["minute", "minutes"],
        (Language::Spanish, 0) => ["día", "días"],
        (Language::Spanish, 1) => ["hora", "horas"],
        (Language::Spanish, _) => ["minuto", "minutos"],
    };
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A browser and a system where a user agent names them; else the name of the program, or nothing.
///
/// Whoever logged in has written it, and the letter goes to somebody else: only what cannot become a link is repeated.
pub(super) fn device(user_agent: &str) -> String {
    // The order matters: most claim to be their predecessors too.
    let find = |marks: &[(&str, &'static str)]| {
        marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser = find(&[
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = find(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => program(user_agent).to_owned(),
    }
}

fn program(user_agent: &str) -> &str {
    let name = user_agent.split(['/', ' ']).next().unwrap_or_default();
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_name && name.len() <= MAX_PROGRAM { name } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_in_each_language() {
        let at = Timestamp::from_millis(1_772_326_800_000);
        let said = Language::ALL.map(|language| moment(language, at));
        assert_eq!(
            said,
            [
                "1 March 2026, 01:00 UTC",
                "1. März 2026, 01:00 Uhr UTC",
                "1er mars 2026, 01:00 UTC",
                "1 de marzo de 2026, 01:00 UTC",
            ]
        );
    }

    #[test]
    fn a_moment_out_of_the_calendar_is_still_said() {
        assert!(!moment(Language::English, Timestamp::from_millis(i64::MAX)).is_empty());
    }

    #[test]
    fn spans_are_counted_in_whole_units() {
        for (seconds, said) in [
            (7200, ["2 hours", "2 Stunden", "2 heures", "2 horas"]),
            (86_400, ["24 hours", "24 Stunden", "24 heures", "24 horas"]),
            (172_800, ["2 days", "2 Tage", "2 jours", "2 días"]),
            (3600, ["1 hour", "1 Stunde", "1 heure", "1 hora"]),
            (5400, ["90 minutes", "90 Minuten", "90 minutes", "90 minutos"]),
            (119, ["1 minute", "1 Minute", "1 minute", "1 minuto"]),
            (0, ["1 minute", "1 Minute", "1 minute", "1 minuto"]),
        ] {
            assert_eq!(Language::ALL.map(|language| span(language, Duration::from_secs(seconds))), said);
        }
    }

    #[test]
    fn devices_have_the_names_that_people_know() {
        for (user_agent, said) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/143.0 Safari/537.36 Edg/143.0",
                "Edge, Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/143.0 Mobile Safari/537.36",
                "Chrome, Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari, iPhone",
            ),
            ("curl/8.14.1", "curl"),
            ("my-app (https://evil.example)", "my-app"),
            ("https://evil.example/reset", ""),
            ("evil.example/reset", ""),
            ("a\r\nb\u{202e}c", ""),
            ("", ""),
        ] {
            assert_eq!(device(user_agent), said);
        }
        assert_eq!(device(&"x".repeat(MAX_PROGRAM + 1)), "");
    }
}
