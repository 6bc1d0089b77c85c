//! A small HTTP client: one connection a request, so that no test depends on another's.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A password that follows the rules.
pub(crate) const PASSWORD: &str = "correct horse battery 9";

#[derive(Clone, Copy)]
pub(crate) struct Client {
    address: SocketAddr,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// A member of the answer that is a text.
    pub(crate) fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("{name}: {self:?}")).to_owned()
    }

    /// The cookies it sets, as a request sends them.
    pub(crate) fn cookies(&self) -> String {
        let set = self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        set.map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
    }
}

/// The tokens of a login.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Client {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Sends a request; an error where the server is gone.
    pub(crate) async fn try_send(
        self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header("host", self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let (parts, body) = answer.into_parts();
        let text = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
        Ok(Answer { status: parts.status, headers: parts.headers, text })
    }

    pub(crate) async fn get(self, path: &str) -> Answer {
        self.try_send(Method::GET, path, &[], String::new()).await.unwrap()
    }

    pub(crate) async fn get_as(self, path: &str, access: &str) -> Answer {
        let bearer = format!("Bearer {access}");
        self.try_send(Method::GET, path, &[("authorization", &bearer)], String::new()).await.unwrap()
    }

    pub(crate) async fn post(self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    pub(crate) async fn try_post(
        self,
        path: &str,
        body: &Value,
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let headers = [("content-type", "application/json")];
        self.try_send(Method::POST, path, &headers, body.to_string()).await
    }

    pub(crate) async fn post_as(self, path: &str, access: &str) -> Answer {
        let bearer = format!("Bearer {access}");
        self.try_send(Method::POST, path, &[("authorization", &bearer)], String::new()).await.unwrap()
    }

    /// Makes an account without logging in.
    pub(crate) async fn register(self, name: &str) -> Answer {
        self.post("/api/v1/users", &account(name)).await
    }

    /// Logs in with the OAuth2 form.
    pub(crate) async fn log_in(self, name: &str, password: &str) -> Answer {
        let password = password.replace(' ', "+");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let form = format!("username={name}&password={password}");
        self.try_send(Method::POST, "/api/v1/token", &headers, form).await.unwrap()
    }

    pub(crate) async fn tokens(self, name: &str) -> Tokens {
        let answer = self.log_in(name, PASSWORD).await;
        Tokens { access: answer.member("access_token"), refresh: answer.member("refresh_token") }
    }

    pub(crate) async fn refresh(self, token: &str) -> Answer {
        self.post("/api/users/token/refresh", &json!({ "refresh_token": token })).await
    }
}

/// The body that registers `name`.
pub(crate) fn account(name: &str) -> Value {
    json!({ "email": format!("{name}@people.example"), "username": name, "password": PASSWORD })
}
