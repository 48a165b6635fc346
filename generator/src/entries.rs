//! Everything that is written for a host, in order.

use declaration::parallel::{self, PART};
use declaration::settings::{Broken, Host, Service, Snapshots, Utility};
use declaration::value::DatasetName;

use crate::directory::Directory;
use crate::tree::{EntryError, Tree};
use crate::unit::Unit;
use crate::unit_name::Names;
use crate::{backup_unit, dataset_unit, drill_unit, drop_in, maintenance_unit, preseed_unit};

/// Writes everything for `host` to `tree`, and nothing if nothing is declared.
/// What cannot be written is returned, the rest is written nevertheless.
pub fn write(host: &Host, tree: &mut impl Tree) -> Vec<EntryError> {
    let mut writer = Writer::new(tree);
    for service in &host.services {
        writer.service(host, service);
    }
    finish(host, writer)
}

/// Does the same as [`write`] with as many threads as there are processors.
#[must_use]
pub fn write_parallel(host: &Host, directory: &Directory) -> Vec<EntryError> {
    // Only sound services are shared out: no two of them have a path in common,
    // so who writes first makes no difference.
    let parts = host.services.chunks(PART);
    let mut errors: Vec<Vec<EntryError>> = parts.clone().map(|_| Vec::new()).collect();
    parallel::for_each(parts.zip(&mut errors), |(services, errors)| {
        let mut tree = directory;
        let mut writer = Writer::new(&mut tree);
        for service in services {
            writer.service(host, service);
        }
        *errors = writer.errors;
    });
    let mut tree = directory;
    let mut writer = Writer::new(&mut tree);
    writer.errors = errors.into_iter().flatten().collect();
    finish(host, writer)
}

fn finish<T: Tree>(host: &Host, mut writer: Writer<'_, T>) -> Vec<EntryError> {
    for broken in &host.broken {
        writer.broken(broken);
    }
    let takes = |service: &Service| {
        service.storage.has_snapshots() && matches!(service.snapshots, Some(Snapshots::By(_)))
    };
    if host.services.iter().any(takes) {
        writer.link(
            "timers.target.wants/storage-snapshots.timer",
            "/usr/lib/systemd/system/storage-snapshots.timer",
        );
    }
    for repository in maintenance_unit::repositories(host) {
        let name = maintenance_unit::name(repository);
        writer.timed(&name, &maintenance_unit::of(repository));
    }
    for utility in &host.utilities {
        writer.utility(host, utility);
    }
    let services = host.services.len() + host.broken.len();
    if services + host.utilities.len() > 0 {
        writer.link(
            "multi-user.target.wants/storage-preseed.target",
            "/usr/lib/systemd/system/storage-preseed.target",
        );
    }
    writer.errors
}

/// The names of the declared datasets that belong to no service and that this one lies in.
fn above(host: &Host, dataset: &DatasetName) -> Vec<Names> {
    let above = host.utilities.iter();
    let above = above.filter(|other| other.dataset != *dataset && other.dataset.holds(dataset));
    above.map(|other| Names::of(other.name.as_str())).collect()
}

struct Writer<'a, T> {
    tree: &'a mut T,
    errors: Vec<EntryError>,
    /// The text of the file that is being written, kept for its memory.
    text: String,
}

impl<'a, T: Tree> Writer<'a, T> {
    fn new(tree: &'a mut T) -> Self {
        Self {
            tree,
            errors: Vec::new(),
            text: String::new(),
        }
    }

    fn service(&mut self, host: &Host, service: &Service) {
        let names = Names::of(service.name.as_str());
        let datasets = service.parts().filter_map(|part| part.storage.dataset());
        let mut all_above: Vec<Names> = Vec::new();
        for names in datasets.flat_map(|dataset| above(host, &dataset.name)) {
            if !all_above.contains(&names) {
                all_above.push(names);
            }
        }
        self.file(
            &names.dataset,
            &dataset_unit::of(service, &names, &all_above),
        );
        self.file(&names.preseed, &preseed_unit::of(service, &names));
        let drop_in = drop_in::of(service, &names);
        for unit in &service.units {
            self.file(&[unit.as_str(), ".d/", &names.drop_in].concat(), &drop_in);
        }
        self.want("storage-datasets.target", &names.dataset);
        self.want("storage-preseed.target", &names.preseed);
        if let Some(backup) = backup_unit::of(service, &names) {
            self.timed(&names.backup, &backup);
        }
        if let Some(drill) = drill_unit::of(service, &names) {
            self.timed(&names.drill, &drill);
        }
    }

    /// A service, and the timer that starts it.
    fn timed(&mut self, name: &str, (service, timer): &(Unit<'_>, Unit<'_>)) {
        self.file(&[name, ".service"].concat(), service);
        let name = [name, ".timer"].concat();
        self.file(&name, timer);
        self.want("timers.target", &name);
    }

    fn utility(&mut self, host: &Host, utility: &Utility) {
        let names = Names::of(utility.name.as_str());
        let above = above(host, &utility.dataset);
        let unit = dataset_unit::of_utility(utility, &above);
        self.file(&names.dataset, &unit);
        self.want("storage-datasets.target", &names.dataset);
    }

    fn broken(&mut self, broken: &Broken) {
        let names = Names::of(&broken.name);
        self.file(&names.preseed, &preseed_unit::of_broken(broken));
        let drop_in = drop_in::of_broken(broken, &names);
        for (position, unit) in broken.units.iter().enumerate() {
            // What is salvaged from a file may name a unit twice.
            if !broken.units[..position].contains(unit) {
                self.file(&[unit.as_str(), ".d/", &names.drop_in].concat(), &drop_in);
            }
        }
        self.want("storage-preseed.target", &names.preseed);
    }

    fn file(&mut self, path: &str, unit: &Unit<'_>) {
        self.text.clear();
        unit.render(&mut self.text);
        if let Err(error) = self.tree.file(path, &self.text) {
            self.errors.push(error);
        }
    }

    fn want(&mut self, target: &str, unit: &str) {
        let path = [target, ".wants/", unit].concat();
        self.link(&path, &["../", unit].concat());
    }

    fn link(&mut self, path: &str, target: &str) {
        if let Err(error) = self.tree.link(path, target) {
            self.errors.push(error);
        }
    }
}
