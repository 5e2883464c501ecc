//! The engine: one task that owns the node, the store and every socket.
//!
//! It is one future, polled by hand. Each turn it feeds everything that arrived, polls every event, writes every link
//! and every reply, and then sleeps until a socket, a channel, the store or the node's next deadline wakes it. What a
//! turn does for one connection is bounded, so that all get their share; what is left over makes the next turn come at
//! once, after the runtime has looked at its sockets.
//!
//! | file | what |
//! |---|---|
//! | `heart`, `failure` | node and store, and the steps they take together; a store that takes no more |
//! | `receive` | the upstream's payloads into the store |
//! | `links`, `events` | replication connections; what the node says |
//! | `clients`, `turn` | client connections; what a command sees of the engine |
//! | `views` | snapshots that are read |
//! | `upstream`, `probe` | dialling, and what is said about it |
//! | `throttle`, `stop` | how fast clients may write while a replica joins; the orderly end |
//! | `ready`, `arrival` | who woke, what other tasks bring |
//! | `tally`, `rate` | counters, and how fast they grow |
//! | `surplus` | clients beyond the limit |
//!
//! Around it small tasks accept, dial, probe and see last words off; they reach it through one bounded channel.

pub(crate) mod arrival;
pub(crate) mod clients;
mod events;
mod failure;
pub(crate) mod heart;
pub(crate) mod links;
pub(crate) mod probe;
mod rate;
mod ready;
pub(crate) mod receive;
mod replaced;
mod stop;
pub(crate) mod surplus;
pub(crate) mod tally;
mod throttle;
pub(crate) mod turn;
pub(crate) mod upstream;
mod views;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use towline_core::{Input, Role, Span};
use towline_driver::connection::Closing;
use tracing::warn;

use self::arrival::{ARRIVALS_MAX, Arrival, Inspection};
use self::clients::{Clients, Errand};
use self::heart::Heart;
use self::links::{LinkRow, Looked};
use self::ready::{Ready, Token};
use self::stop::Stop;
use self::surplus::Surplus;
use self::throttle::WriteThrottle;
use self::views::Views;
use crate::options::{LeftOver, ServeError};
use towline_driver::transport::{BoxTransport, Net};

/// Rows looked at in one turn.
const ROWS: usize = 128;

/// The task that owns everything.
pub(crate) struct Engine {
    heart: Heart,
    ready: Ready,
    links: Vec<Option<LinkRow>>,
    /// Links with something to write.
    writers: Vec<u32>,
    clients: Clients,
    views: Views,
    throttle: WriteThrottle,
    net: Arc<dyn Net>,
    arrivals: mpsc::Receiver<Arrival>,
    sender: mpsc::Sender<Arrival>,
    /// Dials and probes.
    tasks: JoinSet<()>,
    farewells: Closing,
    surplus: Surplus,
    sleep: Pin<Box<Sleep>>,
    /// Acknowledgements came, or something was persisted.
    acked: bool,
    /// For how long a stop waits for replicas.
    stop_wait: Span,
    stop: Option<Stop>,
    verdict: Result<(), ServeError>,
}

impl Engine {
    /// An engine that has not turned yet.
    pub(crate) fn new(
        heart: Heart,
        clients: Clients,
        (join_hold, stop_wait): (bool, Span),
        net: Arc<dyn Net>,
        arrivals: (mpsc::Sender<Arrival>, mpsc::Receiver<Arrival>),
    ) -> Self {
        let links = (0..heart.node.config().link_ids()).map(|_| None).collect();
        let backlog_bytes = heart.node.config().options().backlog_bytes;
        Self {
            heart,
            ready: Ready::default(),
            links,
            writers: Vec::new(),
            clients,
            views: Views::default(),
            throttle: WriteThrottle::new(join_hold, backlog_bytes),
            net,
            arrivals: arrivals.1,
            surplus: Surplus::new(arrivals.0.clone()),
            sender: arrivals.0,
            tasks: JoinSet::new(),
            farewells: Closing::default(),
            sleep: Box::pin(tokio::time::sleep_until(Instant::now())),
            acked: false,
            stop_wait,
            stop: None,
            verdict: Ok(()),
        }
    }

    /// Turns until the server stops.
    pub(crate) async fn run(mut self) -> Result<(), ServeError> {
        // One task serves many sockets: the runtime's budget for one socket's task is not ours. Turns are bounded.
        tokio::task::unconstrained(poll_fn(|task| self.turn(task))).await;
        self.tasks.shutdown().await;
        self.surplus.shutdown().await;
        self.farewells.finish().await;
        self.verdict
    }

    /// One turn: feed all, poll all, write all, sleep.
    fn turn(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.ready.begin(task.waker());
        self.heart.begin_turn();
        let mut more = self.arrive(task);
        self.feed();
        self.acked |= self.heart.persisted(task);
        more |= self.heart.expire();
        more |= self.heart.replay();
        self.heart.commit();
        self.heart.flush_if_asked();
        self.tick();
        self.poll_events();
        more |= self.views.cut(&mut self.heart);
        self.poll_events();
        self.tend_clients();
        more |= self.write();
        while let Poll::Ready(Some(_)) = self.tasks.poll_join_next(task) {}
        self.farewells.reap(task);
        if self.over() {
            return Poll::Ready(());
        }
        if more || self.ready.len() > 0 {
            // Comes again once the runtime has looked at its sockets.
            let _ = pin!(tokio::task::yield_now()).poll(task);
        } else {
            self.sleep(task);
        }
        Poll::Pending
    }

    fn tick(&mut self) {
        // A tick is never refused.
        let _ = self.heart.say(Input::Tick);
    }

    /// Takes what the tasks around brought. Answers whether there may be more.
    fn arrive(&mut self, task: &mut Context<'_>) -> bool {
        for _ in 0..ARRIVALS_MAX {
            match self.arrivals.poll_recv(task) {
                Poll::Pending | Poll::Ready(None) => return false,
                Poll::Ready(Some(arrival)) => self.arrived(arrival),
            }
        }
        true
    }

    fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Shutdown => self.close(),
            Arrival::GiveUp => {
                self.close();
                self.stop.iter_mut().for_each(Stop::give_up);
            }
            Arrival::Look { request, answer } => {
                // Who asked may have left.
                answer.send(self.clients.glance(&mut self.heart, &request)).ok();
            }
            Arrival::Inspect(asker) => {
                let (digest, keys) = (self.heart.store.digest(), self.heart.store.len());
                // Who asked may have left.
                asker.send(Inspection { status: self.heart.status(), digest, keys }).ok();
            }
            Arrival::Client { .. } if self.heart.closing => {}
            // While it waits for replicas, one that lost its connection may come back.
            Arrival::Replica { .. } if self.stop.as_ref().is_some_and(Stop::leaving) => {}
            Arrival::Client { transport, peer } => {
                let errand = self.clients.admit(&mut self.heart, &self.ready, transport, peer);
                self.run_errand(errand);
            }
            Arrival::Replica { transport, peer } => self.replica_connected(transport, peer),
            Arrival::Dialled { generation, addr, result } => self.dialled(generation, &addr, result),
            Arrival::Probed { client, addr, result } => {
                let result =
                    result.and_then(|()| self.heart.follow(&addr, true).map_err(|misuse| misuse.to_string()));
                self.clients.answer(client, result.as_ref().copied().map_err(String::as_str));
            }
        }
    }

    /// Feeds the node and the sessions from every row that is ready.
    fn feed(&mut self) {
        for _ in 0..self.ready.len().min(ROWS) {
            if self.heart.turn_is_full() {
                break;
            }
            match self.ready.take() {
                Some(Token::Link(link)) => {
                    self.writers.push(link);
                    let Some(row) = self.links[link as usize].as_mut() else { continue };
                    let looked = row.read(&mut self.heart);
                    self.mind(link, looked);
                }
                Some(Token::Client(client)) => {
                    self.clients.note_owed(client);
                    let errand = self.clients.look(&mut self.heart, client);
                    self.run_errand(errand);
                }
                None => break,
            }
        }
    }

    /// Answers clients whose waiting is over.
    fn tend_clients(&mut self) {
        self.throttle.update(&mut self.heart);
        if self.heart.role == Role::Replica {
            let stats = self.heart.node.stats();
            self.heart.upstream.watch(&stats);
        }
        if std::mem::take(&mut self.heart.turned) {
            self.clients.unblock();
        }
        self.clients.sweep(&mut self.heart);
        let timed_out = self.clients.next_wait().is_some_and(|at| at <= self.heart.now);
        if std::mem::take(&mut self.acked) || timed_out {
            self.clients.end_waits(&self.heart);
        }
        let room = self.heart.room;
        let behind = self.heart.note_behind(self.clients.any_retrying());
        let later = behind
            || room.clients == 0
            || self.heart.paused().is_some()
            || (self.heart.role == Role::Primary && self.heart.receive.replaying());
        if self.clients.any_retrying() && !later {
            // Where few can write, few are woken; the next turn wakes more while there is room.
            self.clients.retry(if room.is_limited() { ROWS } else { usize::MAX });
        }
    }

    /// Writes links and replies. Answers whether a link has more than a turn's share.
    fn write(&mut self) -> bool {
        let mut more = false;
        for link in std::mem::take(&mut self.writers) {
            let Some(row) = self.links[link as usize].as_mut() else { continue };
            let looked = row.write(&mut self.heart);
            if matches!(looked, Looked::More) {
                self.writers.push(link);
                more = true;
            }
            self.mind(link, looked);
        }
        let mut errands = Vec::new();
        self.clients.write(&mut self.heart, &mut errands);
        for errand in errands {
            self.run_errand(Some(errand));
        }
        more
    }

    /// Does what a client wants of the engine.
    fn run_errand(&mut self, errand: Option<Errand>) {
        match errand {
            None => {}
            Some(Errand::Shutdown) => self.close(),
            Some(Errand::Farewell(transport, words)) => self.see_off(transport, words),
            Some(Errand::Surplus(transport, why)) => self.surplus.take(transport, why),
            Some(Errand::Promote(client)) => {
                let result = self.heart.promote().map_err(|misuse| misuse.to_string());
                self.clients.answer(client, result.as_ref().copied().map_err(String::as_str));
            }
            Some(Errand::Probe(client, addr)) => {
                let (net, sender) = (Arc::clone(&self.net), self.sender.clone());
                let (config, node) = (*self.heart.node.config(), self.heart.node.stats().node);
                self.tasks.spawn(async move {
                    let result = probe::look_at(net, &addr, &config, node).await;
                    // If nobody takes it, the server is gone.
                    sender.send(Arrival::Probed { client, addr, result }).await.ok();
                });
            }
        }
    }

    /// Lets last words leave, if there is room for that.
    fn see_off(&mut self, transport: BoxTransport, words: Vec<u8>) {
        if self.heart.closing || self.farewells.has_room() {
            self.farewells.close(transport, words);
        }
    }

    /// Sleeps until the first deadline; or comes again at once if it has passed.
    fn sleep(&mut self, task: &mut Context<'_>) {
        let node = self.heart.node.next_deadline();
        let others = [
            self.heart.next_expiry(),
            self.heart.receive.next(),
            self.clients.next_wait(),
            self.clients.next_sweep(),
            self.heart.paused().map(|pause| pause.until),
            self.throttle.next(),
            self.stop.as_ref().map(Stop::next),
        ];
        let Some(at) = node.into_iter().chain(others.into_iter().flatten()).min() else { return };
        if at <= self.heart.now {
            let _ = pin!(tokio::task::yield_now()).poll(task);
            return;
        }
        let at = self.heart.clock.instant(at);
        if self.sleep.deadline() != at || self.sleep.is_elapsed() {
            self.sleep.as_mut().reset(at);
        }
        if self.sleep.as_mut().poll(task).is_ready() {
            task.waker().wake_by_ref();
        }
    }

    // --- the end ---------------------------------------------------------------------------------------------------

    /// Begins to stop: nothing new is executed, replies leave.
    fn close(&mut self) {
        if self.stop.is_some() {
            return;
        }
        self.heart.commit();
        self.heart.closing = true;
        self.heart.store.hurry();
        self.clients.end_all();
        self.stop = Some(Stop::begin(&self.heart, self.stop_wait));
    }

    /// Whether the server has stopped.
    fn over(&mut self) -> bool {
        if let Some(why) = self.heart.upstream.stop.take() {
            self.verdict = Err(why);
            self.close();
        }
        let said = self.links.iter().all(Option::is_none) && self.heart.tally.clients == 0;
        let Some(stop) = &mut self.stop else { return false };
        match stop.look(&self.heart, said) {
            stop::Looked::Waits => false,
            stop::Looked::Over => true,
            stop::Looked::Leaves(left) => {
                self.leave(left);
                false
            }
        }
    }

    /// Says goodbye to everybody.
    fn leave(&mut self, left: Option<LeftOver>) {
        if let Some(left) = left {
            warn!("stopped, but {left}");
            if self.verdict.is_ok() {
                self.verdict = Err(ServeError::LeftOver(left));
            }
        }
        // Shutdown is never refused.
        let _ = self.heart.say(Input::Shutdown);
    }
}
