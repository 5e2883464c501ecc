//! The examples that need a server: a host written over the core alone, and a store of one's own under the driver, join
//! `towline serve`, are killed, and go on where their file stands.

#[allow(dead_code, reason = "what the end-to-end tests share; this one needs a part of it")]
mod support;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use support::{Node, Place, Writer, eventually, program};

/// A running example, killed when it is dropped.
struct Example {
    child: Child,
    log: PathBuf,
}

impl Example {
    /// Starts it in a folder of its own, with a new log.
    fn start(place: &Place, name: &str, upstream: &str) -> Self {
        let example = program().with_file_name("examples").join(name);
        assert!(example.is_file(), "{} is missing: cargo build --workspace --examples", example.display());
        let (folder, log) = (place.path(name), place.path(&format!("{name}.log")));
        fs::create_dir_all(&folder).expect("a folder");
        let printed = File::create(&log).expect("a log file");
        let errors = printed.try_clone().expect("a second handle");
        let mut command = Command::new(example);
        command.arg(upstream).current_dir(folder).stdin(Stdio::null());
        let child = command.stdout(printed).stderr(errors).spawn().expect("it starts");
        Self { child, log }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it has printed the digest of the primary as its last.
    #[track_caller]
    fn agrees(&mut self, primary: &Node) {
        eventually("the example to hold the same", || {
            let ended = self.child.try_wait().expect("our child");
            assert_eq!(ended, None, "it ended:\n{}", self.log());
            let last = self.log().lines().rfind(|line| line.contains(", digest "))?.to_owned();
            last.ends_with(&primary.digest()).then_some(())
        });
    }

    fn kill(mut self) {
        self.child.kill().expect("our child");
        self.child.wait().expect("our child");
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("--- the example printed:\n{}", self.log());
        }
    }
}

/// The host over the core alone.
#[test]
fn follow_goes_on_from_its_file_after_kill_9() {
    goes_on_from_its_file_after_kill_9("follow");
}

/// The store of one's own under the driver.
#[test]
fn store_goes_on_from_its_file_after_kill_9() {
    goes_on_from_its_file_after_kill_9("store");
}

fn goes_on_from_its_file_after_kill_9(name: &str) {
    let place = Place::new();
    let primary = place.start("primary", "serve --replication 127.0.0.1:0");
    assert_eq!(primary.ask(&["MSET", "a", "1", "b", "2"]), "OK");
    let mut follow = Example::start(&place, name, primary.feeds());
    follow.agrees(&primary);
    assert_eq!(primary.ask(&["SET", "c", "3"]), "OK");
    follow.agrees(&primary);
    assert_eq!(primary.counter("full_syncs"), 1, "without a cursor it is sent a snapshot");
    // Killed under load, so that it is at work on a batch or on its file.
    for _ in 0..3 {
        let writer = Writer::start(&primary);
        writer.more(2000);
        follow.kill();
        writer.more(2000);
        writer.stop();
        follow = Example::start(&place, name, primary.feeds());
        follow.agrees(&primary);
    }
    assert_eq!(primary.counter("full_syncs"), 1, "it goes on where it stood");
    assert!(primary.counter("partial_syncs") >= 3, "{}", primary.status());
}
