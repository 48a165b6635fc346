//! What an admin's own configuration of Sanoid covers: that is the admin's.

use std::io::ErrorKind;

use storage::{Error, Result};

/// Where it is.
const FILE: &str = "/etc/sanoid/sanoid.conf";

/// An admin's sanoid.conf, as far as it says which datasets it covers.
#[derive(Debug, Default)]
pub struct Admins {
    sections: Vec<Section>,
}

#[derive(Debug, Default)]
struct Section {
    name: String,
    /// Counted from 1.
    line: usize,
    keys: Vec<(String, String)>,
}

impl Admins {
    /// What this machine has; nothing if there is no such file.
    ///
    /// # Errors
    /// When it cannot be read: it may cover anything.
    pub fn read() -> Result<Self> {
        match std::fs::read(FILE) {
            Ok(text) => Ok(Self::parse(&String::from_utf8_lossy(&text))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::new(
                FILE,
                format!("it cannot be read, and may cover any dataset: {error}"),
                "see that it is a file that root may read, or remove it",
            )),
        }
    }

    fn parse(text: &str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
                sections.push(Section {
                    name: name.0.trim().to_owned(),
                    line: number + 1,
                    keys: Vec::new(),
                });
            } else if let (Some(section), Some((key, value))) =
                (sections.last_mut(), line.split_once('='))
            {
                let value = value.split(['#', ';']).next().unwrap_or_default();
                section
                    .keys
                    .push((key.trim().to_owned(), value.trim().to_lowercase()));
            }
        }
        Self { sections }
    }

    /// Where the file covers a dataset, itself or by one above it: file and line.
    #[must_use]
    pub fn covers(&self, dataset: &str) -> Option<String> {
        let covering = self.sections.iter().find(|section| {
            if section.name.starts_with("template_") {
                return false;
            }
            let is_above = dataset
                .strip_prefix(&section.name)
                .is_some_and(|rest| rest.starts_with('/'));
            let says = |key: &str| self.value(section, key);
            let is_on = |value: Option<&str>| {
                !matches!(value, None | Some("no" | "0" | "false" | "off" | ""))
            };
            if section.name == dataset {
                return !is_on(says("process_children_only"));
            }
            is_above && is_on(says("recursive")) && !is_on(says("skip_children"))
        });
        covering.map(|section| format!("{FILE}:{}", section.line))
    }

    /// What a section says, itself or by its templates.
    fn value<'a>(&'a self, section: &'a Section, key: &str) -> Option<&'a str> {
        let own = |section: &'a Section| {
            let mut keys = section.keys.iter().rev();
            keys.find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        if let Some(value) = own(section) {
            return Some(value);
        }
        let templates = section.keys.iter().find(|(name, _)| name == "use_template");
        let templates = templates.map_or("", |(_, value)| value.as_str());
        let names = templates.split(',').map(str::trim).chain(["default"]);
        names
            .filter_map(|name| {
                let wanted = format!("template_{name}");
                let mut all = self.sections.iter();
                all.find(|section| section.name.to_lowercase() == wanted)
            })
            .find_map(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_admin_covers_is_told_by_its_line() {
        let admins = Admins::parse(
            "[tank/services]\n\tuse_template = production\n\trecursive = yes # all\n\n[vault]\nrecursive=no\n\n[backup]\n\
             use_template = deep\nprocess_children_only = yes\n[template_deep]\nrecursive = zfs\n[template_production]\nhourly=1\n",
        );
        for (dataset, covered) in [
            ("tank/services/sonarr", Some(1)),
            ("tank/services", Some(1)),
            ("tank/servicesx/a", None),
            ("vault", Some(5)),
            ("vault/a", None),
            ("backup", None),
            ("backup/a", Some(8)),
        ] {
            let line = covered.map(|line| format!("{FILE}:{line}"));
            assert_eq!(admins.covers(dataset), line, "{dataset}");
        }
        assert_eq!(Admins::parse("x=1\n]").covers("a"), None);
    }
}
