//! The people around the nodes, through the client protocol: the workload, the commands, and reading every status.
//!
//! The workload goes to the node the operator regards as primary, in the order of the plan, up to [`PIPELINE`] requests
//! at a time; an operation is sent until it is accepted, and those behind it wait. An operation whose reply was lost
//! may or may not have been accepted, so its key is read before it is sent again. Where the plan has `touches`, each
//! operation is followed by a change beside the workload ([`touch`]) whose outcome is not looked at.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use towline_core::Role;

use super::desk::{Desk, View};
use super::net::REPLICAS;
use super::pass;
use super::resp::{Client, Reply, request};
use super::waits::{Wait, Waits};
use crate::oracle::{Invariant, Violation};
use crate::plan::{Kind, Op};
use crate::trace::Fact;
use crate::workload::{key, number, value};

/// Requests under way.
const PIPELINE: usize = 64;
/// The wait after a refusal, or without a connection.
const PAUSE_US: u64 = 20_000;
/// The time between two looks at a node's status.
const LOOK_US: u64 = 250_000;
/// The longest that writes are held at a time, the resolution of the timer that ends it, and the longest that a reply
/// may come after its request.
const HELD_MAX_MS: u64 = 50;
const TIMER_MS: u64 = 1;
const ANSWERED_MS: u64 = 50;
/// A command that is refused for so long is given up.
const GIVE_UP_US: u64 = 5_000_000;

/// A command of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Make a node primary; all others follow it if `tells`.
    Promote {
        /// The new primary.
        node: usize,
        /// The fault's place in the plan.
        fault: usize,
        /// Set when the other nodes are told to follow.
        tells: bool,
    },
    /// Make a node follow another.
    Follow {
        /// The replica.
        node: usize,
        /// Its new upstream.
        upstream: usize,
        /// The fault's place in the plan, if the order is one by itself.
        fault: Option<usize>,
    },
}

/// The operator.
pub(crate) struct Operator {
    pub(super) desk: Arc<Desk>,
    pub(super) orders: UnboundedReceiver<Order>,
}

/// Works until the future is dropped.
pub(crate) async fn operate(operator: Operator) {
    let Operator { desk, mut orders } = operator;
    let mut tasks = JoinSet::new();
    tasks.spawn(write(Arc::clone(&desk)));
    for node in 0..desk.plan.nodes.len() {
        tasks.spawn(watch(Arc::clone(&desk), node));
    }
    while let Some(order) = orders.recv().await {
        tasks.spawn(carry_out(Arc::clone(&desk), order));
    }
}

// --- commands ------------------------------------------------------------------------------------------------------

async fn carry_out(desk: Arc<Desk>, order: Order) {
    match order {
        Order::Promote { node, fault, tells } => {
            if !turn(&desk, node, None, &[b"REPLICAOF", b"NO", b"ONE"], || true).await {
                return;
            }
            desk.weather.took_effect(fault);
            if !tells {
                return;
            }
            let mut sheet = desk.sheet();
            sheet.primary = node;
            sheet.upstreams[node] = None;
            for other in (0..desk.plan.nodes.len()).filter(|other| *other != node) {
                sheet.upstreams[other] = Some(node);
                // The operator outlives every sender of orders.
                desk.orders.send(Order::Follow { node: other, upstream: node, fault: None }).ok();
            }
        }
        Order::Follow { node, upstream, fault } => {
            desk.sheet().upstreams[node] = Some(upstream);
            // A later order replaces this one; a process that starts anew gets the order at its start.
            let still = || desk.sheet().upstreams[node] == Some(upstream);
            let (host, port) = (format!("n{upstream}"), REPLICAS.to_string());
            let words: &[&[u8]] = &[b"REPLICAOF", host.as_bytes(), port.as_bytes()];
            let done = turn(&desk, node, Some(upstream), words, still).await;
            if let Some(fault) = fault.filter(|_| done) {
                desk.weather.took_effect(fault);
            }
        }
    }
}

/// Sends the command that makes a node follow another, or none, until it is accepted; returns false if it was given up.
async fn turn(
    desk: &Desk,
    node: usize,
    upstream: Option<usize>,
    words: &[&[u8]],
    still: impl Fn() -> bool,
) -> bool {
    desk.weather.feeders(|feeders| feeders.asked(node));
    let done = insist(desk, node, words, still).await;
    let now_us = desk.environment.now_us();
    desk.weather.feeders(|feeders| feeders.answered(now_us, node, done.then_some(upstream)));
    done
}

/// Sends a command until it is accepted; returns false if it was given up.
async fn insist(desk: &Desk, node: usize, words: &[&[u8]], still: impl Fn() -> bool) -> bool {
    let until_us = desk.environment.now_us() + GIVE_UP_US;
    while desk.environment.now_us() < until_us && still() {
        if let Ok(mut client) = Client::connect(&desk.environment, &desk.weather, node).await
            && matches!(client.ask(words).await, Ok(Reply::Text(_)))
        {
            return true;
        }
        pass(&*desk.environment, PAUSE_US).await;
    }
    false
}

// --- the workload --------------------------------------------------------------------------------------------------

/// Operations that are due and not accepted yet.
struct Due {
    number: u64,
    op: Op,
}

async fn write(desk: Arc<Desk>) {
    let mut next = (0..).zip(desk.plan.ops()).map(|(number, op)| Due { number, op }).peekable();
    let mut due: VecDeque<Due> = VecDeque::new();
    let mut doubtful = 0;
    let mut client: Option<(usize, Client)> = None;
    let mut waits = Waits::default();
    loop {
        let now_us = desk.environment.now_us();
        while due.len() < PIPELINE
            && let Some(one) = next.next_if(|one| one.op.at_us <= now_us)
        {
            due.push_back(one);
        }
        if due.is_empty() {
            let Some(one) = next.peek() else { return waits.join().await };
            let wait_us = one.op.at_us.saturating_sub(now_us).max(1);
            pass(&*desk.environment, wait_us).await;
            continue;
        }
        let primary = desk.sheet().primary;
        let mut there = match client.take().filter(|(node, _)| *node == primary) {
            Some((_, client)) => client,
            None => match Client::connect(&desk.environment, &desk.weather, primary).await {
                Ok(client) => client,
                Err(_) => {
                    pass(&*desk.environment, PAUSE_US).await;
                    continue;
                }
            },
        };
        let last = due.back().map_or(0, |one| one.number);
        let wait = Wait { node: primary, op: last, since_us: desk.environment.now_us() };
        match say(&desk, &mut there, &mut due, &mut doubtful).await {
            Ok(true) => client = waits.begin(&desk, wait, there).map(|there| (primary, there)),
            Ok(false) => {
                client = Some((primary, there));
                pass(&*desk.environment, PAUSE_US).await;
            }
            Err(_) => pass(&*desk.environment, PAUSE_US).await,
        }
    }
}

/// Sends the operations that are due and removes those that were accepted; returns true if all were.
async fn say(
    desk: &Desk,
    client: &mut Client,
    due: &mut VecDeque<Due>,
    doubtful: &mut usize,
) -> io::Result<bool> {
    let keys = desk.plan.knobs.keys;
    while *doubtful > 0 {
        let Some(first) = due.front() else { break };
        let held = client.ask(&[b"GET", &key(first.number, keys)]).await?;
        let known = match held {
            Reply::Text(held) => number(&held).is_some_and(|number| number >= first.number),
            Reply::Nil | Reply::Error(_) | Reply::Number(_) | Reply::Numbers(_) => false,
        };
        if !known {
            break;
        }
        due.pop_front();
        *doubtful -= 1;
        desk.sheet().written += 1;
    }
    let mut bytes = Vec::new();
    for one in &*due {
        request(&[b"SET", &key(one.number, keys), &value(one.number, one.op.bytes)], &mut bytes);
    }
    let touches = if desk.plan.knobs.touches == 1 { due.len() } else { 0 };
    due.iter().take(touches).for_each(|one| touch(one.number, keys, &mut bytes));
    *doubtful = due.len();
    client.say(&bytes).await?;
    let mut refused = VecDeque::new();
    for _ in 0..due.len() {
        let reply = client.reply().await?;
        let Some(one) = due.pop_front() else { break };
        *doubtful -= 1;
        match reply {
            Reply::Text(_) => desk.sheet().written += 1,
            // A refused write was not done, and is sent again.
            Reply::Nil | Reply::Error(_) | Reply::Number(_) | Reply::Numbers(_) => refused.push_back(one),
        }
    }
    for _ in 0..touches {
        client.reply().await?;
    }
    let all = refused.is_empty();
    *due = refused;
    Ok(all)
}

/// Appends a change that goes with an operation: another key of the workload gets an expiry far beyond the run, or
/// loses it again; or a key beside the workload is written, or deleted.
fn touch(op: u64, keys: u64, out: &mut Vec<u8>) {
    let other = |op: u64| key(op.wrapping_mul(7).wrapping_add(3), keys);
    let beside = format!("beside:{}", op / 8 % 64).into_bytes();
    match op % 4 {
        0 | 1 => request(&[b"PEXPIRE", &other(op), b"86400000"], out),
        2 => request(&[b"PERSIST", &other(op - 2)], out),
        _ if op % 8 == 3 => request(&[b"SET", &beside, &value(op, 0)], out),
        _ => request(&[b"DEL", &beside], out),
    }
}

// --- looking -------------------------------------------------------------------------------------------------------

async fn watch(desk: Arc<Desk>, node: usize) {
    let mut client: Option<Client> = None;
    loop {
        pass(&*desk.environment, LOOK_US).await;
        if !desk.weather.is_alive(node) {
            client = None;
            continue;
        }
        let mut there = match client.take() {
            Some(client) => client,
            None => match Client::connect(&desk.environment, &desk.weather, node).await {
                Ok(client) => client,
                Err(_) => continue,
            },
        };
        let asked_us = desk.environment.now_us();
        let Ok(Reply::Text(page)) = there.ask(&[b"INFO", b"replication"]).await else { continue };
        let Some(view) = read(asked_us, &String::from_utf8_lossy(&page)) else { continue };
        client = Some(there);
        if view.link.starts_with("identity clash") {
            // Each twin that is on has taken effect.
            desk.weather.ails(node, Kind::Twin);
        }
        let (role, epoch, offset) = (view.role, view.epoch, view.offset);
        let before = desk.sheet().views[node].replace(view.clone());
        if let Some(text) = overheld(before.as_ref(), &view, desk.exact) {
            let violation = Violation { invariant: Invariant::F7, t_us: asked_us, node, text };
            desk.sheet().violated.get_or_insert(violation);
        }
        if !before.is_some_and(|before| (before.role, before.epoch, before.offset) == (role, epoch, offset)) {
            desk.tell(node, Fact::Ruled { role, epoch, offset });
        }
    }
}

/// Returns an error if writes were held too long: at a time, where time is exact; and in total between two looks at one
/// process. A pause is counted when it ends.
pub(super) fn overheld(before: Option<&View>, now: &View, exact: bool) -> Option<String> {
    let longest_ms = now.longest_ms;
    if exact && longest_ms > HELD_MAX_MS + TIMER_MS {
        return Some(format!("writes were held for {longest_ms} ms at a time, {HELD_MAX_MS} ms is the most"));
    }
    let before = before?;
    let held_ms = now.held_ms.saturating_sub(before.held_ms);
    let passed_ms = now.t_us.saturating_sub(before.t_us) / 1_000;
    let too_long = held_ms > passed_ms + HELD_MAX_MS + ANSWERED_MS;
    too_long.then(|| format!("writes were held for {held_ms} ms more within {passed_ms} ms"))
}

/// Reads the replication section of INFO.
fn read(t_us: u64, page: &str) -> Option<View> {
    let line = |name: &str| {
        let of = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
        page.lines().find_map(of)
    };
    let number = |name: &str| line(name)?.parse::<u64>().ok();
    let role = if line("role")? == "master" { Role::Primary } else { Role::Replica };
    let (offset, link) = match role {
        Role::Primary => (number("master_repl_offset")?, String::new()),
        Role::Replica => {
            let fault = line("master_link_fault").map(|fault| format!(" ({fault})")).unwrap_or_default();
            (number("slave_repl_offset")?, line("master_link_state")? + &fault)
        }
    };
    let digest = u128::from_str_radix(&line("digest")?, 16).ok()?;
    let (number_of_epoch, random) =
        line("epoch")?.split_once('.').map(|(number, random)| (number.to_owned(), random.to_owned()))?;
    let epoch = number_of_epoch.parse::<u64>().ok()? << 32 | u64::from_str_radix(&random, 16).ok()?;
    let installed = number("snapshots_installed")?;
    let (held_ms, longest_ms) = (number("writes_held_ms")?, number("writes_held_longest_ms")?);
    Some(View { t_us, role, offset, digest, epoch, link, installed, held_ms, longest_ms })
}
