//! A connection to the mail server, encrypted as asked for and logged in.

use lettre::transport::smtp::{
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, AsyncTokioStream},
    extension::ClientId,
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{
    Encryption, SmtpOptions, SmtpStartError,
    encrypted::Encrypted,
    envelope,
    failure::{Reply, SmtpError},
    trust,
};

/// A line of a reply has 512 octets at most (RFC 5321 §4.5.3.1.5); extensions may be more generous.
const MAX_LINE: u64 = 4096;
/// No server offers as many extensions.
const MAX_LINES: usize = 128;

/// Connects, as often as it is asked to.
pub(super) struct Dialler {
    host: String,
    port: u16,
    hello: ClientId,
    security: Security,
    credentials: Option<Credentials>,
}

enum Security {
    None,
    StartTls(TlsConnector, ServerName<'static>),
    Tls(TlsConnector, ServerName<'static>),
}

impl Dialler {
    pub(super) fn new(options: &SmtpOptions) -> Result<Self, SmtpStartError> {
        let security = match options.encryption {
            Encryption::None => Security::None,
            Encryption::StartTls => {
                Security::StartTls(trust::connector(options)?, trust::server_name(options)?)
            }
            Encryption::Tls => Security::Tls(trust::connector(options)?, trust::server_name(options)?),
        };
        let login = options.login.clone();
        let credentials = login.map(|login| Credentials::new(login.user, login.password.to_string()));
        let hello = ClientId::Domain(envelope::domain(&options.from).to_owned());
        Ok(Self { host: options.host.clone(), port: options.port, hello, security, credentials })
    }

    /// Connects. How long that may take is the caller's affair.
    pub(super) async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(SmtpError::Unreachable)?;
        // Commands are short, and each waits for its answer.
        stream.set_nodelay(true).map_err(SmtpError::Unreachable)?;
        let stream: Box<dyn AsyncTokioStream> = match &self.security {
            Security::None => Box::new(stream),
            Security::StartTls(connector, name) => {
                let stream = self.start_tls(stream).await?;
                let stream = connector.connect(name.clone(), stream).await.map_err(SmtpError::Tls)?;
                Box::new(Encrypted::greeted(stream))
            }
            Security::Tls(connector, name) => {
                let stream = connector.connect(name.clone(), stream).await.map_err(SmtpError::Tls)?;
                Box::new(Encrypted::new(stream))
            }
        };
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &self.hello)
            .await
            .map_err(|error| SmtpError::answered(&error, SmtpError::Unwelcome))?;
        self.log_in(&mut connection).await?;
        Ok(connection)
    }

    async fn log_in(&self, connection: &mut AsyncSmtpConnection) -> Result<(), SmtpError> {
        let Some(credentials) = &self.credentials else { return Ok(()) };
        let outcome = connection.auth(DEFAULT_MECHANISMS, credentials).await;
        outcome.map(|_| ()).map_err(|error| {
            if error.is_client() {
                SmtpError::NoMechanism
            } else {
                SmtpError::answered(&error, SmtpError::LoginRefused)
            }
        })
    }

    /// Speaks in plain text until the server is ready for TLS, and with nothing of it left to read.
    async fn start_tls(&self, stream: TcpStream) -> Result<TcpStream, SmtpError> {
        let mut stream = BufReader::new(stream);
        expect(&mut stream, "220", SmtpError::Unwelcome).await?;
        say(&mut stream, &format!("EHLO {}\r\n", self.hello)).await?;
        let offered = expect(&mut stream, "250", SmtpError::Unwelcome).await?;
        if !offered.iter().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
            return Err(SmtpError::NoStartTls);
        }
        say(&mut stream, "STARTTLS\r\n").await?;
        expect(&mut stream, "220", SmtpError::StartTlsRefused).await?;
        // CVE-2011-0411: read on, it would count as said by the server under TLS.
        if !stream.buffer().is_empty() {
            return Err(SmtpError::Injected);
        }
        Ok(stream.into_inner())
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> Result<(), SmtpError> {
    stream.write_all(line.as_bytes()).await.map_err(|_| SmtpError::Broken)
}

/// Reads a reply with this code and gives the text of its lines; another code is a refusal.
async fn expect(
    stream: &mut BufReader<TcpStream>,
    code: &str,
    refused: fn(Reply) -> SmtpError,
) -> Result<Vec<String>, SmtpError> {
    let mut texts = Vec::new();
    while texts.len() < MAX_LINES {
        let mut line = Vec::new();
        let read = (&mut *stream).take(MAX_LINE).read_until(b'\n', &mut line).await;
        if read.map_err(|_| SmtpError::Broken)? == 0 {
            return Err(SmtpError::Broken);
        }
        let line = String::from_utf8(line).map_err(|_| SmtpError::Garbled)?;
        let (found, rest) = line.split_at_checked(3).ok_or(SmtpError::Garbled)?;
        if !line.ends_with('\n') || !found.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SmtpError::Garbled);
        }
        let text = rest.get(1..).unwrap_or_default().trim();
        if found != code {
            return Err(refused(Reply::new(found, text)));
        }
        texts.push(text.to_owned());
        if !rest.starts_with('-') {
            return Ok(texts);
        }
    }
    Err(SmtpError::Garbled)
}
