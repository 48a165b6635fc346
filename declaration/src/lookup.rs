//! Where declarations are found: four directories, the first that holds a file name wins.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::location::Location;
use crate::problem::Problem;
use crate::regular_file::{Unreadable, check_kind, read_regular, reason};
use crate::trust;
use crate::value::Invalid;

/// The directories that are searched, the first wins (the order is that of systemd.unit(5)).
pub const DIRECTORIES: [&str; 4] = [
    "/etc/preseed",
    "/run/preseed",
    "/usr/local/lib/preseed",
    "/usr/lib/preseed",
];

/// What the name of a declaration's file ends with.
const SUFFIX: &str = ".toml";

/// What the name of a directory of fragments ends with, after the name of the file that they change.
const FRAGMENTS: &str = ".d";

/// Where to look for declarations.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Empty: the machine's own root.
    root: PathBuf,
}

impl Search {
    /// Below `PRESEED_ROOT` if it is set and not empty, else below `/`.
    #[must_use]
    pub fn from_env() -> Self {
        Self::with_root(std::env::var_os("PRESEED_ROOT").unwrap_or_default())
    }

    /// Below `root` instead of `/`.
    #[must_use]
    pub fn with_root(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            root: if root == Path::new("/") {
                PathBuf::new()
            } else {
                root
            },
        }
    }

    /// Whether declarations are looked for below the machine's own root.
    #[must_use]
    pub fn is_of_this_machine(&self) -> bool {
        self.root.as_os_str().is_empty()
    }

    /// Where `shown` (absolute, as problems name it) really is.
    #[must_use]
    pub fn on_disk<'a>(&self, shown: &'a Path) -> Cow<'a, Path> {
        if self.root.as_os_str().is_empty() {
            return Cow::Borrowed(shown);
        }
        Cow::Owned(self.root.join(shown.strip_prefix("/").unwrap_or(shown)))
    }

    /// The files of services, by name, each where it is found first.
    pub(crate) fn services(&self) -> Listing {
        let mut listing = self.list("services");
        // What cannot be listed may hold a fragment of any of them.
        if let Some(unlisted) = &listing.unlisted {
            for entry in &mut listing.entries {
                entry.doubt.get_or_insert_with(|| Arc::clone(unlisted));
            }
        }
        listing
    }

    /// The files `DIR/SUBDIRECTORY/*.toml`, by name, each where it is found first.
    pub(crate) fn list(&self, subdirectory: impl AsRef<Path>) -> Listing {
        self.list_in(Directories::all(), subdirectory.as_ref())
    }

    fn list_in(&self, directories: Directories, subdirectory: &Path) -> Listing {
        let mut listing = Listing::default();
        let mut doubt = None;
        let is_fragments = subdirectory.file_name().and_then(fragmented_stem).is_some();
        for (index, directory) in DIRECTORIES.into_iter().enumerate() {
            if !directories.hold(index) {
                continue;
            }
            let shown: Arc<Path> = Path::new(directory).join(subdirectory).into();
            // Where there are no fragments, nobody can have put a bad one.
            let is_looked_at = !is_fragments || self.on_disk(&shown).symlink_metadata().is_ok();
            if is_looked_at && let Some(distrusted) = self.distrust(&shown) {
                listing.problems.push(distrusted.clone());
                doubt = Some(Arc::new(distrusted));
            }
            if let Err(error) = self.list_one(index, &shown, doubt.as_ref(), &mut listing) {
                let what = format!("cannot list the directory: {}", reason(&error));
                let help = if error.kind() == io::ErrorKind::NotADirectory && is_fragments {
                    "fragments are files in a directory of this name: move this one into it, under a name that ends in `.toml`"
                } else {
                    "make it readable; until then nothing it may override or mask is used"
                };
                let problem = Location::START.problem(&shown, what, help.to_owned());
                listing.problems.push(problem.clone());
                let problem = Arc::new(problem);
                // What is not there holds no fragment of what has gone before.
                if error.kind() != io::ErrorKind::NotFound {
                    listing.unlisted = Some(Arc::clone(&problem));
                }
                doubt = Some(problem);
            }
        }
        if !listing.with_fragments.is_empty() {
            for entry in &mut listing.entries {
                let directories = listing.with_fragments.get(&entry.stem);
                entry.fragments = directories.copied().unwrap_or_default();
            }
        }
        // The sort is stable: of equal names, the one of the first directory stays first.
        listing.entries.sort_by(|a, b| a.stem.cmp(&b.stem));
        listing.entries.dedup_by(|later, first| {
            let is_below = later.stem == first.stem;
            if is_below {
                first.below.push(later.file());
            }
            is_below
        });
        listing
    }

    /// The fragments of the file `name`, e.g. `services/sonarr.toml`: those of `services/sonarr.toml.d/*.toml`, in the
    /// order in which they are merged, each where it is found first. Masked ones are left out.
    pub(crate) fn fragments(&self, name: &str) -> Fragments {
        self.fragments_in(Directories::all(), name.as_ref())
    }

    fn fragments_in(&self, directories: Directories, name: &OsStr) -> Fragments {
        let mut fragments = Fragments::default();
        let mut directory = name.to_owned();
        directory.push(FRAGMENTS);
        let listing = self.list_in(directories, directory.as_ref());
        fragments.problems = listing.problems;
        for entry in listing.entries {
            let file = entry.file();
            let text = match self.read(&file, entry.is_regular) {
                Ok(Content::Masked) => continue,
                Ok(Content::Text { text, doubt }) => {
                    fragments.problems.extend(doubt);
                    Ok(text)
                }
                Err(unreadable) => {
                    fragments.problems.push(unreadable.problem(&file));
                    Err(unreadable)
                }
            };
            fragments.files.push((file, text));
        }
        fragments
    }

    /// What is wrong with who may write `shown`, or a directory on the way to it, from one of [`DIRECTORIES`] on.
    fn distrust(&self, shown: &Path) -> Option<Problem> {
        let check = |shown: &Path| {
            let path = self.on_disk(shown);
            let metadata = fs::symlink_metadata(&path).ok()?;
            let checked = if metadata.is_symlink() {
                // One that leads nowhere is told when it is listed.
                fs::metadata(&path).ok()?;
                trust::check(&path)
            } else {
                trust::of(shown, &metadata)
            };
            let Invalid { what, help } = checked.err()?;
            Some(Location::START.problem(shown, what, help))
        };
        let is_one = |path: &Path| DIRECTORIES.iter().any(|one| path == Path::new(one));
        let mut on_the_way = Vec::with_capacity(3);
        for path in shown.ancestors() {
            on_the_way.push(path);
            if is_one(path) {
                break;
            }
        }
        on_the_way.into_iter().rev().find_map(check)
    }

    fn list_one(
        &self,
        index: usize,
        shown: &Arc<Path>,
        doubt: Option<&Arc<Problem>>,
        listing: &mut Listing,
    ) -> io::Result<()> {
        let directory = match fs::read_dir(self.on_disk(shown)) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let is_fragments = shown.file_name().and_then(fragmented_stem).is_some();
                return match self.dangling(shown) {
                    // Nobody has put fragments there; the link is told where services are listed.
                    Some(link) if is_fragments && link != **shown => Ok(()),
                    Some(link) => Err(io::Error::new(
                        io::ErrorKind::NotFound,
                        format!("{} is a dangling link", link.display()),
                    )),
                    None => Ok(()),
                };
            }
            Err(error) => return Err(error),
        };
        for entry in directory {
            let entry = entry?;
            let name = entry.file_name();
            if let Some(stem) = declared_stem(&name) {
                listing.entries.push(Entry {
                    stem,
                    directory: Arc::clone(shown),
                    is_regular: entry.file_type().is_ok_and(|kind| kind.is_file()),
                    doubt: doubt.cloned(),
                    fragments: Directories::default(),
                    below: Vec::new(),
                });
            } else if let Some(stem) = fragmented_stem(&name) {
                listing.with_fragments.entry(stem).or_default().add(index);
            }
        }
        Ok(())
    }

    /// The link on the way to `shown` that leads nowhere, if that is why it is not found.
    fn dangling(&self, shown: &Path) -> Option<PathBuf> {
        shown
            .ancestors()
            .take_while(|ancestor| *ancestor != Path::new("/"))
            .find(|ancestor| {
                let on_disk = self.on_disk(ancestor);
                on_disk.is_symlink() && on_disk.metadata().is_err()
            })
            .map(Path::to_path_buf)
    }

    /// Reads the first `DIR/NAME` that exists.
    pub(crate) fn read_first(&self, name: &str) -> Option<(PathBuf, Result<Content, Unreadable>)> {
        for directory in DIRECTORIES {
            let shown = Path::new(directory).join(name);
            let on_disk = self.on_disk(&shown);
            // Only what is provably not there lets a lower directory speak.
            match fs::symlink_metadata(&on_disk) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if let Some(link) = self.dangling(&shown) {
                        let failure =
                            Unreadable::new(format!("{} is a dangling link", link.display()));
                        return Some((shown, Err(failure)));
                    }
                }
                Err(error) => {
                    let failure =
                        Unreadable::new(format!("cannot read the file: {}", reason(&error)));
                    return Some((shown, Err(failure)));
                }
                Ok(_) => {
                    let mut content = self.read(&shown, false);
                    // Of a mask, who could have put it there counts, and not what it leads to.
                    let looked_at = match &content {
                        Ok(Content::Masked) => shown.parent().unwrap_or(&shown),
                        _ => &shown,
                    };
                    match (&mut content, self.distrust(looked_at)) {
                        (Ok(Content::Text { doubt, .. }), Some(distrusted)) => {
                            *doubt = Some(distrusted);
                        }
                        (Ok(Content::Masked), Some(Problem { what, help, .. })) => {
                            let failure = Unreadable::new(what);
                            content = Err(Unreadable { help, ..failure });
                        }
                        _ => {}
                    }
                    return Some((shown, content));
                }
            }
        }
        None
    }

    /// Reads a file. Never blocks, opens nothing but regular files.
    ///
    /// `is_regular`: the directory says that it is a regular file, not a link.
    pub(crate) fn read(&self, shown: &Path, is_regular: bool) -> Result<Content, Unreadable> {
        let path = self.on_disk(shown);
        if !is_regular {
            match check_kind(&path) {
                Ok(true) => {}
                Ok(false) => return Ok(Content::Masked),
                Err(what) => return Err(Unreadable::new(what)),
            }
        }
        let (bytes, metadata) = read_regular(&path)?;
        let checked = trust::of(shown, &metadata);
        let checked = checked.and_then(|()| {
            if is_regular || !path.is_symlink() {
                return Ok(());
            }
            trust::check(&path)
        });
        let doubt = checked
            .err()
            .map(|Invalid { what, help }| Location::START.problem(shown, what, help));
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Content::Text { text, doubt }),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                Err(Unreadable {
                    location: Location::START.after(&bytes[..valid]),
                    what: format!("byte 0x{:02x} is not UTF-8", bytes[valid]),
                    help: "save the file as UTF-8".to_owned(),
                    salvage: String::from_utf8_lossy(&bytes).into_owned(),
                })
            }
        }
    }
}

/// The name of a declaration's file without `.toml`; `None`: not a declaration.
pub(crate) fn declared_stem(name: &OsStr) -> Option<OsString> {
    let stem = name.as_bytes().strip_suffix(SUFFIX.as_bytes())?;
    if stem.is_empty() || stem.starts_with(b".") {
        return None;
    }
    Some(OsStr::from_bytes(stem).to_owned())
}

/// The name, without `.toml`, of the file that the fragments in the directory `name` change; `None`: they change none.
pub(crate) fn fragmented_stem(name: &OsStr) -> Option<OsString> {
    let file = name.as_bytes().strip_suffix(FRAGMENTS.as_bytes())?;
    declared_stem(OsStr::from_bytes(file))
}

/// Some of [`DIRECTORIES`].
#[derive(Debug, Clone, Copy, Default)]
struct Directories(u8);

impl Directories {
    fn all() -> Self {
        Self(u8::MAX)
    }

    fn add(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    fn hold(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }

    fn are_none(self) -> bool {
        self.0 == 0
    }
}

/// The declarations of one kind.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    /// The names without `.toml` of which there is a directory of fragments, `NAME.toml.d`.
    with_fragments: BTreeMap<OsString, Directories>,
    /// One that is there, or may be, and could not be listed.
    unlisted: Option<Arc<Problem>>,
    /// Directories that could not be listed.
    pub(crate) problems: Vec<Problem>,
}

/// One declaration's file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its name without `.toml`.
    pub(crate) stem: OsString,
    /// Absolute, without `PRESEED_ROOT`.
    directory: Arc<Path>,
    /// Whether it is a regular file for sure.
    pub(crate) is_regular: bool,
    /// A directory that goes before this one could not be listed: it may override or mask the file.
    pub(crate) doubt: Option<Arc<Problem>>,
    /// Where there are fragments for it.
    fragments: Directories,
    /// The files of this name that it overrides or masks.
    pub(crate) below: Vec<PathBuf>,
}

impl Entry {
    /// Its fragments, if it is a service's.
    pub(crate) fn fragments(&self, search: &Search) -> Fragments {
        if self.fragments.are_none() {
            return Fragments::default();
        }
        let mut name = OsString::from("services/");
        name.push(&self.stem);
        name.push(SUFFIX);
        search.fragments_in(self.fragments, &name)
    }

    /// The file (absolute, without `PRESEED_ROOT`).
    pub(crate) fn file(&self) -> PathBuf {
        let length = self.directory.as_os_str().len() + 1 + self.stem.len() + SUFFIX.len();
        let mut file = PathBuf::with_capacity(length);
        file.push(&self.directory);
        file.push(&self.stem);
        file.as_mut_os_string().push(SUFFIX);
        file
    }
}

/// What a file holds.
#[derive(Debug)]
pub(crate) enum Content {
    Text {
        text: String,
        /// Why it must not be relied on.
        doubt: Option<Problem>,
    },
    /// A link to /dev/null.
    Masked,
}

/// The fragments of a file.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    /// Each with its text.
    pub(crate) files: Vec<(PathBuf, Result<String, Unreadable>)>,
    /// What could not be listed or read, or must not be relied on.
    pub(crate) problems: Vec<Problem>,
}
