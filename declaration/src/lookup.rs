//! Where declarations are found: four directories, the first that holds a file name wins.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::OFlag;

use crate::location::Location;
use crate::problem::Problem;
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

/// The largest file that is read, in bytes. A declaration has a few hundred.
const LARGEST: u64 = 1 << 20;

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

    /// The files `DIR/SUBDIRECTORY/*.toml`, by name, each where it is found first.
    pub(crate) fn list(&self, subdirectory: &str) -> Listing {
        let mut listing = Listing::default();
        let mut doubt = None;
        for directory in DIRECTORIES {
            let shown: Arc<Path> = Path::new(directory).join(subdirectory).into();
            if let Some(distrusted) = self.distrust(&shown) {
                listing.problems.push(distrusted.clone());
                doubt = Some(Arc::new(distrusted));
            }
            if let Err(error) = self.list_one(&shown, doubt.as_ref(), &mut listing.entries) {
                let what = format!("cannot list the directory: {}", reason(&error));
                let help = "make it readable; until then nothing it may override or mask is used";
                let problem = Location::START.problem(&shown, what, help.to_owned());
                listing.problems.push(problem.clone());
                doubt = Some(Arc::new(problem));
            }
        }
        // The sort is stable: of equal names, the one of the first directory stays first.
        listing.entries.sort_by(|a, b| a.stem.cmp(&b.stem));
        listing
            .entries
            .dedup_by(|later, first| later.stem == first.stem);
        listing
    }

    /// What is wrong with who may write the directory `shown`, or the one it is in.
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
        shown.parent().and_then(check).or_else(|| check(shown))
    }

    fn list_one(
        &self,
        shown: &Arc<Path>,
        doubt: Option<&Arc<Problem>>,
        entries: &mut Vec<Entry>,
    ) -> io::Result<()> {
        let directory = match fs::read_dir(self.on_disk(shown)) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match self.dangling(shown) {
                    Some(link) => Err(io::Error::other(format!(
                        "{} is a dangling link",
                        link.display()
                    ))),
                    None => Ok(()),
                };
            }
            Err(error) => return Err(error),
        };
        for entry in directory {
            let entry = entry?;
            if let Some(stem) = declared_stem(&entry.file_name()) {
                entries.push(Entry {
                    stem,
                    directory: Arc::clone(shown),
                    is_regular: entry.file_type().is_ok_and(|kind| kind.is_file()),
                    doubt: doubt.cloned(),
                });
            }
        }
        Ok(())
    }

    /// The link on the way to `shown` that leads nowhere, if that is why it is not found.
    fn dangling(&self, shown: &Path) -> Option<PathBuf> {
        shown
            .ancestors()
            .take_while(|ancestor| *ancestor != Path::new("/"))
            .find(|ancestor| self.on_disk(ancestor).is_symlink())
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
                    if let (Ok(Content::Text { doubt, .. }), Some(distrusted)) =
                        (&mut content, self.distrust(&shown))
                    {
                        *doubt = Some(distrusted);
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

/// Whether `path` leads to a regular file; `Ok(false)`: it is masked.
fn check_kind(path: &Path) -> Result<bool, String> {
    match fs::metadata(path) {
        Ok(metadata) if is_null(&metadata) => Ok(false),
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(metadata) => Err(format!("the file is {}", kind(metadata.file_type()))),
        Err(error) => match fs::read_link(path) {
            // In a root without devices.
            Ok(target) if target == Path::new("/dev/null") => Ok(false),
            Ok(target) if error.kind() == io::ErrorKind::NotFound => Err(format!(
                "the file is a link to {}, which is not there",
                target.display()
            )),
            _ => Err(format!("cannot read the file: {}", reason(&error))),
        },
    }
}

/// Whether this is /dev/null, whose device number is fixed (null(4)).
fn is_null(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == nix::sys::stat::makedev(1, 3)
}

fn kind(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a directory"
    } else if file_type.is_fifo() {
        "a named pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn read_regular(path: &Path) -> Result<(Vec<u8>, Metadata), Unreadable> {
    let read = |path: &Path| -> io::Result<Result<(Vec<u8>, Metadata), Unreadable>> {
        // Should it have become a named pipe just now, opening it does not wait for a writer.
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Err(Unreadable::new(format!(
                "the file is {}",
                kind(metadata.file_type())
            ))));
        }
        if metadata.len() > LARGEST {
            return Ok(Err(Unreadable {
                location: Location::START,
                what: format!("the file has {} bytes", metadata.len()),
                help: "a declaration has at most 1 MiB: write only the declaration into it"
                    .to_owned(),
                salvage: String::new(),
            }));
        }
        let bytes = read_all(&mut file, metadata.len())?;
        Ok(Ok((bytes, metadata)))
    };
    read(path).unwrap_or_else(|error| {
        Err(Unreadable::new(format!(
            "cannot read the file: {}",
            reason(&error)
        )))
    })
}

/// Reads a file of `length` bytes with one call; what is appended meanwhile is left out.
fn read_all(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The system's words for an error, lower case and without its number.
fn reason(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.find(" (os error") {
        text.truncate(end);
    }
    let lower = text
        .chars()
        .next()
        .filter(char::is_ascii_uppercase)
        .map(|first| first.to_ascii_lowercase());
    if let Some(first) = lower {
        text.replace_range(..1, first.encode_utf8(&mut [0; 4]));
    }
    text
}

/// The declarations of one kind.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
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
}

impl Entry {
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

/// Why a file could not be read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) location: Location,
    pub(crate) what: String,
    pub(crate) help: String,
    /// What could be read of it all the same.
    pub(crate) salvage: String,
}

impl Unreadable {
    fn new(what: String) -> Self {
        Self {
            location: Location::START,
            what,
            help: "put a readable file here, or a link to /dev/null to mask it".to_owned(),
            salvage: String::new(),
        }
    }

    /// As a problem of `file`.
    pub(crate) fn problem(&self, file: &Path) -> Problem {
        self.location
            .problem(file, self.what.clone(), self.help.clone())
    }
}
