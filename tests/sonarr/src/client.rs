//! One HTTP request to the service, so that the scenarios need no curl.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

/// Where the service listens unless told otherwise.
pub(crate) const ADDRESS: &str = "127.0.0.1:8989";

/// Sends one request and gives the body of the answer.
///
/// # Errors
/// The service does not answer within 10 s, or not with success.
pub(crate) fn request(
    at: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> anyhow::Result<String> {
    let limit = Duration::from_secs(10);
    let place = || format!("{method} http://{at}{path}");
    let mut stream = TcpStream::connect_timeout(&at, limit).with_context(place)?;
    stream.set_read_timeout(Some(limit)).with_context(place)?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .with_context(place)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(place)?;
    let (head, body) = answer.split_once("\r\n\r\n").with_context(place)?;
    let status = head.lines().next().unwrap_or_default();
    if status
        .split(' ')
        .nth(1)
        .is_none_or(|code| !code.starts_with('2'))
    {
        bail!("{}: {status}", place());
    }
    Ok(body.to_owned())
}
