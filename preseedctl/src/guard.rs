//! The drop-ins of `preseedctl enable`: `/etc/systemd/system/UNIT.d/10-preseed-NAME.conf`.
//!
//! What the generator writes is gone with it: without it, a service would start on whatever is there. These
//! files stay. They have a name of their own: one of the generator's would be hidden by it (systemd.unit(5)).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use declaration::value::{ServiceName, UnitName};
use generator::unit::{Unit, Value};
use generator::unit_name::Names;

/// Where an admin's units and drop-ins are (systemd.unit(5)).
const UNITS: &str = "/etc/systemd/system";

/// Where systemd lets generators write (systemd.generator(7)).
const GENERATED: &str = "/run/systemd/generator";

/// The drop-ins of one service, below a directory of units.
pub(crate) struct Guard<'a> {
    name: &'a ServiceName,
    /// `UNITS`, where it really is.
    units: PathBuf,
}

impl<'a> Guard<'a> {
    /// Those of the service `name`. `on_disk` tells where a path of the machine really is.
    pub(crate) fn new(name: &'a ServiceName, on_disk: impl Fn(&Path) -> PathBuf) -> Self {
        Self {
            name,
            units: on_disk(Path::new(UNITS)),
        }
    }

    /// Lets exactly `units` have one, and gives a line for each file that was written or removed.
    ///
    /// # Errors
    /// A file cannot be read, written or removed, or is there and somebody else's.
    pub(crate) fn apply(&self, units: &[UnitName]) -> Result<Vec<String>, String> {
        let text = self.text();
        let mut done = Vec::new();
        for unit in units {
            let directory = self.units.join(format!("{unit}.d"));
            let file = directory.join(self.file_name());
            match self.read(&file)? {
                Some(found) if found == text => continue,
                Some(_) | None => write(&directory, &file, &text)?,
            }
            done.push(format!("wrote {}", file.display()));
        }
        let wanted = |file: &Path| {
            units
                .iter()
                .any(|unit| file.parent() == Some(&self.units.join(format!("{unit}.d"))))
        };
        done.extend(self.remove(|file| !wanted(file))?);
        Ok(done)
    }

    /// Removes all that [`Guard::apply`] wrote, and gives a line for each file.
    ///
    /// # Errors
    /// A file cannot be read or removed, or is there and somebody else's.
    pub(crate) fn remove_all(&self) -> Result<Vec<String>, String> {
        self.remove(|_| true)
    }

    fn remove(&self, of: impl Fn(&Path) -> bool) -> Result<Vec<String>, String> {
        let mut done = Vec::new();
        for file in self.find()? {
            if !of(&file) || self.read(&file)?.is_none() {
                continue;
            }
            fs::remove_file(&file).map_err(|error| failed("remove", &file, &error))?;
            done.push(format!("removed {}", file.display()));
            if let Some(directory) = file.parent() {
                match fs::remove_dir(directory) {
                    Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                        sync(directory)?;
                    }
                    Err(error) => return Err(failed("remove", directory, &error)),
                    Ok(()) => sync(&self.units)?,
                }
            }
        }
        Ok(done)
    }

    /// Where a drop-in of this service may be, sorted.
    fn find(&self) -> Result<Vec<PathBuf>, String> {
        let failed = |error: &io::Error| failed("list", &self.units, error);
        let entries = match fs::read_dir(&self.units) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&error)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let directory = entry.map_err(|error| failed(&error))?.path();
            if directory
                .extension()
                .is_some_and(|extension| extension == "d")
            {
                files.push(directory.join(self.file_name()));
            }
        }
        files.sort();
        Ok(files)
    }

    /// The text of one; `None` if it is not there.
    fn read(&self, file: &Path) -> Result<Option<String>, String> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", file, &error)),
        };
        if text.starts_with(&self.header()) {
            return Ok(Some(text));
        }
        Err(format!(
            "{}: `preseedctl enable {}` did not write this file: look at it, and rename or remove it",
            file.display(),
            self.name
        ))
    }

    fn file_name(&self) -> String {
        // The generator's begin with `50-`.
        Names::of(self.name.as_str())
            .drop_in
            .replacen("50-", "10-", 1)
    }

    fn header(&self) -> String {
        let name = self.name;
        format!(
            "# Written by `preseedctl enable {name}`; `preseedctl disable {name}` removes it.\n"
        )
    }

    fn text(&self) -> String {
        let names = Names::of(self.name.as_str());
        let generated = Path::new(GENERATED).join(&names.preseed);
        let directives = vec![
            // It requires the other itself, and is there alone if the declaration is broken.
            ("Requires", Value::Units(vec![&names.preseed])),
            ("After", Value::Units(vec![&names.dataset, &names.preseed])),
            // Before systemd 254, a required unit that does not exist stops nothing at boot.
            ("AssertPathExists", Value::Path(&generated)),
        ];
        let mut text = self.header();
        text.push_str(
            "# It keeps the unit down while the one that restores its data is not generated.\n",
        );
        Unit::drop_in(Path::new(""), directives).render_sections(&mut text);
        text
    }
}

/// Writes a file whole or not at all, and makes it last.
fn write(directory: &Path, file: &Path, text: &str) -> Result<(), String> {
    // systemd takes only what ends in `.conf`.
    let beside = file.with_extension(format!("{}.new", std::process::id()));
    let write = || -> io::Result<()> {
        fs::create_dir_all(directory)?;
        let mut new = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)?;
        let written = new
            .write_all(text.as_bytes())
            .and_then(|()| new.sync_all())
            .and_then(|()| fs::rename(&beside, file));
        if written.is_err() {
            let _there_is_an_error_already = fs::remove_file(&beside);
        }
        written
    };
    write().map_err(|error| failed("write", file, &error))?;
    sync(directory)?;
    directory.parent().map_or(Ok(()), sync)
}

/// Lets what was done in a directory outlast a loss of power.
fn sync(directory: &Path) -> Result<(), String> {
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| failed("sync", directory, &error))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> String {
    let help = match error.kind() {
        io::ErrorKind::PermissionDenied => "run this as root",
        _ => "see that this directory can be written",
    };
    format!("{}: cannot {what} it: {error}: {help}", path.display())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn units(names: &[&str]) -> Vec<UnitName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    /// All files below a directory.
    fn files(directory: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![directory.to_path_buf()];
        while let Some(next) = left.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                } else {
                    let name = path.strip_prefix(directory).unwrap();
                    found.push(name.to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn writes_what_is_wanted_and_removes_just_that() {
        let root = tempfile::tempdir().unwrap();
        let system = root.path().join("etc/systemd/system");
        let name: ServiceName = "sonarr".parse().unwrap();
        let guard = Guard::new(&name, |path| {
            root.path().join(path.strip_prefix("/").unwrap())
        });
        assert_eq!(guard.remove_all().unwrap(), [""; 0]);

        let admin = system.join("a.service.d/override.conf");
        fs::create_dir_all(admin.parent().unwrap()).unwrap();
        fs::write(&admin, "[Service]\n").unwrap();
        assert_eq!(
            guard
                .apply(&units(&["a.service", "b.timer"]))
                .unwrap()
                .len(),
            2
        );
        let both = [
            "a.service.d/10-preseed-sonarr.conf",
            "a.service.d/override.conf",
            "b.timer.d/10-preseed-sonarr.conf",
        ];
        assert_eq!(files(&system), both);
        assert_eq!(
            fs::read_to_string(system.join(both[0])).unwrap(),
            "# Written by `preseedctl enable sonarr`; `preseedctl disable sonarr` removes it.\n\
             # It keeps the unit down while the one that restores its data is not generated.\n\
             \n\
             [Unit]\n\
             Requires=preseed-sonarr.service\n\
             After=dataset-sonarr.service preseed-sonarr.service\n\
             AssertPathExists=/run/systemd/generator/preseed-sonarr.service\n"
        );
        assert_eq!(
            guard.apply(&units(&["a.service", "b.timer"])).unwrap(),
            [""; 0]
        );

        // Of another service, of an older version, of a unit that is not the service's any more.
        let other = "sonarr-2".parse().unwrap();
        let other = Guard::new(&other, |_| system.clone());
        other.apply(&units(&["a.service"])).unwrap();
        fs::write(system.join(both[0]), guard.header()).unwrap();
        let done = guard.apply(&units(&["a.service", "c.service"])).unwrap();
        assert_eq!(done.len(), 3, "{done:?}");
        assert_eq!(guard.remove_all().unwrap().len(), 2);
        let left = [
            "a.service.d/10-preseed-sonarr-2.conf",
            "a.service.d/override.conf",
        ];
        assert_eq!(files(&system), left);
        assert!(!system.join("b.timer.d").exists() && !system.join("c.service.d").exists());
    }

    #[test]
    fn leaves_what_is_somebody_elses() {
        let root = tempfile::tempdir().unwrap();
        let name: ServiceName = "sonarr".parse().unwrap();
        let guard = Guard::new(&name, |_| root.path().to_path_buf());
        let file = root.path().join("a.service.d/10-preseed-sonarr.conf");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "[Unit]\nDescription=mine\n").unwrap();
        let expected = format!(
            "{}: `preseedctl enable sonarr` did not write this file: look at it, and rename or remove it",
            file.display()
        );
        assert_eq!(guard.apply(&units(&["a.service"])).unwrap_err(), expected);
        assert_eq!(guard.remove_all().unwrap_err(), expected);
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            "[Unit]\nDescription=mine\n"
        );
    }
}
