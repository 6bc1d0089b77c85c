//! Templates from a folder.

use std::{fs, path::Path};

use tempfile::TempDir;
use vestibule_core::values::{language::Language, message::Message};
use vestibule_mail::{TemplateError, Templates};

use crate::samples::{LINK, all, reset, site};

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<Templates, String> {
    Templates::load(site(), Some(folder)).map_err(|error| error.to_string())
}

#[test]
fn one_file_replaces_one_file() {
    let folder = folder(&[("reset_password/en.subject.txt", "Ahoy\n  {{ username }}\r\nBcc: x\n")]);
    let templates = load(folder.path()).unwrap();
    let letter = templates.render(&reset()).unwrap();
    assert_eq!(letter.subject, "Ahoy ada Bcc: x");
    assert!(letter.text.contains("somebody asked") || letter.text.contains("Somebody asked"));
    let german = templates.render(&Message { language: Language::German, ..reset() }).unwrap();
    assert!(german.subject.contains("Passwort"));
}

#[test]
fn one_layout_changes_all_letters_and_may_include_others() {
    let layout = "<html lang=\"{{ language }}\">{% include \"brand.html\" %}{% block heading %}{% endblock %}\
                  {% block content %}{% endblock %}</html>";
    let folder =
        folder(&[("layout.html", layout), ("brand.html", "<b>Ours & {{ site_name }}</b>"), (".git/x", "")]);
    let templates = load(folder.path()).unwrap();
    for message in all() {
        let html = templates.render(&message).unwrap().html;
        assert!(html.contains("<b>Ours & Example</b>") && !html.contains("<style"), "{html}");
    }
    assert!(templates.render(&reset()).unwrap().html.contains(LINK));
}

#[test]
fn mistakes_are_found_at_the_start_and_named() {
    for (name, text, told) in [
        ("reset_password/de.txt", "{{ lnk }} {{ code }}", &["reset_password/de.txt", "undefined"][..]),
        ("reset_password/de.txt", "{% if %}", &["reset_password/de.txt", "syntax error"]),
        ("reset_password/de.txt", "Ahoy", &["reset_password/de.txt", "neither {{ link }} nor {{ code }}"]),
        ("confirm_address/fr.html", "Ahoy", &["confirm_address/fr.html", "neither"]),
        ("reset_password/es.subject.txt", " \n", &["reset_password/es.subject.txt", "says nothing"]),
        ("new_device/en.html", "{% extends \"mine.html\" %}", &["new_device/en.html", "mine.html"]),
        ("username_changed/en.txt", "{{ old_name|upper|first|frst }}", &["username_changed/en.txt", "frst"]),
        ("reset_password/it.txt", "Ahoy", &["reset_password/it.txt belongs to no message"]),
        ("reset_password/en.subjct.txt", "Ahoy", &["reset_password/en.subjct.txt belongs to no message"]),
        ("reset_pasword/en.txt", "Ahoy", &["reset_pasword belongs to no message"]),
        ("layout.html", "{% block", &["layout.html", "syntax error"]),
    ] {
        let folder = folder(&[(name, text)]);
        let refusal = load(folder.path()).unwrap_err();
        for told in told {
            assert!(refusal.contains(told), "{told}: {refusal}");
        }
    }
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let refusal = Templates::load(site(), Some(Path::new("/nowhere"))).unwrap_err();
    assert!(matches!(refusal, TemplateError::Unreadable { .. }), "{refusal}");
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("reset_password")).unwrap();
    fs::write(folder.path().join("reset_password/en.txt"), b"\xff").unwrap();
    assert!(load(folder.path()).unwrap_err().contains("en.txt cannot be read"));
    fs::remove_file(folder.path().join("reset_password/en.txt")).unwrap();
    assert!(load(folder.path()).is_ok());
}
