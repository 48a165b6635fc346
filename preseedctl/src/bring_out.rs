//! `preseedctl restore NAME --into DIR`: files of a snapshot, beside the service.

use std::path::{Component, Path, PathBuf};

use declaration::settings::Service;
use jiff::Timestamp;
use report::{status, words};
use restore::by_hand::Request;
use restore::{bring_out, interrupt};
use storage::{Error, Outside, Result, local, lock, set};

use crate::agreed::tell_offer;
use crate::say::say_line;

/// What is brought out.
pub(crate) struct Out<'a> {
    /// Of which service.
    pub(crate) service: &'a Service,
    /// From which snapshot.
    pub(crate) request: &'a Request,
    /// The time that this is measured from.
    pub(crate) at: Timestamp,
    /// Whether the directory need not be empty.
    pub(crate) may_hold_others: bool,
}

/// What is wanted of a part: paths in it; none of them: all of it.
#[derive(Debug)]
struct Wanted<'p> {
    part: &'p Service,
    paths: Vec<PathBuf>,
}

impl Out<'_> {
    /// Brings these paths out to a directory, or all of the service: what lies in a place to a directory of that name in it.
    ///
    /// # Errors
    /// When they cannot be. What was told to be brought out is there.
    pub(crate) fn to(&self, directory: &Path, paths: &[PathBuf]) -> Result<bool> {
        let service = self.service;
        let directory = std::path::absolute(directory).map_err(|error| {
            Error::new(
                directory.to_string_lossy(),
                format!("this is no path: {error}"),
                "name a directory",
            )
        })?;
        interrupt::watch(format!(
            "interrupted: nothing was brought out but for a directory `.preseed-into-…` in {}, which can be removed",
            directory.display()
        ));
        let _locks = lock::lock_all(service, status::wait_for_another)?;
        let placed = set::placed(service)?;
        let parts: Vec<&Service> = placed.iter().collect();
        let mut wanted = wanted(&parts, service.name.as_str(), paths)?;
        if let Some(only) = &self.request.part {
            wanted.retain(|one| one.part.name.as_str() == only);
        }
        say_line!("{} as of {}", service.name, local(self.at));
        for one in &wanted {
            let offer = bring_out::offer(one.part, self.request, &one.paths)?;
            tell_offer(service, &offer, self.at);
        }
        // It is made, and it is looked whether it is empty.
        let outside = Outside::at(&directory, &parts, self.may_hold_others)?;
        let (main, places): (Vec<_>, Vec<_>) =
            wanted.iter().partition(|one| one.part.name == service.name);
        match main.first() {
            Some(main) => self.bring(main, &directory, outside)?,
            None => outside.discard(),
        }
        for place in places {
            let directory = directory.join(place.part.name.as_str());
            let outside = Outside::at(&directory, &parts, self.may_hold_others)?;
            self.bring(place, &directory, outside)?;
        }
        Ok(true)
    }

    fn bring(&self, wanted: &Wanted<'_>, directory: &Path, outside: Outside) -> Result<()> {
        let brought = bring_out::bring_out(wanted.part, self.request, &wanted.paths, &outside);
        let names = match brought {
            Ok(_) => outside.finish()?,
            Err(error) => {
                outside.discard();
                return Err(error);
            }
        };
        say_line!(
            "{}: {} brought out to {}; the service is as it was",
            wanted.part.name,
            words::count(names.len(), "entry", "entries"),
            directory.display()
        );
        Ok(())
    }
}

/// Which paths are wanted of which part of the service `name`: a path is of the innermost place that it lies in, and what is
/// mounted below it is wanted as well.
fn wanted<'p>(parts: &[&'p Service], name: &str, paths: &[PathBuf]) -> Result<Vec<Wanted<'p>>> {
    let main = parts.iter().find(|part| part.name.as_str() == name);
    let Some(main) = main else {
        return Err(Error::internal(name, "it has no data of its own"));
    };
    let mut all = Vec::with_capacity(parts.len());
    for part in parts {
        let mut wanted = Wanted {
            part,
            paths: Vec::new(),
        };
        let mut is_wanted = paths.is_empty() && part.is_restored();
        for path in paths {
            let whole = main.mountpoint.join(path);
            let is_in = |part: &&&Service| whole.starts_with(part.mountpoint.as_path());
            let lies_in = parts.iter().rev().find(is_in);
            let Some(lies_in) = lies_in.filter(|_| is_plain(path)) else {
                return Err(no_path(path, main));
            };
            if whole != main.mountpoint.value && part.mountpoint.starts_with(&whole) {
                // All of it.
                is_wanted = true;
                wanted.paths.clear();
                break;
            }
            if lies_in.name == part.name {
                let relative = whole.strip_prefix(part.mountpoint.as_path());
                let relative = relative.map_err(|_| no_path(path, main))?;
                if relative.as_os_str().is_empty() {
                    return Err(no_path(path, main));
                }
                wanted.paths.push(relative.to_owned());
                is_wanted = true;
            }
        }
        if is_wanted && !part.is_restored() {
            return Err(Error::new(
                part.mountpoint.to_string_lossy(),
                format!("{} is a cache, which no snapshot is kept of", part.name),
                "name other paths",
            ));
        }
        if is_wanted {
            all.push(wanted);
        }
    }
    Ok(all)
}

/// Whether a path leads down, and nowhere else.
fn is_plain(path: &Path) -> bool {
    let path = path.strip_prefix("/").unwrap_or(path);
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

fn no_path(path: &Path, main: &Service) -> Error {
    let places = if main.nested.is_empty() {
        ""
    } else {
        " or in a place of it"
    };
    Error::new(
        path.to_string_lossy(),
        format!("this is no path in {}{places}", main.mountpoint.display()),
        "name it as it is there, e.g. `config.xml`, without `..`",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parts() -> Vec<Service> {
        let text = "[dataset]\nmountpoint = \"/var/lib/app\"\n[place.covers]\nmountpoint = \"media/covers\"\n\
                    [place.config]\nmountpoint = \"/etc/app\"\n\
                    [place.cache]\nmountpoint = \"/var/cache/app\"\nrestore = false\n";
        let service = declared::service("app", None, text).unwrap();
        service.parts().cloned().collect()
    }

    fn told(paths: &[&str]) -> Result<Vec<String>> {
        let parts = parts();
        let parts: Vec<&Service> = parts.iter().collect();
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let wanted = wanted(&parts, "app", &paths)?;
        let told = wanted
            .iter()
            .map(|one| format!("{} {:?}", one.part.name, one.paths));
        Ok(told.collect())
    }

    #[test]
    fn a_path_is_of_the_place_that_it_lies_in() {
        for (paths, wanted) in [
            (&["db"][..], &["app [\"db\"]"][..]),
            (&["/var/lib/app/db"], &["app [\"db\"]"]),
            (&["media/covers/a.jpg"], &["app.covers [\"a.jpg\"]"]),
            (&["/etc/app/x/y"], &["app.config [\"x/y\"]"]),
            (
                &["db", "/etc/app/x"],
                &["app.config [\"x\"]", "app [\"db\"]"],
            ),
            (&["media"], &["app [\"media\"]", "app.covers []"]),
            (&["media/covers"], &["app.covers []"]),
            (&["/etc/app"], &["app.config []"]),
            (&[], &["app.config []", "app []", "app.covers []"]),
        ] {
            assert_eq!(told(paths).unwrap(), wanted, "{paths:?}");
        }
        for wrong in [
            "../x",
            "/etc/passwd",
            "",
            ".",
            "/",
            "/var/lib/app",
            "/var/lib/app/../x",
            "/var/cache/app/x",
        ] {
            assert!(told(&[wrong]).is_err(), "{wrong}");
        }
    }
}
