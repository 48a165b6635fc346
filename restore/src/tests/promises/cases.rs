//! Machines as they may be found: what lies there, what is remembered, and what the sources answer.

use std::mem::Discriminant;

use ::storage::mark::{BOOTSTRAP, Stage};
use ::storage::{Applied, InPlace, Mark};
use declaration::settings::{Check, OnPartial, OnUnavailable, Prefer, Service};
use declaration::value::TierName;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::context::Context;
use crate::decide::{Outcome, Refusal};
use crate::plan::{self, Plan};
use crate::run;
use crate::source::list::sources;
use crate::tests::fakes::machine::FakeMachine;
use crate::tests::fakes::source::{FakeSource, Filed, Script};
use crate::tests::fakes::storage::FakeStorage;
use crate::tests::fakes::{
    Dataset, Disk, EXPECTED, Files, How, Memory, SKELETON, Sealed, Snap, Staging, World, at,
    service, until_the_power_goes,
};
use crate::verdict::{Verdict, verdict};

/// A machine before its start, and how its service is declared.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub(super) struct Case {
    pub(super) disk: Disk,
    pub(super) scripts: Vec<Script>,
    pub(super) prefers_newest: bool,
    pub(super) restores_partly: bool,
    pub(super) starts_empty: bool,
    pub(super) checks: bool,
    /// Whether `rollback` is the only tier that is declared.
    pub(super) only_rolls_back: bool,
}

/// A machine that runs.
pub(super) struct Machine<'a> {
    case: &'a Case,
    pub(super) world: World,
    service: Service,
    elsewhere: Vec<Snap>,
    pub(super) slots: TempDir,
}

impl Case {
    /// With nothing there, nothing remembered and no source.
    pub(super) fn empty() -> Self {
        Self {
            disk: Disk::default(),
            scripts: Vec::new(),
            prefers_newest: false,
            restores_partly: false,
            starts_empty: false,
            checks: false,
            only_rolls_back: false,
        }
    }

    pub(super) fn machine(&self) -> Machine<'_> {
        let mut service = service();
        if self.prefers_newest {
            service.preseed.prefer = Prefer::Newest;
        }
        if self.restores_partly {
            service.preseed.on_partial = OnPartial::Restore;
        }
        if self.starts_empty {
            service.preseed.on_unavailable = OnUnavailable::StartEmpty;
        }
        if self.checks {
            service.preseed.verify = vec![Check::Sqlite(EXPECTED.into())];
        }
        if self.only_rolls_back {
            service.preseed.tiers = vec![TierName::Rollback];
        }
        let scripts = self.scripts.iter();
        Machine {
            case: self,
            world: World::new(self.disk.clone()),
            service,
            elsewhere: scripts
                .flat_map(|script| script.snapshots.clone())
                .collect(),
            slots: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn has_a_complete_copy(&self) -> bool {
        let staging = self.disk.staging.as_ref();
        staging.is_some_and(|staging| staging.seal.is_some())
    }

    /// Whether the verdict is to restore.
    pub(super) fn is_to_be_restored(&self) -> bool {
        let machine = self.machine();
        machine.boot();
        machine.on_it(|_, verdict| matches!(verdict, Verdict::Restore(_)))
    }

    /// The same, but that the data is there.
    pub(super) fn with_its_data(mut self) -> Self {
        let dataset = self.disk.dataset.get_or_insert(Dataset {
            guid: 1,
            mark: None,
            files: Files::new(),
            changes: 0,
        });
        dataset.files.insert(EXPECTED.to_owned(), 7);
        self
    }

    fn own_mark(&self) -> Option<&Mark> {
        let dataset = self.disk.dataset.as_ref()?;
        let (guid, mark) = dataset.mark.as_ref()?;
        (*guid == dataset.guid).then_some(mark)
    }

    /// Whether the service had data as far as is known.
    pub(super) fn had_data(&self) -> bool {
        let is_marked = self
            .own_mark()
            .is_some_and(|mark| mark.by != BOOTSTRAP && mark.stage != Stage::Staging);
        let dataset = self.disk.dataset.as_ref();
        let empty = dataset.filter(|dataset| dataset.files.is_empty());
        let now = empty.map(|dataset| (dataset.guid, dataset.changes));
        is_marked
            || match self.disk.memory {
                Memory::Nothing => false,
                Memory::Data => true,
                Memory::StartedEmpty(guid, changes) => now != Some((guid, changes)),
            }
    }

    /// Whether it was settled before that there is no data.
    pub(super) fn is_settled(&self) -> bool {
        let is_bootstrapped = self.own_mark().is_some_and(|mark| mark.by == BOOTSTRAP);
        is_bootstrapped && matches!(self.disk.memory, Memory::StartedEmpty(..)) && !self.had_data()
    }

    /// Whether all that a plan cannot know goes well.
    pub(super) fn nothing_fails_while_it_is_brought(&self) -> bool {
        let elsewhere = self.scripts.iter().flat_map(|script| &script.snapshots);
        let mut all = self.disk.snapshots.iter().chain(elsewhere);
        all.all(|snap| snap.fill == How::Well && snap.check == How::Well)
    }
}

impl Machine<'_> {
    /// What comes before each run: the dataset is made what is declared.
    pub(super) fn boot(&self) {
        let storage = FakeStorage {
            world: &self.world,
            service: &self.service,
        };
        storage.apply(&mut Applied::default()).unwrap();
    }

    fn on_it<T>(&self, then: impl FnOnce(&Context<'_>, Verdict) -> T) -> T {
        self.look(then).unwrap()
    }

    pub(super) fn look<T>(
        &self,
        then: impl FnOnce(&Context<'_>, Verdict) -> T,
    ) -> Result<T, Refusal> {
        let storage = FakeStorage {
            world: &self.world,
            service: &self.service,
        };
        let slots = self.slots.path().join("slots");
        let machine = FakeMachine {
            world: &self.world,
            elsewhere: &self.elsewhere,
            slots: &slots,
        };
        let observation = storage.observe()?;
        let verdict = verdict(&observation, self.service.on_partial);
        let context = Context::new(&self.service, &storage, &observation, &machine);
        Ok(then(&context, verdict))
    }

    fn with_sources<T>(
        &self,
        context: &Context<'_>,
        then: impl FnOnce(&[Box<dyn crate::source::Source + '_>]) -> T,
    ) -> T {
        let mut all = sources(context);
        all.extend(self.scripted());
        then(&all)
    }

    /// The sources elsewhere.
    pub(super) fn scripted(&self) -> impl Iterator<Item = Box<dyn crate::source::Source + '_>> {
        let (world, service) = (&self.world, &self.service);
        let scripts = self.case.scripts.iter();
        scripts.map(move |script| {
            Box::new(FakeSource {
                world,
                service,
                script,
            }) as _
        })
    }

    /// A boot, and a run.
    pub(super) fn start(&self) -> Result<Outcome, Refusal> {
        self.boot();
        self.world.looks.borrow_mut().clear();
        self.look(|context, verdict| {
            self.with_sources(context, |sources| run::act(context, sources, verdict))
        })?
    }

    /// The same; `None` if the power goes, after which the machine is off.
    pub(super) fn start_until_the_power_goes(&self) -> Option<Result<Outcome, Refusal>> {
        let ended = until_the_power_goes(|| self.start());
        self.world.cut_at.set(None);
        self.world.is_mounted.set(false);
        ended
    }

    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        self.look(|context, verdict| {
            self.with_sources(context, |sources| plan::tell(context, sources, verdict))
        })
    }

    pub(super) fn mark(&self) -> Option<Mark> {
        let disk = self.world.disk.borrow();
        let (_, mark) = disk.dataset.as_ref()?.mark.clone()?;
        Some(mark)
    }

    /// How it is now.
    pub(super) fn state(&self) -> State {
        let disk = self.world.disk.borrow();
        let names = |snaps: &[Snap]| snaps.iter().map(|it| it.name.clone()).collect();
        // A copy that an interrupted run completed, and that is not used, may be kept.
        let kept = disk.kept.iter().filter(|kept| kept.why != "unused");
        State {
            files: self.world.files(),
            mark: self.mark().map(|mark| (mark.stage, mark.by, mark.from)),
            memory: std::mem::discriminant(&disk.memory),
            snapshots: names(&disk.snapshots),
            kept: kept
                .map(|kept| (kept.files.clone(), names(&kept.snapshots)))
                .collect(),
            // What an earlier run left is put away by the next one that finds the data.
            is_staged: disk.staging.is_some() && self.case.disk.staging.is_none(),
        }
    }
}

/// What is to be the same however it came about.
#[derive(Debug, PartialEq)]
pub(super) struct State {
    files: Files,
    mark: Option<(Stage, String, String)>,
    memory: Discriminant<Memory>,
    snapshots: Vec<String>,
    kept: Vec<(Files, Vec<String>)>,
    is_staged: bool,
}

pub(super) fn files(names: &[&str], says: u32) -> Files {
    names
        .iter()
        .map(|name| ((*name).to_owned(), says))
        .collect()
}

/// A snapshot with which all goes well.
pub(super) fn snap(name: &str, taken: u32, files: Files) -> Snap {
    Snap {
        name: name.to_owned(),
        taken: at(taken),
        files,
        look: How::Well,
        fill: How::Well,
        check: How::Well,
    }
}

fn any_how() -> impl Strategy<Value = How> {
    prop_oneof![
        9 => Just(How::Well),
        1 => Just(How::Damaged),
        1 => Just(How::Failed),
        1 => Just(How::Unavailable),
    ]
}

/// What may lie in a directory. That of a snapshot says which one it is.
fn any_files(says: u32) -> impl Strategy<Value = Files> {
    prop_oneof![
        3 => Just(Files::new()),
        1 => Just(files(&[SKELETON], says)),
        1 => Just(files(&["other"], says)),
        4 => Just(files(&[EXPECTED, "other"], says)),
    ]
}

fn any_snaps(prefix: &'static str, number: u32) -> impl Strategy<Value = Vec<Snap>> {
    let one = move |index: u32| {
        let says = number * 100 + index;
        (any_files(says), any_how(), any_how(), any_how(), 0_u32..20).prop_map(
            move |(files, look, fill, check, later)| Snap {
                look,
                fill,
                check,
                ..snap(
                    &format!("{prefix}{index}"),
                    1000 - index * 20 + later,
                    files,
                )
            },
        )
    };
    (0_u32..5).prop_flat_map(move |count| (0..count).map(one).collect::<Vec<_>>())
}

fn any_script(
    name: &'static str,
    prefix: &'static str,
    number: u32,
) -> impl Strategy<Value = Script> {
    let elsewhere = prop_oneof![
        8 => Just(Filed::Nothing),
        1 => Just(Filed::Doubt),
        1 => Just(Filed::Unknown),
    ];
    let parts = (
        prop::bool::weighted(0.85),
        any_snaps(prefix, number),
        prop::bool::weighted(0.2),
        elsewhere,
    );
    parts.prop_map(
        move |(answers, snapshots, is_cut_short, elsewhere)| Script {
            name,
            answers,
            snapshots,
            is_cut_short,
            elsewhere,
        },
    )
}

fn any_dataset() -> impl Strategy<Value = Option<Dataset>> {
    let mark = prop_oneof![
        3 => Just(None),
        1 => Just(Some((1, Mark::new(Stage::Seeded, "restic", "old")))),
        1 => Just(Some((1, Mark::new(Stage::Seeded, BOOTSTRAP, "")))),
        1 => Just(Some((1, Mark::new(Stage::Seeding, "rollback", "app@0")))),
        1 => Just(Some((7, Mark::new(Stage::Seeded, "restic", "old")))),
    ];
    let files = prop_oneof![6 => Just(Files::new()), 3 => any_files(7)];
    let dataset = (mark, files).prop_map(|(mark, files)| Dataset {
        guid: 1,
        mark,
        files,
        changes: 0,
    });
    prop::option::weighted(0.8, dataset)
}

fn any_staging() -> impl Strategy<Value = Option<Staging>> {
    let over = prop_oneof![
        3 => Just(Some((1, 0))),
        1 => Just(Some((1, 9))),
        1 => Just(Some((5, 0))),
        1 => Just(None),
    ];
    let staging = (0_u8..3, over, 900_u32..1020).prop_map(|(kind, over, taken)| {
        let stage = if kind == 2 {
            Stage::Staged
        } else {
            Stage::Staging
        };
        let mark = Mark::new(stage, "restic", "a copy of before");
        Staging {
            dataset: Dataset {
                guid: 3,
                mark: (kind > 0).then_some((3, mark)),
                files: files(&[EXPECTED, "other"], 3),
                changes: 0,
            },
            snapshots: Vec::new(),
            was_kept: None,
            seal: (kind == 2).then_some(Sealed {
                over,
                taken: at(taken),
            }),
        }
    });
    prop::option::weighted(0.25, staging)
}

pub(super) fn any_case() -> impl Strategy<Value = Case> {
    let memory = prop_oneof![
        4 => Just(Memory::Nothing),
        1 => Just(Memory::StartedEmpty(1, 0)),
        1 => Just(Memory::StartedEmpty(1, 8)),
        1 => Just(Memory::Data),
    ];
    let scripts = (
        prop::option::weighted(0.7, any_script("vault", "vault@", 2)),
        prop::option::weighted(0.7, any_script("nas", "nas@", 3)),
    );
    let declared = (
        any::<bool>(),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::bool::weighted(0.2),
    );
    let disk = (any_dataset(), any_staging(), any_snaps("app@", 1), memory);
    (disk, scripts, declared).prop_map(
        |((dataset, staging, snapshots, memory), scripts, declared)| {
            let (prefers_newest, restores_partly, starts_empty, checks, only_rolls_back) = declared;
            Case {
                disk: Disk {
                    // A dataset that is gone has no snapshots.
                    snapshots: if dataset.is_some() {
                        snapshots
                    } else {
                        Vec::new()
                    },
                    dataset,
                    staging,
                    kept: Vec::new(),
                    memory,
                    last_guid: 10,
                },
                scripts: scripts.0.into_iter().chain(scripts.1).collect(),
                prefers_newest,
                restores_partly,
                starts_empty,
                checks,
                only_rolls_back,
            }
        },
    )
}
