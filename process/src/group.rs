//! A program that leads a process group of its own, and all of that group.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How long a program has to end by itself once it is told to.
const GRACE: Duration = Duration::from_secs(10);

/// Ends a program that leads a process group of its own, and all of that group: asks it, and after 10 s kills it.
///
/// # Errors
/// When its end cannot be waited for, also since it cannot be killed: it hangs in the kernel, and is left behind.
pub fn end_group(child: &mut Child) -> io::Result<ExitStatus> {
    signal(child, Signal::SIGTERM);
    // One that was stopped goes on, to end: systemd does the same (systemd.kill(5)).
    signal(child, Signal::SIGCONT);
    if let Some(status) = ended_in_time(child)? {
        // What it started may be left.
        signal(child, Signal::SIGKILL);
        return Ok(status);
    }
    signal(child, Signal::SIGKILL);
    ended_in_time(child)?.ok_or_else(|| {
        let what = format!(
            "process {} cannot be killed, and is left behind",
            child.id()
        );
        io::Error::new(io::ErrorKind::TimedOut, what)
    })
}

/// Of a program that nobody waits for any more.
pub(crate) fn killed() -> ExitStatus {
    std::os::unix::process::ExitStatusExt::from_raw(9)
}

/// Waits for the end of a program, but not for long.
fn ended_in_time(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(None)
}

fn signal(child: &Child, signal: Signal) {
    if let Ok(group) = i32::try_from(child.id()) {
        // That it is gone already is no fault.
        let _ = killpg(Pid::from_raw(group), signal);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_program_is_ended_with_all_it_started() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 1000 & echo $!; wait"])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut stdout = io::BufReader::new(child.stdout.take().unwrap());
        io::BufRead::read_line(&mut stdout, &mut String::new()).unwrap();
        let status = end_group(&mut child).unwrap();
        assert_eq!(status.signal(), Some(Signal::SIGTERM as i32));
        // Both held the pipe: it ends once both are gone.
        let mut rest = String::new();
        io::Read::read_to_string(&mut stdout, &mut rest).unwrap();
        assert_eq!(rest, "");
    }

    #[test]
    fn a_program_that_was_stopped_can_still_clean_up() {
        let mut child = Command::new("sh")
            .args(["-c", "trap 'exit 7' TERM; kill -STOP $$; sleep 1000"])
            .process_group(0)
            .spawn()
            .unwrap();
        let stat = format!("/proc/{}/stat", child.id());
        while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
            std::thread::yield_now();
        }
        let asked = Instant::now();
        assert_eq!(end_group(&mut child).unwrap().code(), Some(7));
        assert!(asked.elapsed() < GRACE);
    }
}
