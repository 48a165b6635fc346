//! What restic names in its words: the parts of a repository, and the files, that it could not read.

use std::collections::BTreeSet;

/// The parts of a repository that restic names in its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The beginnings of names of packs, in hexadecimal.
    pub(super) packs: BTreeSet<String>,
    /// Paths in the snapshot. Where they are not what restic meant, none of them is found, and nothing is proven.
    pub(super) files: BTreeSet<String>,
}

impl Named {
    /// What restic names in what it said: `<data/1c04d9e400>` and `…/data/1c/1c04…` are packs, as is the one that a blob
    /// is decrypted `from`. A line that tells of a file begins with its path.
    pub(super) fn of(said: &str) -> Self {
        let mut named = Self::default();
        for line in said.split(['\n', ';']) {
            let told = line.trim().trim_start_matches("ignoring error for ");
            if let Some((path, _)) = told.split_once(": ")
                && path.starts_with('/')
            {
                named.files.insert(path.to_owned());
            }
            let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '/'));
            let mut before = "";
            for word in words.filter(|word| !word.is_empty()) {
                let (path, name) = word.rsplit_once('/').unwrap_or(("", word));
                let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
                // A blob is named by 8 digits, a pack by 10 (`Handle.String()` in restic's internal/backend).
                let is_pack = path.split('/').any(|part| part == "data") && name.len() >= 10
                    || before == "from" && name.len() >= 8
                    || before == "pack" && name.len() >= 8;
                if is_hex && is_pack {
                    named.packs.insert(name.to_owned());
                }
                before = word;
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "1c04d9e400c160fc0fecb33d1cdc117d91b2c66fb4341c6856dbf7d3ba72e102";

    #[test]
    fn what_restic_names_is_found_in_its_words() {
        let open = format!("open r/data/1c/{ID}: no such file or directory");
        let index = format!("Load(<index/1c04d9e400>, 0, 0): open r/index/{ID}: no such file");
        let http = format!("Get \"http://nas/data/{ID}\": unexpected HTTP response (404)");
        let decrypting = "/srv/a: decrypting blob <data/b1b226d4> from 388765bd failed: ciphertext";
        for (said, packs, files) in [
            (
                format!("Load(<data/1c04d9e400>, 5, 0) returned error, retrying after 5ms: {open}"),
                vec!["1c04d9e400", ID],
                vec![],
            ),
            (
                format!("ignoring error for /: id {ID} not found in repository"),
                vec![],
                vec!["/"],
            ),
            (
                format!("x; {decrypting} verification failed"),
                vec!["388765bd"],
                vec!["/srv/a"],
            ),
            (
                "ignoring error for /srv/a b: ciphertext verification failed".to_owned(),
                vec![],
                vec!["/srv/a b"],
            ),
            (
                "/srv/a: ReadFull(<data/388765bd93>): file is too short".to_owned(),
                vec!["388765bd93"],
                vec!["/srv/a"],
            ),
            (http, vec![ID], vec![]),
            (index, vec![], vec![]),
            (
                "Fatal: There were 4 errors from data".to_owned(),
                vec![],
                vec![],
            ),
        ] {
            let set = |names: Vec<&str>| names.into_iter().map(ToOwned::to_owned).collect();
            let expected = Named {
                packs: set(packs),
                files: set(files),
            };
            assert_eq!(Named::of(&said), expected, "{said}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read(said in any::<String>()) {
            let named = Named::of(&said);
            prop_assert!(named.packs.iter().chain(&named.files).all(|name| said.contains(name.as_str())));
        }
    }
}
