//! What an admin's own configuration of Sanoid covers: that is the admin's.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use storage::{Error, Result};

/// What Sanoid takes for no; for yes, where it repeats itself on what lies below.
const FALSE: [&str; 11] = [
    "", "0", "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF",
];
const TRUE: [&str; 10] = [
    "1", "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON",
];

/// What Sanoid takes snapshots of, how many it keeps if nobody says (sanoid.defaults.conf), and how many minutes lie between
/// two; of `frequently`, `frequent_period` says it.
pub(crate) const KINDS: [(&str, usize, u64); 6] = [
    ("frequently", 0, 15),
    ("hourly", 48, 60),
    ("daily", 90, 24 * 60),
    ("weekly", 0, 7 * 24 * 60),
    ("monthly", 6, 31 * 24 * 60),
    ("yearly", 0, 366 * 24 * 60),
];

/// Where it is.
const FILE: &str = "/etc/sanoid/sanoid.conf";

/// An admin's sanoid.conf, as far as it says which datasets it covers. It is read as Sanoid reads it, also where that is odd:
/// preseed's own Sanoid would prune what is not seen to be covered.
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

/// What Sanoid does with a dataset, or with what a section is called.
#[expect(clippy::struct_excessive_bools, reason = "Sanoid has as many switches")]
#[derive(Debug, Default, Clone)]
struct Plan {
    path: String,
    /// Of the section that says so.
    line: usize,
    takes: bool,
    prunes: bool,
    /// It is left out, and only what lies below is dealt with.
    children_only: bool,
    /// One `zfs snapshot -r` for it and all below.
    is_whole: bool,
    /// It was set by a section of one above: a section of its own changes only what it says.
    is_set: bool,
    /// How many of each of [`KINDS`] are kept.
    kept: [usize; KINDS.len()],
}

/// What covers a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// File and line.
    pub at: String,
    /// How much time lies between two snapshots of it at most; `None`: none are taken.
    pub every: Option<Duration>,
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

    /// As Perl's Config::IniFiles does: nothing after a value is a comment, and a section may be continued.
    pub(crate) fn parse(text: &str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        let mut at = None;
        for (number, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.starts_with(['#', ';']) {
                continue;
            }
            let inside = trimmed.strip_prefix('[');
            if let Some(name) = inside.and_then(|line| line.strip_suffix(']')) {
                let name = name.trim();
                let known = sections.iter().position(|section| section.name == name);
                at = known.or(Some(sections.len()));
                if known.is_none() {
                    sections.push(Section {
                        name: name.to_owned(),
                        line: number + 1,
                        keys: Vec::new(),
                    });
                }
            } else if let (Some(section), Some((key, value))) =
                (at.and_then(|at| sections.get_mut(at)), line.split_once('='))
            {
                let (key, value) = (key.trim().to_owned(), value.trim_start().to_owned());
                section.keys.push((key, value));
            }
        }
        Self { sections }
    }

    /// Where the file covers a dataset, itself or by one above it.
    #[must_use]
    pub fn covers(&self, dataset: &str) -> Option<Cover> {
        let plans = self.plans(dataset);
        let covering = plans.values().find(|plan| {
            let is_it = plan.path == dataset && (plan.takes || plan.prunes);
            let is_in_it = plan.is_whole && plan.takes && is_below(dataset, &plan.path);
            !plan.children_only && (is_it || is_in_it)
        });
        covering.map(|plan| Cover {
            at: format!("{FILE}:{}", plan.line),
            every: plan.every(),
        })
    }

    /// What comes of the sections one after the other, for what they are called and for a dataset.
    fn plans<'a>(&'a self, dataset: &'a str) -> BTreeMap<&'a str, Plan> {
        let is_template = |section: &&Section| section.name.starts_with("template_");
        let all = || self.sections.iter().filter(|section| !is_template(section));
        let mut plans: BTreeMap<&str, Plan> = BTreeMap::new();
        for section in all() {
            let mut plan = plans.remove(section.name.as_str()).unwrap_or_default();
            self.fill(section, &mut plan);
            // These are the section's own, and no template's.
            let is_true = |key| {
                section
                    .value(key)
                    .is_some_and(|value| TRUE.contains(&value))
            };
            let is_whole = section.value("recursive").is_some_and(|value| {
                let value = value.to_lowercase();
                value.contains("zfs")
            });
            let skips = is_true("skip_children") && !is_whole;
            plan.is_whole |= is_whole;
            if is_whole || skips || is_true("recursive") {
                let names = all().map(|section| section.name.as_str()).chain([dataset]);
                for name in names.filter(|name| is_below(name, &plan.path)) {
                    if skips {
                        plans.remove(name);
                        continue;
                    }
                    let child = plans.entry(name).or_default();
                    *child = Plan {
                        path: name.to_owned(),
                        takes: plan.takes && !is_whole,
                        children_only: child.children_only,
                        is_set: true,
                        ..plan.clone()
                    };
                }
            }
            plans.insert(&section.name, plan);
        }
        plans
    }

    /// What a section says, its templates, and what holds if nobody says anything.
    fn fill(&self, section: &Section, plan: &mut Plan) {
        let template = |name: &str| {
            let name = format!("template_{name}");
            self.sections.iter().find(|section| section.name == name)
        };
        let named = section.value("use_template").unwrap_or_default();
        let mut said: Vec<&Section> = Vec::new();
        if !plan.is_set {
            plan.takes = true;
            plan.prunes = true;
            plan.kept = KINDS.map(|(_, kept, _)| kept);
            said.extend(template("default"));
        }
        said.extend(named.split(',').filter_map(|name| template(name.trim())));
        said.push(section);
        // The last one that says something counts.
        for section in said {
            for (key, field) in [
                ("autosnap", &mut plan.takes),
                ("autoprune", &mut plan.prunes),
                ("process_children_only", &mut plan.children_only),
            ] {
                if let Some(value) = section.value(key) {
                    *field = !FALSE.contains(&value);
                }
            }
            for ((key, ..), kept) in KINDS.iter().zip(&mut plan.kept) {
                if let Some(value) = section.value(key) {
                    *kept = value.trim().parse().unwrap_or_default();
                }
            }
        }
        // It is taken along with one above.
        plan.takes &= !plan.is_whole;
        let path = section.value("path").unwrap_or(&section.name);
        path.clone_into(&mut plan.path);
        plan.line = section.line;
    }
}

impl Plan {
    fn every(&self) -> Option<Duration> {
        let kinds = KINDS.iter().zip(self.kept);
        let mut kept = kinds.filter(|(_, kept)| *kept > 0 && self.takes);
        kept.next()
            .map(|((_, _, minutes), _)| Duration::from_mins(*minutes))
    }
}

impl Section {
    /// What it says itself; of several, the first.
    fn value(&self, key: &str) -> Option<&str> {
        let mut keys = self.keys.iter();
        keys.find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

/// Whether a dataset lies below another one.
fn is_below(dataset: &str, above: &str) -> bool {
    dataset
        .strip_prefix(above)
        .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sanoid.conf is, and of some datasets the line that covers it; 0: none. Compared with what Sanoid 2.2 makes of it.
    const CASES: &[(&str, &[(&str, usize)])] = &[
        (
            // A comment at the end belongs to the value, which is then not true.
            "[a]\nrecursive = yes # all\n[vault]\nrecursive=no\n",
            &[
                ("a", 1),
                ("a/x", 0),
                ("ax/a", 0),
                ("vault", 3),
                ("vault/a", 0),
            ],
        ),
        (
            "[apps]\n\tpath = tank/Services\n\trecursive = yes\n",
            &[
                ("apps", 0),
                ("tank/Services", 1),
                ("tank/Services/a", 1),
                ("tank/services/a", 0),
            ],
        ),
        (
            // A template says nothing of what lies below.
            "[a]\nuse_template = deep\n[b]\nrecursive=yes\nuse_template=deep\n[template_deep]\nrecursive = yes\n\
                 skip_children = yes\n",
            &[("a", 1), ("a/x", 0), ("b/x", 3)],
        ),
        (
            "[a]\nrecursive = yes\nrecursive = no\n[b]\nrecursive = ZFS\nskip_children = yes\n[c]\nrecursive = yEs\n\
                 [d]\nrecursive = yes\nskip_children = yes\n",
            &[("a/x", 1), ("b/x", 4), ("c/x", 0), ("d/x", 0), ("d", 9)],
        ),
        (
            // A section of its own changes what it says; one above that comes later changes all but `process_children_only`.
            "[a]\nrecursive=yes\n[a/x]\nprocess_children_only=yes\n[a/y]\nautosnap=no\nautoprune=no\n[b/x]\n\
                 process_children_only=yes\nautosnap=no\n[b/y]\nautosnap=no\nautoprune=no\n[b]\nrecursive=yes\n",
            &[("a/x", 0), ("a/y", 0), ("a/z", 1), ("b/x", 0), ("b/y", 14)],
        ),
        (
            "[a]\nuse_template = one, two\n[b]\nuse_template = two,one\n[c]\n[d]\nautosnap = yes\n[template_one]\n\
                 autosnap = no\nautoprune = no\n[template_two]\nautoprune = yes\n[template_default]\nautosnap = no\n\
                 autoprune = no\n",
            &[("a", 1), ("b", 0), ("c", 0), ("d", 6)],
        ),
        (
            // All below is taken along, whatever a section of its own says of taking.
            "[a]\nrecursive = zfs\nautoprune = no\n[a/x]\nautosnap = no\n[b]\nrecursive=zfs\nprocess_children_only=yes\n\
                 autoprune=no\n[c]\nautosnap=no\nautoprune=no\nrecursive=yes\n[c/x]\nhourly=1\n",
            &[
                ("a/x", 1),
                ("a/y", 1),
                ("b", 0),
                ("b/x", 0),
                ("c", 0),
                ("c/x", 0),
            ],
        ),
        ("x=1\n]\n[a] # b\n", &[("a", 0), ("x", 0)]),
        (
            "[a]\nautosnap=no\n[b]\n[a]\nautoprune=no\nautosnap=yes\n",
            &[("a", 0), ("b", 3)],
        ),
    ];

    #[test]
    fn what_an_admin_covers_is_told_as_sanoid_reads_it() {
        for (text, expected) in CASES {
            let admins = Admins::parse(text);
            for (dataset, line) in *expected {
                let line = (*line > 0).then(|| format!("{FILE}:{line}"));
                let covers = admins.covers(dataset).map(|cover| cover.at);
                assert_eq!(covers, line, "{dataset}:\n{text}");
            }
        }
    }

    #[test]
    fn how_often_an_admin_has_snapshots_taken_is_told() {
        let hours = |hours| Some(Duration::from_hours(hours));
        for (text, expected) in [
            ("[a]\n", hours(1)),
            ("[a]\nhourly = 0\n", hours(24)),
            (
                "[a]\nuse_template = weeks\n[template_weeks]\nhourly=0\ndaily=0\nweekly=4\n",
                hours(7 * 24),
            ),
            ("[a]\nautosnap = no\n", None),
        ] {
            let cover = Admins::parse(text).covers("a");
            assert_eq!(cover.map(|cover| cover.every), Some(expected), "{text}");
        }
    }
}
