//! Joins under full load, with a replica that gets little of its machine: it is stopped most of the time, or shares its
//! core. The server slows writers down until the replica has joined, so that one snapshot is enough, or a second where
//! the first was unlucky; otherwise such a join loses its stream beside every snapshot.

#[allow(dead_code, reason = "what the end-to-end tests share; this one needs a part of it")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use support::{Node, Place, agree, eventually};

const KEYS: u64 = 20_000;
/// The size of each value: at full speed the ring of 2 MiB turns over many times in a second.
const VALUE_BYTES: usize = 500;
const PRIMARY: &str = "serve --replication 127.0.0.1:0 --backlog 2MiB --spool 64MiB";
/// Commands on their way on one connection.
const PIPELINE: u64 = 64;
const WRITERS: u64 = 2;
/// Writes after a replica has its snapshot, before it counts as joined here: eight rings.
const AFTERWARDS: u64 = 32_000;

/// Clients that overwrite keys as fast as they are answered.
struct Load {
    stop: Arc<AtomicBool>,
    /// Answered commands of each client.
    written: Arc<[AtomicU64]>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(node: &Node) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let written: Arc<[AtomicU64]> = (0..WRITERS).map(|_| AtomicU64::new(0)).collect();
        let threads = (0..WRITERS)
            .map(|writer| {
                let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
                let mut socket = TcpStream::connect(&node.client).expect("the primary listens");
                std::thread::spawn(move || {
                    let mut number = writer;
                    while !stop.load(Ordering::Relaxed) {
                        pipeline(&mut socket, (0..PIPELINE).map(|step| number + step * WRITERS));
                        number += PIPELINE * WRITERS;
                        let place = usize::try_from(writer).expect("few writers");
                        written[place].fetch_add(PIPELINE, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        Self { stop, written, threads }
    }

    /// Returns the answered commands of all clients.
    fn answered(&self) -> u64 {
        self.written.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Stops the writers; none of them may have been held back more than the others.
    fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("every write is answered OK");
        }
        let shares: Vec<u64> = self.written.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let (least, most) = (shares.iter().min().copied(), shares.iter().max().copied());
        assert!(least.unwrap_or(0) * 4 > most.unwrap_or(0), "held fairly: {shares:?}");
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Writes these keys, and waits for every reply.
fn pipeline(socket: &mut TcpStream, numbers: impl Iterator<Item = u64>) {
    let (mut sent, mut answers) = (Vec::new(), 0);
    for number in numbers {
        let key = format!("key:{:08}", number * 7919 % KEYS);
        let value = format!("{number:0VALUE_BYTES$}");
        let head = format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${VALUE_BYTES}\r\n", key.len());
        sent.extend_from_slice(format!("{head}{value}\r\n").as_bytes());
        answers += 1;
    }
    socket.write_all(&sent).expect("the primary reads");
    let mut said = vec![0; 5 * answers];
    socket.read_exact(&mut said).expect("the primary answers");
    assert_eq!(said, b"+OK\r\n".repeat(answers));
}

/// Starts a primary that holds all keys and is written to at full speed.
fn under_load(place: &Place) -> (Node, Load) {
    let primary = place.start("primary", PRIMARY);
    let mut socket = TcpStream::connect(&primary.client).expect("the primary listens");
    for first in (0..KEYS).step_by(100) {
        pipeline(&mut socket, first..first + 100);
    }
    let load = Load::start(&primary);
    (primary, load)
}

/// Waits until a replica is complete, streams, and still streams while more is written.
fn joins(primary: &Node, replica: &Node, load: &Load, mut meanwhile: impl FnMut()) {
    let mut from = None;
    eventually("the replica to join and to keep its stream", || {
        meanwhile();
        let status = replica.status();
        if status["complete"] != true || status["upstream"]["state"] != "streaming" {
            from = None;
            return None;
        }
        (load.answered() >= *from.get_or_insert(load.answered()) + AFTERWARDS).then_some(())
    });
    let synced = primary.counter("full_syncs");
    assert!(synced <= 2, "{synced} snapshots for one join: {}", primary.status());
}

/// Ends the load; both must hold the same, over the stream that was kept.
fn ends_identical(primary: &Node, replica: &Node) {
    agree(&[primary, replica], KEYS);
    assert_eq!(replica.status()["upstream"]["state"], "streaming");
    let synced = primary.counter("full_syncs");
    assert!(synced <= 2, "{synced} snapshots for one join: {}", primary.status());
}

fn signal(node: &Node, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &node.pid().to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

#[test]
fn a_replica_that_is_stopped_again_and_again_joins_with_two_snapshots_at_most() {
    let place = Place::new();
    let (primary, load) = under_load(&place);
    let replica = place.start("replica", &format!("follow {} --backlog 2MiB", primary.feeds()));
    joins(&primary, &replica, &load, || {
        signal(&replica, "STOP");
        std::thread::sleep(Duration::from_millis(150));
        signal(&replica, "CONT");
        std::thread::sleep(Duration::from_millis(50));
    });
    load.stop();
    assert!(primary.counter("writes_held_ms") > 0, "writers were slowed down for it");
    ends_identical(&primary, &replica);
}

/// Loops on one core, until it is dropped.
struct Busy(Vec<Child>);

impl Busy {
    fn core(core: &str, loops: usize) -> Self {
        let begin = |_| {
            let mut command = Command::new("taskset");
            command.args(["-c", core, "sh", "-c", "while :; do :; done"]);
            command.stdin(Stdio::null()).spawn().expect("taskset is there")
        };
        Self((0..loops).map(begin).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Returns the last of the cores this test may use.
fn last_core() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let list = list.expect("Linux says which cores are ours").trim();
    list.rsplit([',', '-']).next().expect("at least one core").to_owned()
}

#[test]
#[cfg(target_os = "linux")]
fn a_replica_on_a_busy_core_joins_with_two_snapshots_at_most() {
    let place = Place::new();
    let (primary, load) = under_load(&place);
    let core = last_core();
    let busy = Busy::core(&core, 3);
    let replica = place.start("replica", &format!("follow {} --backlog 2MiB", primary.feeds()));
    // All its threads, and those it will start.
    let pinned = Command::new("taskset").args(["-a", "-c", "-p", &core, &replica.pid().to_string()]).output();
    assert!(pinned.expect("taskset is there").status.success());
    joins(&primary, &replica, &load, || {});
    load.stop();
    drop(busy);
    ends_identical(&primary, &replica);
}
