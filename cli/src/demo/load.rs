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

/// Connections.
const CLIENTS: usize = 4;
/// Commands on their way on each.
const BATCH: usize = 64;
/// Commands a second, all together, when steady.
const STEADY_PER_S: u64 = 30_000;
/// Keys that are set; fewer than the commands, so that most are overwritten.
const KEYS: u64 = 20_000;
const VALUE_BYTES: usize = 100;
/// In a burst, larger values and fewer keys: the stream grows, the store does not.
const BURST_KEYS: u64 = 500;
const BURST_VALUE_BYTES: usize = 4 << 10;
/// Before a connection that failed is made again.
const REDIAL: Duration = Duration::from_millis(50);

/// How the clients write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Paused,
    Steady,
    /// As fast as it goes, with large values.
    Burst,
}

#[derive(Debug, Clone)]
struct Order {
    target: String,
    pace: Pace,
}

/// What all clients have seen.
#[derive(Debug, Default)]
struct Tally {
    resting: AtomicUsize,
    refused: AtomicU64,
    refusal: std::sync::Mutex<Option<String>>,
}

/// The clients; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Load {
    order: watch::Sender<Order>,
    tally: Arc<Tally>,
    _tasks: JoinSet<()>,
}

impl Load {
    /// Clients that wait for a first word.
    pub(super) fn start(target: &str) -> Self {
        let (order, orders) = watch::channel(Order { target: target.to_owned(), pace: Pace::Paused });
        let tally = Arc::new(Tally::default());
        let mut tasks = JoinSet::new();
        for seed in 1..=CLIENTS as u64 {
            tasks.spawn(client(Dice(seed), orders.clone(), Arc::clone(&tally)));
        }
        Self { order, tally, _tasks: tasks }
    }

    pub(super) fn set(&self, pace: Pace) {
        self.order.send_modify(|order| order.pace = pace);
    }

    /// From now on, write there.
    pub(super) fn turn_to(&self, target: &str) {
        self.order.send_modify(|order| target.clone_into(&mut order.target));
    }

    /// Stops writing, and returns when everything sent was answered.
    pub(super) async fn pause(&self) -> Result<()> {
        self.tally.resting.store(0, Ordering::SeqCst);
        self.set(Pace::Paused);
        let deadline = Instant::now() + PATIENCE;
        while self.tally.resting.load(Ordering::SeqCst) < CLIENTS {
            if Instant::now() > deadline {
                bail!("the clients got no answer to their last writes for {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Error replies, and the last one's text.
    pub(super) fn refused(&self) -> (u64, Option<String>) {
        let text = self.tally.refusal.lock().map(|text| text.clone()).unwrap_or_default();
        (self.tally.refused.load(Ordering::Relaxed), text)
    }
}

/// One connection after another, for as long as there is somebody to give orders.
async fn client(mut dice: Dice, mut orders: watch::Receiver<Order>, tally: Arc<Tally>) {
    loop {
        let target = orders.borrow().target.clone();
        if let Ok(connection) = Client::connect(&target).await {
            match write(connection, &target, &mut dice, &mut orders, &tally).await {
                Ok(End::Turned) | Err(_) => {}
                Ok(End::Over) => return,
            }
        }
        tokio::time::sleep(REDIAL).await;
    }
}

/// Why a connection is no longer wanted.
enum End {
    Turned,
    Over,
}

async fn write(
    mut connection: Client,
    target: &str,
    dice: &mut Dice,
    orders: &mut watch::Receiver<Order>,
    tally: &Tally,
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
                tally.resting.fetch_add(1, Ordering::SeqCst);
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
            draw(dice, order.pace, &mut batch);
        }
        connection.send(&batch).await?;
        for _ in 0..BATCH {
            if let Reply::Error(text) = connection.reply().await? {
                tally.refused.fetch_add(1, Ordering::Relaxed);
                if let Ok(mut refusal) = tally.refusal.lock() {
                    *refusal = Some(text);
                }
            }
        }
    }
}

/// One command.
fn draw(dice: &mut Dice, pace: Pace, out: &mut Vec<u8>) {
    let mut value = [0; BURST_VALUE_BYTES];
    if pace == Pace::Burst {
        dice.fill(&mut value);
        let key = format!("burst:{}", dice.below(BURST_KEYS));
        return encode(&[b"SET", key.as_bytes(), &value], out);
    }
    let value = &mut value[..VALUE_BYTES];
    dice.fill(value);
    let key = format!("key:{:05}", dice.below(KEYS));
    match dice.below(100) {
        0..4 => encode(&[b"INCR", format!("counter:{}", dice.below(100)).as_bytes()], out),
        4..6 => encode(&[b"APPEND", format!("log:{}", dice.below(1000)).as_bytes(), &value[..8]], out),
        6..10 => encode(&[b"DEL", key.as_bytes()], out),
        10..14 => {
            encode(&[b"SET", format!("brief:{}", dice.below(1000)).as_bytes(), value, b"PX", b"200"], out)
        }
        14..16 => {
            let other = format!("key:{:05}", dice.below(KEYS));
            encode(&[b"MSET", key.as_bytes(), value, other.as_bytes(), b"together"], out);
        }
        _ => encode(&[b"SET", key.as_bytes(), value], out),
    }
}

/// Seeded dice (splitmix64): the same load each time.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
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
