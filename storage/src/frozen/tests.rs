use super::*;

#[test]
fn what_lies_in_another_part_is_read_with_it() {
    let part = |place: &str| Part {
        place: PathBuf::from(place),
        dataset: None,
        expected: Vec::new(),
    };
    let parts = ["/srv/a", "/srv/a/b", "/srv/a/b/c", "/srv/ab", "/x"].map(part);
    let paths = ["/srv/a", "/srv/ab", "/x"].map(Path::new);
    assert_eq!(outermost(&parts), paths);
}

#[test]
fn what_cannot_be_looked_at_is_not_what_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let of = |path: &str| root.path().join(path);
    std::fs::write(of("file"), "data").unwrap();
    // Whoever looks for what is in it gets an error, as of a disk that does not answer.
    std::os::unix::fs::symlink("loop", of("loop")).unwrap();
    let service = declared::service("app", None, "[preseed]\n").unwrap();
    let frozen = |expected: &[&str]| {
        let part = Part {
            place: root.path().to_owned(),
            dataset: None,
            expected: expected.iter().map(|path| of(path)).collect(),
        };
        let frozen = Frozen {
            service: &service,
            parts: vec![part],
            snapshot: None,
            taken: Timestamp::UNIX_EPOCH,
        };
        frozen.expected()
    };
    assert_eq!(frozen(&["file", "missing"]).unwrap(), [of("file")]);
    frozen(&["file", "loop/unknown"]).unwrap_err();
}

#[test]
fn what_is_mounted_and_is_no_part_is_told_unless_it_is_meant() {
    let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    let declared = [
        ("/srv/a", true),
        ("/srv/a/covers", true),
        ("/srv/a/cache", false),
    ];
    let declared = declared.map(|(place, is_restored)| (PathBuf::from(place), is_restored));
    let mounted = paths(&[
        "/srv/a/covers",
        "/srv/a/covers/old",
        "/srv/a/child/in",
        "/srv/a/child",
        "/srv/a/child",
        "/srv/a/cache",
        "/srv/a/cache/disk",
        "/srv/a/logs/disk",
        "/srv/a/logs2",
    ]);
    let told = undeclared(mounted, &declared, &paths(&["/srv/a/logs"]));
    assert_eq!(
        told,
        paths(&["/srv/a/child", "/srv/a/covers/old", "/srv/a/logs2"])
    );
}

#[test]
fn each_place_is_measured_for_itself() {
    let root = tempfile::tempdir().unwrap();
    let (main, covers) = (root.path().join("main"), root.path().join("covers"));
    for (place, files) in [(&main, 3), (&covers, 2)] {
        std::fs::create_dir(place).unwrap();
        for file in 0..files {
            std::fs::write(place.join(format!("file{file}")), "data").unwrap();
        }
    }
    let mut service = declared::service("app", None, "[preseed]\n").unwrap();
    let part = |place: &Path| Part {
        place: place.to_owned(),
        dataset: None,
        expected: ["", "file0", "missing"].map(|path| place.join(path)).into(),
    };
    let parts = vec![part(&covers), part(&main)];
    service.mountpoint.value = main.clone();
    service.preseed.expect = vec![PathBuf::from("file1")];
    let frozen = Frozen {
        service: &service,
        parts,
        snapshot: None,
        taken: Timestamp::UNIX_EPOCH,
    };
    let extent = frozen.extent().unwrap();
    assert_eq!(extent.places.keys().collect::<Vec<_>>(), [&covers]);
    let (entries, bytes) = extent.places[&covers];
    assert_eq!(
        (extent.entries, extent.bytes),
        (entries + entries + 1, bytes + 12)
    );
    assert_eq!(bytes, 8);
    let expected = [(covers.join("file0"), 4), ("file1".into(), 4)];
    assert_eq!(extent.expected, expected.into());
}
