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
    for (name, scenes) in scenes::FILES {
        let path = folder().join(format!("{name}.txt"));
        let made: String = scenes().into_iter().map(scene::Scene::into_text).collect();
        let made =
            format!("# Made by tests/vectors.rs; README.md beside this file says how to read it.\n{made}");
        if update {
            std::fs::write(&path, made).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != made {
            differ.push(*name);
        }
    }
    assert!(differ.is_empty(), "{differ:?} differ: run with UPDATE_VECTORS=1 if the change is meant");
}

fn play_all() -> Seen {
    let mut seen = Seen::default();
    let mut files = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            player::play(&path, &mut seen);
            files += 1;
        }
    }
    assert_eq!(files, scenes::FILES.len(), "one file for each entry of the table");
    seen
}

fn every_file_plays_and_together_they_show_everything() {
    let seen = play_all();
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
}

/// In one test and in this order: the first step may write the files that the second reads.
#[test]
fn the_files_are_current_and_hold() {
    the_files_are_what_the_core_answers();
    every_file_plays_and_together_they_show_everything();
}
