//! What a client does at Vestibule's own routes, over HTTP, where the application has mounted them.

use serde_json::json;

use super::{PASSWORD, TestClient, Tokens};
use crate::answer::TestAnswer;

impl TestClient {
    /// Registers and logs in under a prefix, where Vestibule is mounted at one.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Registers `name`, with [`PASSWORD`] and the address `name@example.com`, and is logged in by cookie.
    ///
    /// # Panics
    /// Where the application refuses.
    pub async fn registered(self, name: &str) -> Self {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "username": name, "password1": PASSWORD, "password2": PASSWORD});
        self.post(&self.place("/api/users/register")).json(&body).await.assert_status(200);
        self
    }

    /// Logs `name` in by cookie.
    ///
    /// # Panics
    /// Where the application refuses.
    pub async fn logged_in(self, name: &str) -> Self {
        self.log_in(name, PASSWORD).await.assert_status(200);
        self
    }

    /// Tries to log in by cookie.
    pub async fn log_in(&self, name: &str, password: &str) -> TestAnswer {
        self.post(&self.place("/api/users/login")).json(&json!({"login": name, "password": password})).await
    }

    /// Exchanges the refresh token of the cookie for new cookies, as a page does whose access token has expired.
    pub async fn refresh(&self) -> TestAnswer {
        self.post(&self.place("/api/users/token/refresh")).await
    }

    /// Logs `name` in at the token endpoint.
    ///
    /// # Panics
    /// Where the application refuses.
    pub async fn tokens(&self, name: &str) -> Tokens {
        let form = [("username", name), ("password", PASSWORD)];
        let answer = self.post(&self.place("/api/v1/token")).form(&form).await.assert_status(200);
        Tokens { access: answer.member("access_token"), refresh: answer.member("refresh_token") }
    }

    fn place(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}
