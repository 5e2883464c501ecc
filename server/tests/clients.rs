//! Servers and their clients: limits, waits, many requests at once, a server that stops; and monitoring.

mod common;

use std::time::Duration;

use common::{World, agree, following, options, until, with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use towline_server::{Options, Server, StoreKind};

#[tokio::test(flavor = "current_thread")]
async fn one_client_too_many_is_told_so() {
    let world = World::memory();
    let server = world.start(Options { clients_max: 2, ..options() }).await;
    let (mut one, mut two) = (world.client(&server).await, world.client(&server).await);
    assert_eq!(one.ask(&["PING"]).await, "+PONG");
    assert_eq!(two.ask(&["PING"]).await, "+PONG");
    let mut three = world.client(&server).await;
    let told = three.ask(&["GET", "a"]).await;
    assert!(told.starts_with("-ERR max number of clients reached"), "{told}");
    assert!(three.closed().await);
    drop(one);
    until("there is room again", async || {
        let status = server.inspect().await.unwrap().status;
        status.clients == 1
    })
    .await;
    assert_eq!(world.client(&server).await.ask(&["PING"]).await, "+PONG");
}

#[tokio::test(flavor = "current_thread")]
async fn a_wait_ends_in_time_or_with_its_client() {
    let world = World::memory();
    let primary = world.start(options()).await;
    let mut client = world.client(&primary).await;
    assert_eq!(client.ask(&["SET", "a", "1"]).await, "+OK");
    assert_eq!(client.ask(&["WAIT", "1", "20"]).await, ":0");
    // A request behind a wait is answered after it.
    client.send(&["WAIT", "1", "0"]).await;
    client.send(&["GET", "a"]).await;
    let mut leaver = world.client(&primary).await;
    assert_eq!(leaver.ask(&["SET", "b", "1"]).await, "+OK");
    leaver.send(&["WAIT", "9", "0"]).await;
    drop(leaver);
    until("it is gone", async || primary.inspect().await.unwrap().status.clients == 1).await;
    let replica = world.start(following(&primary)).await;
    assert_eq!(client.reply().await, ":1");
    assert_eq!(client.reply().await, "1");
    agree(&[&primary, &replica]).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_value_near_the_limit_travels_among_small_ones_and_one_over_it_is_refused() {
    let world = World::memory();
    let primary = world.start(options()).await;
    let replica = world.start(following(&primary)).await;
    let mut client = world.client(&primary).await;
    // An eighth of the ring, and one that does not fit a quarter.
    let (large, giant) = ("l".repeat(128 << 10), "g".repeat(300 << 10));
    for round in 0..20 {
        assert_eq!(client.ask(&["SET", &format!("large{round}"), &large]).await, "+OK");
        client.fill(&format!("small{round}"), 50, 100).await;
    }
    let refused = client.ask(&["SET", "giant", &giant]).await;
    assert!(refused.starts_with("-ERR the record would be"), "{refused}");
    agree(&[&primary, &replica]).await;
    let mut reader = world.client(&replica).await;
    assert_eq!(reader.ask(&["GET", "large19"]).await, large);
}

#[tokio::test(flavor = "current_thread")]
async fn a_client_that_does_not_read_is_left_alone_until_it_does() {
    let world = World::memory();
    let server = world.start(options()).await;
    let mut client = world.client(&server).await;
    let value = "v".repeat(100 << 10);
    assert_eq!(client.ask(&["SET", "k", &value]).await, "+OK");
    for _ in 0..50 {
        client.send(&["GET", "k"]).await;
    }
    let mut other = world.client(&server).await;
    assert_eq!(other.ask(&["PING"]).await, "+PONG");
    for _ in 0..50 {
        assert_eq!(client.reply().await, value);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_client_that_says_all_and_ends_hears_all() {
    let world = World::tcp();
    let server = world.start(options()).await;
    let mut stream = tokio::net::TcpStream::connect(server.client_addr().unwrap()).await.unwrap();
    stream.write_all(&b"SET a 1\r\nGET a\r\n".repeat(1000)).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"+OK\r\n$1\r\n1\r\n".repeat(1000));
}

/// The size of a reply: two to four of them fill the buffers of [`tight`].
const HOG_BYTES: usize = 700_000;

fn tight() -> Options {
    Options { clients_max: 10, client_bytes: 2 << 20, ..options() }
}

#[tokio::test(flavor = "current_thread")]
async fn whoever_holds_the_most_is_closed_and_newcomers_are_served() {
    let world = World::memory();
    let server = world.start(tight()).await;
    let mut small = world.client(&server).await;
    small.send_raw(&unfinished(20_000, 10_000)).await;
    let mut hogs = Vec::new();
    for _ in 0..6 {
        let mut hog = world.client(&server).await;
        hog.send_raw(&unfinished(HOG_BYTES + 100_000, HOG_BYTES)).await;
        hogs.push(hog);
        let mut newcomer = world.client(&server).await;
        assert_eq!(newcomer.ask(&["SET", "k", &"v".repeat(1000)]).await, "+OK");
        assert_eq!(newcomer.ask(&["PING"]).await, "+PONG");
    }
    let mut told = 0;
    for mut hog in hogs {
        let said = hog.said_so_far().await;
        // Its request has begun, so an error answers it.
        told += usize::from(said.starts_with("-ERR the clients' buffers are full"));
        assert!(said.is_empty() || said.ends_with("\r\n"), "{said}");
    }
    assert!(told >= 3, "{told}");
    small.send_raw(&[&[b'v'; 10_000][..], b"\r\n"].concat()).await;
    assert_eq!(small.reply().await, "+OK", "who holds little rests as long as it likes");
}

#[tokio::test(flavor = "current_thread")]
async fn no_error_stands_behind_a_reply_that_was_not_taken() {
    let world = World::memory();
    let server = world.start(tight()).await;
    let mut client = world.client(&server).await;
    let value = "v".repeat(200 << 10);
    assert_eq!(client.ask(&["SET", "k", &value]).await, "+OK");
    let mut readers = Vec::new();
    for _ in 0..6 {
        let mut reader = world.client(&server).await;
        for _ in 0..20 {
            reader.send(&["MGET", "k", "k"]).await;
        }
        assert_eq!(client.ask(&["PING"]).await, "+PONG");
        readers.push(reader);
    }
    until("one gives way", async || server.inspect().await.unwrap().status.clients < 7).await;
    for mut reader in readers {
        let said = reader.said_so_far().await;
        assert!(!said.contains("-ERR"), "{}", &said[said.len() - 100..]);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_request_that_rests_is_given_up_when_memory_is_short() {
    let world = World::memory();
    let server = world.start(tight()).await;
    let (mut idle, mut small) = (world.client(&server).await, world.client(&server).await);
    assert_eq!(idle.ask(&["PING"]).await, "+PONG");
    small.send_raw(b"*2\r\n$4\r\nEC").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    small.send_raw(b"HO\r\n$1\r\na\r\n").await;
    assert_eq!(small.reply().await, "a", "while there is room a request may rest");
    let mut hog = world.client(&server).await;
    hog.send_raw(&unfinished(1 << 20, 1_000_000)).await;
    assert!(hog.reply().await.starts_with("-ERR the clients' buffers are half full"));
    assert!(hog.closed().await);
    assert_eq!(idle.ask(&["PING"]).await, "+PONG");
    assert_eq!(server.inspect().await.unwrap().status.clients, 2);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_idle_client_is_closed_after_its_time_and_never_without_one() {
    let world = World::memory();
    let timeout = Some(Duration::from_secs(30));
    let timed = world.start(Options { timeout, ..options() }).await;
    let patient = world.start(options()).await;
    let (mut idle, mut busy) = (world.client(&timed).await, world.client(&timed).await);
    let mut waits = world.client(&timed).await;
    let mut kept = world.client(&patient).await;
    assert_eq!(waits.ask(&["SET", "a", "1"]).await, "+OK");
    waits.send(&["WAIT", "1", "0"]).await;
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(busy.ask(&["PING"]).await, "+PONG");
    }
    assert!(idle.closed().await);
    assert_eq!(timed.inspect().await.unwrap().status.clients, 2, "one is busy, one waits for a reply");
    assert_eq!(kept.ask(&["PING"]).await, "+PONG");
}

/// Returns the head of a SET and a part of its value.
fn unfinished(value: usize, sent: usize) -> Vec<u8> {
    let mut bytes = format!("*3\r\n$3\r\nSET\r\n$4\r\nhog1\r\n${value}\r\n").into_bytes();
    bytes.resize(bytes.len() + sent, b'v');
    bytes
}

#[tokio::test(flavor = "current_thread")]
async fn clients_are_killed_by_name_and_by_number() {
    let world = World::memory();
    let server = world.start(options()).await;
    let (mut admin, mut one, mut two) =
        (world.client(&server).await, world.client(&server).await, world.client(&server).await);
    let (id, _) = (one.ask(&["CLIENT", "ID"]).await, two.ask(&["PING"]).await);
    two.send(&["WAIT", "5", "0"]).await;
    until("it waits", async || admin.ask(&["CLIENT", "LIST"]).await.contains("flags=b")).await;
    assert_eq!(admin.ask(&["CLIENT", "KILL", "ID", &id[1..]]).await, ":1");
    assert!(one.closed().await);
    assert_eq!(admin.ask(&["CLIENT", "KILL", "TYPE", "normal"]).await, ":1", "but not the one that asks");
    assert!(two.closed().await);
    until("they are gone", async || server.inspect().await.unwrap().status.clients == 1).await;
    assert_eq!(admin.ask(&["CLIENT", "KILL", "10.0.0.1:1"]).await, "-ERR No such client");
    assert_eq!(admin.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"]).await, ":1");
    assert!(admin.closed().await);
}

#[tokio::test(flavor = "current_thread")]
async fn a_wait_is_ended_by_another_client() {
    let world = World::memory();
    let server = world.start(options()).await;
    let (mut admin, mut client) = (world.client(&server).await, world.client(&server).await);
    let id = client.ask(&["CLIENT", "ID"]).await;
    let id = &id[1..];
    assert_eq!(client.ask(&["SET", "a", "1"]).await, "+OK");
    let ways =
        [("TIMEOUT", ":0"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"), ("TIMEOUT", ":0")];
    for (way, told) in ways {
        assert_eq!(admin.ask(&["CLIENT", "UNBLOCK", id, way]).await, ":0", "it does not wait");
        client.send(&["WAIT", "5", "0"]).await;
        until("it waits", async || admin.ask(&["CLIENT", "LIST"]).await.contains("flags=b")).await;
        assert_eq!(admin.ask(&["CLIENT", "UNBLOCK", id, way]).await, ":1");
        assert_eq!(client.reply().await, told);
        assert_eq!(client.ask(&["GET", "a"]).await, "1", "and it is read again");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_pause_holds_writes_or_all_and_no_key_ends_meanwhile() {
    let world = World::memory();
    let server = world.start(options()).await;
    let (mut admin, mut client) = (world.client(&server).await, world.client(&server).await);
    assert_eq!(admin.ask(&["SET", "ends", "1", "PX", "100"]).await, "+OK");
    assert_eq!(admin.ask(&["CLIENT", "PAUSE", "3600000", "WRITE"]).await, "+OK");
    assert_eq!(client.ask(&["GET", "none"]).await, "(nil)", "reads go on");
    client.send(&["SET", "a", "1"]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.inspect().await.unwrap().keys, 1, "nothing was written, nothing ended");
    assert_eq!(admin.ask(&["CLIENT", "UNPAUSE"]).await, "+OK");
    assert_eq!(client.reply().await, "+OK");
    until("its time has come", async || server.inspect().await.unwrap().keys == 1).await;
    assert_eq!(admin.ask(&["CLIENT", "PAUSE", "5000"]).await, "+OK");
    // It ends by itself.
    assert_eq!(client.ask(&["GET", "a"]).await, "1");
}

#[tokio::test(flavor = "current_thread")]
async fn a_transaction_is_one_record_here_and_on_replicas_and_watches_see_both_ways() {
    let world = World::memory();
    let primary = world.start(options()).await;
    let replica = world.start(following(&primary)).await;
    let mut client = world.client(&primary).await;
    let before = primary.inspect().await.unwrap().status.driver.stats.end;
    for words in [&["MULTI"][..], &["SET", "a", "1"], &["INCR", "a"], &["SET", "b", "2"], &["DEL", "b"]] {
        client.send(words).await;
    }
    client.send(&["EXEC"]).await;
    for told in ["+OK", "+QUEUED", "+QUEUED", "+QUEUED", "+QUEUED", "*4", "+OK", ":2", "+OK", ":1"] {
        assert_eq!(client.reply().await, told);
    }
    let after = primary.inspect().await.unwrap().status.driver.stats.end;
    assert_eq!(after.0, before.0 + 1);
    agree(&[&primary, &replica]).await;
    // On a replica the stream changes the watched keys.
    let mut reader = world.client(&replica).await;
    assert_eq!(reader.ask(&["WATCH", "a"]).await, "+OK");
    assert_eq!(client.ask(&["SET", "a", "3"]).await, "+OK");
    agree(&[&primary, &replica]).await;
    assert_eq!(reader.ask(&["MULTI"]).await, "+OK");
    assert_eq!(reader.ask(&["GET", "a"]).await, "+QUEUED");
    assert_eq!(reader.ask(&["EXEC"]).await, "*-1");
    // A key that expires has changed, too.
    assert_eq!(client.ask(&["SET", "e", "1", "PX", "500"]).await, "+OK");
    assert_eq!(client.ask(&["WATCH", "e"]).await, "+OK");
    until("it is gone", async || primary.inspect().await.unwrap().keys == 1).await;
    assert_eq!(client.ask(&["MULTI"]).await, "+OK");
    assert_eq!(client.ask(&["EXEC"]).await, "*-1");
    // A client that leaves in the middle has done nothing.
    let mut leaver = world.client(&primary).await;
    assert_eq!(leaver.ask(&["MULTI"]).await, "+OK");
    assert_eq!(leaver.ask(&["SET", "left", "1"]).await, "+QUEUED");
    drop(leaver);
    until("it is gone", async || primary.inspect().await.unwrap().status.clients == 1).await;
    assert_eq!(primary.inspect().await.unwrap().keys, 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_reply_that_would_be_too_long_is_refused_before_it_is_built() {
    let world = World::memory();
    let server = world.start(tight()).await;
    let mut client = world.client(&server).await;
    assert_eq!(client.ask(&["SET", "v", &"v".repeat(200_000)]).await, "+OK");
    let many: Vec<&str> = std::iter::once("MGET").chain(std::iter::repeat_n("v", 150)).collect();
    let refused = client.ask(&many).await;
    assert_eq!(refused, "-ERR the reply would be 30002400 bytes long, the limit is 524288 bytes");
    assert_eq!(client.ask(&["STRLEN", "v"]).await, ":200000");
    for words in [&["MULTI"][..], &["SET", "a", "1"], &["GET", "v"], &["GET", "v"], &["GET", "v"]] {
        client.ask(words).await;
    }
    let refused = client.ask(&["EXEC"]).await;
    assert!(
        refused.starts_with("-EXECABORT Transaction discarded because: ERR the reply would be"),
        "{refused}"
    );
    assert_eq!(server.inspect().await.unwrap().keys, 1, "nothing was done");
}

#[tokio::test(flavor = "current_thread")]
async fn a_shutdown_is_orderly_and_a_directory_is_one_servers() {
    let world = World::memory();
    let dir = tempfile::tempdir().unwrap();
    let disk = || Options { store: StoreKind::Disk(dir.path().to_owned()), ..options() };
    let mut server = world.start(disk()).await;
    let mut client = world.client(&server).await;
    client.fill("k", 100, 100).await;
    let again = Server::start_on(disk(), std::sync::Arc::clone(&world.net)).await;
    let why = again.unwrap_err().to_string();
    assert!(
        why.contains(&*dir.path().to_string_lossy()) && why.contains(&std::process::id().to_string()),
        "{why}"
    );
    client.send(&["SHUTDOWN"]).await;
    server.wait().await.unwrap();
    assert!(client.closed().await);
    let server = world.start(disk()).await;
    assert_eq!(server.inspect().await.unwrap().keys, 100, "everything was flushed");
}

#[tokio::test(flavor = "current_thread")]
async fn an_address_in_use_and_an_option_that_cannot_work_are_named() {
    let world = World::tcp();
    let server = world.start(options()).await;
    let taken = server.client_addr().unwrap().to_owned();
    let start = async |options| Server::start(options).await.unwrap_err().to_string();
    let why = start(Options { listen: vec![taken.clone()], ..options() }).await;
    assert_eq!(why, format!("listen: {taken} is in use by another process"));
    let next =
        Server::start(Options { listen: vec![taken.clone(), "127.0.0.1:0".to_owned()], ..options() }).await;
    assert_ne!(next.unwrap().client_addr(), Some(&*taken), "the next free one");
    let mut small = options();
    small.driver.core.backlog_bytes = 100;
    assert_eq!(start(small).await, "backlog_bytes is 100, must be at least 512");
    assert_eq!(start(Options { clients_max: 0, ..options() }).await, "clients_max is 0, must be at least 1");
}

#[tokio::test(flavor = "current_thread")]
async fn prometheus_finds_its_page() {
    let world = World::memory();
    let primary =
        world.start(with(options(), |driver| driver.metrics = Some("127.0.0.1:0".to_owned()))).await;
    let replica = world.start(following(&primary)).await;
    world.client(&primary).await.fill("k", 10, 10).await;
    agree(&[&primary, &replica]).await;
    let mut scrape = world.net.dial(primary.metrics_addr().unwrap()).await.unwrap();
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut page = String::new();
    scrape.read_to_string(&mut page).await.unwrap();
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    let name = replica.node();
    for line in [
        "towline_keys 10",
        "towline_full_syncs_total 1",
        &format!("{{replica=\"{name}\",stage=\"applied\"}} 0"),
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}
