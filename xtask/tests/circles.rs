//! The imports between the files of a crate go one way: a file can be read, moved and tested with what is below it.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Module = Vec<String>;

/// The files of one crate, by their module.
struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    path: PathBuf,
    /// Without comments and without its tests.
    code: String,
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every directory `src` of a crate of the workspace.
fn crates(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !path.is_dir() || name == "target" || name.starts_with('.') {
            continue;
        }
        if name == "src" && directory.join("Cargo.toml").is_file() {
            found.push(path);
        } else {
            crates(&path, found);
        }
    }
}

impl Crate {
    fn read(src: &Path) -> Self {
        let mut of = Self {
            files: BTreeMap::new(),
        };
        of.read_below(src, &Vec::new());
        of
    }

    fn read_below(&mut self, directory: &Path, module: &Module) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            let mut inner = module.clone();
            if path.is_dir() {
                inner.push(stem);
                self.read_below(&path, &inner);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                if !["lib", "main", "mod"].contains(&stem.as_str()) {
                    inner.push(stem);
                }
                let code = code(&fs::read_to_string(&path).unwrap());
                self.files.insert(inner, File { path, code });
            }
        }
    }

    /// The file that a path of this crate leads to, from the module `here`: that of the longest part of it that is a
    /// module. What the crate's root only passes on is followed.
    fn leads_to(&self, here: &Module, path: &[String]) -> Option<Module> {
        let mut to = here.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => {
                to.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|word| word == "super") {
                    to.pop()?;
                    rest = &rest[1..];
                }
            }
            // Only a module below this one can be named without a word before it.
            first => {
                to.push(first.to_owned());
                self.files.get(&to)?;
                rest = &rest[1..];
            }
        }
        while let Some(word) = rest.first() {
            to.push(word.clone());
            if !self.files.contains_key(&to) {
                to.pop();
                break;
            }
            rest = &rest[1..];
        }
        if to.is_empty()
            && let (Some(item), Some(root)) = (rest.first(), self.files.get(&to))
        {
            let passed_on = paths(&root.code).into_iter().filter(|of| of.is_public);
            let of_it = passed_on
                .map(|of| of.path)
                .find(|path| path.last() == Some(item));
            if let Some(path) = of_it {
                return self.leads_to(&Vec::new(), &path);
            }
        }
        self.files.contains_key(&to).then_some(to)
    }

    /// The files that a file needs.
    fn needs(&self, module: &Module, file: &File) -> BTreeSet<Module> {
        let is_root = module.is_empty();
        let named = paths(&file.code).into_iter();
        // What the root passes on, it does not need.
        let named = named.filter(|of| !(is_root && of.is_public));
        let mut needs: BTreeSet<Module> = named
            .filter_map(|of| self.leads_to(module, &of.path))
            .collect();
        needs.remove(module);
        needs
    }

    /// The files that need themselves, by whatever way.
    fn in_circles(&self) -> Vec<&Path> {
        let needs: BTreeMap<&Module, BTreeSet<Module>> = self
            .files
            .iter()
            .map(|(module, file)| (module, self.needs(module, file)))
            .collect();
        let reaches_itself = |start: &&Module| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<&Module> = needs[*start].iter().collect();
            while let Some(module) = next.pop() {
                if module == *start {
                    return true;
                }
                if seen.insert(module) {
                    next.extend(&needs[module]);
                }
            }
            false
        };
        let circular = needs.keys().copied().filter(reaches_itself);
        circular
            .map(|module| self.files[module].path.as_path())
            .collect()
    }
}

/// The code of a file without comments, words in quotation marks, and the tests at its end.
fn code(text: &str) -> String {
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = product
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A path that is named in a file.
struct Named {
    path: Vec<String>,
    /// Whether the file passes it on (`pub use`).
    is_public: bool,
}

/// All paths of more than one word that are named in `code`, in `use` and elsewhere.
fn paths(code: &str) -> Vec<Named> {
    let mut all = Vec::new();
    let mut rest = code;
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut before = "";
    while let Some(begin) = rest.find(is_word) {
        let gap = &rest[..begin];
        rest = &rest[begin..];
        let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        let word = &rest[..end];
        if word == "use" {
            let statement = rest.split(';').next().unwrap();
            let is_public = before == "pub" || gap.starts_with(") ");
            for path in tree(statement["use".len()..].trim()) {
                all.push(Named { path, is_public });
            }
            rest = &rest[statement.len()..];
            before = "";
            continue;
        }
        rest = &rest[end..];
        if rest.starts_with("::") && !gap.ends_with("::") {
            let whole = rest.find(|letter| !is_word(letter) && letter != ':');
            let more = &rest[..whole.unwrap_or(rest.len())];
            let mut path = vec![word.to_owned()];
            path.extend(
                more.split("::")
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned),
            );
            rest = &rest[more.len()..];
            all.push(Named {
                path,
                is_public: false,
            });
        }
        before = word;
    }
    all
}

/// The paths of a tree of imports: `a::{b, c::{d, e}}`.
fn tree(text: &str) -> Vec<Vec<String>> {
    let text = text.trim();
    if text.starts_with("::") {
        // Of another crate.
        return Vec::new();
    }
    let split = |path: &str| -> Vec<String> {
        let path = path.split(" as ").next().unwrap();
        let words = path.split("::").map(str::trim);
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let Some((prefix, inner)) = text.split_once('{') else {
        return vec![split(text)];
    };
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let mut depth = 0;
    let parts = inner.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    let parts = parts.filter(|part| !part.trim().is_empty());
    parts
        .flat_map(tree)
        .map(|path| [split(prefix), path].concat())
        .collect()
}

#[test]
fn the_imports_between_files_go_one_way() {
    let mut sources = Vec::new();
    crates(workspace(), &mut sources);
    assert!(sources.len() > 8, "{sources:?}");
    let mut circular = BTreeSet::new();
    for src in &sources {
        let of = Crate::read(src);
        let names = of.in_circles().into_iter().map(|path| {
            let path = path.strip_prefix(workspace()).unwrap();
            path.to_string_lossy().into_owned()
        });
        circular.extend(names);
    }
    assert!(
        circular.is_empty(),
        "these need each other, so move what they share into a file of its own: {circular:#?}"
    );
}

#[test]
fn a_circle_is_seen_however_it_is_written() {
    let machine = |files: &[(&str, &str)]| Crate {
        files: files
            .iter()
            .map(|(module, text)| {
                let words = module.split('/').filter(|word| !word.is_empty());
                let file = File {
                    path: PathBuf::from(module),
                    code: code(text),
                };
                (words.map(str::to_owned).collect(), file)
            })
            .collect(),
    };
    let circles = |files: &[(&str, &str)]| machine(files).in_circles().len();
    assert_eq!(
        circles(&[("a", "use crate::b::X;"), ("b", "use crate::a::Y;")]),
        2
    );
    assert_eq!(
        circles(&[("a", "use crate::b::X;"), ("b", "// use crate::a::Y;")]),
        0
    );
    assert_eq!(
        circles(&[
            ("a", "fn f() { crate::b::g() }"),
            ("b", "use super::a::{Y, Z};")
        ]),
        2
    );
    assert_eq!(
        circles(&[("a", "mod b; fn f() { b::g() }"), ("a/b", "use super::Y;")]),
        2
    );
    assert_eq!(circles(&[("a", "mod b;"), ("a/b", "use super::Y;")]), 0);
    assert_eq!(
        circles(&[
            ("a", "use crate::{b::{c, d}, e};"),
            ("b", "use crate::a;"),
            ("e", "")
        ]),
        2
    );
    // Passed on by the root.
    assert_eq!(
        circles(&[
            ("", "pub use b::X;"),
            ("a", "use crate::X;"),
            ("b", "use crate::a::Y;")
        ]),
        2
    );
    assert_eq!(
        circles(&[("", "pub use b::X;"), ("a", "use crate::X;"), ("b", "")]),
        0
    );
    let tests = "#[cfg(test)]\nmod tests {\n use crate::a::Y;\n}";
    assert_eq!(circles(&[("a", "use crate::b::X;"), ("b", tests)]), 0);
}
