//! Services of several parts: what is promised of all of them together.

mod apart;
mod by_hand;

use std::sync::LazyLock;

use ::storage::mark::Stage;
use ::storage::{Applied, InPlace, Mark};
use declaration::settings::Service;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::context::Context;
use crate::decide::{Outcome, Refusal};
use crate::part::{Part, set_by_hand, set_of};
use crate::set::act_as_found;
use crate::source::Source;
use crate::source::list::{self, sources};
use crate::tests::fakes::machine::FakeMachine;
use crate::tests::fakes::source::late::Late;
use crate::tests::fakes::storage::FakeStorage;
use crate::tests::fakes::{
    Dataset, Disk, EXPECTED, Files, How, Memory, Snap, World, at, until_the_power_goes,
};
use crate::verdict::verdict;

/// How a part may be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Present,
    /// Its newest snapshot holds the data.
    RollsBack,
    /// An older one does.
    IsCloned,
    /// It is new, and no source has any data.
    New,
    /// It is lost, and its only snapshot is damaged.
    Damaged,
}

const PARTS: usize = 3;

/// The parts of one service: one elsewhere, its own, one in that.
fn parts() -> Vec<Service> {
    static SERVICE: LazyLock<Service> = LazyLock::new(|| {
        let text = format!(
            "[dataset]\nmountpoint = \"/var/lib/app\"\n[preseed]\ntiers = [\"rollback\", \"snapshot\"]\n\
             expect = [\"{EXPECTED}\"]\n[place.covers]\nmountpoint = \"covers\"\nexpect = [\"{EXPECTED}\"]\n\
             [place.config]\nmountpoint = \"/srv/app\"\nexpect = [\"{EXPECTED}\"]\n"
        );
        declared::service("app", None, &text).unwrap()
    });
    SERVICE.parts().cloned().collect()
}

fn data(says: u32) -> Files {
    Files::from([(EXPECTED.to_owned(), says)])
}

fn snap(part: usize, taken: u32, files: Files, look: How) -> Snap {
    Snap {
        name: format!("app{part}@{taken}"),
        taken: at(taken),
        files,
        look,
        fill: How::Well,
        check: How::Well,
    }
}

impl Found {
    fn disk(self, part: usize) -> Disk {
        let says = u32::try_from(part).unwrap();
        let good = snap(part, 10, data(says), How::Well);
        let empty = snap(part, 20, Files::new(), How::Well);
        let damaged = snap(part, 10, data(says), How::Damaged);
        let (files, snapshots) = match self {
            Self::Present => (data(100 + says), vec![good]),
            Self::RollsBack => (Files::new(), vec![good]),
            Self::IsCloned => (Files::new(), vec![empty, good]),
            Self::New => return Disk::default(),
            Self::Damaged => (Files::new(), vec![damaged]),
        };
        let mark = Mark::new(Stage::Seeded, "restic", "");
        Disk {
            dataset: Some(Dataset {
                guid: 1,
                mark: Some((1, mark)),
                files,
                changes: 0,
            }),
            snapshots,
            memory: Memory::Data,
            last_guid: 1,
            ..Disk::default()
        }
    }

    fn is_lost(self) -> bool {
        !matches!(self, Self::Present | Self::New)
    }
}

struct Set {
    found: [Found; PARTS],
    worlds: Vec<World>,
    services: Vec<Service>,
    slots: TempDir,
    together: bool,
    late: Option<Late>,
}

impl Set {
    fn new(found: [Found; PARTS], together: bool) -> Self {
        let worlds = found.iter().enumerate();
        Self {
            found,
            worlds: worlds
                .map(|(part, found)| World::new(found.disk(part)))
                .collect(),
            services: parts(),
            slots: tempfile::tempdir().unwrap(),
            together,
            late: None,
        }
    }

    fn sources<'a>(&'a self, part: usize, context: &'a Context<'a>) -> Vec<Box<dyn Source + 'a>> {
        match &self.late {
            Some(late) if late.part == part => {
                vec![late.source(&self.worlds[part], &self.services[part])]
            }
            _ => sources(context),
        }
    }

    /// A boot, and a run.
    fn start(&self) -> Result<Outcome, Refusal> {
        for (world, service) in self.worlds.iter().zip(&self.services) {
            let storage = FakeStorage { world, service };
            storage.apply(&mut Applied::default()).unwrap();
        }
        act_as_found(self.together, |act| self.with_parts(false, act)?)
    }

    /// Gives `then` the parts as they are found: at a start, or by hand.
    fn with_parts<T>(
        &self,
        is_by_hand: bool,
        then: impl FnOnce(&[Part<'_>]) -> T,
    ) -> ::storage::Result<T> {
        let slots = self.slots.path().join("slots");
        let all = self.worlds.iter().zip(&self.services);
        let storages: Vec<_> = all
            .map(|(world, service)| FakeStorage { world, service })
            .collect();
        let machines = self.worlds.iter().map(|world| FakeMachine {
            world,
            elsewhere: &[],
            slots: &slots,
        });
        let machines: Vec<_> = machines.collect();
        let seen = storages.iter().map(InPlace::observe);
        let seen: Vec<_> = seen.collect::<::storage::Result<_>>()?;
        let verdicts = seen.iter().zip(&self.services);
        let verdicts: Vec<_> = verdicts
            .map(|(seen, service)| verdict(seen, service.on_partial))
            .collect();
        let id = if is_by_hand {
            Some(set_by_hand(seen.iter()))
        } else {
            set_of(seen.iter().zip(verdicts.iter().copied()))
        };
        let contexts = (0..PARTS).map(|part| {
            let (service, storage) = (&self.services[part], &storages[part]);
            Context::new(service, storage, &seen[part], &machines[part]).in_set(id.clone())
        });
        let contexts: Vec<Context<'_>> = contexts.collect();
        let sources = contexts.iter().enumerate();
        let sources: Vec<_> = sources
            .map(|(part, context)| {
                if is_by_hand {
                    list::by_hand(context, None)
                } else {
                    self.sources(part, context)
                }
            })
            .collect();
        let parts = (0..PARTS).map(|part| Part {
            context: &contexts[part],
            sources: &sources[part],
            verdict: verdicts[part],
        });
        Ok(then(&parts.collect::<Vec<_>>()))
    }

    fn start_until_the_power_goes(&self) -> Option<Result<Outcome, Refusal>> {
        self.until_the_power_goes(|| self.start())
    }

    /// Does `work`, and boots if the power goes meanwhile.
    fn until_the_power_goes<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let ended = until_the_power_goes(work);
        for world in &self.worlds {
            world.cut_at.set(None);
            world.is_mounted.set(false);
        }
        ended
    }

    /// What outlives it, without numbers and times.
    fn state(&self) -> Vec<String> {
        let disks = self.worlds.iter().map(|world| world.disk.borrow());
        disks
            .map(|disk| {
                let dataset = disk.dataset.as_ref();
                let mark = dataset.and_then(|dataset| dataset.mark.as_ref());
                let mark = mark.map(|(_, mark)| (mark.stage, mark.by.clone(), mark.from.clone()));
                let files = dataset.map(|dataset| dataset.files.clone());
                let kept: Vec<_> = disk
                    .kept
                    .iter()
                    .map(|kept| (&kept.why, &kept.files))
                    .collect();
                let staging = disk.staging.is_some();
                format!("{files:?} {mark:?} {kept:?} {staging} {:?}", disk.snapshots)
            })
            .collect()
    }

    fn files(&self, part: usize) -> Files {
        self.worlds[part].files()
    }

    /// Whether a restored part is in use.
    fn is_in_place(&self, part: usize) -> bool {
        self.found[part].is_lost() && !self.files(part).is_empty()
    }

    /// Whether all that takes time is done for a part.
    fn is_ready(&self, part: usize) -> bool {
        let disk = self.worlds[part].disk.borrow();
        let is_sealed = disk.staging.as_ref().is_some_and(|it| it.seal.is_some());
        self.found[part] != Found::IsCloned || is_sealed || !disk.kept.is_empty()
    }

    fn sets(&self) -> Vec<Option<String>> {
        let marks = self.worlds.iter().map(|world| {
            let disk = world.disk.borrow();
            let mark = disk.dataset.as_ref()?.mark.as_ref();
            mark.and_then(|(_, mark)| mark.set.clone())
        });
        marks.collect()
    }
}

fn any_found() -> impl Strategy<Value = [Found; PARTS]> {
    use Found::{Damaged, IsCloned, New, Present, RollsBack};
    let one = || prop::sample::select(vec![Present, RollsBack, IsCloned, IsCloned, New, Damaged]);
    [one(), one(), one()]
}

#[test]
fn all_that_is_lost_comes_back_as_one_set() {
    let set = Set::new([Found::IsCloned, Found::RollsBack, Found::IsCloned], true);
    assert!(matches!(set.start(), Ok(Outcome::Restored)));
    for part in 0..PARTS {
        assert_eq!(set.files(part), data(u32::try_from(part).unwrap()));
    }
    let sets = set.sets();
    assert!(
        sets[0].is_some() && sets.iter().all(|set| *set == sets[0]),
        "{sets:?}"
    );
}

#[test]
fn what_is_to_be_of_one_point_never_comes_back_in_part() {
    let set = Set::new([Found::Present, Found::IsCloned, Found::RollsBack], true);
    let before = set.state();
    let refused = set.start().unwrap_err().error.to_string();
    assert!(
        refused.contains("bring all of them from one point"),
        "{refused}"
    );
    assert!(refused.contains("older than app.config"), "{refused}");
    assert_eq!(before, set.state());
    // A place that is new has no other time.
    let set = Set::new([Found::New, Found::Present, Found::New], true);
    assert!(set.start().is_ok());
}

#[test]
fn what_would_be_of_two_times_is_not_restored_together() {
    let set = Set::new([Found::IsCloned, Found::IsCloned, Found::IsCloned], true);
    set.worlds[1].disk.borrow_mut().snapshots[1] = snap(1, 5, data(1), How::Well);
    let before = set.state();
    assert!(set.start().is_err());
    assert_eq!(before, set.state());
    let apart = Set {
        together: false,
        ..set
    };
    assert!(apart.start().is_ok());
    let told: Vec<String> = apart.worlds[0].told.borrow().clone();
    assert!(
        told.iter()
            .any(|told| told.contains("app is of") && told.contains("older than")),
        "{told:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_part_that_is_there_is_never_replaced(found in any_found()) {
        let set = Set::new(found, false);
        let started = set.start();
        for (part, found) in found.iter().enumerate() {
            let says = u32::try_from(part).unwrap();
            if *found == Found::Present {
                prop_assert_eq!(set.files(part), data(100 + says));
            } else if started.is_ok() && found.is_lost() {
                prop_assert_eq!(set.files(part), data(says));
            }
        }
        let is_damaged = found.contains(&Found::Damaged);
        prop_assert_eq!(started.is_err(), is_damaged, "{:?}", started);
        if is_damaged {
            // Nothing that was lost is in place while a part of it is missing.
            prop_assert!((0..PARTS).all(|part| !set.is_in_place(part)));
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn nothing_is_in_place_before_all_is_ready_and_a_cut_anywhere_ends_as_if_there_had_been_none(
        found in any_found(),
        together in any::<bool>(),
    ) {
        let undisturbed = Set::new(found, together);
        let started = undisturbed.start();
        for cut_part in 0..PARTS {
            for cut in 1..=undisturbed.worlds[cut_part].changes() {
                let set = Set::new(found, together);
                set.worlds[cut_part].cut_at.set(Some(cut));
                prop_assert!(set.start_until_the_power_goes().is_none(), "no cut");
                if (0..PARTS).any(|part| set.is_in_place(part)) {
                    for part in 0..PARTS {
                        prop_assert!(set.is_ready(part), "{part} is not ready at {cut} of {cut_part}");
                    }
                }
                let again = set.start();
                prop_assert_eq!(started.is_ok(), again.is_ok(), "cut {} of {}: {:?}", cut, cut_part, again);
                prop_assert_eq!(undisturbed.state(), set.state(), "cut {} of {}", cut, cut_part);
                if started.is_ok() {
                    let sets = set.sets();
                    let of_lost = (0..PARTS).filter(|part| found[*part].is_lost());
                    let of_lost: Vec<_> = of_lost.map(|part| &sets[part]).collect();
                    prop_assert!(of_lost.windows(2).all(|two| two[0] == two[1]), "{sets:?}");
                }
            }
        }
    }

    #[test]
    fn a_failure_anywhere_is_gone_with_the_next_start(found in any_found()) {
        let undisturbed = Set::new(found, false);
        let started = undisturbed.start();
        for part in 0..PARTS {
            for failing in 1..=undisturbed.worlds[part].calls() {
                let set = Set::new(found, false);
                set.worlds[part].fail_at.set(Some(failing));
                let failed = set.start();
                set.worlds[part].fail_at.set(None);
                for (part, found) in found.iter().enumerate() {
                    if *found == Found::Present {
                        let says = u32::try_from(part).unwrap();
                        prop_assert_eq!(set.files(part), data(100 + says));
                    }
                }
                if failed.is_err() {
                    let again = set.start();
                    prop_assert_eq!(started.is_ok(), again.is_ok(), "call {} of {}: {:?}", failing, part, again);
                    // Else what is ready of the others waits, as another source may have brought it.
                    if started.is_ok() {
                        prop_assert_eq!(undisturbed.state(), set.state(), "call {} of {}", failing, part);
                    }
                }
            }
        }
    }
}
