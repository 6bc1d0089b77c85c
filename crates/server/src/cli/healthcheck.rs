//! `vestibule healthcheck`: asks a running server whether it is ready, for containers and service managers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use super::output;
use crate::{
    config::Config,
    failure::{Failure, Problem},
    startup,
};

/// A server that takes longer is not ready.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(config: &Config, is_json: bool) -> Result<(), Failure> {
    let address = reachable(config.service.listen)?;
    let answer = startup::on_one_thread(async { tokio::time::timeout(PATIENCE, ask(address)).await })?;
    let refusal = match answer {
        Ok(Ok(StatusCode::OK)) => None,
        Ok(Ok(status)) => Some(format!("the server at {address} is not ready: it answered {status}")),
        Ok(Err(error)) => Some(format!("the server at {address} does not answer: {error}")),
        Err(_) => Some(format!("the server at {address} did not answer within {} s", PATIENCE.as_secs())),
    };
    if is_json {
        output::json(&json!({ "address": address.to_string(), "ready": refusal.is_none() }))?;
    }
    match refusal {
        Some(sentence) => Err(Failure::failed(Problem::new(sentence))),
        None if is_json => Ok(()),
        None => output::line(&format!("The server at {address} is ready.")),
    }
}

/// The address at which this machine reaches a server that listens at `listen`.
fn reachable(listen: SocketAddr) -> Result<SocketAddr, Failure> {
    if listen.port() == 0 {
        let problem = Problem::new("listen has port 0, so nobody knows which port the server chose");
        return Err(Failure::usage(problem.help("give it a fixed port to check its health")));
    }
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, listen.port()))
}

async fn ask(address: SocketAddr) -> anyhow::Result<StatusCode> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request =
        Request::get("/health/ready").header("host", address.to_string()).body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_asked_on_loopback() {
        let reach = |listen: &str| reachable(listen.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(reach("0.0.0.0:8000").unwrap(), "127.0.0.1:8000");
        assert_eq!(reach("[::]:8000").unwrap(), "[::1]:8000");
        assert_eq!(reach("192.0.2.1:1").unwrap(), "192.0.2.1:1");
        assert!(reach("127.0.0.1:0").is_err());
    }
}
