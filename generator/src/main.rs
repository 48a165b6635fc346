//! `preseed-generator`: writes the units that guard declared services (systemd.generator(7)).

use std::env;
use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use declaration::Search;
use declaration::settings::Host;
use generator::directory::Directory;
use generator::dry_run::DryRun;
use generator::entries;
use generator::kmsg::Log;

const HELP: &str = "\
Writes the systemd units for the services declared below /etc/preseed and the like.

Usage:
  preseed-generator NORMAL [EARLY LATE]   write to the directory NORMAL, which must exist
  preseed-generator --dry-run             print what would be written
  preseed-generator --help | --version

Environment:
  PRESEED_ROOT                  look up declarations below this directory
  SYSTEMD_LOG_TARGET=console    log to standard error instead of the kernel's log

Exit status: 0; 1 if a declaration is bad or something could not be written; 2 for wrong usage.
";

fn main() -> ExitCode {
    match Command::parse(env::args_os().skip(1)) {
        Ok(Command::Write(directory)) => write(&directory),
        Ok(Command::DryRun) => dry_run(),
        Ok(Command::Print(text)) => print(&text),
        Err(problem) => {
            let _ = writeln!(io::stderr(), "{problem}: see `preseed-generator --help`");
            ExitCode::from(2)
        }
    }
}

enum Command {
    Write(PathBuf),
    DryRun,
    Print(String),
}

impl Command {
    fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let arguments: Vec<OsString> = arguments.collect();
        let first = arguments.first().ok_or("no output directory given")?;
        match (first.to_str(), arguments.len()) {
            (Some("--help" | "-h"), 1) => Ok(Self::Print(HELP.to_owned())),
            (Some("--version" | "-V"), 1) => Ok(Self::Print(format!(
                "preseed-generator {}\n",
                env!("CARGO_PKG_VERSION")
            ))),
            (Some("--dry-run"), 1) => Ok(Self::DryRun),
            (Some(option), _) if option.starts_with('-') => Err(format!(
                "unknown or misplaced option `{}`",
                option.escape_debug()
            )),
            (_, 1 | 3) => Ok(Self::Write(first.into())),
            (_, count) => Err(format!(
                "{count} output directories given instead of 1 or 3"
            )),
        }
    }
}

fn write(path: &Path) -> ExitCode {
    let mut log = Log::open();
    if !is_for_system() {
        return ExitCode::SUCCESS;
    }
    let host = declaration::load(&Search::from_env());
    let errors = match Directory::open(path) {
        Ok(directory) => entries::write_parallel(&host, &directory),
        Err(error) => {
            log.error(&format!(
                "cannot open the output directory {}: {error}: create it first",
                path.display()
            ));
            return ExitCode::FAILURE;
        }
    };
    let status = report(&host, &errors, |message| log.error(message));
    // The process ends here: giving back each string first would take longer than reading them did.
    std::mem::forget(host);
    status
}

fn dry_run() -> ExitCode {
    let host = declaration::load(&Search::from_env());
    let mut out = BufWriter::new(io::stdout().lock());
    let errors = entries::write(&host, &mut DryRun::new(&mut out));
    let mut stderr = io::stderr().lock();
    let printed = out.flush();
    if let Err(error) = &printed {
        let _ = writeln!(stderr, "cannot print: {error}: read the output to its end");
    }
    let status = report(&host, &errors, |message| {
        let _ = writeln!(stderr, "{message}");
    });
    if printed.is_err() {
        ExitCode::FAILURE
    } else {
        status
    }
}

fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Whether systemd runs us for the real system: not in the initrd, not for a user's manager.
/// It says so since version 251.
fn is_for_system() -> bool {
    let is = |name, value| env::var_os(name).is_some_and(|set| set == value);
    !is("SYSTEMD_IN_INITRD", "1") && !is("SYSTEMD_SCOPE", "user")
}

fn report(host: &Host, errors: &[impl ToString], mut log: impl FnMut(&str)) -> ExitCode {
    for problem in &host.problems {
        log(&problem.to_string());
    }
    for error in errors {
        log(&error.to_string());
    }
    if host.problems.is_empty() && errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
