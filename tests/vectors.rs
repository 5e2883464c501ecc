//! Conformance vectors: one node's answers, call by call, against which every binding is checked.
//!
//! `tests/vectors/README.md` defines the format. This file makes the vectors (`UPDATE_VECTORS=1`), plays them through
//! the core's public verbs over flat records, and counts: every kind of input, event, payload and verdict, every misuse
//! and every fault is in one of them.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "../core/tests/common/frames.rs"]
#[allow(dead_code, unreachable_pub, reason = "the core's own tests use the rest")]
mod frames;
#[path = "vectors/player.rs"]
mod player;
#[path = "vectors/receiver.rs"]
mod receiver;
#[path = "vectors/scene.rs"]
mod scene;
#[path = "vectors/scenes/mod.rs"]
mod scenes;
#[path = "../core/tests/common/small.rs"]
#[allow(unreachable_pub, reason = "shared with the core's own tests")]
mod small;

use std::path::{Path, PathBuf};

use player::Seen;
use towline_core::Fault;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn the_files_are_what_the_core_answers() {
    let update = std::env::var("UPDATE_VECTORS").is_ok();
    let mut differ = Vec::new();
    let node = scenes::FILES.iter().map(|(name, scenes)| {
        let made: String = scenes().into_iter().map(scene::Scene::into_text).collect();
        (format!("{name}.txt"), made)
    });
    let receiver = receiver::FILES.iter().map(|(name, scenes)| {
        let made: String = scenes().into_iter().map(receiver::Scene::into_text).collect();
        (format!("receiver/{name}.txt"), made)
    });
    for (name, made) in node.chain(receiver) {
        let path = folder().join(&name);
        let made =
            format!("# Made by tests/vectors.rs; README.md beside this file says how to read it.\n{made}");
        if update {
            std::fs::write(&path, made).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != made {
            differ.push(name);
        }
    }
    assert!(differ.is_empty(), "{differ:?} differ: run with UPDATE_VECTORS=1 if the change is meant");
}

/// Calls `play` with every file of a folder.
fn play_all(folder: &Path, expected: usize, mut play: impl FnMut(&Path)) {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            play(&path);
            files += 1;
        }
    }
    assert_eq!(files, expected, "one file for each entry of the table");
}

fn every_file_plays_and_together_they_show_everything() {
    let mut seen = Seen::default();
    play_all(&folder(), scenes::FILES.len(), |path| player::play(path, &mut seen));
    assert_eq!(seen.inputs, (1..=18).collect(), "inputs, by kind");
    assert_eq!(seen.events, (0x101..=0x10c).collect(), "events, by kind");
    assert_eq!(
        seen.payloads,
        ["Batch", "Begin", "Fork", "LastPiece", "Piece", "Spool"].map(String::from).into()
    );
    assert_eq!(seen.misuses, (1..=15).collect(), "misuses, by number");
    assert_eq!(seen.verdicts_sent, (1..=5).collect(), "verdicts of ADMIT, as sender");
    assert_eq!(seen.verdicts_received, (1..=5).collect(), "verdicts of ADMIT, as replica");
    let faults: Vec<u64> = Fault::ALL.iter().map(|fault| fault.number().into()).collect();
    assert_eq!(seen.faults, faults.into_iter().collect(), "faults, by number");
    let mut seen = receiver::Seen::default();
    play_all(&folder().join("receiver"), receiver::FILES.len(), |path| receiver::play(path, &mut seen));
    seen.check();
}

/// In one test and in this order: the first step may write the files that the second reads.
#[test]
fn the_files_are_current_and_hold() {
    the_files_are_what_the_core_answers();
    every_file_plays_and_together_they_show_everything();
}
