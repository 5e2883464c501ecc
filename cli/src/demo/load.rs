//! Clients that write: a few connections, pipelined, at a steady pace or as fast as the node takes it.
//!
//! Each command is drawn from a seed. Most are SET of 100 random bytes; some count, append, delete, or set a key that
//! soon expires. An error reply is counted and shown at the end, not hidden.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::fleet::PATIENCE;
use crate::client::{Client, Reply, encode};

/// How many connections there are.
const CLIENTS: usize = 4;
/// Commands under way on each connection.
const BATCH: usize = 64;
/// Commands a second of all clients together, at the steady pace.
const STEADY_PER_S: u64 = 30_000;
/// Keys in use: fewer than the commands, so that most are overwritten.
const KEYS: u64 = 20_000;
const VALUE_BYTES: usize = 100;
/// Keys of a burst, fewer and with larger values: the stream grows, the store does not.
const BURST_KEYS: u64 = 500;
const BURST_VALUE_BYTES: usize = 4 << 10;
/// The pause before a failed connection is made again.
const REDIAL: Duration = Duration::from_millis(50);

/// The pace of the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Paused,
    Steady,
    /// As fast as the node takes it, with large values.
    Burst,
}

#[derive(Debug, Clone)]
struct Order {
    target: String,
    pace: Pace,
}

/// The counters of all clients.
#[derive(Debug, Default)]
struct Counters {
    resting: AtomicUsize,
    refused: AtomicU64,
    refusal: std::sync::Mutex<Option<String>>,
}

/// The clients; they end when it is dropped.
#[derive(Debug)]
pub(super) struct Load {
    order: watch::Sender<Order>,
    counters: Arc<Counters>,
    _tasks: JoinSet<()>,
}

impl Load {
    /// Starts clients that wait for a first order.
    pub(super) fn start(target: &str) -> Self {
        let (order, orders) = watch::channel(Order { target: target.to_owned(), pace: Pace::Paused });
        let counters = Arc::new(Counters::default());
        let mut tasks = JoinSet::new();
        for seed in 1..=CLIENTS as u64 {
            tasks.spawn(client(Rng(seed), orders.clone(), Arc::clone(&counters)));
        }
        Self { order, counters, _tasks: tasks }
    }

    pub(super) fn set(&self, pace: Pace) {
        self.order.send_modify(|order| order.pace = pace);
    }

    /// Lets all clients write to `target` from now on.
    pub(super) fn turn_to(&self, target: &str) {
        self.order.send_modify(|order| target.clone_into(&mut order.target));
    }

    /// Stops writing, and returns when every command has its reply.
    pub(super) async fn pause(&self) -> Result<()> {
        self.counters.resting.store(0, Ordering::SeqCst);
        self.set(Pace::Paused);
        let deadline = Instant::now() + PATIENCE;
        while self.counters.resting.load(Ordering::SeqCst) < CLIENTS {
            if Instant::now() > deadline {
                bail!("the clients got no answer to their last writes for {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Returns the number of error replies, and the last one's text.
    pub(super) fn refused(&self) -> (u64, Option<String>) {
        let text = self.counters.refusal.lock().map(|text| text.clone()).unwrap_or_default();
        (self.counters.refused.load(Ordering::Relaxed), text)
    }
}

/// Writes over one connection after another, for as long as orders may come.
async fn client(mut rng: Rng, mut orders: watch::Receiver<Order>, counters: Arc<Counters>) {
    loop {
        let target = orders.borrow().target.clone();
        if let Ok(connection) = Client::connect(&target).await {
            match write(connection, &target, &mut rng, &mut orders, &counters).await {
                Ok(End::Turned) | Err(_) => {}
                Ok(End::Over) => return,
            }
        }
        tokio::time::sleep(REDIAL).await;
    }
}

/// The reason why a connection ends.
enum End {
    Turned,
    Over,
}

async fn write(
    mut connection: Client,
    target: &str,
    rng: &mut Rng,
    orders: &mut watch::Receiver<Order>,
    counters: &Counters,
) -> Result<End> {
    let gap = Duration::from_nanos(1_000_000_000 * (BATCH * CLIENTS) as u64 / STEADY_PER_S);
    let mut beat = interval(gap);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        let order = orders.borrow_and_update().clone();
        if order.target != target {
            return Ok(End::Turned);
        }
        match order.pace {
            Pace::Paused => {
                counters.resting.fetch_add(1, Ordering::SeqCst);
                if orders.changed().await.is_err() {
                    return Ok(End::Over);
                }
                continue;
            }
            Pace::Steady => drop::<Instant>(beat.tick().await),
            Pace::Burst => {}
        }
        batch.clear();
        for _ in 0..BATCH {
            draw(rng, order.pace, &mut batch);
        }
        connection.send(&batch).await?;
        for _ in 0..BATCH {
            if let Reply::Error(text) = connection.reply().await? {
                counters.refused.fetch_add(1, Ordering::Relaxed);
                if let Ok(mut refusal) = counters.refusal.lock() {
                    *refusal = Some(text);
                }
            }
        }
    }
}

/// Draws one command.
fn draw(rng: &mut Rng, pace: Pace, out: &mut Vec<u8>) {
    let mut value = [0; BURST_VALUE_BYTES];
    if pace == Pace::Burst {
        rng.fill(&mut value);
        let key = format!("burst:{}", rng.below(BURST_KEYS));
        return encode(&[b"SET", key.as_bytes(), &value], out);
    }
    let value = &mut value[..VALUE_BYTES];
    rng.fill(value);
    let key = format!("key:{:05}", rng.below(KEYS));
    match rng.below(100) {
        0..4 => encode(&[b"INCR", format!("counter:{}", rng.below(100)).as_bytes()], out),
        4..6 => encode(&[b"APPEND", format!("log:{}", rng.below(1000)).as_bytes(), &value[..8]], out),
        6..10 => encode(&[b"DEL", key.as_bytes()], out),
        10..14 => {
            encode(&[b"SET", format!("brief:{}", rng.below(1000)).as_bytes(), value, b"PX", b"200"], out)
        }
        14..16 => {
            let other = format!("key:{:05}", rng.below(KEYS));
            encode(&[b"MSET", key.as_bytes(), value, other.as_bytes(), b"together"], out);
        }
        _ => encode(&[b"SET", key.as_bytes(), value], out),
    }
}

/// A seeded generator (splitmix64): the same load each time.
#[derive(Debug)]
struct Rng(u64);

impl Rng {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            let word = self.roll().to_le_bytes();
            part.copy_from_slice(&word[..part.len()]);
        }
    }
}
