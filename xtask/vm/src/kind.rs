//! The kinds of machines, and which one is taken.

use clap::ValueEnum;
use product::packages::{self, Program};

use crate::emulated::Emulated;
use crate::guest::Guest;
use crate::quick::Quick;
use crate::recipe::Release;
use product::cache::Cache;

/// What building and running the machine needs of this one.
const PROGRAMS: &[Program] = &[
    Program {
        name: "mmdebstrap",
        package: "mmdebstrap",
    },
    Program {
        name: "setpriv",
        package: "util-linux",
    },
    Program {
        name: "tar",
        package: "tar",
    },
    Program {
        name: "mke2fs",
        package: "e2fsprogs",
    },
];

/// Which machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// User-mode Linux with Debian 13: quick, but not the users' kernel
    Quick,
    /// Debian 13 with its own kernel, emulated
    Trixie,
    /// Debian 12 with its own kernel, emulated: OpenZFS 2.1, restic 0.14
    Bookworm,
}

/// Which machines, as an option of a command.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Choice {
    /// The kind of machine: quick if that is built, else trixie
    #[arg(long, value_name = "KIND")]
    guest: Option<Kind>,
}

impl Choice {
    /// What was chosen, or what is there.
    ///
    /// # Errors
    /// It cannot be told what is there.
    pub fn kind(self) -> anyhow::Result<Kind> {
        if let Some(kind) = self.guest {
            return Ok(kind);
        }
        if Quick::is_built(&Cache::open()?)? {
            return Ok(Kind::Quick);
        }
        eprintln!(
            "the quick guest is not built yet (`cargo xtask vm build` does it, in half an hour): emulating Debian 13"
        );
        Ok(Kind::Trixie)
    }
}

impl Kind {
    /// The guest of this kind, built if it is not in the cache.
    ///
    /// # Errors
    /// It cannot be built.
    pub(crate) fn build(self, cache: &Cache) -> anyhow::Result<Box<dyn Guest>> {
        Ok(match self {
            Self::Quick => Box::new(Quick::open(cache)?),
            Self::Trixie => Box::new(Emulated::open(cache, Release::Trixie)?),
            Self::Bookworm => Box::new(Emulated::open(cache, Release::Bookworm)?),
        })
    }
}

/// The cache, once this machine has what building and running machines needs.
pub(crate) fn cache() -> anyhow::Result<Cache> {
    packages::require(PROGRAMS)?;
    Cache::open()
}

/// Builds the quick guest, unless it is in the cache.
///
/// # Errors
/// It cannot be built.
pub fn build_quick() -> anyhow::Result<()> {
    Kind::Quick.build(&cache()?).map(drop)
}
