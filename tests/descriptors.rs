//! Few file descriptors: the start logs how many clients have room, a client too many is told so, and status, metrics
//! and replicas still work.

#[allow(dead_code, reason = "what the end-to-end tests share; this one needs a part of it")]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::{Node, Place, eventually};

const SERVE: &str = "serve --replication 127.0.0.1:0 --metrics 127.0.0.1:0";
/// The bound of a wait for a reply; no working machine needs all of it.
const PATIENCE: Duration = Duration::from_secs(20);

fn connect(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Connects a client; the error is the server's refusal.
fn client(addr: &str) -> Result<TcpStream, String> {
    let mut stream = connect(addr);
    stream.write_all(b"DBSIZE\r\n").expect("it reads");
    let mut told = [0; 256];
    let length = stream.read(&mut told).expect("every client gets a reply");
    let told = String::from_utf8_lossy(&told[..length]).into_owned();
    if told.starts_with(':') { Ok(stream) } else { Err(told) }
}

/// Takes every place for clients; returns the clients and the refusal of the first one too many.
fn fill(addr: &str) -> (Vec<TcpStream>, String) {
    let mut clients = Vec::new();
    loop {
        match client(addr) {
            Ok(stream) => clients.push(stream),
            Err(told) => return (clients, told),
        }
    }
}

fn scrape(node: &Node) -> String {
    let mut stream = connect(&node.metrics());
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").expect("it reads");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("a page");
    page
}

/// Checks that status, INFO and metrics answer, and that a client too many is refused.
#[track_caller]
fn is_looked_after(place: &Place, node: &Node) {
    let status = place.run(&format!("status {}", node.client));
    assert_eq!(status.status.code(), Some(0), "{}", String::from_utf8_lossy(&status.stderr));
    assert!(String::from_utf8_lossy(&status.stdout).contains("primary"), "status answers");
    assert!(node.ask(&["INFO", "clients"]).contains("connected_clients:"), "INFO answers");
    let page = scrape(node);
    assert!(page.contains("towline_clients "), "{page}");
    // A client that sends nothing is refused too, and not left waiting.
    let mut told = String::new();
    connect(&node.client).read_to_string(&mut told).expect("it is told");
    assert!(told.starts_with("-ERR max number of clients reached"), "{told}");
}

#[test]
fn few_descriptors_are_said_and_shared() {
    let place = Place::new();
    let node = place.start_limited("primary", SERVE, 100);
    let log = node.log();
    let said = log.lines().find(|line| line.contains("file descriptors")).expect("one line about it");
    assert!(said.contains("100 file descriptors") && said.contains("of 1000 clients"), "{said}");

    let (clients, told) = fill(&node.client);
    assert!(clients.len() >= 10, "{} clients", clients.len());
    assert!(told.starts_with("-ERR max number of clients reached: ") && told.contains("100 file"), "{told}");
    is_looked_after(&place, &node);
    // A replica joins.
    let replica = place.start("replica", &format!("follow {}", node.feeds()));
    eventually("the stream to flow", || (replica.status()["upstream"]["state"] == "streaming").then_some(()));
    // Connected clients are served as before, and a client that leaves makes room.
    let mut first = &clients[0];
    first.write_all(b"PING\r\n").expect("it reads");
    let mut pong = [0; 7];
    first.read_exact(&mut pong).expect("a reply");
    assert_eq!(&pong, b"+PONG\r\n");
    drop(clients);
    eventually("a place", || client(&node.client).ok());
}

#[test]
fn a_soft_limit_is_raised() {
    let place = Place::new();
    let node = place.start_soft("primary", SERVE, 64);
    assert!(!node.log().contains("file descriptors"), "{}", node.log());
    let clients: Vec<TcpStream> = (0..200).map_while(|_| client(&node.client).ok()).collect();
    assert_eq!(clients.len(), 200);
}

#[test]
fn beyond_the_option_it_is_the_same() {
    let place = Place::new();
    let node = place.start("primary", &format!("{SERVE} --clients-max 3"));
    let (clients, told) = fill(&node.client);
    assert_eq!(clients.len(), 3);
    assert!(told.starts_with("-ERR max number of clients reached: 3 clients"), "{told}");
    is_looked_after(&place, &node);
    // Connections that only wait cannot take the places of status and metrics.
    let _silent: Vec<TcpStream> = (0..20).map(|_| connect(&node.client)).collect();
    is_looked_after(&place, &node);
}

/// The limit falls while it runs, or other files take what it counted on: the accept itself fails. One spare descriptor
/// lets the server refuse each newcomer with a reply, and connected clients stay.
#[test]
fn without_any_descriptor_clients_are_told_all_the_same() {
    let place = Place::new();
    let node = place.start_limited("primary", SERVE, 100);
    let mut first = client(&node.client).expect("there is room");
    let pid = node.pid();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("our child's descriptors");
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse::<u64>().ok());
    // Inherited descriptors may lie beyond the limit.
    let limit = numbers.filter(|number| *number < 100).max().expect("it has some") + 1;
    let set = std::process::Command::new("prlimit")
        .args([format!("--pid={pid}"), format!("--nofile={limit}:{limit}")])
        .status();
    assert!(set.expect("prlimit is part of util-linux").success());

    let (clients, told) = fill(&node.client);
    assert_eq!(told, "-ERR max number of clients reached: the server has no file descriptor left\r\n");
    node.until_logged("cannot accept a connection");
    for _ in 0..3 {
        assert_eq!(client(&node.client).expect_err("the descriptor is kept again"), told);
    }
    first.write_all(b"PING\r\n").expect("it reads");
    let mut pong = [0; 7];
    first.read_exact(&mut pong).expect("a reply");
    assert_eq!(&pong, b"+PONG\r\n");
    drop((first, clients));
    eventually("a place", || client(&node.client).ok());
}
