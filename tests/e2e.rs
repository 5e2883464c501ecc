//! End to end: the real program, `redis-cli` as the client, real sockets, `kill -9`.
//!
//! Each test is a story an operator could tell. They share nothing, so they run side by side. They check the things
//! that an operator sees: replies, status, the exit code, the one line on stderr, the directory.

#[allow(dead_code, reason = "what the end-to-end tests share; this one needs a part of it")]
mod support;

use std::fs;

use serde_json::Value;
use support::{Node, Place, Writer, agree, eventually};

const SERVE: &str = "serve --replication 127.0.0.1:0";

fn follow(upstream: &str) -> String {
    format!("follow {upstream}")
}

/// Waits until a replica streams.
#[track_caller]
fn streams(node: &Node) {
    eventually("the stream to flow", || (node.status()["upstream"]["state"] == "streaming").then_some(()));
}

#[test]
fn what_is_written_to_the_primary_is_on_every_node() {
    let place = Place::new();
    let primary = place.start("primary", &format!("{SERVE} --backlog 4MiB"));
    let replica = place
        .start("replica", &format!("{} --backlog 4MiB --replication 127.0.0.1:0", follow(primary.feeds())));
    let leaf = place.start("leaf", &format!("{} --backlog 4MiB", follow(replica.feeds())));
    streams(&leaf);

    assert_eq!(primary.ask(&["SET", "greeting", "hello"]), "OK");
    assert_eq!(primary.ask(&["INCRBY", "count", "41"]), "41");
    assert_eq!(primary.ask(&["INCR", "count"]), "42");
    assert_eq!(primary.ask(&["APPEND", "greeting", " world"]), "11");
    assert_eq!(primary.ask(&["MSET", "a", "1", "b", "2"]), "OK");
    assert_eq!(primary.ask(&["DEL", "a"]), "1");
    // 300 KiB, and an eighth of the backlog.
    assert_eq!(primary.ask_with(&["SET", "large"], &[b'x'; 300 << 10]), "OK");
    assert_eq!(primary.ask_with(&["SET", "larger"], &[b'y'; 512 << 10]), "OK");
    agree(&[&primary, &replica, &leaf], 5);
    assert_eq!(leaf.ask(&["GET", "greeting"]), "hello world");
    assert_eq!(leaf.ask(&["STRLEN", "larger"]), (512 << 10).to_string());
    assert!(leaf.ask(&["SET", "a", "1"]).starts_with("READONLY"));

    // Over the limit: an error to the client, and nothing else happens.
    let before = primary.counter("faults");
    let told = primary.ask_with(&["SET", "giant"], &[b'z'; 3 << 19]);
    assert!(told.contains("ERR") && told.contains("limit"), "{told}");
    assert_eq!(primary.ask(&["SET", "after", "1"]), "OK");
    agree(&[&primary, &replica, &leaf], 6);
    assert_eq!(primary.counter("faults"), before);
    assert_eq!(primary.counter("full_syncs"), 1);
}

#[test]
fn wait_counts_replicas_that_show_the_write() {
    let place = Place::new();
    let primary = place.start("primary", SERVE);
    let memory = place.start("memory", &follow(primary.feeds()));
    let disk = place.start("disk", &format!("{} --store disk --dir {{data}}", follow(primary.feeds())));
    streams(&memory);
    streams(&disk);
    // One connection: WAIT is about the client's own last write.
    let (_, port) = primary.client.rsplit_once(':').unwrap();
    let script =
        format!("printf 'SET a 1\\nWAIT 2 20000\\nWAITAOF 0 1 20000\\nWAIT 3 50\\n' | redis-cli -p {port}");
    let told = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&told.stdout).lines().collect::<Vec<_>>(), ["OK", "2", "0", "1", "2"]);
    assert_eq!((memory.ask(&["GET", "a"]), disk.ask(&["GET", "a"])), ("1".into(), "1".into()));
}

#[test]
fn a_key_past_its_time_is_gone_everywhere() {
    let place = Place::new();
    let primary = place.start("primary", SERVE);
    let replica = place.start("replica", &follow(primary.feeds()));
    streams(&replica);
    assert_eq!(primary.ask(&["SET", "brief", "1", "PX", "300"]), "OK");
    assert_eq!(primary.ask(&["SET", "lasting", "1", "EX", "1000"]), "OK");
    eventually("the key to be hidden on the replica", || {
        (replica.ask(&["EXISTS", "brief", "lasting"]) == "1").then_some(())
    });
    eventually("the primary to delete it", || (primary.ask(&["DBSIZE"]) == "1").then_some(()));
    agree(&[&primary, &replica], 1);
    assert_eq!(primary.counter("expired_keys"), 1);
    let left: u64 = replica.ask(&["TTL", "lasting"]).parse().unwrap();
    assert!((900..=1000).contains(&left), "{left}");
}

#[test]
fn a_killed_disk_replica_goes_on_where_it_stood() {
    let place = Place::new();
    let primary = place.start("primary", SERVE);
    let line = format!("{} --store disk --dir {{data}}", follow(primary.feeds()));
    let mut replica = place.start("replica", &line);
    streams(&replica);
    let writer = Writer::start(&primary);
    eventually("something to be on disk", || {
        replica.status()["persisted"].as_u64().filter(|offset| *offset > 0)
    });
    let before = primary.counter("full_syncs");
    for _ in 0..3 {
        writer.more(500);
        replica.kill();
        writer.more(500);
        replica = place.start("replica", &line);
        streams(&replica);
    }
    writer.stop();
    agree(&[&primary, &replica], 1000);
    assert_eq!(primary.counter("full_syncs"), before, "no snapshot was needed");
    assert!(primary.counter("partial_syncs") >= 3);
}

#[test]
fn a_killed_disk_primary_opens_an_epoch_and_what_it_lost_is_kept_aside() {
    let place = Place::new();
    let mut primary = place.start("primary", &format!("{SERVE} --store disk --dir {{data}}"));
    let replica = place.start("replica", &format!("{} --store disk --dir {{copy}}", follow(primary.feeds())));
    streams(&replica);
    // Started again on the same addresses, so that the replica finds it.
    let again = format!(
        "serve --listen {} --replication {} --store disk --dir {{data}}",
        primary.client,
        primary.feeds()
    );
    let forks = || -> Vec<String> {
        let entries = fs::read_dir(place.path("copy")).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with("forked-")).collect()
    };
    let mut epoch = primary.status()["epoch"].as_u64().unwrap();
    for attempt in 1.. {
        let writer = Writer::start(&primary);
        writer.more(2000);
        primary.kill();
        writer.stop();
        primary = place.start("primary", &again);
        let opened = primary.status()["epoch"].as_u64().unwrap();
        assert!(opened > epoch, "every start as primary opens an epoch: {opened} after {epoch}");
        epoch = opened;
        streams(&replica);
        agree(&[&primary, &replica], 1);
        // The replica is ahead unless the primary was killed right after a flush.
        let told = replica.status()["forked"].clone();
        if told != Value::Null {
            let name = format!("forked-{}-{}-{}", told["epoch"], told["from"], told["end"]);
            // The new state is written before the old one moves into its folder.
            let kept = place.path("copy").join(&name).join("store.redb");
            let moved = || (forks() == [name.as_str()] && kept.is_file()).then_some(());
            eventually("the old state to be kept aside", moved);
            let line = format!("records {} to {} of epoch {}", told["from"], told["end"], told["epoch"]);
            replica.until_logged(&line);
            return;
        }
        assert!(attempt < 10, "the replica was never ahead of the killed primary");
    }
}

#[test]
fn a_promoted_replica_is_followed_without_a_snapshot() {
    let place = Place::new();
    let primary = place.start("primary", SERVE);
    let heir = place.start("heir", &format!("{} --replication 127.0.0.1:0", follow(primary.feeds())));
    let other = place.start("other", &follow(primary.feeds()));
    let writer = Writer::start(&primary);
    writer.more(2000);
    writer.stop();
    agree(&[&primary, &heir, &other], 1000);

    assert_eq!(heir.ask(&["REPLICAOF", "NO", "ONE"]), "OK");
    assert!(heir.status()["epoch"].as_u64() > primary.status()["epoch"].as_u64());
    let turn = |node: &Node, addr: &str| {
        let (host, port) = addr.rsplit_once(':').unwrap();
        node.ask(&["REPLICAOF", host, port])
    };
    // The error names the right one of the node's two addresses.
    let told = turn(&other, &heir.client);
    assert!(told.contains("clients connect") && told.contains(heir.feeds()), "{told}");
    assert_eq!(turn(&other, heir.feeds()), "OK");
    assert_eq!(turn(&primary, heir.feeds()), "OK");
    assert_eq!(heir.ask(&["SET", "new", "epoch"]), "OK");
    agree(&[&primary, &heir, &other], 1001);
    assert_eq!(heir.counter("full_syncs"), 0);
    assert_eq!(heir.counter("partial_syncs"), 2);
    assert!(primary.ask(&["SET", "a", "1"]).starts_with("READONLY"));
}

#[test]
fn serve_on_a_replicas_directory_promotes_it() {
    let place = Place::new();
    let primary = place.start("primary", SERVE);
    let mut replica = place.start("replica", &format!("{} --dir {{data}}", follow(primary.feeds())));
    assert_eq!(primary.ask(&["SET", "a", "1"]), "OK");
    agree(&[&primary, &replica], 1);
    assert!(replica.signal("TERM").success());
    let heir = place.start("heir", &format!("{SERVE} --dir {{data}}"));
    let (old, new) = (primary.status(), heir.status());
    assert_eq!((&new["role"], &new["history"]), (&Value::from("primary"), &old["history"]));
    assert!(new["epoch"].as_u64() > old["epoch"].as_u64());
    assert_eq!(heir.ask(&["GET", "a"]), "1");
}

#[test]
fn another_history_is_refused_unless_adopted() {
    let place = Place::new();
    let first = place.start("first", SERVE);
    let second = place.start("second", SERVE);
    first.ask(&["SET", "a", "1"]);
    second.ask(&["SET", "b", "2"]);
    let mut replica = place.start("replica", &format!("{} --dir {{data}}", follow(first.feeds())));
    agree(&[&first, &replica], 1);
    assert!(replica.signal("INT").success());

    let line = format!("follow {} --dir {{data}} --listen 127.0.0.1:0", second.feeds());
    let told = place.refused(1, &line);
    let history = |node: &Node| node.status()["history"].as_str().unwrap().to_owned();
    assert!(told.contains(&history(&first)), "ours is named: {told}");
    assert!(told.contains(&history(&second)), "theirs is named: {told}");
    assert!(told.contains("--adopt"), "{told}");

    let replica = place.start("replica", &format!("follow {} --dir {{data}} --adopt", second.feeds()));
    agree(&[&second, &replica], 1);
    assert_eq!((replica.ask(&["GET", "a"]), replica.ask(&["GET", "b"])), (String::new(), "2".into()));
}

#[test]
fn an_emptied_primary_does_not_wipe_its_replicas() {
    let place = Place::new();
    let mut primary = place.start("primary", SERVE);
    let replica = place.start("replica", &follow(primary.feeds()));
    primary.ask(&["SET", "precious", "1"]);
    agree(&[&primary, &replica], 1);
    primary.kill();
    let (client, feeds) = (primary.client.clone(), primary.feeds().to_owned());
    let primary = place.start("primary", &format!("serve --listen {client} --replication {feeds}"));
    eventually("the replica to say so", || {
        (replica.status()["upstream"]["state"] == "history differs").then_some(())
    });
    assert_eq!(replica.ask(&["GET", "precious"]), "1");
    replica.until_logged("history differs");
    // REPLICAOF counts as consent.
    let (host, port) = feeds.rsplit_once(':').unwrap();
    assert_eq!(replica.ask(&["REPLICAOF", host, port]), "OK");
    primary.ask(&["SET", "other", "1"]);
    agree(&[&primary, &replica], 1);
    assert_eq!(replica.ask(&["GET", "precious"]), "");
}

#[test]
fn what_is_in_use_is_named() {
    let place = Place::new();
    let primary = place.start("primary", &format!("{SERVE} --dir {{data}}"));
    let told = place.refused(1, &format!("serve --listen {} --replication 127.0.0.1:0", primary.client));
    assert!(told.contains("--listen") && told.contains(&primary.client) && told.contains("in use"), "{told}");
    let told = place.refused(1, &format!("serve --listen 127.0.0.1:0 --replication {}", primary.feeds()));
    assert!(told.contains("--replication") && told.contains(primary.feeds()), "{told}");
    let told = place.refused(1, "serve --listen 127.0.0.1:0 --replication 127.0.0.1:0 --dir {data}");
    let data = place.path("data").display().to_string();
    assert!(told.contains(&data) && told.contains(&format!("process {}", primary.pid())), "{told}");
}

#[test]
fn a_damaged_store_is_refused_and_left_alone() {
    let place = Place::new();
    let mut node = place.start("node", &format!("{SERVE} --dir {{data}}"));
    for key in 0..50 {
        node.ask(&["SET", &format!("key:{key}"), "value"]);
    }
    assert!(node.signal("TERM").success());
    let store = place.path("data").join("store.redb");
    let mut bytes = fs::read(&store).unwrap();
    let end = bytes.len().min(64 << 10);
    bytes[64..end].fill(0xa5);
    fs::write(&store, &bytes).unwrap();
    let told = place.refused(1, "serve --listen 127.0.0.1:0 --replication 127.0.0.1:0 --dir {data}");
    assert!(told.contains(&store.display().to_string()) && told.contains("damaged"), "{told}");
    assert_eq!(fs::read(&store).unwrap().len(), bytes.len());
}

#[test]
fn an_unreachable_primary_is_dialled_until_it_is_there() {
    let place = Place::new();
    let mut primary = place.start("primary", SERVE);
    let (client, feeds) = (primary.client.clone(), primary.feeds().to_owned());
    primary.kill();
    let replica = place.start("replica", &format!("{} --redial-max 200ms", follow(&feeds)));
    let line = format!("cannot reach {feeds}: connection refused");
    replica.until_logged(&line);
    let state = replica.status()["upstream"].clone();
    assert_eq!(state["state"], "connecting");
    assert!(state["fault"].as_str().unwrap().contains("connection refused"), "{state}");
    let primary = place.start("primary", &format!("serve --listen {client} --replication {feeds}"));
    primary.ask(&["SET", "a", "1"]);
    agree(&[&primary, &replica], 1);
    assert_eq!(replica.log().matches(&line).count(), 1, "said once:\n{}", replica.log());
}

#[test]
fn signals_stop_in_order_and_what_was_answered_is_there() {
    let place = Place::new();
    let line = format!("{SERVE} --store disk --dir {{data}}");
    for (round, signal) in ["TERM", "INT"].into_iter().enumerate() {
        let mut node = place.start("node", &line);
        assert_eq!(node.ask(&["DBSIZE"]), round.to_string());
        assert_eq!(node.ask(&["SET", &format!("key:{round}"), "1"]), "OK");
        assert_eq!(node.signal(signal).code(), Some(0));
        assert!(!place.path("node.ready").exists(), "the ready file is only there while it serves");
        let log = node.log();
        let first = log.lines().next().unwrap();
        assert!(first.starts_with("towline ") && first.contains("clients on 127.0.0.1:"), "{first}");
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    let place = Place::new();
    let config = place.path("towline.toml");
    fs::write(&config, "store = \"memory\"\nbacklogg = \"8MiB\"\n").unwrap();
    let told = place.refused(2, "serve --config {towline.toml}");
    assert!(told.contains(&format!("{}:2:", config.display())) && told.contains("backlogg"), "{told}");
    let told = place.refused(2, "serve --backlog 10");
    assert!(told.contains("--backlog is 10 bytes, must be at least"), "{told}");
    let told = place.refused(1, "status 127.0.0.1:1");
    assert!(told.contains("127.0.0.1:1") && told.contains("refused"), "{told}");
    let unknown = place.run("serve --bakclog 8MiB");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("--backlog"), "the right name is offered");
}

#[test]
fn status_shows_replicas_and_their_lag() {
    let place = Place::new();
    let primary = place.start("primary", SERVE);
    let replica = place.start("replica", &follow(primary.feeds()));
    primary.ask(&["SET", "a", "1"]);
    agree(&[&primary, &replica], 1);
    let status = eventually("the lag to be nothing", || {
        let output = place.run(&format!("status {} --json", primary.client));
        assert!(output.status.success());
        let status: Value = serde_json::from_slice(&output.stdout).expect("status --json is JSON");
        (status["replicas"][0]["applied"]["lag_records"] == 0).then_some(status)
    });
    assert_eq!(status["role"], "primary");
    assert_eq!(status["replicas"][0]["state"], "streaming");
    assert_eq!(status["persisted"], Value::Null, "unknown in memory, not 0");
    assert_eq!(status["replicas"][0]["persisted"]["offset"], Value::Null, "and so is its replica's");
    let page = place.run(&format!("status {}", primary.client));
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(page.contains("persisted unknown"), "{page}");
    let row = page.lines().last().unwrap();
    assert!(row.contains("streaming") && row.contains("0 records, 0 B, 0 ms"), "{page}");
    let wrong = place.refused(1, &format!("status {}", primary.feeds()));
    assert!(wrong.contains("replication address"), "{wrong}");
}

#[test]
fn the_demo_ends_identical() {
    let place = Place::new();
    for store in ["memory", "disk"] {
        let demo = place.run(&format!("demo --seconds 1 --store {store} --json"));
        let said = String::from_utf8_lossy(&demo.stderr).into_owned();
        assert_eq!(demo.status.code(), Some(0), "{said}");
        let told: Value = serde_json::from_slice(&demo.stdout).expect("the demo's result is JSON");
        assert_eq!(told["identical"], true);
        assert_eq!(told["nodes"].as_array().unwrap().len(), 4);
        assert_eq!(told["refused"], 0, "{told}");
        for key in ["records_per_s", "bytes", "snapshots", "seconds"] {
            assert!(told[key].as_f64().unwrap() > 0.0, "{key}: {told}");
        }
        for act in ["is cut", "stalls", "overruns the backlog", "without any flush", "is promoted"] {
            assert!(said.contains(act), "{act}:\n{said}");
        }
    }
}
