//! A declared command, which is given the copy's directory.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use declaration::settings::Service;
use storage::command::{command, line_of, not_started};
use storage::stall::end_group;
use storage::{Error, Result};

/// Statuses by which a shell says that it could not run something (sh(1p)).
const NOT_RUN: [i32; 2] = [126, 127];

/// Where programs are looked for that the command starts.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// That the command is there and may be executed.
pub(super) fn must_be_there(words: &[String], service: &Service) -> Result<()> {
    let program = words.first().map(String::as_str).unwrap_or_default();
    let found = std::fs::metadata(program);
    let fault = match found {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => return Ok(()),
        Ok(_) => "it cannot be executed".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Error::new(
        program,
        format!("restored data cannot be verified by it: {fault}"),
        format!(
            "install it, or correct `verify` in {}",
            service.source.display()
        ),
    ))
}

/// Runs the command with `directory` as its last argument, with none of our environment, for as long as the service's
/// `stall-timeout` at most. Gives what is wrong with the data, in words, if it says so by its exit status.
///
/// # Errors
/// When it cannot be run to its own end: that says nothing of the data.
pub(super) fn check(
    words: &[String],
    service: &Service,
    directory: &Path,
) -> Result<std::result::Result<(), String>> {
    let (program, args) = words
        .split_first()
        .map_or(("", words), |(p, args)| (p.as_str(), args));
    let mut command = command(program, args);
    command
        .arg(directory)
        // No secrets: the unit's credentials are named in the environment.
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C.UTF-8")
        .env("PRESEED_SERVICE", service.name.as_str())
        .current_dir("/")
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| not_started(&command, &error))?;
    let began = Instant::now();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (out, err) = (Mutex::new(String::new()), Mutex::new(String::new()));
    let (ended, in_time) = std::thread::scope(|scope| {
        scope.spawn(|| keep_last_line(stdout, &out));
        scope.spawn(|| keep_last_line(stderr, &err));
        let mut pause = Duration::from_millis(5);
        let mut in_time = true;
        while let Ok(None) = child.try_wait() {
            if began.elapsed() >= service.stall_timeout {
                in_time = false;
                break;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(200));
        }
        // With all that it started: none of it may go on in the directory, or hold the pipes.
        (end_group(&mut child), in_time)
    });
    let said = |line: Mutex<String>| line.into_inner().unwrap_or_default();
    let (out, err) = (said(out), said(err));
    let last = if err.is_empty() { out } else { err };
    let line = line_of(&command);
    let not_done = |what: String| {
        Error::new(
            service.name.as_str(),
            format!("restored data could not be verified: `{line}` {what}: {last}"),
            format!(
                "see why, or correct `verify` or `stall-timeout` in {}",
                service.source.display()
            ),
        )
    };
    let status = ended.map_err(|error| not_done(format!("cannot be waited for: {error}")))?;
    if !in_time {
        return Err(not_done(format!(
            "was ended after {} s",
            service.stall_timeout.as_secs()
        )));
    }
    match status.code() {
        Some(0) => Ok(Ok(())),
        Some(code) if !NOT_RUN.contains(&code) => {
            Ok(Err(format!("`{line}` ended with {status}: {last}")))
        }
        _ => Err(not_done(format!("ended with {status}"))),
    }
}

fn keep_last_line(from: Option<impl Read>, last: &Mutex<String>) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from
        .read_until(b'\n', &mut line)
        .is_ok_and(|bytes| bytes > 0)
    {
        let text = storage::command::one_line(&line);
        if let Ok(mut last) = last.lock()
            && !text.is_empty()
        {
            *last = text;
        }
        line.clear();
    }
}
