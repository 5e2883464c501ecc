//! A program of its own over the driver: its store, its records, its snapshots, and nobody who speaks another protocol.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use towline_core::{Level, Offset, Role};
use towline_driver::transport::{MemoryNet, Tcp};
use towline_driver::{
    Driver, Options, Refusal, Replaced, Size, SnapshotBytes, StartError, Store, View, WriteError,
};

/// Anything that never comes does not come within this.
const LIMIT: Duration = Duration::from_secs(60);

/// Lines of text by number; a record is `number=line`, a snapshot is lines of records.
#[derive(Default)]
struct Lines {
    lines: BTreeMap<u32, String>,
    cursor: Option<Vec<u8>>,
    loading: (Vec<u8>, Vec<u8>),
}

fn entry(record: &[u8]) -> io::Result<(u32, String)> {
    let text = std::str::from_utf8(record).map_err(io::Error::other)?;
    let (number, line) = text.split_once('=').ok_or_else(|| io::Error::other("no record"))?;
    Ok((number.parse().map_err(io::Error::other)?, line.to_owned()))
}

impl Store for Lines {
    fn cursor(&self) -> Option<&[u8]> {
        self.cursor.as_deref()
    }
    fn apply(&mut self, record: &[u8]) -> io::Result<()> {
        let (number, line) = entry(record)?;
        self.lines.insert(number, line);
        Ok(())
    }
    fn commit(&mut self, cursor: &[u8], _: Offset) {
        self.cursor = Some(cursor.to_vec());
    }
    fn view(&mut self) -> io::Result<Box<dyn View>> {
        let lines: String = self.lines.iter().map(|(number, line)| format!("{number}={line}\n")).collect();
        Ok(Box::new(SnapshotBytes::new(self.cursor.clone().unwrap_or_default(), lines.into_bytes())))
    }
    fn load_begin(&mut self, cursor: &[u8], _: Offset) -> io::Result<()> {
        self.loading = (cursor.to_vec(), Vec::new());
        Ok(())
    }
    fn load(&mut self, piece: &[u8]) -> io::Result<()> {
        self.loading.1.extend_from_slice(piece);
        Ok(())
    }
    fn install(&mut self, _: Replaced) -> io::Result<()> {
        let (cursor, bytes) = std::mem::take(&mut self.loading);
        let records = bytes.split(|byte| *byte == b'\n').filter(|record| !record.is_empty());
        self.lines = records.map(entry).collect::<io::Result<_>>()?;
        self.cursor = Some(cursor);
        Ok(())
    }
    fn size(&self) -> Size {
        Size { entries: Some(self.lines.len() as u64), memory_bytes: 0 }
    }
}

fn options(upstream: Option<&Driver<Lines>>) -> Options {
    let mut options = Options { replication: Some("127.0.0.1:0".to_owned()), ..Options::default() };
    options.upstream = upstream.and_then(Driver::replication_addr).map(str::to_owned);
    options.spool_bytes = 8 << 20;
    options.core.backlog_bytes = 1 << 20;
    options.core.piece_bytes_max = 16 << 10;
    options
}

async fn start(net: &MemoryNet, upstream: Option<&Driver<Lines>>) -> Driver<Lines> {
    let started = Driver::start(options(upstream), Arc::new(net.clone()), Lines::default()).await;
    started.expect("it starts")
}

/// Writes a line and waits until a replica shows it.
async fn write(driver: &Driver<Lines>, number: u32, line: &str) {
    let place = driver.write(format!("{number}={line}").into_bytes()).await.expect("it is written");
    let reached = tokio::time::timeout(LIMIT, driver.reached(place, Level::Applied, 1)).await;
    assert!(reached.expect("a replica takes it").expect("it runs") >= 1);
}

async fn lines(driver: &Driver<Lines>) -> BTreeMap<u32, String> {
    driver.read(|store| store.lines.clone()).await.expect("it runs")
}

/// Waits until `true`.
async fn until<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, wait).await.is_ok(), "never: {what}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_store_is_replicated_by_stream_and_by_snapshot() {
    let net = MemoryNet::new();
    let primary = start(&net, None).await;
    for number in 0..3_000 {
        let record = format!("{number}={}", "x".repeat(500));
        primary.write(record.into_bytes()).await.expect("it is written");
    }
    // The backlog reaches back to no record that a newcomer lacks, so it gets a snapshot of a hundred pieces.
    let replica = start(&net, Some(&primary)).await;
    write(&primary, 7, "changed").await;
    assert_eq!(lines(&replica).await.get(&7).map(String::as_str), Some("changed"));
    assert_eq!(lines(&replica).await, lines(&primary).await);
    let status = replica.status().await.expect("it runs");
    assert_eq!((status.snapshots_installed, status.entries), (1, Some(3_000)));

    // A store refuses a record that it cannot apply, and the driver is told why; a replica refuses every write.
    assert_eq!(replica.write(b"1=a".to_vec()).await, Err(WriteError::Refused(Refusal::ReadOnly)));
    replica.shutdown().await.expect("all is received");
    primary.shutdown().await.expect("nobody lacks anything");
}

#[tokio::test(flavor = "current_thread")]
async fn a_replica_is_promoted_and_the_old_primary_follows_it() {
    let net = MemoryNet::new();
    let first = start(&net, None).await;
    let second = start(&net, Some(&first)).await;
    write(&first, 1, "one").await;
    second.promote().await.expect("its state is complete");
    // Not received by the new primary: it leaves the history, and is on no replica, whatever stands at its offset.
    let lost = first.write(b"2=lost".to_vec()).await.expect("it does not know yet");
    let addr = second.replication_addr().expect("it feeds others").to_owned();
    first.follow(&addr, false).await.expect("it can be followed");
    write(&second, 3, "three").await;
    until("they hold the same", async || lines(&first).await == lines(&second).await).await;
    assert!(!lines(&first).await.contains_key(&2));
    assert_eq!(first.reached(lost, Level::Received, 1).await, Ok(0));
    let status = first.status().await.expect("it runs");
    assert_eq!((status.stats.role, status.forked.is_some()), (Role::Replica, true));
    let itself = first.replication_addr().expect("it feeds others").to_owned();
    assert!(first.follow(&itself, false).await.unwrap_err().contains("is this node itself"));
    first.shutdown().await.expect("it owes nothing");
    second.shutdown().await.expect("it owes nothing");
}

#[tokio::test(flavor = "current_thread")]
async fn a_broken_record_breaks_the_store_and_nobody_else() {
    let net = MemoryNet::new();
    let primary = start(&net, None).await;
    let refused = primary.write(b"no record".to_vec()).await;
    assert!(matches!(refused, Err(WriteError::Refused(Refusal::Store(_)))), "{refused:?}");
    let status = primary.status().await.expect("it runs on");
    assert!(status.store_failed.expect("it says so").contains("no record"));
    primary.shutdown().await.expect("nothing was answered");
}

/// In simulated time: nothing but a timer lets any pass.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stop_with_nobody_connected_waits_for_no_timer() {
    let driver = start(&MemoryNet::new(), None).await;
    driver.write(b"1=one".to_vec()).await.expect("it is written");
    let begun = tokio::time::Instant::now();
    driver.shutdown().await.expect("nobody lacks anything");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_names_the_option_that_cannot_work() {
    // Nothing is bound before all options are looked at.
    let net = Arc::new(Tcp::default());
    let started = async |change: fn(&mut Options)| {
        let mut options = options(None);
        change(&mut options);
        Driver::start(options, Arc::clone(&net) as Arc<_>, Lines::default()).await.unwrap_err()
    };
    let error = started(|options| options.core.persists = true).await;
    assert!(matches!(&error, StartError::Store(why) if why.contains("no persistence")), "{error}");
    let error = started(|options| options.replication = Some("0.0.0.0:0".to_owned())).await;
    assert!(matches!(error, StartError::Exposed { option: "replication", .. }), "{error}");
    let error = started(|options| options.spool_bytes = 1).await;
    assert!(error.to_string().starts_with("spool_bytes is 1"), "{error}");
}

#[tokio::test(flavor = "current_thread")]
async fn prometheus_finds_the_drivers_own_page() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use towline_driver::transport::Net;
    let net = MemoryNet::new();
    let with_metrics = Options { metrics: Some("127.0.0.1:0".to_owned()), ..options(None) };
    let driver =
        Driver::start(with_metrics, Arc::new(net.clone()), Lines::default()).await.expect("it starts");
    driver.write(b"1=one".to_vec()).await.expect("it is written");
    let mut scrape = net.dial(driver.metrics_addr().expect("it has one")).await.expect("it listens");
    scrape.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").await.expect("it reads");
    let mut page = String::new();
    scrape.read_to_string(&mut page).await.expect("it answers");
    assert!(page.contains("towline_offset{stage=\"end\"} 1\n"), "{page}");
    assert!(page.contains("towline_primary 1\n"), "{page}");
}
