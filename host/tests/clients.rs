//! What clients meet: limits, waits, many requests at once, a server that stops; and who watches it.

mod common;

use common::{World, agree, following, options, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use towline_host::{Options, Server, StoreKind};

#[tokio::test(flavor = "current_thread")]
async fn one_client_too_many_is_told_so() {
    let world = World::memory();
    let server = world.start(Options { clients_max: 2, ..options() }).await;
    let (mut one, mut two) = (world.client(&server).await, world.client(&server).await);
    assert_eq!(one.ask(&["PING"]).await, "+PONG");
    assert_eq!(two.ask(&["PING"]).await, "+PONG");
    let mut three = world.client(&server).await;
    assert_eq!(three.reply().await, "-ERR max number of clients reached");
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
    // What is asked behind a wait is answered behind it.
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
    // An eighth of the ring, and what does not fit a quarter.
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
    small.core.backlog_bytes = 100;
    assert_eq!(start(small).await, "backlog_bytes is 100, must be at least 512");
    assert_eq!(start(Options { clients_max: 0, ..options() }).await, "clients_max is 0, must be at least 1");
}

#[tokio::test(flavor = "current_thread")]
async fn prometheus_finds_its_page() {
    let world = World::memory();
    let primary = world.start(Options { metrics: Some("127.0.0.1:0".to_owned()), ..options() }).await;
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
