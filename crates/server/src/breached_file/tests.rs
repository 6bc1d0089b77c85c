use std::{collections::BTreeSet, fmt::Write as _};

use proptest::prelude::*;
use tempfile::NamedTempFile;
use vestibule::core::values::password::Password;

use super::*;

fn sha1(number: usize) -> PasswordSha1 {
    PasswordSha1::of(&Password::new(&number.to_string()))
}

fn hex(number: usize) -> String {
    hex_of(sha1(number).as_bytes())
}

fn hex_of(sha1: &Sha1) -> String {
    sha1.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02X}").unwrap();
        text
    })
}

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// The even numbers below `2 * count`, as Pwned Passwords would list them.
fn list(count: usize, ending: &str, times: impl Fn(usize) -> String) -> String {
    let sorted: BTreeSet<_> = (0..count).map(|number| hex(2 * number)).collect();
    let lines = sorted.iter().enumerate().map(|(at, hex)| [hex, &times(at), ending].concat());
    lines.collect::<Vec<_>>().concat()
}

fn refusal(text: &str) -> String {
    BreachedFile::open(file(text).path()).unwrap_err().to_string()
}

#[tokio::test]
async fn what_is_in_the_file_is_found_and_nothing_else() {
    for count in [1, 2, 3, 79, 80, 81, 2_000] {
        let written = file(&list(count, "\r\n", |at| format!(":{}", at * at)));
        let list = BreachedFile::open(written.path()).unwrap();
        for number in 0..2 * count {
            assert_eq!(list.contains(sha1(number)).await.unwrap(), number % 2 == 0, "{number} of {count}");
        }
    }
}

#[test]
fn the_spelling_of_the_lines_does_not_matter() {
    for text in [
        list(300, "\n", |_| String::new()),
        list(300, "\r\n", |_| String::new()),
        list(300, "\n", |at| format!(":{at}")).to_lowercase(),
        list(300, "\n", |_| ":1".into()).trim_end().to_owned(),
    ] {
        let written = file(&text);
        BreachedFile::open(written.path()).unwrap();
        let file = File::open(written.path()).unwrap();
        for number in 0..600 {
            assert_eq!(contains(&file, sha1(number).as_bytes()).unwrap(), number % 2 == 0, "{number}");
        }
    }
}

#[test]
fn what_cannot_be_searched_is_refused_with_a_sentence() {
    let sorted = list(5_000, "\r\n", |_| ":3".into());
    let mut lines: Vec<_> = sorted.lines().collect();
    lines.reverse();
    for (text, told) in [
        (String::new(), "at byte 0 no line begins with a SHA-1"),
        ("password1\npassword2\n".into(), "at byte 0 no line begins with a SHA-1"),
        (format!("{}Z:3\n", "0".repeat(39)), "at byte 0 no line begins with a SHA-1"),
        // NTLM, which is offered beside SHA-1.
        (format!("{}:3\n", "0".repeat(32)), "at byte 0 no line begins with a SHA-1"),
        (lines.join("\n"), "it is not sorted by hash"),
        (format!("{}\n{}\n", hex(0).max(hex(1)), hex(0).min(hex(1))), "it is not sorted by hash"),
        (format!("{}{}", sorted, "x".repeat(100_000)), "no line begins with a SHA-1"),
    ] {
        let refusal = refusal(&text);
        assert!(
            refusal.contains(told) && refusal.starts_with("passwords.breached_file names /"),
            "{refusal}"
        );
    }
    let nowhere = BreachedFile::open(Path::new("/nowhere")).unwrap_err().to_string();
    assert!(nowhere.contains("names /nowhere, but it cannot be read"), "{nowhere}");
    let folder = BreachedFile::open(Path::new("/")).unwrap_err().to_string();
    assert!(folder.contains("it is no file"), "{folder}");
}

#[tokio::test]
async fn a_file_that_is_emptied_gives_no_answer() {
    let written = file(&list(100, "\n", |_| ":1".into()));
    let list = BreachedFile::open(written.path()).unwrap();
    assert!(list.contains(sha1(0)).await.unwrap());
    std::fs::write(written.path(), "").unwrap();
    let error = list.contains(sha1(0)).await.unwrap_err().to_string();
    assert!(error.starts_with("the list of breached passwords gives no answer: at byte 0"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn who_gets_no_turn_is_told_so_in_time() {
    let written = file(&list(1, "\n", |_| String::new()));
    let list = BreachedFile::open(written.path()).unwrap();
    let turns = list.turns.acquire_many(u32::try_from(READERS).unwrap()).await.unwrap();
    let error = list.contains(sha1(0)).await.unwrap_err().to_string();
    assert!(error.contains("it did not answer in time"), "{error}");
    drop(turns);
    assert!(list.contains(sha1(0)).await.unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_search_agrees_with_a_set(
        hashes in prop::collection::btree_map(any::<[u8; 20]>(), any::<u64>(), 1..800),
        others in prop::collection::vec(any::<[u8; 20]>(), 20),
    ) {
        let lines = hashes.iter().map(|(sha1, count)| [hex_of(sha1), format!(":{count}\r\n")].concat());
        let text = lines.collect::<Vec<_>>().concat();
        let written = file(&text);
        let file = File::open(written.path()).unwrap();
        prop_assert!(check(&file).is_ok());
        for sha1 in hashes.keys() {
            prop_assert!(contains(&file, sha1).unwrap());
        }
        for sha1 in &others {
            prop_assert_eq!(contains(&file, sha1).unwrap(), hashes.contains_key(sha1));
        }
    }
}
