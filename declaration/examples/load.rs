//! How long it takes to load many declarations: `load [COUNT [ROUNDS]]`, or `load DIRECTORY` to show
//! what is declared below it.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use declaration::{Search, load};

fn main() {
    let argument = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "10000".to_owned());
    match argument.parse() {
        Ok(count) => measure(
            count,
            std::env::args()
                .nth(2)
                .map_or(10, |rounds| rounds.parse().unwrap()),
        ),
        Err(_) => show(Path::new(&argument)),
    }
}

fn show(root: &Path) {
    let host = load(&Search::with_root(root));
    for service in host.services {
        println!("{service:#?}");
    }
    for broken in host.broken {
        println!("{}: broken, keeps down {:?}", broken.name, broken.units);
    }
    for problem in host.problems {
        println!("{problem}");
    }
}

fn measure(count: usize, rounds: usize) {
    let root = tempfile::tempdir_in("/dev/shm").unwrap();
    let etc = root.path().join("etc/preseed");
    fs::create_dir_all(etc.join("services")).unwrap();
    fs::write(
        etc.join("preseed.toml"),
        "[storage]\nparent = \"tank/services\"\n\
         [repository.nas-primary]\nurl = \"rest:https://nas-1:8000/forge\"\npassword-file = \"/etc/preseed/secrets/nas-primary\"\n\
         [replica.nas-1]\nhost = \"nas-1\"\nparent = \"backup/forge/services\"\n",
    )
    .unwrap();
    for number in 0..count {
        let text = format!(
            "[dataset]\nrecordsize = \"16K\"\ncompression = \"zstd\"\nmountpoint = \"/var/lib/app{number}\"\n\
             owner = \"sonarr\"\ngroup = \"sonarr\"\nmode = \"0700\"\n\n\
             [preseed]\nunit = \"podman-app{number}.service\"\ntiers = [\"rollback\", \"snapshot\", \"restic\"]\n\
             expect = [\"sonarr.db\", \"config.xml\"] # what makes the directory the data\n\n\
             [backup]\nrepository = \"nas-primary\"\nexclude = [\".cache\", \"cache\", \"*.tmp\", \"logs/*.txt\"]\n\
             tags = [\"sonarr\", \"media\", \"database\"]\n",
        );
        fs::write(etc.join(format!("services/app{number}.toml")), text).unwrap();
    }
    let search = Search::with_root(root.path());
    let mut fastest = Duration::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        let host = load(&search);
        fastest = fastest.min(start.elapsed());
        assert_eq!((host.services.len(), host.problems.len()), (count, 0));
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    println!(
        "{count} declarations: {fastest:?}, {:.2} µs each; {}",
        fastest.as_micros() as f64 / count as f64,
        peak.split_whitespace().collect::<Vec<_>>().join(" "),
    );
}
