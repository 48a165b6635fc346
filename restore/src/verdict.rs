//! Is the service's data there? The one place where that is decided.

use declaration::settings::OnPartial;
use storage::contents::named;
use storage::mark::Stage;
use storage::{Contents, MarkState, Observation, Presence};

/// What is to be done about a service's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The data is there and known: nothing to do.
    Present,
    /// Data is there that nothing is known of: mark it, and leave it alone.
    Adopt,
    /// An interrupted restore in place had brought the data: only its mark is to be finished.
    Finish,
    /// The data is to be restored.
    Restore(Why),
    /// Something is there, but not all of what is expected: the service must not start.
    Partly,
    /// The storage is not mounted, so nothing can be said.
    Unmounted,
}

/// Why the data is to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There is nothing, and never was as far as is known.
    Empty,
    /// There was data, and it is gone.
    Lost,
    /// There are only directories and what a package makes, and nothing is known of them.
    Skeleton,
    /// Something is there, but not all of what is expected, and the declaration says to restore.
    Partly,
    /// A restore was interrupted.
    Interrupted,
}

impl Why {
    /// The reason in words, as the end of a sentence.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Empty => "there is no data",
            Self::Lost => "there was data, and it is gone",
            Self::Skeleton => "there is no data, only what a package makes",
            Self::Partly => "not all of what is expected is there, and on-partial is \"restore\"",
            Self::Interrupted => "a restore was interrupted",
        }
    }
}

/// Decides from what was observed, and from nothing else.
///
/// | mark | entries | of `expect` | verdict |
/// | --- | --- | --- | --- |
/// | none, or not ours | none | – | restore: empty |
/// | none, or not ours | some | none declared, or all there | adopt |
/// | none, or not ours | only directories and `skeleton` | none there | restore: a skeleton, kept aside |
/// | none, or not ours | some | none there | partly: perhaps `expect` is of another time, and these are the data |
/// | none, or not ours | some | some there | partly |
/// | ours | none | – | restore: lost |
/// | ours | some | none declared, or all there | present |
/// | ours | some | none or some there | partly |
/// | seeding | none | – | restore: interrupted |
/// | seeding | some | none declared, or all there | finish |
/// | seeding | some | none or some there | partly: a rollback is atomic, so these are somebody's |
///
/// `partly` is a restore if `on-partial = "restore"`. A dataset that is missing is empty;
/// one that is not mounted is never taken for empty.
pub fn verdict(observation: &Observation, on_partial: OnPartial) -> Verdict {
    let contents = &observation.contents;
    match observation.presence {
        Presence::Missing => return Verdict::Restore(Why::Empty),
        Presence::Unmounted => return Verdict::Unmounted,
        Presence::Mounted => {}
    }
    let known = match &observation.mark {
        MarkState::None | MarkState::Foreign(_) => false,
        MarkState::Ours(mark) => match mark.stage {
            Stage::Seeding if contents.holds_the_data() => return Verdict::Finish,
            Stage::Seeding if contents.is_empty() => return Verdict::Restore(Why::Interrupted),
            // Never on the real one; should it be, then it says nothing of data.
            Stage::Staging => false,
            Stage::Seeding | Stage::Staged | Stage::Unpromoted | Stage::Seeded => true,
        },
    };
    match (known, Share::of(contents)) {
        (false, Share::Nothing) => Verdict::Restore(Why::Empty),
        (true, Share::Nothing) => Verdict::Restore(Why::Lost),
        // Where nothing is expected, what a package makes is no data.
        (false, Share::Others) if contents.hollow => Verdict::Restore(Why::Skeleton),
        (false, Share::All) if is_only_skeleton(contents) => Verdict::Restore(Why::Skeleton),
        (false, Share::All) => Verdict::Adopt,
        (true, Share::All) => Verdict::Present,
        (_, Share::Others | Share::Some) => match on_partial {
            OnPartial::Stop => Verdict::Partly,
            OnPartial::Restore => Verdict::Restore(Why::Partly),
        },
    }
}

/// Whether nothing is expected, and there is nothing but what a package makes.
fn is_only_skeleton(contents: &Contents) -> bool {
    contents.hollow && contents.found.is_empty() && contents.missing.is_empty()
}

/// Whether a snapshot holds the service's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It does.
    Data,
    /// It provably does not, and why.
    Nothing(String),
    /// It holds something, but not what is expected: perhaps `expect` is wrong, and these are the data. Why.
    Doubtful(String),
}

/// Decides whether a snapshot with these `contents` holds the service's data; `now` is what its directory holds.
///
/// A snapshot of nothing but the skeleton that is there now, empty directories, holds no data. Any other that lacks
/// what is expected is doubtful, and a service never starts empty while one is there.
pub fn held(contents: &Contents, now: &Contents) -> Held {
    if let Some(covered) = &contents.covered {
        // What would be hidden may be the data of before the service had that place.
        return Held::Doubtful(format!(
            "it holds {} where a place of the service is mounted, which would hide it",
            covered.display()
        ));
    }
    if is_only_skeleton(contents) {
        return Held::Nothing("it holds nothing but what a package makes".to_owned());
    }
    let Some(lacks) = contents.lacks() else {
        return Held::Data;
    };
    if contents.is_empty() {
        return Held::Nothing(lacks);
    }
    let is_there_now = |name: &String| {
        now.entries.binary_search(name).is_ok() || now.mounted.binary_search(name).is_ok()
    };
    if contents.hollow && contents.entries.iter().all(is_there_now) {
        return Held::Nothing(
            "it holds nothing but the empty directories that are there now".to_owned(),
        );
    }
    Held::Doubtful(format!("{lacks}, and holds {}", named(&contents.entries)))
}

/// How much of the service's data a directory holds.
enum Share {
    /// No entries that count.
    Nothing,
    /// Entries, but nothing of what is expected.
    Others,
    /// Some of what is expected.
    Some,
    /// All that is expected or, where nothing is, anything.
    All,
}

impl Share {
    fn of(contents: &Contents) -> Self {
        if contents.is_empty() {
            Self::Nothing
        } else if contents.missing.is_empty() {
            Self::All
        } else if contents.found.is_empty() {
            Self::Others
        } else {
            Self::Some
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use storage::{LeftOver, Mark};

    use super::*;

    fn observed(mark: MarkState, count: usize, found: &[&str], missing: &[&str]) -> Observation {
        let contents = Contents {
            entries: (0..count).map(|n| n.to_string()).collect(),
            found: found.iter().map(Into::into).collect(),
            missing: missing.iter().map(Into::into).collect(),
            ..Contents::default()
        };
        Observation {
            presence: Presence::Mounted,
            mark,
            contents,
            left_over: LeftOver::Nothing,
        }
    }

    fn ours(stage: Stage) -> MarkState {
        MarkState::Ours(Mark::new(stage, "restic", "1a2b3c4d"))
    }

    fn stop(observation: &Observation) -> Verdict {
        verdict(observation, OnPartial::Stop)
    }

    #[test]
    fn each_row_of_the_table() {
        use Verdict::{Adopt, Finish, Partly, Present, Restore};
        let foreign = || MarkState::Foreign("inherited".into());
        let none = || MarkState::None;
        let seeded = || ours(Stage::Seeded);
        let seeding = || ours(Stage::Seeding);
        let (one, both): (&[&str], &[&str]) = (&["a"], &["a", "b"]);
        for (mark, count, found, missing, expected) in [
            (none(), 0, [].as_slice(), [].as_slice(), Restore(Why::Empty)),
            (none(), 0, &[], both, Restore(Why::Empty)),
            (foreign(), 0, &[], both, Restore(Why::Empty)),
            (none(), 3, &[], &[], Adopt),
            (none(), 3, both, &[], Adopt),
            (foreign(), 3, both, &[], Adopt),
            (none(), 3, &[], both, Partly),
            (foreign(), 3, &[], both, Partly),
            (none(), 3, one, &["b"], Partly),
            (foreign(), 3, one, &["b"], Partly),
            (seeded(), 0, &[], both, Restore(Why::Lost)),
            (seeded(), 0, &[], &[], Restore(Why::Lost)),
            (seeded(), 3, &[], &[], Present),
            (seeded(), 3, both, &[], Present),
            (seeded(), 3, &[], both, Partly),
            (seeded(), 3, one, &["b"], Partly),
            (seeding(), 0, &[], both, Restore(Why::Interrupted)),
            (seeding(), 3, one, &["b"], Partly),
            (seeding(), 3, &[], both, Partly),
            (seeding(), 3, both, &[], Finish),
            (ours(Stage::Staged), 3, both, &[], Present),
            (ours(Stage::Staging), 0, &[], both, Restore(Why::Empty)),
        ] {
            let observation = observed(mark, count, found, missing);
            assert_eq!(stop(&observation), expected, "{observation:?}");
        }
    }

    #[test]
    fn what_a_package_makes_is_restored_over_only_where_nothing_is_known() {
        let hollow = |mark, missing: &[&str]| {
            let mut observation = observed(mark, 3, &[], missing);
            observation.contents.hollow = true;
            observation
        };
        for mark in [MarkState::None, ours(Stage::Staging)] {
            for missing in [["a"].as_slice(), &[]] {
                let observation = hollow(mark.clone(), missing);
                assert_eq!(stop(&observation), Verdict::Restore(Why::Skeleton));
            }
        }
        assert_eq!(stop(&hollow(ours(Stage::Seeded), &["a"])), Verdict::Partly);
        assert_eq!(stop(&hollow(ours(Stage::Seeded), &[])), Verdict::Present);
    }

    #[test]
    fn part_of_the_data_is_restored_over_only_if_declared() {
        for mark in [MarkState::None, ours(Stage::Seeded)] {
            let observation = observed(mark, 3, &["a"], &["b"]);
            assert_eq!(stop(&observation), Verdict::Partly);
            assert_eq!(
                verdict(&observation, OnPartial::Restore),
                Verdict::Restore(Why::Partly)
            );
        }
    }

    #[test]
    fn what_is_ignored_is_no_data_here_nor_in_a_snapshot() {
        let ignored_only = |mark, missing: &[&str]| {
            let mut observation = observed(mark, 0, &[], missing);
            observation.contents.ignored = true;
            observation
        };
        for missing in [["a"].as_slice(), &[]] {
            let unknown = ignored_only(MarkState::None, missing);
            assert_eq!(stop(&unknown), Verdict::Restore(Why::Empty));
            // What was started empty as well: whether it had data since is asked of what is remembered.
            let known = ignored_only(ours(Stage::Seeded), missing);
            assert_eq!(stop(&known), Verdict::Restore(Why::Lost));
            let snapshot = held(&known.contents, &Contents::default());
            assert!(matches!(snapshot, Held::Nothing(_)), "{snapshot:?}");
        }
    }

    #[test]
    fn a_dataset_that_is_not_mounted_is_never_taken_for_empty() {
        for mark in [MarkState::None, ours(Stage::Seeded), ours(Stage::Seeding)] {
            let observation = Observation {
                presence: Presence::Unmounted,
                mark,
                contents: Contents::default(),
                left_over: LeftOver::Nothing,
            };
            assert_eq!(stop(&observation), Verdict::Unmounted);
            assert_eq!(
                verdict(&observation, OnPartial::Restore),
                Verdict::Unmounted
            );
        }
    }

    #[test]
    fn a_snapshot_without_what_is_expected_is_never_taken_for_nothing() {
        let contents = |entries: &[&str], found: &[&str], missing: &[&str]| Contents {
            entries: entries.iter().map(ToString::to_string).collect(),
            found: found.iter().map(Into::into).collect(),
            missing: missing.iter().map(Into::into).collect(),
            ..Contents::default()
        };
        let now = contents(&["logs"], &[], &["db"]);
        let is = |snapshot: &Contents| match held(snapshot, &now) {
            Held::Data => "data",
            Held::Nothing(_) => "nothing",
            Held::Doubtful(_) => "doubtful",
        };
        assert_eq!(is(&contents(&["db", "logs"], &["db"], &[])), "data");
        assert_eq!(is(&contents(&["anything"], &[], &[])), "data");
        assert_eq!(is(&contents(&[], &[], &["db"])), "nothing");
        let hollow = |entries| Contents {
            hollow: true,
            ..contents(entries, &[], &["db"])
        };
        assert_eq!(is(&hollow(&["logs"])), "nothing");
        assert_eq!(is(&hollow(&["data"])), "doubtful");
        // The data may lie below a directory of that name.
        assert_eq!(is(&contents(&["logs"], &[], &["db"])), "doubtful");
        assert_eq!(is(&contents(&["db.sqlite"], &[], &["db"])), "doubtful");
        assert_eq!(is(&contents(&["db"], &["db"], &["config"])), "doubtful");
    }

    fn any_mark() -> impl Strategy<Value = MarkState> {
        prop_oneof![
            Just(MarkState::None),
            Just(MarkState::Foreign("its source is `received`".into())),
            prop_oneof![
                Just(Stage::Staging),
                Just(Stage::Staged),
                Just(Stage::Seeding),
                Just(Stage::Unpromoted),
                Just(Stage::Seeded)
            ]
            .prop_map(ours),
        ]
    }

    proptest! {
        /// Rules 3, 4 and 7 of the design, for every state that can be observed.
        #[test]
        fn nothing_that_could_be_data_is_restored_over(
            place in prop_oneof![Just(Presence::Missing), Just(Presence::Unmounted), Just(Presence::Mounted)],
            mark in any_mark(),
            others in 0_usize..3,
            found in 0_usize..3,
            missing in 0_usize..3,
            hollow in any::<bool>(),
            restore_partial in any::<bool>(),
        ) {
            let paths = |count: usize| (0..count).map(|n| n.to_string().into()).collect::<Vec<_>>();
            let contents = Contents { entries: (0..others + found).map(|n| n.to_string()).collect(), found: paths(found), missing: paths(missing), hollow, ..Contents::default() };
            let observation = Observation { presence: place, mark: mark.clone(), contents, left_over: LeftOver::Nothing };
            let on_partial = if restore_partial { OnPartial::Restore } else { OnPartial::Stop };
            let is_known = matches!(&mark, MarkState::Ours(mark) if mark.stage != Stage::Staging);
            let decided = verdict(&observation, on_partial);
            if place == Presence::Unmounted {
                prop_assert_eq!(decided, Verdict::Unmounted);
            } else if place == Presence::Mounted && others + found > 0 {
                if !is_known && found == 0 && hollow {
                    prop_assert_eq!(decided, Verdict::Restore(Why::Skeleton));
                } else if missing == 0 {
                    prop_assert!(matches!(decided, Verdict::Adopt | Verdict::Present | Verdict::Finish), "{:?}", decided);
                } else if on_partial == OnPartial::Stop {
                    prop_assert_eq!(decided, Verdict::Partly);
                }
            } else {
                prop_assert!(matches!(decided, Verdict::Restore(_)), "{:?}", decided);
            }
        }
    }
}
