//! How a node ends, and how it reports that it cannot go on: full disks, signals, replicas that were stopped.
//!
//! A full disk is a small file system in memory, which needs the right to mount; without it that test prints so and
//! ends.

#[allow(dead_code, reason = "what the end-to-end tests share; this one needs a part of it")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use support::{Node, Place, agree, eventually};

const SERVE: &str = "serve --replication 127.0.0.1:0";
/// Commands on their way on each connection.
const PIPELINE: u64 = 64;

fn follow(upstream: &Node) -> String {
    format!("follow {} --replication 127.0.0.1:0", upstream.feeds())
}

#[track_caller]
fn streams(node: &Node) {
    eventually("the stream to flow", || (node.status()["upstream"]["state"] == "streaming").then_some(()));
}

// --- a small disk ----------------------------------------------------------------------------------------------------

/// A file system of a few megabytes; unmounted when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// Mounts it; `None` where this process may not mount.
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a directory to mount on");
        let size = format!("size={size}");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at)),
            told => {
                eprintln!("skipped: this process may not mount a small disk: {told:?}");
                None
            }
        }
    }

    fn grow(&self, size: &str) {
        let size = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &size]).arg(self.0).status().expect("mount").success());
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // The process that used it may still be ending.
        Command::new("umount").arg("-l").arg(self.0).status().ok();
    }
}

/// Writes large values until the store refuses one; returns how many it took.
fn fill(node: &Node) -> u64 {
    let value = vec![b'v'; 400 << 10];
    for number in 0..1000 {
        let told = node.ask_with(&["SET", &format!("large:{number}")], &value);
        if told.starts_with("MISCONF") {
            assert!(told.contains("store.") || told.contains("No space"), "it names file and cause: {told}");
            return number;
        }
        assert_eq!(told, "OK");
        // A write is answered before it is on disk: wait for the disk, so that few writes are in memory alone.
        eventually("the disk to take it or to refuse", || {
            let status = node.status();
            (status["persisted"] == status["end"] || status["store_failed"].is_string()).then_some(())
        });
    }
    panic!("a disk of a few megabytes took everything");
}

/// Returns status line and body of a page on the metrics port.
fn get(node: &Node, path: &str) -> (String, String) {
    let addr = node.metrics.as_deref().expect("started with --metrics");
    let mut socket = TcpStream::connect(addr).expect("it listens");
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).expect("it reads");
    let mut told = String::new();
    socket.read_to_string(&mut told).expect("it answers");
    let (head, body) = told.split_once("\r\n\r\n").expect("a head and a body");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

#[test]
fn a_full_disk_is_shown_everywhere_and_when_there_is_room_everything_goes_on() {
    let place = Place::new();
    let at = place.path("disk");
    let Some(disk) = SmallDisk::mount(&at, "6m") else { return };
    let primary = place.start("primary", &format!("{SERVE} --dir {{disk/data}} --metrics 127.0.0.1:0"));
    assert_eq!(get(&primary, "/ready"), ("HTTP/1.1 200 OK".to_owned(), "ready\n".to_owned()));
    let taken = fill(&primary);

    let why = primary.status()["store_failed"].as_str().expect("status names the reason").to_owned();
    let page = place.run(&format!("status {}", primary.client));
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(page.contains(&format!("store failed: {why}")), "{page}");
    let info = primary.ask(&["INFO", "persistence"]);
    assert!(
        info.contains("aof_last_write_status:err") && info.contains(&format!("store_failed:{why}")),
        "{info}"
    );
    assert!(get(&primary, "/metrics").1.contains("\ntowline_store_failed 1\n"));
    let (code, body) = get(&primary, "/ready");
    assert_eq!((&*code, body), ("HTTP/1.1 503 Service Unavailable", format!("store failed: {why}\n")));

    // A replica that joins still gets every answered write.
    let replica = place.start("replica", &follow(&primary));
    agree(&[&primary, &replica], taken);
    assert_eq!(primary.ask(&["GET", "large:0"]).len(), 400 << 10);

    disk.grow("60m");
    eventually("writes to go on", || (primary.ask(&["SET", "after", "1"]) == "OK").then_some(()));
    eventually("everything to be on disk", || {
        let status = primary.status();
        (status["persisted"] == status["end"]).then_some(())
    });
    assert!(primary.status()["store_failed"].is_null());
    assert_eq!(get(&primary, "/ready").0, "HTTP/1.1 200 OK");
    agree(&[&primary, &replica], taken + 1);
}

#[test]
fn a_replica_with_a_full_disk_comes_back_by_itself_and_a_stop_before_that_says_what_is_not_kept() {
    let place = Place::new();
    let at = place.path("disk");
    let Some(disk) = SmallDisk::mount(&at, "6m") else { return };
    let primary = place.start("primary", SERVE);
    let line = format!("{} --dir {{disk/data}} --stop-wait 100ms", follow(&primary));
    let mut replica = place.start("replica", &line);
    streams(&replica);
    let value = vec![b'v'; 400 << 10];
    let fill = |replica: &Node| {
        for number in 0..30 {
            assert_eq!(primary.ask_with(&["SET", &format!("large:{number}")], &value), "OK");
        }
        eventually("the disk to be full", || replica.status()["store_failed"].is_string().then_some(()));
        assert!(replica.ask(&["SET", "a", "1"]).starts_with("READONLY"));
    };
    fill(&replica);
    let kept = replica.status()["persisted"].as_u64().unwrap();
    assert_eq!(replica.signal("TERM").code(), Some(4), "not all it had acknowledged is kept");
    let said = replica.log();
    let error = said.lines().find(|line| line.starts_with("error: ")).expect("one line says it");
    assert!(error.contains(&format!("({kept} to ")) && error.contains("No space left"), "{error}");

    let replica = place.start("replica", &line);
    fill(&replica);
    disk.grow("60m");
    eventually("the store to work", || replica.status()["store_failed"].is_null().then_some(()));
    primary.ask(&["SET", "after", "1"]);
    agree(&[&primary, &replica], 31);
    let error = replica.log().lines().filter(|line| line.contains("panicked")).count();
    assert_eq!(error, 0);
}

// --- load ----------------------------------------------------------------------------------------------------------

/// Clients that pipeline numbered commands and count the replies.
struct Load {
    answered: Vec<Arc<AtomicU64>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Sends `command(connection, number)` for numbers from 0 until the server ends, or until `count` are answered.
    fn start(node: &Node, connections: u64, count: u64, command: fn(u64, u64) -> String) -> Self {
        let (mut answered, mut threads) = (Vec::new(), Vec::new());
        for connection in 0..connections {
            let counter = Arc::new(AtomicU64::new(0));
            answered.push(Arc::clone(&counter));
            let mut socket = TcpStream::connect(&node.client).expect("a server that listens");
            threads.push(std::thread::spawn(move || {
                let mut next = 0;
                while next < count {
                    let commands: String =
                        (next..next + PIPELINE).map(|at| command(connection, at)).collect();
                    next += PIPELINE;
                    if socket.write_all(commands.as_bytes()).is_err() {
                        return;
                    }
                    let mut left = PIPELINE;
                    while left > 0 {
                        let mut some = [0; 4096];
                        let Ok(bytes @ 1..) = socket.read(&mut some) else { return };
                        let replies = some[..bytes].iter().filter(|byte| **byte == b'\n').count() as u64;
                        assert!(
                            !some[..bytes].contains(&b'-'),
                            "{}",
                            String::from_utf8_lossy(&some[..bytes])
                        );
                        counter.fetch_add(replies, Ordering::Relaxed);
                        left -= replies.min(left);
                    }
                }
            }));
        }
        Self { answered, threads }
    }

    fn all(&self) -> u64 {
        self.answered.iter().map(|one| one.load(Ordering::Relaxed)).sum()
    }

    /// Waits for so many more replies.
    fn more(&self, answers: u64) {
        let from = self.all();
        eventually("the load to go on", || (self.all() >= from + answers).then_some(()));
    }

    /// Waits for all clients to end; returns how many commands were answered on each connection.
    fn ended(self) -> Vec<u64> {
        for thread in self.threads {
            thread.join().expect("no answer was an error");
        }
        self.answered.iter().map(|one| one.load(Ordering::Relaxed)).collect()
    }
}

fn incr(connection: u64, _: u64) -> String {
    format!("INCR count:{connection}\r\n")
}

#[test]
fn a_replica_that_stood_still_around_a_stop_has_everything_that_was_answered() {
    for how in ["TERM", "INT", "SHUTDOWN"] {
        let place = Place::new();
        let mut primary = place.start("primary", SERVE);
        let replica = place.start("replica", &follow(&primary));
        streams(&replica);
        let load = Load::start(&primary, 4, u64::MAX, incr);
        load.more(2000);
        replica.send("STOP");
        load.more(4000);
        match how {
            "SHUTDOWN" => drop(primary.ask(&["SHUTDOWN"])),
            signal => primary.send(signal),
        }
        primary.until_logged("stopping: replica");
        replica.send("CONT");
        assert_eq!(primary.ended().code(), Some(0), "{how}: nothing is left over");
        for (connection, answered) in load.ended().into_iter().enumerate() {
            let held: u64 = replica.ask(&["GET", &format!("count:{connection}")]).parse().unwrap();
            assert!(held >= answered, "{how}: {answered} were answered, {held} are there");
        }
    }
}

#[test]
fn a_relay_that_stops_leaves_its_replica_all_it_had() {
    let place = Place::new();
    let primary = place.start("primary", SERVE);
    let mut relay = place.start("relay", &follow(&primary));
    let leaf = place.start("leaf", &follow(&relay));
    streams(&leaf);
    leaf.send("STOP");
    let load = Load::start(&primary, 1, 64 * PIPELINE, incr);
    let answered = load.ended();
    agree(&[&primary, &relay], 1);
    relay.send("TERM");
    relay.until_logged("stopping: replica");
    leaf.send("CONT");
    assert_eq!(relay.ended().code(), Some(0));
    eventually("the leaf to show it", || {
        (leaf.ask(&["GET", "count:0"]) == answered[0].to_string()).then_some(())
    });
}

#[test]
fn a_stop_that_gave_up_names_who_lacks_what() {
    for (wait, signals) in [("1s", 1), ("1h", 2)] {
        let place = Place::new();
        let mut primary = place.start("primary", &format!("{SERVE} --stop-wait {wait}"));
        let replica = place.start("replica", &follow(&primary));
        streams(&replica);
        let name = replica.status()["node"].as_str().unwrap().to_owned();
        replica.send("STOP");
        Load::start(&primary, 1, 10 * PIPELINE, incr).ended();
        primary.send("TERM");
        if signals > 1 {
            primary.until_logged("stopping: replica");
            primary.send("TERM");
        }
        assert_eq!(primary.ended().code(), Some(4));
        let said = primary.log();
        let error = said.lines().find(|line| line.starts_with("error: ")).expect("one line says it");
        assert!(error.contains(&format!("replica {name}")) && error.contains("640 records"), "{error}");
        replica.send("CONT");
    }
}

#[test]
fn what_a_disk_primary_answered_is_there_after_a_stop_under_load() {
    let place = Place::new();
    let line = format!("{SERVE} --dir {{data}}");
    let mut primary = place.start("primary", &line);
    let value =
        |connection, number| format!("SET key:{connection}:{number} value-of-some-length-{number}\r\n");
    let load = Load::start(&primary, 4, u64::MAX, value);
    load.more(200_000);
    assert_eq!(primary.signal("TERM").code(), Some(0));
    let answered = load.ended();
    let again = place.start("primary", &line);
    for (connection, answered) in answered.into_iter().enumerate() {
        let last = again.ask(&["EXISTS", &format!("key:{connection}:{}", answered - 1)]);
        assert_eq!(last, "1", "{answered} were answered on connection {connection}");
    }
    let status = again.status();
    assert_eq!(status["persisted"], status["end"]);
}

#[test]
fn a_hangup_does_nothing_and_every_other_signal_stops_in_order() {
    let place = Place::new();
    for signal in ["QUIT", "USR1", "ALRM", "RTMIN"] {
        let line = format!("{SERVE} --dir {{{signal}}}");
        let mut node = place.start(signal, &line);
        assert_eq!(node.ask(&["SET", "a", "1"]), "OK");
        node.send("HUP");
        node.until_logged("SIGHUP");
        assert_eq!(node.ask(&["PING"]), "PONG");
        assert_eq!(node.signal(signal).code(), Some(0), "{signal}");
        let again = place.start(signal, &line);
        assert_eq!(again.ask(&["GET", "a"]), "1", "{signal}");
    }
}
