//! The program with many kinds of clients: web pages, greedy ones, ones that vanish, transactions.

#[allow(dead_code, reason = "each test file uses its own part")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::{Node, Place, eventually};

/// Sends bytes to an address and reads to the end.
fn exchange(addr: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    // The server may have closed the connection already.
    stream.write_all(bytes).ok();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).ok();
    String::from_utf8_lossy(&said).into_owned()
}

/// The same, with a QUIT at the end.
fn exchange_and_quit(addr: &str, bytes: &[u8]) -> String {
    exchange(addr, &[bytes, b"QUIT\r\n"].concat())
}

#[test]
fn a_web_page_writes_nothing_and_fills_no_log() {
    let place = Place::new();
    let node = place.start("node", "serve --replication 127.0.0.1:0");
    let body = "SET pwned yes\r\nREPLICAOF NO ONE\r\nSHUTDOWN\r\n";
    for line in ["POST / HTTP/1.1", "PUT /x HTTP/1.1", "SET / HTTP/1.1", "GET /?SET+a+b HTTP/1.0"] {
        for addr in [node.client.as_str(), node.feeds()] {
            let request = format!("{line}\r\nHost: {addr}\r\nContent-Length: 99\r\n\r\n{body}");
            let said = exchange(addr, request.as_bytes());
            assert!(!said.contains("OK") && !said.contains("HTTP"), "{line} at {addr}: {said}");
        }
    }
    assert_eq!(exchange_and_quit(&node.client, b"PING\r\nPOST /\r\nSET pwned yes\r\n"), "+PONG\r\n");
    assert_eq!(node.ask(&["DBSIZE"]), "0");
    // GET of a key called / is a legal request, typed by a person.
    assert_eq!(exchange_and_quit(&node.client, b"GET /\r\n"), "$-1\r\n+OK\r\n");
    let log = node.log();
    assert_eq!(log.matches("it sent an HTTP request to the clients' port").count(), 1, "{log}");
    assert_eq!(log.matches("is no replica: it does not speak Towline").count(), 1, "{log}");
}

#[test]
fn a_transaction_of_redis_cli_is_done_whole_or_not_at_all() {
    let place = Place::new();
    let node = place.start("node", "serve --replication 127.0.0.1:0");
    let say = |words: &str| exchange_and_quit(&node.client, words.as_bytes());
    let done = say("MULTI\r\nSET a 1\r\nINCR a\r\nEXEC\r\n");
    assert_eq!(done, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:2\r\n+OK\r\n");
    let end = node.status()["end"].clone();
    let refused = say("MULTI\r\nSET a 5\r\nNOSUCH\r\nEXEC\r\n");
    assert!(
        refused.contains("-EXECABORT Transaction discarded because of previous errors.\r\n"),
        "{refused}"
    );
    assert_eq!((node.ask(&["GET", "a"]).as_str(), &node.status()["end"]), ("2", &end));
    let mut watcher = TcpStream::connect(&node.client).expect("it listens");
    watcher.write_all(b"WATCH a\r\nMULTI\r\nSET a 9\r\n").expect("it reads");
    let mut said = [0; 19];
    watcher.read_exact(&mut said).expect("+OK +OK +QUEUED");
    node.ask(&["SET", "a", "3"]);
    watcher.write_all(b"EXEC\r\nQUIT\r\n").expect("it reads");
    let mut rest = String::new();
    watcher.read_to_string(&mut rest).expect("text");
    assert_eq!((rest.as_str(), node.ask(&["GET", "a"]).as_str()), ("*-1\r\n+OK\r\n", "3"));
}

#[test]
fn a_reply_longer_than_memory_allows_is_refused_and_the_bound_holds() {
    let place = Place::new();
    let node = place.start("node", "serve --replication 127.0.0.1:0 --client-memory 64MiB");
    assert_eq!(node.ask_with(&["SET", "v"], &[b'v'; 4 << 20]), "OK");
    let names = ["v"; 150];
    let refused = node.ask(&[&["MGET"], &names[..]].concat());
    assert!(refused.contains("ERR the reply would be 629") && refused.contains("the limit is"), "{refused}");
    #[cfg(target_os = "linux")]
    {
        let bound = node.status()["memory_bound_bytes"].as_u64().expect("a number");
        let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
        assert!(peak * 1024 < bound, "{peak} kB of {bound} B");
    }
}

#[test]
fn the_place_of_a_client_that_says_nothing_comes_back() {
    let place = Place::new();
    let node = place.start("node", "serve --replication 127.0.0.1:0 --clients-max 2 --timeout 1s");
    let silent: Vec<_> = (0..2).map(|_| TcpStream::connect(&node.client).expect("it listens")).collect();
    eventually("a newcomer to be let in", || {
        (exchange_and_quit(&node.client, b"PING\r\n") == "+PONG\r\n+OK\r\n").then_some(())
    });
    drop(silent);
}

#[cfg(target_os = "linux")]
#[test]
fn every_connection_is_asked_for_signs_of_life() {
    let place = Place::new();
    let node =
        place.start("node", "serve --replication 127.0.0.1:0 --metrics 127.0.0.1:0 --tcp-keepalive 100s");
    let replica = place.start("replica", &format!("follow {} --tcp-keepalive 100s", node.feeds()));
    let client = TcpStream::connect(&node.client).expect("it listens");
    let off = place.start("off", "serve --replication 127.0.0.1:0 --tcp-keepalive 0");
    let plain = TcpStream::connect(&off.client).expect("it listens");
    support::agree(&[&node, &replica], 0);
    for (what, addr, sides) in [("clients", node.client.as_str(), 1), ("replication", node.feeds(), 2)] {
        eventually(&format!("keepalive on {what}"), || (with_keepalive(addr) >= sides).then_some(()));
    }
    assert_eq!(with_keepalive(&off.client), 0, "{}", off.client);
    drop((client, plain, replica));
    let _: &Node = &node;
}

/// Returns how many ends of established connections to this address have a keepalive timer (2 in the kernel's table).
#[cfg(target_os = "linux")]
fn with_keepalive(addr: &str) -> usize {
    let (_, port) = addr.rsplit_once(':').expect("an address has a port");
    let port = format!(":{:04X}", port.parse::<u16>().expect("a port"));
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    let of_it = rows.filter(|row| row[1].ends_with(&port) || row[2].ends_with(&port));
    of_it.filter(|row| row[3] == "01" && row[5].starts_with("02:")).count()
}
