//! Where letters go, as far as the configuration decides it.

use serde_json::Value;

use crate::program::Folder;

fn in_production() -> Folder {
    Folder::new().with("VESTIBULE_PUBLIC_URL", "https://login.example.org")
}

#[test]
fn t30_production_says_where_letters_go() {
    for (folder, told) in [
        (in_production(), "smtp.host must be set in production"),
        (in_production().with("VESTIBULE_MAIL__MODE", "inbox"), "mail.mode=\"inbox\" is refused"),
        (in_production().with("VESTIBULE_SMTP__HOST", "smtp.example.org"), "smtp.from must be set"),
    ] {
        for command in [&["config", "check"][..], &["serve"]] {
            let ended = folder.run(command);
            assert_eq!(ended.code, 2, "{ended:?}");
            assert!(ended.stderr.contains(told), "{ended:?}");
        }
        assert!(!folder.path("vestibule-data").exists());
    }
    let right = in_production()
        .with("VESTIBULE_SMTP__HOST", "smtp.example.org")
        .with("VESTIBULE_SMTP__FROM", "login@example.org");
    assert_eq!(right.run(&["config", "check"]).code, 0);
}

#[test]
fn a_mistake_in_a_template_is_found_by_the_check_and_named() {
    let folder = Folder::new().with("VESTIBULE_MAIL__TEMPLATES_DIR", "mail");
    let check = || folder.run(&["config", "check"]);
    assert!(check().stderr.contains("mail.templates_dir: mail cannot be read"), "{:?}", check());
    std::fs::create_dir_all(folder.path("mail/reset_password")).unwrap();
    folder.write("mail/reset_password/de.txt", "{{ lnk }}");
    let ended = check();
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("the template reset_password/de.txt is refused"), "{ended:?}");
    folder.write("mail/reset_password/de.txt", "{{ link }}");
    assert_eq!(check().code, 0, "{:?}", check());
}

#[test]
fn t55_the_check_shows_no_password_of_the_mail_server() {
    let folder = Folder::new()
        .with("VESTIBULE_SMTP__HOST", "smtp.example.org")
        .with("VESTIBULE_SMTP__FROM", "login@example.org")
        .with("VESTIBULE_SMTP__USER", "vestibule")
        .with("VESTIBULE_SMTP__PASSWORD_FILE", "smtp_password");
    folder.write("smtp_password", "hunter2\n");
    let ended = folder.run(&["config", "check", "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let shown: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(shown["values"]["smtp.password"], "(set)");
    assert!(!ended.stdout.contains("hunter2"), "{ended:?}");
    let folder = folder.with("VESTIBULE_SMTP__TLS_CA_FILE", "nowhere.pem");
    let ended = folder.run(&["config", "check"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("smtp.tls_ca_file: nowhere.pem cannot be used"), "{ended:?}");
}
