//! The generator, beside a bare loop that writes the same files, and beside other generators.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::process::{peak, succeed, wall};
use crate::samples::Samples;
use crate::table::{Table, claim, ms, times};
use crate::{declarations, machine};
use product::binaries::{Binaries, cargo};
use product::packages::{self, Program};

/// How many declarations, and how often.
const ROUNDS: [(u32, usize); 3] = [(100, 31), (1_000, 21), (10_000, 11)];

/// At most this many times the bare loop, from 1,000 declarations on.
const MOST_TIMES: f64 = 1.5;

/// At most this much memory, in bytes.
const MOST_MEMORY: u64 = 30_000_000;

/// A declaration among 10,000 may take this many times what it takes among 1,000.
const LINEAR: f64 = 1.2;

/// Where a file system in memory is. The output of generators is always on one.
const MEMORY: &str = "/dev/shm";

/// Other generators.
const FSTAB: &str = "/usr/lib/systemd/system-generators/systemd-fstab-generator";
const QUADLET: &str = "/usr/lib/systemd/system-generators/podman-system-generator";

/// Measures and prints.
///
/// # Errors
/// A program is missing or fails.
pub(crate) fn measure(built: &Binaries) -> anyhow::Result<()> {
    packages::require(&[Program {
        name: "time",
        package: "time",
    }])?;
    let floor = floor()?;
    println!("## The generator\n");
    println!(
        "Declarations of 20 lines over a template, with three tiers; everything in memory ({MEMORY}). \
         The floor is one plain loop that writes the same files, directories and links: its own time, \
         without its start and end. The others are whole processes, with as many entries. Load average \
         at the start: {}.\n",
        machine::load()?
    );
    let mut table = Table::new([
        "program, entries",
        "median",
        "minimum",
        "each",
        "times the floor",
        "memory",
    ]);
    let mut figures = Vec::new();
    for (count, rounds) in ROUNDS {
        eprintln!("generator: {count} declarations, {rounds} rounds");
        let figure = Figure::measure(built, &floor, count, rounds)?;
        figure.rows(&mut table);
        figures.push(figure);
    }
    println!("{table}");
    for program in [FSTAB, QUADLET] {
        if !Path::new(program).exists() {
            println!("- not installed: {program}");
        }
    }
    claims(&figures);
    println!();
    Ok(())
}

fn claims(figures: &[Figure]) {
    for figure in figures.iter().filter(|figure| figure.count >= 1_000) {
        let ratio = figure.ratio().median();
        claim(
            ratio <= MOST_TIMES,
            &format!(
                "at most {MOST_TIMES} times the floor at {}",
                thousands(figure.count)
            ),
            &times(ratio),
        );
    }
    if let [_, one, ten] = figures {
        let growth = ten.per_entry() / one.per_entry();
        let floors = (ten.floor.median() / f64::from(ten.count))
            / (one.floor.median() / f64::from(one.count));
        claim(
            growth <= LINEAR,
            &format!(
                "linear: a declaration among 10,000 takes at most {LINEAR} times what it takes among 1,000"
            ),
            &format!("{} (the floor: {})", times(growth), times(floors)),
        );
    }
    if let Some(largest) = figures.last() {
        claim(
            largest.memory < MOST_MEMORY,
            &format!("less than 30 MB at {}", thousands(largest.count)),
            &megabytes(largest.memory),
        );
    }
}

/// What was measured with one number of declarations.
struct Figure {
    count: u32,
    generator: Samples,
    floor: Samples,
    memory: u64,
    others: Vec<(&'static str, Samples)>,
}

impl Figure {
    fn measure(built: &Binaries, floor: &Path, count: u32, rounds: usize) -> anyhow::Result<Self> {
        let place = Scratch::new()?;
        let root = place.directory.path().join("root");
        declarations::write(&root, count).with_context(|| root.display().to_string())?;
        let mut generator = Command::new(&built.generator);
        generator.env("PRESEED_ROOT", &root);
        let mut dry_run = Command::new(&built.generator);
        let printed = succeed(dry_run.env("PRESEED_ROOT", &root).arg("--dry-run"))?.stdout;
        let list = place.directory.path().join("units.txt");
        fs::write(&list, printed).with_context(|| list.display().to_string())?;
        let mut others = others(place.directory.path(), count)?;
        generator.arg(&place.out);

        let mut figure = Self {
            count,
            generator: Samples::default(),
            floor: Samples::default(),
            memory: place.with_fresh_output(|_| peak(&generator))?,
            others: others
                .iter()
                .map(|(name, _)| (*name, Samples::default()))
                .collect(),
        };
        let written = place.with_fresh_output(|out| {
            wall(&mut generator)?;
            entries(out).with_context(|| out.display().to_string())
        })?;
        let floors = place.with_fresh_output(|out| {
            run_floor(floor, &list, out)?;
            entries(out).with_context(|| out.display().to_string())
        })?;
        if written != floors {
            bail!(
                "the floor wrote {floors} entries, the generator {written}: they must write the same"
            );
        }
        for _ in 0..rounds {
            figure
                .generator
                .add(place.with_fresh_output(|_| wall(&mut generator))?);
            figure
                .floor
                .add(place.with_fresh_output(|out| run_floor(floor, &list, out))?);
            for ((_, command), (_, samples)) in others.iter_mut().zip(&mut figure.others) {
                samples.add(place.with_fresh_output(|out| {
                    let mut command = again(command);
                    wall(command.args([out, out, out]))
                })?);
            }
        }
        Ok(figure)
    }

    fn ratio(&self) -> Samples {
        self.generator.ratio(&self.floor)
    }

    /// Seconds that a declaration takes.
    fn per_entry(&self) -> f64 {
        self.generator.median() / f64::from(self.count)
    }

    fn rows(&self, table: &mut Table) {
        let mut row = |name: &str, samples: &Samples, memory: String| {
            let micros = samples.median() / f64::from(self.count) * 1e6;
            table.row(&[
                format!("{name}, {}", thousands(self.count)),
                ms(samples.median()),
                ms(samples.minimum()),
                format!("{micros:.1} µs"),
                times(samples.ratio(&self.floor).median()),
                memory,
            ]);
        };
        row("preseed-generator", &self.generator, megabytes(self.memory));
        row("floor", &self.floor, String::new());
        for (name, samples) in &self.others {
            row(name, samples, String::new());
        }
    }
}

/// A directory in memory, and the path of the output directory in it.
struct Scratch {
    directory: TempDir,
    out: PathBuf,
}

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix_in("preseed-bench-", MEMORY).context(MEMORY)?;
        let out = directory.path().join("out");
        Ok(Self { directory, out })
    }

    /// Does something while the output directory is there, empty at first.
    fn with_fresh_output<T>(
        &self,
        with: impl FnOnce(&Path) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let place = || self.out.display().to_string();
        fs::create_dir(&self.out).with_context(place)?;
        let result = with(&self.out);
        fs::remove_dir_all(&self.out).with_context(place)?;
        result
    }
}

/// Builds the bare loop, and gives its program.
fn floor() -> anyhow::Result<PathBuf> {
    let mut build = cargo();
    build.args([
        "build",
        "--release",
        "--package=generator",
        "--example=floor",
    ]);
    build.arg("--message-format=json-render-diagnostics");
    let output = build.stderr(Stdio::inherit()).output().context("cargo")?;
    if !output.status.success() {
        bail!("{build:?}: {}", output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    product::binaries::executables(&messages)?
        .remove("floor")
        .context("cargo built no floor")
}

/// Runs the bare loop, and gives the time that it says its loop took.
fn run_floor(floor: &Path, list: &Path, out: &Path) -> anyhow::Result<Duration> {
    let list = File::open(list).with_context(|| list.display().to_string())?;
    let mut command = Command::new(floor);
    let output = succeed(command.arg(out).stdin(list))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let milliseconds: f64 = said
        .trim()
        .parse()
        .with_context(|| format!("floor said {said:?}"))?;
    Ok(Duration::from_secs_f64(milliseconds / 1e3))
}

/// How many files, links and directories a directory holds.
fn entries(directory: &Path) -> io::Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        count += 1;
        if entry.file_type()?.is_dir() {
            count += entries(&entry.path())?;
        }
    }
    Ok(count)
}

/// The other generators that are installed, with as many entries each.
fn others(directory: &Path, count: u32) -> anyhow::Result<Vec<(&'static str, Command)>> {
    let mut others = Vec::new();
    if Path::new(FSTAB).exists() {
        let fstab = directory.join("fstab");
        let lines: Vec<String> = (0..count)
            .map(|number| format!("/dev/vg/app{number} /srv/app{number} ext4 defaults 0 2\n"))
            .collect();
        fs::write(&fstab, lines.concat()).with_context(|| fstab.display().to_string())?;
        let mut command = Command::new(FSTAB);
        command
            .env("SYSTEMD_FSTAB", fstab)
            .env("SYSTEMD_PROC_CMDLINE", "quiet");
        others.push(("systemd-fstab-generator", command));
    }
    if Path::new(QUADLET).exists() {
        let containers = directory.join("containers");
        fs::create_dir(&containers).with_context(|| containers.display().to_string())?;
        for number in 0..count {
            let text = format!(
                "[Container]\nImage=localhost/app{number}:latest\nVolume=/srv/app{number}:/config\n\n\
                 [Install]\nWantedBy=multi-user.target\n"
            );
            let file = containers.join(format!("app{number}.container"));
            fs::write(&file, text).with_context(|| file.display().to_string())?;
        }
        let mut command = Command::new(QUADLET);
        command.env("QUADLET_UNIT_DIRS", containers);
        others.push(("quadlet", command));
    }
    for (_, command) in &mut others {
        command.stderr(Stdio::null());
    }
    Ok(others)
}

/// The same command, without arguments.
fn again(command: &Command) -> Command {
    let mut again = Command::new(command.get_program());
    again.stderr(Stdio::null());
    for (name, value) in command.get_envs() {
        again.env(name, value.unwrap_or_default());
    }
    again
}

fn thousands(count: u32) -> String {
    match count {
        0..1_000 => count.to_string(),
        _ => format!("{},{:03}", count / 1_000, count % 1_000),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}
