//! The least time that writing a generator's output can take: one plain loop over what a dry run printed.
//!
//! ```text
//! preseed-generator --dry-run >units.txt; floor OUT <units.txt
//! ```
//! Writes the same files and links below the empty directory OUT, and prints how many milliseconds
//! the loop took. Reading the dry run, starting and ending are left out.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args_os()
        .nth(1)
        .ok_or("usage: floor OUT <DRY-RUN")?;
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let entries = entries(&text);
    std::env::set_current_dir(out)?;

    let start = Instant::now();
    // The few directories of links are made once; each directory of drop-ins as its file comes.
    for (path, content) in &entries {
        match content {
            Content::Link(target) => {
                if let Err(error) = symlink(target, path) {
                    let parent = path.rsplit_once('/').ok_or(error)?.0;
                    fs::create_dir(parent)?;
                    symlink(target, path)?;
                }
            }
            Content::File(text) => {
                if let Some((parent, _)) = path.split_once('/') {
                    fs::create_dir(parent)?;
                }
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(path)?
                    .write_all(text.as_bytes())?;
            }
        }
    }
    println!("{:.3}", start.elapsed().as_secs_f64() * 1000.0);
    Ok(())
}

enum Content<'a> {
    File(&'a str),
    Link(&'a str),
}

/// The entries of a dry run: `---path---` and its lines, or `path -> target`.
fn entries(text: &str) -> Vec<(&str, Content<'_>)> {
    let mut entries = Vec::new();
    let mut file: Option<(&str, usize)> = None;
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        let header = bare
            .strip_prefix("---")
            .and_then(|rest| rest.strip_suffix("---"));
        let link = bare
            .split_once(" -> ")
            .filter(|(path, _)| path.contains(".wants/") && !path.contains(['=', '#', '[']));
        if (header.is_some() || link.is_some())
            && let Some((path, start)) = file.take()
        {
            entries.push((path, Content::File(&text[start..position])));
        }
        position += line.len();
        file = header.map(|path| (path, position)).or(file);
        if let Some((path, target)) = link {
            entries.push((path, Content::Link(target)));
        }
    }
    if let Some((path, start)) = file {
        entries.push((path, Content::File(&text[start..])));
    }
    entries
}
