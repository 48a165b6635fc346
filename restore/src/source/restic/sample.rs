//! A random sample of what a snapshot holds of a service: for a drill of one that is too large to be restored as a whole.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use declaration::settings::{Check, Service};
use serde::Deserialize;

use super::call::Call;
use super::failure_kind::RepositoryFailure;
use super::places;
use crate::source::Sample;

/// How many files it has at most.
const FILES: usize = 200;

/// How many bytes these have together at most, but for the first of them.
const BYTES: u64 = 1 << 30;

/// How many bytes a path has at most: all of them are arguments of one program.
const LONGEST: usize = 512;

/// A line of `restic ls --json` that is about a file.
#[derive(Debug, Deserialize)]
struct File {
    path: PathBuf,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    size: u64,
}

/// Of the files below `root` (absolute) in the snapshot `id` that are the service's: all that it always needs, and some of the
/// rest.
///
/// # Errors
/// When they cannot be listed.
pub(super) fn of(
    call: &Call<'_>,
    id: &str,
    root: &Path,
    service: &Service,
) -> Result<Sample, RepositoryFailure> {
    let exclude = places::paths(service, root);
    let ended = call.ask(&["ls", "--json", id])?;
    let files = ended.stdout.lines().filter_map(|line| {
        let file: File = serde_json::from_str(line).ok()?;
        let path = file.path.strip_prefix(root).ok()?.to_owned();
        let is_left_out = exclude
            .iter()
            .any(|left_out| file.path.starts_with(left_out));
        (file.kind == "file" && !is_left_out).then_some((path, file.size))
    });
    let random = RandomState::new();
    Ok(drawn(files, always(service), |number| {
        random.hash_one(number)
    }))
}

/// What is restored of every snapshot: what is expected, and the databases that are verified, with their logs.
fn always(service: &Service) -> Vec<PathBuf> {
    let databases = service.verify.iter().filter_map(|check| match check {
        Check::Sqlite(path) => Some(path),
        Check::Command(_) => None,
    });
    let with_logs = databases.flat_map(|database| {
        ["", "-wal", "-journal"].map(|suffix| {
            let mut name = database.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        })
    });
    service.expect.iter().cloned().chain(with_logs).collect()
}

/// All files at or below `always`, and some of the others, with their sizes: each of these may be drawn, as `random` of its
/// number says.
fn drawn(
    files: impl Iterator<Item = (PathBuf, u64)>,
    always: Vec<PathBuf>,
    random: impl Fn(usize) -> u64,
) -> Sample {
    let mut drawn: Vec<(u64, PathBuf, u64)> = Vec::new();
    let mut sample = Sample::default();
    for (number, (path, size)) in files.enumerate() {
        sample.all = sample.all.saturating_add(size);
        if always.iter().any(|above| path.starts_with(above)) {
            sample.needed = sample.needed.saturating_add(size);
            continue;
        }
        if path.as_os_str().len() > LONGEST {
            continue;
        }
        let lot = random(number);
        if drawn.len() < FILES {
            drawn.push((lot, path, size));
        } else if let Some(most) = drawn.iter_mut().max_by_key(|(lot, ..)| *lot)
            && lot < most.0
        {
            *most = (lot, path, size);
        }
    }
    drawn.sort_unstable_by_key(|(lot, ..)| *lot);
    let mut so_far = 0_u64;
    for (_, path, size) in drawn {
        let bytes = so_far.saturating_add(size);
        if sample.paths.is_empty() || bytes <= BYTES {
            so_far = bytes;
            sample.paths.push(path);
        }
    }
    sample.bytes = sample.needed.saturating_add(so_far);
    sample.paths.extend(always);
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(sizes: &[u64]) -> impl Iterator<Item = (PathBuf, u64)> {
        let sizes = sizes.iter().enumerate();
        sizes.map(|(number, size)| (PathBuf::from(number.to_string()), *size))
    }

    #[test]
    fn a_sample_is_of_those_with_the_smallest_lots() {
        let many = vec![1; 10 * FILES];
        let sample = drawn(files(&many), Vec::new(), |number| u64::MAX - number as u64);
        assert_eq!((sample.paths.len(), sample.bytes), (FILES, FILES as u64));
        assert_eq!(sample.all, many.len() as u64);
        let last = (many.len() - 1).to_string();
        assert_eq!(sample.paths.first(), Some(&PathBuf::from(last)));
        assert!(drawn(files(&[]), Vec::new(), |_| 0).paths.is_empty());
    }

    #[test]
    fn a_sample_has_few_bytes_and_one_file_at_least() {
        let sample = drawn(files(&[2 * BYTES, 1, BYTES]), Vec::new(), |number| {
            number as u64
        });
        assert_eq!(sample.paths, [PathBuf::from("0")]);
        let sample = drawn(files(&[BYTES - 1, 2, 1]), Vec::new(), |number| {
            number as u64
        });
        assert_eq!(sample.paths, ["0", "2"].map(PathBuf::from));
    }

    #[test]
    fn what_is_needed_is_counted_and_is_none_of_those_that_are_drawn() {
        let files = ["media/a", "media/b/c", "mediaplayer", "app.db"];
        let files = files.into_iter().map(|path| (PathBuf::from(path), BYTES));
        let needed = ["app.db", "media"].map(PathBuf::from);
        let sample = drawn(files, needed.to_vec(), |number| number as u64);
        let paths = ["mediaplayer", "app.db", "media"].map(PathBuf::from);
        assert_eq!(sample.paths, paths);
        let sizes = (sample.needed, sample.bytes, sample.all);
        assert_eq!(sizes, (3 * BYTES, 4 * BYTES, 4 * BYTES));
    }
}
