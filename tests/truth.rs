//! End to end: the replies and reports of a node stay true when its role or its history changes.
//!
//! A wait ends with the role it was made in; an acknowledgement is for a record that still exists; durability belongs
//! to a history; an address is checked before it is followed; replaced data is reported, and kept aside.

#[allow(dead_code, reason = "what the end-to-end tests share; this one needs a part of it")]
mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::{Node, Place, agree, eventually};

const SERVE: &str = "serve --replication 127.0.0.1:0";

/// One connection, on which requests may be sent without waiting for a reply.
struct Line(TcpStream);

impl Line {
    fn to(node: &Node) -> Self {
        let stream = TcpStream::connect(&node.client).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket takes a limit");
        Self(stream)
    }

    fn send(&mut self, line: &str) {
        self.0.write_all(format!("{line}\r\n").as_bytes()).expect("the server reads");
    }

    /// Returns the next line of a reply.
    fn reply(&mut self) -> String {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while !line.ends_with(b"\r\n") {
            self.0.read_exact(&mut byte).expect("an answer");
            line.push(byte[0]);
        }
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.reply()
    }

    /// Returns both numbers of a WAITAOF.
    fn kept(&mut self, line: &str) -> [String; 2] {
        self.send(line);
        assert_eq!(self.reply(), "*2");
        [self.reply(), self.reply()]
    }
}

/// Lets a node follow another.
#[track_caller]
fn turn(node: &Node, upstream: &Node) {
    let (host, port) = upstream.feeds().rsplit_once(':').expect("an address has a port");
    assert_eq!(node.ask(&["REPLICAOF", host, port]), "OK");
}

fn upstream_state(node: &Node) -> String {
    node.status()["upstream"]["state"].as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn until_state(node: &Node, state: &str) {
    eventually(&format!("the upstream to be: {state}"), || (upstream_state(node) == state).then_some(()));
}

/// A wait belongs to the role and the history it was made in.
#[test]
fn a_wait_ends_with_its_role_and_a_lost_write_counts_for_nothing() {
    let place = Place::new();
    let one = place.start("one", &format!("{SERVE} --store disk --dir {{one}}"));
    let two = place.start("two", &format!("follow {} --replication 127.0.0.1:0", one.feeds()));
    assert_eq!(one.ask(&["SET", "a", "1"]), "OK");
    agree(&[&one, &two], 1);
    assert_eq!(two.ask(&["REPLICAOF", "NO", "ONE"]), "OK");

    let mut line = Line::to(&one);
    assert_eq!(line.ask("SET b 1"), "+OK");
    line.send("WAITAOF 1 5 0");
    line.send("PING");
    let mut other = Line::to(&one);
    other.send("WAIT 1 0");
    assert_eq!(two.ask(&["SET", "c", "1"]), "OK");
    turn(&one, &two);
    let unblocked = line.reply();
    assert!(
        unblocked.starts_with("-UNBLOCKED ") && unblocked.contains("instance state changed"),
        "{unblocked}"
    );
    assert_eq!(line.reply(), "+PONG", "and the connection is read");
    // The other connection wrote nothing: it was answered at once, or when the node's role changed.
    let answer = other.reply();
    assert!(answer == ":0" || answer.starts_with("-UNBLOCKED"), "{answer}");

    // It follows the other branch, which passes the offset of the lost write.
    for number in 0..10 {
        assert_eq!(two.ask(&["SET", &format!("d{number}"), "1"]), "OK");
    }
    agree(&[&one, &two], 12);
    assert!(line.ask("WAIT 0 0").contains("replica instances"));
    assert_eq!(one.ask(&["REPLICAOF", "NO", "ONE"]), "OK");
    turn(&two, &one);
    until_state(&two, "streaming");
    assert_eq!(line.ask("GET b"), "$-1", "it was thrown away");
    assert_eq!(line.ask("WAIT 1 0"), ":0", "so nobody has it");
    assert_eq!(line.kept("WAITAOF 1 1 0"), [":0", ":0"]);
    assert_eq!(line.ask("SET b 2"), "+OK");
    assert_eq!(line.ask("WAIT 1 0"), ":1");
    assert_eq!(line.kept("WAITAOF 1 0 0")[0], ":1");
}

/// WAITAOF counts before it waits, and asks the disk for a flush.
#[test]
fn waitaof_looks_first() {
    let place = Place::new();
    let disk = place.start("disk", &format!("{SERVE} --store disk --dir {{data}}"));
    let mut line = Line::to(&disk);
    assert_eq!(line.kept("WAITAOF 1 0 0"), [":1", ":0"], "nothing was written");
    assert_eq!(line.ask("SET a b"), "+OK");
    eventually("the write to be on disk", || {
        let status = disk.status();
        (status["persisted"] == status["end"]).then_some(())
    });
    assert_eq!(line.kept("WAITAOF 1 0 0"), [":1", ":0"]);
    let memory = place.start("memory", SERVE);
    let mut line = Line::to(&memory);
    assert_eq!(line.ask("SET a b"), "+OK");
    assert_eq!(line.kept("WAITAOF 0 0 0"), [":0", ":0"]);
    assert!(line.ask("WAITAOF 1 0 0").contains("appendonly is disabled"));
}

/// Durability belongs to a history: after a demotion, another history and a promotion the old one's does not count.
#[test]
fn waitaof_does_not_take_the_old_history_on_disk_for_the_new_one() {
    let place = Place::new();
    let primary = place.start("primary", SERVE);
    let mut node = place.start("node", &format!("{SERVE} --store disk --dir {{data}}"));
    for number in 0..200 {
        assert_eq!(node.ask(&["SET", &format!("old{number}"), "1"]), "OK");
    }
    eventually("the old history to be on disk", || {
        let status = node.status();
        (status["persisted"] == status["end"]).then_some(())
    });
    assert_eq!(primary.ask(&["SET", "new", "1"]), "OK");
    // As fast as possible: the node is primary of its own history again before the disk has the snapshot.
    turn(&node, &primary);
    agree(&[&primary, &node], 1);
    assert_eq!(node.ask(&["REPLICAOF", "NO", "ONE"]), "OK");
    let mut line = Line::to(&node);
    let acknowledged = eventually("a promoted node to take a write", || {
        (line.ask("SET mine 1") == "+OK").then(|| line.kept("WAITAOF 1 0 0"))
    });
    assert_eq!(acknowledged[0], ":1");
    node.kill();
    let again = place.start("again", &format!("{SERVE} --store disk --dir {{data}}"));
    assert_eq!(again.ask(&["GET", "mine"]), "1", "what was acknowledged survives kill -9");
    assert_eq!(again.ask(&["GET", "old1"]), "");
    assert_eq!(again.ask(&["GET", "new"]), "1");
}

/// A stop right after an adopted snapshot keeps the new history, not the old one.
#[test]
fn a_stop_keeps_the_history_that_was_adopted_last() {
    let place = Place::new();
    let primary = place.start("primary", SERVE);
    let mut node = place.start("node", &format!("{SERVE} --store disk --dir {{data}}"));
    for number in 0..200 {
        assert_eq!(node.ask(&["SET", &format!("old{number}"), "1"]), "OK");
    }
    assert_eq!(primary.ask(&["SET", "new", "1"]), "OK");
    turn(&node, &primary);
    agree(&[&primary, &node], 1);
    assert_eq!(node.signal("TERM").code(), Some(0));
    let again = place.start("again", &format!("{SERVE} --store disk --dir {{data}}"));
    assert_eq!((again.ask(&["GET", "new"]), again.ask(&["DBSIZE"])), ("1".to_owned(), "1".to_owned()));
}

/// Replacing data of another history is logged, and the data is kept aside.
#[test]
fn adoption_says_what_it_replaces_and_keeps_it_aside() {
    let place = Place::new();
    let empty = place.start("empty", SERVE);
    let node = place.start("node", &format!("{SERVE} --store disk --dir {{data}}"));
    let history = node.status()["history"].as_str().expect("it has one").to_owned();
    for number in 0..3 {
        assert_eq!(node.ask(&["SET", &format!("key{number}"), "1"]), "OK");
    }
    turn(&node, &empty);
    until_state(&node, "streaming");
    eventually("the keys to be gone", || (node.ask(&["DBSIZE"]) == "0").then_some(()));
    let log = node.log();
    assert!(log.contains(&format!("3 entries of history {history} at 3 are replaced, and kept in")), "{log}");
    let aside = place.path("data").join(format!("replaced-{history}"));
    eventually("it to be kept aside", || fs::read_dir(&aside).ok()?.next().map(drop));
    eventually("the new history to be on disk", || {
        let status = node.status();
        (status["persisted"] == status["end"]).then_some(())
    });
    drop(node);
    let kept = place.start("kept", &format!("{SERVE} --store disk --dir {{data/replaced-{history}}}"));
    assert_eq!(kept.ask(&["DBSIZE"]), "3");

    let memory = place.start("memory", SERVE);
    assert_eq!(memory.ask(&["SET", "a", "1"]), "OK");
    turn(&memory, &empty);
    eventually("the key to be gone", || (memory.ask(&["DBSIZE"]) == "0").then_some(()));
    memory.until_logged("a store in memory keeps no copy");
}

/// The role changes after the address was checked, not before.
#[test]
fn a_node_does_not_follow_itself_nor_a_client_port() {
    let place = Place::new();
    let node = place.start("node", SERVE);
    let (_, port) = node.feeds().rsplit_once(':').expect("an address has a port");
    for host in ["127.0.0.1", "localhost"] {
        let told = node.ask(&["REPLICAOF", host, port]);
        assert!(told.contains("is this node itself"), "{told}");
    }
    assert_eq!(node.ask(&["SET", "a", "1"]), "OK", "it is a primary still");
    let (_, clients) = node.client.rsplit_once(':').expect("an address has a port");
    let told = node.ask(&["REPLICAOF", "127.0.0.1", clients]);
    assert!(told.contains("its replication address is") && told.contains(node.feeds()), "{told}");
    assert_eq!(node.status()["role"], "primary");

    let told = place.refused(1, &format!("follow {} --listen 127.0.0.1:0", node.client));
    assert!(told.contains("its replication address is") && told.contains(node.feeds()), "{told}");
    let told = place.refused(2, "serve --replicas-max 0");
    assert!(told.contains("'0' for '--replicas-max <N>'") && told.contains("from 1 to 65000"), "{told}");
    let told = place.refused(2, "serve --idle 2h");
    assert!(told.contains("--reconnect-window is") && told.contains("--idle asks for more"), "{told}");
}

/// A port for metrics or for browsers is named as the wrong one.
#[test]
fn status_of_a_port_that_speaks_http_names_the_one_that_is_meant() {
    let place = Place::new();
    let node = place.start("node", &format!("{SERVE} --metrics 127.0.0.1:0 --web 127.0.0.1:0"));
    let told = fs::read_to_string(place.path("node.ready")).expect("it was read before");
    let told: serde_json::Value = serde_json::from_str(&told).expect("the ready file is JSON");
    for port in ["metrics_addr", "web_addr"] {
        let addr = told[port].as_str().expect("it was asked for");
        let told = place.refused(1, &format!("status {addr}"));
        assert!(told.contains(&format!("{addr} speaks HTTP")) && told.contains("--listen"), "{told}");
    }
    assert_eq!(node.ask(&["PING"]), "PONG");
}

/// Nodes that follow each other have no primary and report so; with a primary they report nothing of the kind.
#[test]
fn a_ring_has_no_primary_upstream() {
    let place = Place::new();
    let one = place.start("one", &format!("{SERVE} --metrics 127.0.0.1:0"));
    let two = place.start("two", &format!("follow {} --replication 127.0.0.1:0", one.feeds()));
    let leaf = place.start("leaf", &format!("follow {}", two.feeds()));
    assert_eq!(one.ask(&["SET", "a", "1"]), "OK");
    agree(&[&one, &two, &leaf], 1);
    turn(&one, &two);
    for node in [&one, &two, &leaf] {
        until_state(node, "no primary upstream");
        let info = node.ask(&["INFO", "replication"]);
        assert!(info.contains("master_link_status:down"), "{info}");
        assert!(info.contains("master_link_state:no primary upstream"), "{info}");
        node.until_logged("no primary upstream");
        let page = String::from_utf8(place.run(&format!("status {}", node.client)).stdout).expect("text");
        assert!(page.contains("no primary upstream"), "{page}");
    }
    assert_eq!(two.ask(&["REPLICAOF", "NO", "ONE"]), "OK");
    for node in [&one, &leaf] {
        until_state(node, "streaming");
        assert!(node.ask(&["INFO", "replication"]).contains("master_link_status:up"));
        assert!(!node.ask(&["INFO", "replication"]).contains("master_link_fault"), "it is past");
        node.until_logged("primary upstream again");
        assert_eq!(node.log().matches("no primary upstream").count(), 1, "said once: {}", node.log());
    }
}

/// An unknown value is not the same as a missing one.
#[test]
fn a_replica_without_data_yet_says_loading() {
    let place = Place::new();
    let mut primary = place.start("primary", &format!("{SERVE} --store disk --dir {{data}}"));
    assert_eq!(primary.ask(&["SET", "a", "1"]), "OK");
    let addr = primary.feeds().to_owned();
    assert_eq!(primary.signal("TERM").code(), Some(0));
    let replica = place.start("replica", &format!("follow {addr}"));
    assert!(replica.ask(&["GET", "a"]).starts_with("LOADING "), "{}", replica.ask(&["GET", "a"]));
    assert!(replica.ask(&["DBSIZE"]).starts_with("LOADING "));
    assert_eq!(replica.ask(&["PING"]), "PONG");
    assert!(replica.ask(&["INFO", "persistence"]).contains("loading:1"));
    assert_eq!(replica.status()["complete"], false);
    let _primary = place.start("again", &format!("serve --store disk --dir {{data}} --replication {addr}"));
    eventually("the data to be here", || (replica.ask(&["GET", "a"]) == "1").then_some(()));
    assert!(replica.ask(&["INFO", "persistence"]).contains("loading:0"));
}

/// An empty file in place of the node's name, as a power cut leaves it, does not prevent the start.
#[test]
fn an_empty_node_file_draws_a_new_name_and_says_so() {
    let place = Place::new();
    let mut node = place.start("node", &format!("{SERVE} --store disk --dir {{data}}"));
    assert_eq!(node.ask(&["SET", "a", "1"]), "OK");
    assert_eq!(node.signal("TERM").code(), Some(0));
    fs::write(place.path("data").join("node"), "").expect("the directory is ours");
    let again = place.start("again", &format!("{SERVE} --store disk --dir {{data}}"));
    let name = again.status()["node"].as_str().expect("it has a name").to_owned();
    again.until_logged("is empty");
    again.until_logged(&name);
    assert_eq!(again.ask(&["GET", "a"]), "1");
    assert_eq!(fs::read_to_string(place.path("data").join("node")).expect("written"), format!("{name}\n"));
}
