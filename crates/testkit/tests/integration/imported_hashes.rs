//! Logging in with a password whose hash another system made.

use vestibule_testkit::TestApp;

use super::database;

/// Django 5.2's, of the password of its own tests.
const DJANGO: &str = "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=";
/// The same password's.
const BCRYPT: &str = "$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm";
const LETMEIN: &str = "lètmein";
/// Of seventy-two times `a`.
const LONG_BCRYPT: &str = "$2b$04$wQEFqFpGSGOdFTtlMDmLhuWpF2u/8GFMpZ2vdsY/dbtI98OceW78y";

async fn app_with_imported(stored: &str) -> TestApp {
    let app = TestApp::start().await;
    let _ada = app.client().registered("ada").await;
    let sql = format!("UPDATE account SET password_hash = '{stored}' WHERE username = ?1");
    database::change(&app, &sql, "ada");
    app
}

fn stored(app: &TestApp) -> String {
    database::text(app, "SELECT password_hash FROM account")
}

#[tokio::test]
async fn a_login_replaces_an_imported_hash_by_one_of_our_own() {
    for imported in [DJANGO, BCRYPT] {
        let app = app_with_imported(imported).await;
        let answer = app.client().log_in("ada", "letmein").await;
        let _ = answer.expect_problem(401, "invalid_credentials");
        assert_eq!(stored(&app), imported, "a wrong password changes nothing");

        let _ = app.client().log_in("ada", LETMEIN).await.expect(200);
        let replaced = stored(&app);
        assert!(replaced.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{replaced}");

        let _ = app.client().log_in("ada", LETMEIN).await.expect(200);
        assert_eq!(stored(&app), replaced, "it is replaced once");
        let answer = app.client().log_in("ada", "letmein").await;
        let _ = answer.expect_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn t36_after_the_first_login_all_of_a_long_password_counts() {
    let app = app_with_imported(LONG_BCRYPT).await;
    let (typed, other) = ("a".repeat(80), "a".repeat(90));
    let _ = app.client().log_in("ada", &typed).await.expect(200);
    assert!(stored(&app).starts_with("$argon2id$"));
    let _ = app.client().log_in("ada", &other).await.expect_problem(401, "invalid_credentials");
    let _ = app.client().log_in("ada", &typed).await.expect(200);
}

#[tokio::test]
async fn t37_a_hash_of_no_known_form_is_a_wrong_password() {
    for unknown in ["$2x$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm", "pbkdf2_sha256$é", "!"] {
        let app = app_with_imported(unknown).await;
        let _ = app.client().log_in("ada", LETMEIN).await.expect_problem(401, "invalid_credentials");
        assert_eq!(stored(&app), unknown);
    }
}
