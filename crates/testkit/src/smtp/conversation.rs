//! One connection, from the greeting to the end.

use std::{io, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time,
};
use tokio_rustls::TlsAcceptor;

use super::{Conduct, Encryption, Letter, PASSWORD, SmtpServerBuilder, USER, ledger::Ledger};

/// What every connection must know.
#[derive(Clone)]
pub(super) struct Conversation {
    pub(super) builder: SmtpServerBuilder,
    pub(super) acceptor: TlsAcceptor,
    pub(super) ledger: Arc<Ledger>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Conversation {
    pub(super) async fn hold(self, stream: TcpStream) {
        self.ledger.connected();
        // Either side may hang up whenever it likes.
        let _ = self.try_hold(stream).await;
    }

    async fn try_hold(self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        if self.builder.encryption == Encryption::Tls {
            let stream = self.acceptor.accept(stream).await?;
            let mut session = Session::new(&self, Box::new(stream), true);
            session.greet().await?;
            return session.listen().await.map(|_| ());
        }
        let mut plain = Session::new(&self, Box::new(stream), false);
        plain.greet().await?;
        let Some(stream) = plain.listen().await? else { return Ok(()) };
        let stream = self.acceptor.accept(stream).await?;
        Session::new(&self, Box::new(stream), true).listen().await.map(|_| ())
    }
}

struct Session<'a> {
    conversation: &'a Conversation,
    stream: BufReader<Box<dyn Stream>>,
    is_encrypted: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

impl<'a> Session<'a> {
    fn new(conversation: &'a Conversation, stream: Box<dyn Stream>, is_encrypted: bool) -> Self {
        let stream = BufReader::new(stream);
        Self { conversation, stream, is_encrypted, user: None, from: None, to: Vec::new() }
    }

    fn conduct(&self) -> Conduct {
        self.conversation.ledger.conduct()
    }

    async fn say(&mut self, reply: &str) -> io::Result<()> {
        if let Conduct::Slow(delay) = self.conduct() {
            time::sleep(delay).await;
        }
        self.stream.write_all(reply.as_bytes()).await?;
        self.stream.write_all(b"\r\n").await?;
        self.stream.flush().await
    }

    async fn greet(&mut self) -> io::Result<()> {
        match self.conduct() {
            Conduct::RefuseClient => self.say("554 5.3.2 no mail is taken here").await,
            Conduct::Babble => self.say("SSH-2.0-OpenSSH_10.0").await,
            _ => self.say("220 localhost ESMTP of tests").await,
        }
    }

    /// A line without its end; `None` at the end of the stream.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.strip_suffix("\r\n").ok_or(io::ErrorKind::InvalidData)?.to_owned();
        self.conversation.ledger.heard(&line, self.is_encrypted);
        Ok(Some(line))
    }

    /// Answers commands until the end, or gives the stream that is to be encrypted.
    async fn listen(mut self) -> io::Result<Option<Box<dyn Stream>>> {
        while let Some(line) = self.line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.introduce().await?,
                "STARTTLS" if self.start_tls().await? => return Ok(Some(self.stream.into_inner())),
                "STARTTLS" => {}
                "AUTH" => self.log_in(rest).await?,
                "MAIL" => self.mail_from(rest).await?,
                "RCPT" => self.recipient(rest).await?,
                "DATA" => {
                    if !self.data().await? {
                        return Ok(None);
                    }
                }
                "RSET" | "NOOP" => self.say("250 2.0.0 as you like").await?,
                "QUIT" => {
                    self.say("221 2.0.0 goodbye").await?;
                    return Ok(None);
                }
                _ => self.say("502 5.5.1 no such command").await?,
            }
        }
        Ok(None)
    }

    async fn introduce(&mut self) -> io::Result<()> {
        let builder = &self.conversation.builder;
        let offers_tls = !self.is_encrypted && builder.encryption != Encryption::None;
        let start_tls = if offers_tls { "250-STARTTLS\r\n" } else { "" };
        let mechanisms = builder.mechanisms;
        self.say(&format!("250-localhost\r\n{start_tls}250-8BITMIME\r\n250 AUTH {mechanisms}")).await
    }

    /// Whether the client may begin with TLS.
    async fn start_tls(&mut self) -> io::Result<bool> {
        match self.conversation.builder.encryption {
            Encryption::StartTls if !self.is_encrypted => {
                self.say("220 2.0.0 go ahead").await?;
                Ok(true)
            }
            Encryption::InjectedStartTls => {
                self.say("220 2.0.0 go ahead\r\n250-injected\r\n250 AUTH PLAIN").await?;
                Ok(true)
            }
            Encryption::LyingStartTls => {
                self.say("220 2.0.0 go ahead").await?;
                self.say("250 2.0.0 what did you want to say?").await?;
                Ok(false)
            }
            _ => {
                self.say("454 4.7.0 not now").await?;
                Ok(false)
            }
        }
    }

    async fn log_in(&mut self, rest: &str) -> io::Result<()> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let told = match mechanism {
            "PLAIN" => decoded(initial),
            "LOGIN" => {
                self.say("334 VXNlcm5hbWU6").await?;
                let user = self.line().await?.unwrap_or_default();
                self.say("334 UGFzc3dvcmQ6").await?;
                let password = self.line().await?.unwrap_or_default();
                format!("\0{}\0{}", decoded(&user), decoded(&password))
            }
            _ => return self.say("504 5.5.4 no such mechanism").await,
        };
        if told == format!("\0{USER}\0{PASSWORD}") {
            self.user = Some(USER.to_owned());
            self.say("235 2.7.0 welcome").await
        } else {
            self.say(&format!("535 5.7.8 who is {told:?}?")).await
        }
    }

    async fn mail_from(&mut self, rest: &str) -> io::Result<()> {
        if self.conduct() == Conduct::Busy {
            return self.say("421 4.3.2 come back later").await;
        }
        if self.conversation.builder.requires_login && self.user.is_none() {
            return self.say("530 5.7.0 log in first").await;
        }
        self.from = path(rest);
        self.to.clear();
        self.say(if self.from.is_some() { "250 2.1.0 yes" } else { "501 5.1.7 which sender?" }).await
    }

    async fn recipient(&mut self, rest: &str) -> io::Result<()> {
        let Some(recipient) = path(rest).filter(|_| self.from.is_some()) else {
            return self.say("501 5.1.3 which recipient?").await;
        };
        match self.conduct() {
            Conduct::RefuseRecipient => {
                return self.say(&format!("550 5.1.1 <{recipient}> is unknown")).await;
            }
            Conduct::Greylist if !self.conversation.ledger.is_known(&recipient) => {
                return self.say("451 4.7.1 try again later").await;
            }
            _ => {}
        }
        self.to.push(recipient);
        self.say("250 2.1.5 yes").await
    }

    /// Takes a letter; whether the conversation goes on.
    async fn data(&mut self) -> io::Result<bool> {
        if self.to.is_empty() {
            self.say("503 5.5.1 to whom?").await?;
            return Ok(true);
        }
        self.say("354 go ahead").await?;
        let data = self.body().await?;
        let conduct = self.conduct();
        if conduct == Conduct::RefuseLetter {
            // As filters do that dislike a link.
            let data = String::from_utf8_lossy(&data);
            let quoted = data.lines().find(|line| line.contains("://")).unwrap_or_default();
            self.say(&format!("550 5.7.1 refused: {quoted}")).await?;
            return Ok(true);
        }
        let from = self.from.take().unwrap_or_default();
        let to = std::mem::take(&mut self.to);
        let (is_encrypted, user) = (self.is_encrypted, self.user.clone());
        self.conversation.ledger.keep(Letter { from, to, data, is_encrypted, user });
        if conduct == Conduct::DropAfterData {
            return Ok(false);
        }
        self.say("250 2.0.0 taken").await?;
        Ok(conduct != Conduct::HangUpAfterLetter)
    }

    /// RFC 5321 §4.5.2: until a lone dot, other leading dots taken away.
    async fn body(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                return Ok(body);
            }
            body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}

fn decoded(text: &str) -> String {
    BASE64_STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// What is between the angle brackets.
fn path(rest: &str) -> Option<String> {
    let (_, rest) = rest.split_once('<')?;
    rest.split_once('>').map(|(path, _)| path.to_owned())
}
