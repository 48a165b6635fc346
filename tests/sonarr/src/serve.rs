//! The HTTP side: `GET /ping`, `GET /series`, `POST /series`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{SigSet, Signal};

use crate::library::Library;
use crate::notify;

const LONGEST_TITLE: u64 = 64 * 1024;

/// Serves the library in `data` until SIGTERM, one request at a time.
///
/// # Errors
/// The data directory or the address cannot be used.
pub(crate) fn serve(data: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    stop_on_sigterm()?;
    let library = Library::open(data)?;
    let listener = TcpListener::bind(listen).with_context(|| format!("listen on {listen}"))?;
    notify::ready().context("tell the service manager")?;
    println!(
        "listening on {listen} with {} series",
        library.titles()?.len()
    );
    for stream in listener.incoming() {
        if let Err(error) = stream
            .map_err(anyhow::Error::from)
            .and_then(|stream| answer(&library, stream))
        {
            eprintln!("request: {error:#}");
        }
    }
    Ok(())
}

/// As process 1 of a container SIGTERM would otherwise be ignored.
fn stop_on_sigterm() -> nix::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.thread_block()?;
    std::thread::spawn(move || {
        let status = i32::from(signals.wait().is_err());
        std::process::exit(status);
    });
    Ok(())
}

fn answer(library: &Library, mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (method, path, body) = read_request(&stream)?;
    let (status, text) = match (method.as_str(), path.as_str()) {
        ("GET", "/ping") => ("200 OK", String::from("OK\n")),
        ("GET", "/series") => {
            let lines = library.titles()?.into_iter().map(|title| title + "\n");
            ("200 OK", lines.collect())
        }
        ("POST", "/series") => {
            library.add(body.trim_end_matches('\n'))?;
            ("201 Created", String::new())
        }
        _ => ("404 Not Found", String::new()),
    };
    write!(
        stream,
        "HTTP/1.0 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )?;
    Ok(())
}

/// Method, path and body of one request.
fn read_request(stream: &TcpStream) -> anyhow::Result<(String, String, String)> {
    let mut reader = BufReader::new(stream.take(LONGEST_TITLE));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = words.next().zip(words.next()).context("no request line")?;
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut length = 0;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().context("content-length")?;
        }
    }
    let mut body = vec![0; usize::try_from(std::cmp::min(length, LONGEST_TITLE))?];
    reader.read_exact(&mut body)?;
    Ok((method, path, String::from_utf8(body).context("the title")?))
}
