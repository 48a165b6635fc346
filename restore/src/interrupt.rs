//! A run by hand that somebody interrupts: with Ctrl-C, by closing the terminal, or with `kill`. Where systemd runs us, it
//! ends all of the unit itself.

use std::collections::BTreeSet;
use std::fs;
use std::process;
use std::time::{Duration, Instant};

use declaration::settings::Service;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use report::words;
use storage::interrupt;
pub use storage::interrupt::halt;

/// How long programs are given to end by themselves.
const GRACE: Duration = Duration::from_secs(5);

/// As a shell gives it for a program that SIGINT ended.
const STATUS: i32 = 130;

/// What an interrupt leaves of a restore, for people.
#[must_use]
pub fn left_of_a_restore(service: &Service) -> String {
    format!(
        "interrupted: all that this run had started is ended. A part of a copy may be left where restores are staged, and \
         nothing uses it: the next `systemctl start {}`, or this command, goes on with it or starts over",
        service.units.first().map_or("", |unit| unit.as_str())
    )
}

/// Has an interrupt end all that this process has started, tell what is left, and end the process.
/// Before anything is started.
pub fn watch(left: String) {
    watch_and(left, || {});
}

/// The same; at last, it does `then`.
pub fn watch_and(left: String, then: impl Fn() + Send + 'static) {
    if ::process::systemd_runs_us() {
        return;
    }
    // What nohup(1) starts is to outlive its terminal, and all that it starts as well. It is ended by the other signals.
    let hangup = ignores(Signal::SIGHUP).then(::process::Ignored::hold_hangup);
    // Where there can be no handler, an interrupt ends the process, and the next run tidies up as after a kill.
    let _ = ctrlc::set_handler(move || {
        interrupt::interrupt();
        end_all();
        words::tell(&left);
        then();
        process::exit(STATUS);
    });
    drop(hangup);
}

/// Whether this process was started to ignore a signal, as nohup(1) does (proc_pid_status(5), `SigIgn`).
fn ignores(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 1)
}

/// Ends all that this process has started, and what that has started.
fn end_all() {
    let began = Instant::now();
    // What a program started can outlive it: it is no descendant of ours any more.
    let mut known = BTreeSet::new();
    loop {
        known.extend(descendants());
        known.retain(|process| parent_of(*process).is_some());
        if known.is_empty() {
            return;
        }
        let signal = match began.elapsed() {
            short if short < GRACE => Signal::SIGTERM,
            long if long < 2 * GRACE => Signal::SIGKILL,
            // It hangs in the kernel.
            _ => return,
        };
        for process in &known {
            // That it is gone already is no fault.
            let _ = kill(Pid::from_raw(*process), signal);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The processes that come from this one.
fn descendants() -> BTreeSet<i32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let parents: Vec<(i32, i32)> = ids.filter_map(|id| Some((id, parent_of(id)?))).collect();
    let mut family = BTreeSet::from([Pid::this().as_raw()]);
    loop {
        let before = family.len();
        let children = parents.iter().filter(|(_, parent)| family.contains(parent));
        let children: Vec<i32> = children.map(|(id, _)| *id).collect();
        family.extend(children);
        if family.len() == before {
            break;
        }
    }
    family.remove(&Pid::this().as_raw());
    family
}

/// A process's parent (proc_pid_stat(5)); `None` if it is gone, or dead and not waited for.
fn parent_of(process: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Its name, in brackets, may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.next()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_was_started_and_what_that_started_are_found() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 1000 & echo; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        let id = i32::try_from(child.id()).unwrap();
        let found = descendants();
        let of_it: Vec<i32> = found
            .iter()
            .copied()
            .filter(|one| parent_of(*one) == Some(id))
            .collect();
        child.kill().unwrap();
        // Dead, and not waited for.
        while parent_of(id).is_some() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        for one in &of_it {
            kill(Pid::from_raw(*one), Signal::SIGKILL).unwrap();
        }
        assert!(found.contains(&id));
        assert_eq!(of_it.len(), 1);
    }
}
