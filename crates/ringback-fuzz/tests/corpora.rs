//! The corpora of the fuzz targets, as ordinary tests: each entry as it is, cut short, and with some bytes changed.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ringback_fuzz::TARGETS;

/// So many changed copies of each entry are tried.
const CHANGES: usize = 60;
/// Entries are cut at so many places at most.
const CUTS: usize = 60;
/// Bytes that mean something to one of the parsers.
const TELLING: &[u8] = b"\"{}[]\\,:\n -%@/.0e\0\xff";
/// All corpora together, in bytes: they are read by people and carried by everyone who clones this.
const MOST_BYTES: u64 = 1 << 20;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn entries(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz().join("corpus").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Runs a target; says with what, should it panic.
fn run(target: fn(&[u8]), data: &[u8], path: &Path) {
    let held = std::panic::catch_unwind(|| target(data));
    assert!(held.is_ok(), "from {}: {:?}", path.display(), String::from_utf8_lossy(data));
}

fn each_entry_holds(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let entries = entries(name);
    assert!(!entries.is_empty(), "{name} has no corpus");
    let mut rng = fastrand::Rng::with_seed(1);
    for (path, data) in &entries {
        run(target, data, path);
        for cut in (0..data.len()).step_by(data.len() / CUTS + 1) {
            run(target, &data[..cut], path);
        }
        for _ in 0..CHANGES {
            let mut changed = data.clone();
            for _ in 0..rng.usize(1..4) {
                let at = rng.usize(..=changed.len());
                match rng.u8(..3) {
                    0 => changed.insert(at, TELLING[rng.usize(..TELLING.len())]),
                    _ if at == changed.len() => {}
                    1 => changed[at] ^= 1 << rng.u8(..8),
                    _ => drop(changed.remove(at)),
                }
            }
            run(target, &changed, path);
        }
    }
}

macro_rules! corpora {
    ($($name:ident)+) => { $(
        #[test]
        fn $name() {
            each_entry_holds(stringify!($name));
        }
    )+

        #[test]
        fn every_target_has_a_corpus_that_is_run_and_a_file_for_the_fuzzer() {
            let tested = BTreeSet::from([$(stringify!($name).to_owned()),+]);
            let names = |folder: &str| -> BTreeSet<String> {
                let files = fs::read_dir(fuzz().join(folder)).unwrap();
                files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
            };
            assert_eq!(tested, TARGETS.map(|(name, _)| name.to_owned()).into());
            assert_eq!(tested, names("corpus"));
            assert_eq!(tested, names("fuzz_targets"));
        }
    };
}

corpora! {
    account callback_message callback_url configuration cursor listener publish retry_after signature
    traceparent
}

#[test]
fn the_corpora_are_small() {
    let files = TARGETS.iter().flat_map(|(name, _)| entries(name));
    let bytes: u64 = files.map(|(_, data)| data.len() as u64).sum();
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}
