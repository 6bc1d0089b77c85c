//! One request over one connection, from an address of one's choice.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

/// A request.
pub(crate) struct Exchange {
    from: Ipv4Addr,
    head: String,
    body: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    body: String,
}

impl Exchange {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        // The proxies choose the site by its name.
        let head = format!("{method} {path} HTTP/1.1\r\nHost: login.example.org\r\nConnection: close\r\n");
        Self { from: Ipv4Addr::LOCALHOST, head, body: String::new() }
    }

    pub(crate) fn from(self, from: Ipv4Addr) -> Self {
        Self { from, ..self }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { head: format!("{}{name}: {value}\r\n", self.head), ..self }
    }

    pub(crate) fn body(self, body: &str) -> Self {
        let body = body.to_owned();
        Self { body, ..self }
    }

    fn text(&self) -> String {
        format!("{}Content-Length: {}\r\n\r\n{}", self.head, self.body.len(), self.body)
    }

    /// Sends it and reads until the other side closes.
    pub(crate) async fn at(self, address: SocketAddr) -> Answer {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((self.from, 0).into()).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        // Whoever refuses a body may close before it is sent; what it answered is still there to be read.
        let _ = stream.write_all(self.text().as_bytes()).await;
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        Answer::read(&received)
    }

    /// Sends it through `openssl s_client`, which trusts no certificate and goes on all the same.
    pub(crate) fn over_tls(self, address: SocketAddr) -> Answer {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "s_client",
            "-quiet",
            "-connect",
            &address.to_string(),
            "-servername",
            "login.example.org",
        ]);
        openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = openssl.spawn().expect("openssl is installed by `cargo xtask test`");
        process.stdin.as_mut().unwrap().write_all(self.text().as_bytes()).unwrap();
        Answer::read(&process.wait_with_output().unwrap().stdout)
    }
}

impl Answer {
    fn read(received: &[u8]) -> Self {
        let text = String::from_utf8_lossy(received);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|digits| digits.parse().ok());
        Self { status: status.expect("a status"), head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, wanted: &str) -> Option<String> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    }

    /// The stable code of a problem; empty where the answer is none.
    pub(crate) fn code(&self) -> String {
        let start = self.body.find('{').unwrap_or(self.body.len());
        let end = self.body.rfind('}').map_or(start, |end| end + 1);
        let problem: serde_json::Value = serde_json::from_str(&self.body[start..end]).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}
