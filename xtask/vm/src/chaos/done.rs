//! Which restores of a run have come to a good end: a run of hours can be ended, and goes on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;

use super::plan::{Met, Plan};
use crate::Vms;
use product::binaries::workspace;

/// A file with a line for each: its number, and what it has met.
pub(super) struct Done {
    file: Mutex<File>,
    before: BTreeMap<usize, Met>,
    path: PathBuf,
}

impl Done {
    /// The file of the run with these numbers, of the build that its machines have. It is made where it is missing, and
    /// emptied for a run that begins anew.
    ///
    /// # Errors
    /// It cannot be read or made.
    pub(super) fn open(vms: &Vms, chaos: &Plan) -> anyhow::Result<Self> {
        let directory = workspace().join("target/chaos");
        let Plan {
            cuts, kills, seed, ..
        } = chaos;
        let guest = vms.name().replace(' ', "-");
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        let name = format!("{guest}-{}-{cuts}-{kills}-{seed}", vms.build_key());
        Self::at(directory.join(name), chaos.anew)
    }

    fn at(path: PathBuf, anew: bool) -> anyhow::Result<Self> {
        let place = || path.display().to_string();
        if anew {
            File::create(&path).with_context(place)?;
        }
        let before = match fs::read_to_string(&path) {
            Ok(text) => read(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(place),
        };
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(place)?;
        Ok(Self {
            file: Mutex::new(file),
            before,
            path,
        })
    }

    /// Whether an earlier run has done it.
    pub(super) fn has(&self, number: usize) -> bool {
        self.before.contains_key(&number)
    }

    /// Notes that one has come to a good end.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&self, number: usize, met: Met) -> anyhow::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line(number, met);
        file.write_all(line.as_bytes())
            .with_context(|| self.path.display().to_string())
    }

    /// How many there are, and all that they have met.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn sum(&self) -> anyhow::Result<(usize, Met)> {
        let text =
            fs::read_to_string(&self.path).with_context(|| self.path.display().to_string())?;
        let all = read(&text);
        let mut sum = Met::default();
        for met in all.values() {
            sum.cuts += met.cuts;
            sum.cuts_with_loss += met.cuts_with_loss;
            sum.unflushed += met.unflushed;
            sum.kills += met.kills;
            sum.at_work += met.at_work;
        }
        Ok((all.len(), sum))
    }
}

fn line(number: usize, met: Met) -> String {
    let Met {
        cuts,
        cuts_with_loss,
        unflushed,
        kills,
        at_work,
    } = met;
    format!("{number} {cuts} {cuts_with_loss} {unflushed} {kills} {at_work}\n")
}

/// What the lines say. One that was cut off is not done.
fn read(text: &str) -> BTreeMap<usize, Met> {
    let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
    complete
        .lines()
        .filter_map(|line| {
            let numbers: Option<Vec<u64>> =
                line.split(' ').map(|number| number.parse().ok()).collect();
            let &[number, cuts, cuts_with_loss, unflushed, kills, at_work] = numbers?.as_slice()
            else {
                return None;
            };
            let met = Met {
                cuts,
                cuts_with_loss,
                unflushed,
                kills,
                at_work,
            };
            Some((usize::try_from(number).ok()?, met))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_noted_is_read_and_a_line_that_was_cut_off_is_not() {
        let met = Met {
            cuts: 6,
            cuts_with_loss: 6,
            unflushed: 4096,
            kills: 0,
            at_work: 0,
        };
        let text = line(3, met) + &line(17, met);
        assert_eq!(read(&text), BTreeMap::from([(3, met), (17, met)]));
        assert_eq!(read(&text[..text.len() - 4]), BTreeMap::from([(3, met)]));
    }

    #[test]
    fn a_run_goes_on_where_it_ended_unless_it_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let open = |anew| Done::at(directory.path().join("done"), anew).unwrap();
        open(false).add(3, Met::default()).unwrap();
        assert!(open(false).has(3));
        let anew = open(true);
        assert!(!anew.has(3));
        anew.add(4, Met::default()).unwrap();
        assert_eq!(anew.sum().unwrap().0, 1);
    }
}
