//! Replays every corpus: nothing fails, and together its inputs reach all situations that their target lists. With
//! `UPDATE_CORPUS=1` the seeds written by hand are written anew; inputs that fuzzing found stay.

#[path = "corpus/seeds.rs"]
mod seeds;

use std::path::{Path, PathBuf};

use towline_fuzz::*;

/// The most bytes of all corpora together: every clone has them.
const BYTES_MAX: u64 = 500 << 10;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// Plays a target's corpus and the inputs that once failed.
fn replay(target: &str, run: fn(&[u8]) -> Marks) -> Marks {
    if std::env::var("UPDATE_CORPUS").is_ok() {
        std::fs::create_dir_all(folder(target)).unwrap();
        for (name, bytes) in seeds::of(target) {
            std::fs::write(folder(target).join(name.replace(' ', "-")), bytes).unwrap();
        }
    }
    let mut marks = Marks::default();
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        eprintln!("{}", path.display());
        marks.join(run(&std::fs::read(&path).unwrap()));
    }
    marks
}

fn sees(target: &str, run: fn(&[u8]) -> Marks, must_see: &[&str]) -> Marks {
    let marks = replay(target, run);
    let missing: Vec<_> = must_see.iter().filter(|name| !marks.names.contains(*name)).collect();
    assert!(missing.is_empty(), "the corpus of {target} does not reach: {missing:?}");
    marks
}

#[test]
fn native_decode() {
    let marks = sees("native_decode", native_decode::run, native_decode::MUST_SEE);
    let missing: Vec<_> =
        native_decode::MUST_END.iter().filter(|fault| !marks.faults.contains(&fault.number())).collect();
    assert!(missing.is_empty(), "no link ends for: {missing:?}");
}

#[test]
fn roundtrip() {
    sees("roundtrip", roundtrip::run, roundtrip::MUST_SEE);
}

#[test]
fn node_script() {
    sees("node_script", node_script::run, node_script::MUST_SEE);
}

#[test]
fn snapshot_receive() {
    sees("snapshot_receive", snapshot_receive::run, snapshot_receive::MUST_SEE);
}

#[test]
fn server_resp() {
    sees("server_resp", server_resp::run, server_resp::MUST_SEE);
}

#[cfg(feature = "abi")]
#[test]
fn record_abi() {
    sees("record_abi", record_abi::run, record_abi::MUST_SEE);
}

#[cfg(feature = "plan")]
#[test]
fn plan_file() {
    sees("plan_file", plan_file::run, plan_file::MUST_SEE);
}

#[test]
fn the_corpora_are_small() {
    let corpora = std::fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().path());
    let files = corpora.flat_map(|path| std::fs::read_dir(path).unwrap());
    let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes in all corpora");
}
