//! What kind of error it is, an error is asked; its words are for people.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What gives the words of an error, and what looks at them.
const WORDS: [&str; 4] = [".what()", ".fault()", ".help()", "error.to_string()"];
const LOOKS: [&str; 5] = [
    ".contains(",
    ".starts_with(",
    ".ends_with(",
    ".find(",
    ".split",
];

#[test]
fn no_code_looks_at_the_words_of_an_error() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let listed = Command::new("git")
        .args(["ls-files", "--", "*/src/*.rs"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(listed.status.success());
    let files = String::from_utf8(listed.stdout).unwrap();
    let product = files
        .lines()
        .filter(|file| !file.starts_with("xtask/") && !file.contains("/tests"));
    let mut looks = Vec::new();
    let mut read = 0;
    for file in product {
        let Ok(text) = fs::read_to_string(root.join(PathBuf::from(file))) else {
            // Removed, and not yet noted so.
            continue;
        };
        read += 1;
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            let looks_at_words = WORDS.iter().any(|words| {
                let rest = line.split_once(words).map_or("", |(_, rest)| rest);
                LOOKS.iter().any(|look| rest.starts_with(look))
            });
            if looks_at_words {
                looks.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(read > 100, "{read} files were read");
    assert!(
        looks.is_empty(),
        "give the error a kind where it is made, and ask for that: {looks:#?}"
    );
}
