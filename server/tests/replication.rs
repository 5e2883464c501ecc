//! Servers that replicate, over connections inside the process and over TCP.

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use common::{World, agree, following, options, until, with};
use towline_core::Role;
use towline_driver::RunError;
use towline_driver::UpstreamState;
use towline_driver::WallClock;

#[tokio::test(flavor = "current_thread")]
async fn what_is_written_on_a_primary_is_read_on_its_replica() {
    for world in [World::memory(), World::tcp()] {
        let primary = world.start(options()).await;
        let replica = world.start(following(&primary)).await;
        let mut client = world.client(&primary).await;
        assert_eq!(client.ask(&["SET", "greeting", "hello"]).await, "+OK");
        assert_eq!(client.ask(&["WAIT", "1", "0"]).await, ":1");

        let mut reader = world.client(&replica).await;
        assert_eq!(reader.ask(&["GET", "greeting"]).await, "hello");
        assert!(reader.ask(&["SET", "greeting", "mine"]).await.starts_with("-READONLY"));
        agree(&[&primary, &replica]).await;
        let digest = client.ask(&["TOWLINE", "DIGEST"]).await;
        assert_eq!(reader.ask(&["TOWLINE", "DIGEST"]).await, digest);
        assert_eq!(digest.len(), 32);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_replica_joins_by_snapshot_and_feeds_another() {
    let world = World::memory();
    let primary = world.start(options()).await;
    let mut client = world.client(&primary).await;
    // Far more than the ring holds.
    client.fill("old", 4000, 1000).await;
    let relay = world.start(following(&primary)).await;
    let leaf = world.start(following(&relay)).await;
    client.fill("new", 500, 1000).await;
    agree(&[&primary, &relay, &leaf]).await;
    for server in [&primary, &relay] {
        let status = server.inspect().await.unwrap().status;
        assert_eq!(status.driver.stats.counters.full_syncs, 1, "one snapshot each");
        assert_eq!(status.driver.replicas.len(), 1);
    }
    assert_eq!(leaf.inspect().await.unwrap().keys, 4500);
}

#[tokio::test(flavor = "current_thread")]
async fn a_cut_link_goes_on_where_it_stood() {
    let world = World::memory();
    let primary = world.start(options()).await;
    let replica = world.start(following(&primary)).await;
    let mut client = world.client(&primary).await;
    for round in 0..5 {
        client.fill(&format!("round{round}"), 50, 100).await;
        agree(&[&primary, &replica]).await;
        assert_eq!(world.memory.cut(primary.replication_addr().unwrap()), 1);
        client.fill(&format!("meanwhile{round}"), 50, 100).await;
    }
    agree(&[&primary, &replica]).await;
    let counters = primary.inspect().await.unwrap().status.driver.stats.counters;
    assert_eq!(counters.full_syncs, 1, "only the first time");
    assert!(counters.partial_syncs >= 5);
}

#[tokio::test(flavor = "current_thread")]
async fn a_replica_is_promoted_and_the_others_follow_it_without_a_snapshot() {
    let world = World::memory();
    let primary = world.start(options()).await;
    let heir = world.start(following(&primary)).await;
    let other = world.start(following(&primary)).await;
    world.client(&primary).await.fill("before", 100, 100).await;
    agree(&[&primary, &heir, &other]).await;
    primary.shutdown().await.unwrap();

    let mut client = world.client(&heir).await;
    assert_eq!(client.ask(&["REPLICAOF", "NO", "ONE"]).await, "+OK");
    assert_eq!(client.ask(&["SET", "after", "1"]).await, "+OK");
    let (host, port) = heir.replication_addr().unwrap().rsplit_once(':').unwrap();
    let mut there = world.client(&other).await;
    assert_eq!(there.ask(&["REPLICAOF", host, port]).await, "+OK");
    agree(&[&heir, &other]).await;
    let status = heir.inspect().await.unwrap().status;
    assert_eq!((status.driver.stats.role, status.driver.stats.counters.full_syncs), (Role::Primary, 0));
    assert_eq!(there.ask(&["GET", "after"]).await, "1");
}

#[tokio::test(flavor = "current_thread")]
async fn a_fork_is_answered_by_a_snapshot_whatever_the_options_claim() {
    let world = World::memory();
    let claims = |mut options: towline_server::Options| {
        options.driver.core.can_rewind = true;
        options
    };
    let primary = world.start(claims(options())).await;
    let heir = world.start(claims(following(&primary))).await;
    world.client(&primary).await.fill("both", 10, 10).await;
    agree(&[&primary, &heir]).await;
    world.memory.block(primary.replication_addr().unwrap());
    world.memory.cut(primary.replication_addr().unwrap());
    world.client(&primary).await.fill("lost", 10, 10).await;
    let mut client = world.client(&heir).await;
    assert_eq!(client.ask(&["REPLICAOF", "NO", "ONE"]).await, "+OK");
    client.fill("new", 5, 10).await;

    let (host, port) = heir.replication_addr().unwrap().rsplit_once(':').unwrap();
    assert_eq!(world.client(&primary).await.ask(&["REPLICAOF", host, port]).await, "+OK");
    agree(&[&heir, &primary]).await;
    let status = primary.inspect().await.unwrap().status;
    assert_eq!((status.driver.snapshots_installed, primary.inspect().await.unwrap().keys), (1, 15));
}

#[tokio::test(flavor = "current_thread")]
async fn another_history_is_refused_until_somebody_consents() {
    let world = World::memory();
    let (one, two) = (world.start(options()).await, world.start(options()).await);
    world.client(&one).await.fill("one", 10, 10).await;
    world.client(&two).await.fill("two", 20, 10).await;
    let replica = world.start(following(&one)).await;
    agree(&[&one, &replica]).await;
    let addr = one.replication_addr().unwrap().to_owned();
    one.kill().await;
    // An emptied primary comes back at the same address.
    let again = world.start(with(options(), |driver| driver.replication = Some(addr))).await;
    let state = async || replica.inspect().await.unwrap().status.driver.upstream;
    until("the history differs", async || state().await == UpstreamState::HistoryDiffers).await;
    let mut reader = world.client(&replica).await;
    assert_eq!(reader.ask(&["DBSIZE"]).await, ":10", "its data stays and is served");

    let (host, port) = again.replication_addr().unwrap().rsplit_once(':').unwrap();
    assert_eq!(reader.ask(&["REPLICAOF", host, port]).await, "+OK");
    agree(&[&again, &replica]).await;
    assert_eq!(reader.ask(&["DBSIZE"]).await, ":0");
    drop(two);
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_without_consent_stops_when_the_history_differs() {
    let world = World::memory();
    let (one, two) = (world.start(options()).await, world.start(options()).await);
    let dir = tempfile::tempdir().unwrap();
    let disk = |server: &towline_server::Server| towline_server::Options {
        store: towline_server::StoreKind::Disk(dir.path().to_owned()),
        ..with(following(server), |driver| driver.stop_if_foreign = true)
    };
    world.client(&one).await.fill("one", 10, 10).await;
    let replica = world.start(disk(&one)).await;
    agree(&[&one, &replica]).await;
    replica.shutdown().await.unwrap();
    let mut replica = world.start(disk(&two)).await;
    let why = replica.wait().await.unwrap_err().to_string();
    for server in [&one, &two] {
        let history = server.inspect().await.unwrap().status.driver.stats.history.to_string();
        assert!(why.contains(&history), "{why}");
    }
    let adopting = world.start(with(disk(&two), |driver| driver.adopt = true)).await;
    agree(&[&two, &adopting]).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_client_address_is_not_followed() {
    let world = World::memory();
    let primary = world.start(options()).await;
    let other = world.start(options()).await;
    let (host, port) = primary.client_addr().unwrap().rsplit_once(':').unwrap();
    let refused = world.client(&other).await.ask(&["REPLICAOF", host, port]).await;
    assert!(
        refused.starts_with("-ERR") && refused.ends_with(primary.replication_addr().unwrap()),
        "{refused}"
    );
    assert_eq!(other.inspect().await.unwrap().status.driver.stats.role, Role::Primary);
}

#[tokio::test(flavor = "current_thread")]
async fn keys_end_on_the_replica_when_the_primary_says_so() {
    let world = World::memory();
    let primary = world.start(options()).await;
    let replica = world.start(following(&primary)).await;
    let mut client = world.client(&primary).await;
    assert_eq!(client.ask(&["SET", "short", "1", "PX", "30"]).await, "+OK");
    assert_eq!(client.ask(&["SET", "long", "1"]).await, "+OK");
    until("it is deleted", async || primary.inspect().await.unwrap().keys == 1).await;
    agree(&[&primary, &replica]).await;
    assert_eq!(primary.inspect().await.unwrap().status.expired_keys, 1);
}

#[tokio::test(flavor = "current_thread")]
async fn keys_end_when_the_wall_clock_says_so_also_after_it_was_set() {
    static UNIX_NS: AtomicU64 = AtomicU64::new(1_700_000_000_000_000_000);
    let wall_clock = Some(WallClock(|| UNIX_NS.load(Ordering::Relaxed)));
    let world = World::memory();
    let server = world.start(with(options(), |driver| driver.wall_clock = wall_clock)).await;
    let mut client = world.client(&server).await;
    assert_eq!(client.ask(&["SET", "a", "1", "EXAT", "1700003600"]).await, "+OK");
    assert_eq!(client.ask(&["TTL", "a"]).await, ":3600");
    // The machine's clock is set forward by half an hour, and back by a minute.
    UNIX_NS.fetch_add(1_800_000_000_000, Ordering::Relaxed);
    assert_eq!(client.ask(&["TTL", "a"]).await, ":1800");
    UNIX_NS.fetch_sub(60_000_000_000, Ordering::Relaxed);
    assert_eq!(client.ask(&["TTL", "a"]).await, ":1860");
    assert_eq!(server.inspect().await.unwrap().keys, 1);
    // And past the key's expiry: a server without clients deletes it by itself.
    UNIX_NS.fetch_add(1_860_000_000_000, Ordering::Relaxed);
    until("it is deleted", async || server.inspect().await.unwrap().keys == 0).await;
    assert_eq!(server.inspect().await.unwrap().status.expired_keys, 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_is_started_to_follow_itself_says_so_and_stops() {
    let world = World::memory();
    let addr = "127.0.0.1:7001".to_owned();
    let itself = |driver: &mut towline_driver::Options| {
        (driver.replication, driver.upstream) = (Some(addr.clone()), Some(addr.clone()));
    };
    let mut node = world.start(with(options(), itself)).await;
    assert_eq!(node.wait().await, Err(RunError::FollowsItself { upstream: addr }));
}

#[tokio::test(flavor = "current_thread")]
async fn a_disk_replica_killed_resumes_and_a_disk_primary_killed_opens_an_epoch() {
    let world = World::memory();
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let disk = |dir: &tempfile::TempDir| towline_server::StoreKind::Disk(dir.path().to_owned());
    let start = || towline_server::Options { store: disk(&here), ..options() };
    let primary = world.start(start()).await;
    let follow = || towline_server::Options { store: disk(&there), ..following(&primary) };
    let replica = world.start(follow()).await;
    let mut client = world.client(&primary).await;
    client.fill("a", 100, 100).await;
    agree(&[&primary, &replica]).await;
    assert_eq!(client.ask(&["WAITAOF", "1", "1", "0"]).await, "*2");
    assert_eq!((client.reply().await, client.reply().await), (":1".to_owned(), ":1".to_owned()));
    let name = replica.node();
    replica.kill().await;
    client.fill("b", 100, 100).await;
    let replica = world.start(follow()).await;
    assert_eq!(replica.node(), name, "a directory keeps its name");
    agree(&[&primary, &replica]).await;
    let stats = primary.inspect().await.unwrap().status.driver.stats;
    assert_eq!(stats.counters.full_syncs, 1);

    let addr = primary.replication_addr().unwrap().to_owned();
    primary.shutdown().await.unwrap();
    let primary = world.start(with(start(), |driver| driver.replication = Some(addr))).await;
    world.client(&primary).await.fill("c", 10, 10).await;
    agree(&[&primary, &replica]).await;
    let again = primary.inspect().await.unwrap().status.driver.stats;
    assert!(again.epoch.number() > stats.epoch.number() && again.history == stats.history);
}

#[tokio::test(flavor = "current_thread")]
async fn a_replica_that_joins_under_load_agrees_in_the_end_however_small_ring_and_spool_are() {
    let world = World::memory();
    for (backlog, spool) in [(256 << 10, 256 << 10), (256 << 10, 8 << 20), (4 << 20, 2 << 20)] {
        let small = |mut options: towline_server::Options| {
            (options.driver.core.backlog_bytes, options.driver.spool_bytes) = (backlog, spool);
            options
        };
        let primary = world.start(small(options())).await;
        let mut client = world.client(&primary).await;
        client.fill("old", 3000, 1000).await;
        let replica = world.start(small(following(&primary))).await;
        let leaf = world.start(small(following(&replica))).await;
        for round in 0..6 {
            client.fill(&format!("round{}", round % 3), 700, 1000).await;
            let old = format!("old:{round}");
            for command in [&["APPEND", &old, "er"], &["INCRBY", "count", "1"], &["PEXPIRE", &old, "9999999"]]
            {
                client.send(command).await;
                client.reply().await;
            }
            client.send(&["DEL", &format!("old:1{round}")]).await;
            client.reply().await;
        }
        agree(&[&primary, &replica, &leaf]).await;
        let status = replica.inspect().await.unwrap().status;
        assert_eq!((status.driver.spool_bytes.0, status.driver.upstream), (0, UpstreamState::Streaming));
        assert_eq!(primary.inspect().await.unwrap().status.driver.stats.counters.faults, 0, "nobody was cut");
    }
}

/// Reports of the former upstream are not shown for the next one: not before its first beat, and not on a primary.
#[tokio::test(flavor = "current_thread")]
async fn another_upstream_is_unknown_until_it_is_heard() {
    let world = World::memory();
    let primary = world.start(options()).await;
    let replica = world.start(following(&primary)).await;
    let heard = async || replica.inspect().await.unwrap().status.driver.stats.origin_end.is_some();
    let mut client = world.client(&replica).await;
    let shows = async |client: &mut common::Client| {
        let info = client.ask(&["INFO", "replication"]).await.contains("master_last_io_seconds_ago:-1");
        let status = client.ask(&["TOWLINE", "STATUS"]).await;
        (
            info,
            status.contains(r#""origin_end":null,"origin_age_ms":null"#),
            status.contains(r#""upstream":null"#),
        )
    };
    until("a beat", heard).await;
    assert_eq!(shows(&mut client).await, (false, false, false));

    // Nobody answers there.
    world.memory.block("10.9.9.9:1");
    assert_eq!(client.ask(&["REPLICAOF", "10.9.9.9", "1"]).await, "+OK");
    assert_eq!(shows(&mut client).await, (true, true, false));
    let (host, port) = primary.replication_addr().unwrap().rsplit_once(':').unwrap();
    assert_eq!(client.ask(&["REPLICAOF", host, port]).await, "+OK");
    until("a beat", heard).await;
    assert_eq!(client.ask(&["REPLICAOF", "NO", "ONE"]).await, "+OK");
    assert!(!heard().await);
    assert!(shows(&mut client).await.2);
}
