//! What a program that is not trusted does not get.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::Signal;

/// Whom a program runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The user's number.
    pub uid: u32,
    /// The group's number. It has no other groups.
    pub gid: u32,
}

/// Has the command run as `who`, in a session of its own, without new privileges (set-uid programs do not count), with
/// an empty environment, and with no descriptor of ours but 0 to 2: no lock, no secret. It is killed should the thread
/// that started it end.
pub fn confine(command: &mut Command, who: Identity) {
    command.env_clear().stdin(Stdio::null());
    if nix::unistd::geteuid().is_root() {
        // Without a user id of its own, the supplementary groups would stay: std clears them only with one.
        command.uid(who.uid).gid(who.gid);
    }
    // SAFETY: what runs between fork and exec is system calls only: no memory is allocated, no lock is taken.
    #[expect(
        unsafe_code,
        reason = "nothing else runs in the child before its program"
    )]
    unsafe {
        command.pre_exec(let_go);
    }
}

/// Runs in the child, with the new identity.
fn let_go() -> io::Result<()> {
    nix::unistd::setsid()?;
    prctl::set_no_new_privs()?;
    // Changing the identity has cleared it: it is set here.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    close_from(3)
}

/// Has all descriptors from `first` on closed at exec. (Not at once: std tells by one of them that exec failed.)
fn close_from(first: libc::c_uint) -> io::Result<()> {
    // SAFETY: close_range(2) takes three numbers.
    #[expect(unsafe_code, reason = "nix has no close_range(2)")]
    let closed = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if closed == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::fd::AsRawFd;

    use nix::fcntl::{FcntlArg, fcntl};

    use super::*;

    #[test]
    fn nothing_of_ours_is_inherited() {
        let lock = tempfile::tempfile().unwrap();
        // A number that no shell uses by itself; it would be inherited.
        let number = fcntl(lock.as_raw_fd(), FcntlArg::F_DUPFD(700)).unwrap();
        let mut command = Command::new("/bin/sh");
        command.env("SECRET", "told").args([
            "-c",
            "ls /proc/$$/fd | tr '\\n' ' '; echo \"[$SECRET]\"; id -u; id -G; \
             grep NoNewPrivs /proc/$$/status; ps -o sid= -p $$; echo $$",
        ]);
        confine(
            &mut command,
            Identity {
                uid: 65534,
                gid: 65534,
            },
        );
        command.env("PATH", "/usr/bin:/bin");
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = told.lines().map(str::trim).collect();
        let is_there = |word: &str| word == number.to_string();
        assert!(!lines[0].split(' ').any(is_there), "{told}");
        assert!(lines[0].ends_with("[]"), "{told}");
        if nix::unistd::geteuid().is_root() {
            assert_eq!(&lines[1..3], ["65534", "65534"], "{told}");
        }
        assert!(lines[3].ends_with('1'), "{told}");
        assert_eq!(lines[4], lines[5], "{told}");
    }
}
