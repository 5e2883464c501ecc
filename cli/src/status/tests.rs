use super::*;

const REPORT: &str = r#"{"version":"0.1.0","role":"primary","node":"00000000000000aa","history":null,"epoch":3,
"epoch_id":"3.deadbeef","digest":"0123456789abcdef0123456789abcdef","client_addr":"127.0.0.1:7000",
"replication_addr":null,"start":10,"end":1234567,"applied":1234567,"persisted":null,"complete":true,
"upstream":{"addr":"127.0.0.1:7001","node":null,"state":"history differs","fault":"told so","origin_end":7,
"origin_age_ms":1500,"pieces":null},"store":"memory","store_failed":"disk full",
"keys":1000,"store_bytes":1048576,"backlog_bytes":67108864,
"backlog_used_bytes":512,"spool_bytes":0,"spool_bytes_max":268435456,"memory_bound_bytes":700000000,
"replicas":[{"node":"00000000000000bb","addr":"127.0.0.1:40000","state":"streaming",
"received":{"offset":1234567,"lag_records":0,"lag_bytes":0,"lag_ms":0},
"applied":{"offset":1234000,"lag_records":567,"lag_bytes":70000,"lag_ms":null},
"persisted":{"offset":null,"lag_records":null,"lag_bytes":null,"lag_ms":null}}],
"forked":{"epoch":2,"from":5,"end":9},"counters":{"clients":2,"commands":9,"expired_keys":0,"full_syncs":1,
"partial_syncs":2,"snapshots_resumed":0,"snapshots_restarted":0,"overruns":0,"faults":0,"bytes_received":0,
"bytes_sent":1024,"records_received":0,"writes_held_ms":0,
"writes_held_longest_ms":0,"durability_held_ms":0},"uptime_ms":61000}"#;

#[test]
fn a_page_shows_what_is_known_and_says_what_is_not() {
    let report: Report = serde_json::from_str(REPORT).unwrap();
    let page = page(&report);
    for part in [
        "role        primary, node 00000000000000aa",
        "history     none yet",
        "end 1,234,567, applied 1,234,567, persisted unknown; backlog from 10",
        "127.0.0.1:7001, history differs; the primary was at 7 1.5 s ago",
        "last fault  told so",
        "records 5 to 9 of epoch 2 left the history",
        "0 records, 0 B, 0 ms",
        "567 records, 68.3 KiB, unknown",
        "not persisted",
        "            store failed: disk full",
    ] {
        assert!(page.contains(part), "{part:?} is missing in\n{page}");
    }
    let last = page.lines().last().unwrap();
    assert!(last.ends_with("unknown"), "{last}");
}
