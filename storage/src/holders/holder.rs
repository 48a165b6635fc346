//! Somebody who has data mounted: how, and what is said of it.

use crate::mountinfo::Mount;
use crate::namespaces::Owner;
use crate::shown;

/// Somebody who has it mounted.
#[derive(Debug)]
pub(crate) struct Holder {
    /// The mount.
    pub(crate) mount: Mount,
    /// How.
    pub(crate) how: How,
    /// Some of the processes that see it.
    pub(crate) owners: Vec<Owner>,
}

/// How somebody has it mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Where the whole machine sees it.
    Host,
    /// In a namespace of its own, by a mount of its own through which it can write.
    Own,
    /// In a namespace of its own, as part of a copy of the host's mounts.
    Copy,
    /// In a namespace of its own, where nothing can be written.
    ReadOnly,
    /// In a user namespace of its own, by somebody whom it does not let in.
    ShutOut,
    /// By preseed, or by what is left of the service itself.
    Harmless,
}

impl How {
    /// Whether it stops a restore: who has it so would go on writing where nobody looks.
    pub(crate) fn stops(self) -> bool {
        matches!(self, Self::Host | Self::Own)
    }
}

impl Holder {
    /// Who has it where, in words.
    pub(crate) fn in_words(&self) -> String {
        let point = shown(&self.mount.point);
        if self.how == How::Host {
            return format!("it is mounted at {point}");
        }
        let how = match self.how {
            How::ReadOnly => ", read-only",
            How::Copy => ", in a copy of the host's mounts",
            How::ShutOut => ", which does not let it in",
            _ => "",
        };
        format!("{} at {point}{how}", owners(&self.owners))
    }

    /// How the data is restored, and seen there afterwards.
    pub(super) fn cure_of_a_restore(&self) -> String {
        match self.owners.first() {
            Some(owner) => format!(
                "{}, start the service again, then {}",
                owner.end(),
                owner.help()
            ),
            None => format!("{}, then start the service again", self.help()),
        }
    }

    /// What lets go of it.
    pub(crate) fn help(&self) -> String {
        match self.owners.first() {
            Some(owner) => owner.help(),
            None => format!("`umount {}`", crate::quoted(&self.mount.point)),
        }
    }
}

fn owners(owners: &[Owner]) -> String {
    let words: Vec<String> = owners.iter().map(Owner::in_words).collect();
    words.join(", ")
}

/// Several holders in words.
pub(crate) fn in_words<'a>(holders: impl IntoIterator<Item = &'a Holder>) -> String {
    /// So many are named.
    const FEW: usize = 5;
    let words: Vec<String> = holders.into_iter().map(Holder::in_words).collect();
    match words.len() {
        all if all > FEW => format!("{}; … ({all} in all)", words[..FEW].join("; ")),
        _ => words.join("; "),
    }
}
