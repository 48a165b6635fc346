//! A random sample of what a snapshot holds of a service: for a drill of one that is too large to be restored as a whole.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::call::Call;
use super::failure_kind::RepositoryFailure;
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

/// Of the files below `root` (absolute) in the snapshot `id`, those below `exclude` aside.
///
/// # Errors
/// When they cannot be listed.
pub(super) fn of(
    call: &Call<'_>,
    id: &str,
    root: &Path,
    exclude: &[String],
) -> Result<Sample, RepositoryFailure> {
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
    Ok(drawn(files, |number| random.hash_one(number)))
}

/// Draws from files with their sizes: each of them may be drawn, as `random` of its number says.
fn drawn(files: impl Iterator<Item = (PathBuf, u64)>, random: impl Fn(usize) -> u64) -> Sample {
    let mut drawn: Vec<(u64, PathBuf, u64)> = Vec::new();
    let mut sample = Sample::default();
    for (number, (path, size)) in files.enumerate() {
        sample.all = sample.all.saturating_add(size);
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
    for (_, path, size) in drawn {
        let bytes = sample.bytes.saturating_add(size);
        if sample.paths.is_empty() || bytes <= BYTES {
            sample.bytes = bytes;
            sample.paths.push(path);
        }
    }
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
        let sample = drawn(files(&many), |number| u64::MAX - number as u64);
        assert_eq!((sample.paths.len(), sample.bytes), (FILES, FILES as u64));
        assert_eq!(sample.all, many.len() as u64);
        let last = (many.len() - 1).to_string();
        assert_eq!(sample.paths.first(), Some(&PathBuf::from(last)));
        assert!(drawn(files(&[]), |_| 0).paths.is_empty());
    }

    #[test]
    fn a_sample_has_few_bytes_and_one_file_at_least() {
        let sample = drawn(files(&[2 * BYTES, 1, BYTES]), |number| number as u64);
        assert_eq!(sample.paths, [PathBuf::from("0")]);
        let sample = drawn(files(&[BYTES - 1, 2, 1]), |number| number as u64);
        assert_eq!(sample.paths, ["0", "2"].map(PathBuf::from));
    }
}
