//! Running another program: its exit status and its standard error are always looked at.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::process::{Command, ExitStatus, Stdio};

use crate::error::{Error, ErrorKind as Fault};

/// What a program that ended said.
#[derive(Debug)]
pub struct Ended {
    /// The command, as a reader could type it.
    pub line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output. What of it is not UTF-8 is replaced.
    pub stdout: String,
    /// Its standard error, on one line. Of many or long lines, some are left out.
    pub stderr: String,
    /// Its standard error as it was: for what each line of it decides.
    pub stderr_lines: String,
}

impl Ended {
    /// The error that this end is, with what to do about it.
    #[must_use]
    pub fn error(&self, subject: &str, help: impl Into<String>) -> Error {
        let end = format!("`{}` ended with {}", self.line, self.status);
        // The cause comes first: a command can be long.
        let what = match self.stderr.as_str() {
            "" => format!("{end} and said nothing"),
            said => format!("{said} ({end})"),
        };
        let kind = Fault::in_words(&self.stderr).unwrap_or(Fault::Other);
        Error::new(subject, what, help).of_kind(kind)
    }
}

/// A command for `program`, with messages in English, which are read here.
/// The locale is UTF-8 all the same: `zfs mount` refuses to create a mountpoint it cannot decode.
#[must_use]
pub fn command<S: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

/// Programs, and the packages of Debian and the like that they are in.
const PACKAGES: [(&str, &str); 8] = [
    ("restic", "restic"),
    ("ssh", "openssh-client"),
    ("rclone", "rclone"),
    ("sanoid", "sanoid"),
    ("zfs", "zfsutils-linux"),
    ("zpool", "zfsutils-linux"),
    ("systemctl", "systemd"),
    ("systemd-sysusers", "systemd"),
];

/// The error for a command that could not be started.
pub fn not_started(command: &Command, error: &std::io::Error) -> Error {
    let program = command.get_program().to_string_lossy().into_owned();
    let line = line_of(command);
    if error.kind() != ErrorKind::NotFound {
        return Error::new(
            &program,
            format!("cannot be started: {error} (`{line}`)"),
            "see that it is a program that root can run",
        )
        .caused_by(error);
    }
    let package = PACKAGES.iter().find(|(name, _)| *name == program);
    let help = match package {
        Some((_, package)) => format!(
            "install it, e.g. `apt install {package}`; if it is installed, see that it is on the PATH"
        ),
        None => "install it; if it is installed, see that it is on the PATH".to_owned(),
    };
    Error::new(&program, "it is not installed", help).of_kind(Fault::NotInstalled)
}

/// A command as a reader could type it.
#[must_use]
pub fn line_of(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        let arg = arg.to_string_lossy();
        line.push(' ');
        if arg.is_empty()
            || arg.contains(|c: char| c.is_whitespace() || "'\"\\$*;&|<>()".contains(c))
        {
            line.push('\'');
            line.push_str(&arg.replace('\'', "'\\''"));
            line.push('\'');
        } else {
            line.push_str(&arg);
        }
    }
    line
}

/// Standard error on one line, its lines joined with `; `. Of many lines, the first and the last few;
/// of a long one, its beginning.
#[must_use]
pub fn one_line(bytes: &[u8]) -> String {
    const FEW: usize = 4;
    const LONG: usize = 300;
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let left_out = lines.len().saturating_sub(2 * FEW);
    let mut told: Vec<String> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if left_out > 0 && number == FEW {
            told.push(format!("… ({left_out} lines)"));
        }
        if left_out == 0 || number < FEW || number >= lines.len() - FEW {
            told.push(match line.char_indices().nth(LONG) {
                Some((end, _)) => format!("{}…", &line[..end]),
                None => (*line).to_owned(),
            });
        }
    }
    told.join("; ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::watched::run;

    #[test]
    fn an_exit_status_and_standard_error_are_told() {
        let ended = run(&mut command(
            "sh",
            ["-c", "echo one >&2; echo two >&2; exit 7"],
        ))
        .unwrap();
        assert_eq!(
            ended.error("tank", "look").to_string(),
            "tank: one; two (`sh -c 'echo one >&2; echo two >&2; exit 7'` ended with exit status: 7): look"
        );
    }

    #[test]
    fn of_many_lines_the_first_and_the_last_are_told() {
        let lines: Vec<String> = (1..=2000).map(|n| format!("line {n}")).collect();
        let said = lines.join("\n");
        let told = one_line(said.as_bytes());
        assert!(
            told.starts_with("line 1; line 2; line 3; line 4; … (1992 lines); line 1997; "),
            "{told}"
        );
        assert!(told.ends_with("line 2000"), "{told}");
        assert_eq!(
            one_line("ä".repeat(400).as_bytes()),
            format!("{}…", "ä".repeat(300))
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut command("no-such-program", ["x"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-program: it is not installed: \
             install it; if it is installed, see that it is on the PATH"
        );
        let missing = not_started(&command("zfs", ["list"]), &ErrorKind::NotFound.into());
        assert!(
            missing.help().contains("`apt install zfsutils-linux`"),
            "{missing}"
        );
    }
}
