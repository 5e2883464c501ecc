//! The engine: one task that owns the node, the store and every socket.
//!
//! It is one future, polled by hand. Each turn it feeds everything that arrived, polls every event, writes every link
//! and every reply, and then sleeps until a socket, a channel, the store or the node's next deadline wakes it. The work
//! of a turn for one connection is bounded, so that all get their share; if some is left over, the next turn comes at
//! once, after the runtime has looked at its sockets.
//!
//! | file | content |
//! |---|---|
//! | `running` | the start of an engine, and the handle of a running one |
//! | `application` | the seam to the program on top |
//! | `replicated`, `writes` | node and store, and the steps they take together |
//! | `failure` | a store that takes no more |
//! | `standing` | how the node stands, as data |
//! | `receive`, `replaced` | the upstream's payloads into the store; the state that a snapshot replaces |
//! | `links`, `events` | replication connections; the node's events |
//! | `views` | snapshots that are read |
//! | `upstream`, `probe` | dialling, and the log lines about it; an address that may be followed |
//! | `throttle`, `stop` | how fast may be written while a replica joins; the orderly end |
//! | `ready`, `mailbox` | rows that woke, and the channel of other tasks |
//! | `counters` | counters |
//!
//! Around it small tasks accept, dial and close connections; they reach it through one bounded channel.

pub(crate) mod application;
mod counters;
mod events;
mod failure;
pub(crate) mod links;
pub(crate) mod mailbox;
pub(crate) mod probe;
mod ready;
mod receive;
mod replaced;
pub(crate) mod replicated;
pub(crate) mod running;
mod standing;
mod stop;
mod throttle;
mod upstream;
mod views;
mod writes;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use towline_core::{Input, Role, Span};
use tracing::warn;

use self::application::{Application, News, Services};
use self::links::{LinkRow, Looked};
use self::mailbox::{ARRIVALS_MAX, Arrival, Mailbox};
use self::ready::Token;
use self::replicated::ReplicatedStore;
use self::stop::Stop;
use self::throttle::WriteThrottle;
use self::views::Views;
use crate::error::{LeftOver, RunError};
use crate::transport::Net;

/// Rows looked at in one turn, and waiting writers woken in one where few can write.
pub const ROWS: usize = 128;

/// The task that owns everything.
struct Engine<A: Application> {
    services: Services<A::Store>,
    application: A,
    links: Vec<Option<LinkRow>>,
    /// Links with something to write.
    writers: Vec<u32>,
    views: Views,
    throttle: WriteThrottle,
    net: Arc<dyn Net>,
    arrivals: mpsc::Receiver<Arrival<A>>,
    mailbox: Mailbox<A>,
    /// Dials that are under way.
    tasks: JoinSet<()>,
    sleep: Pin<Box<Sleep>>,
    /// Set when acknowledgements came, or something was persisted.
    acked: bool,
    /// The time for which a stop waits for replicas.
    stop_wait: Span,
    stop: Option<Stop>,
    verdict: Result<(), RunError>,
}

impl<A: Application> Engine<A> {
    /// Makes an engine that has not turned yet.
    fn new(
        replicated: ReplicatedStore<A::Store>,
        application: A,
        (join_hold, stop_wait): (bool, Span),
        net: Arc<dyn Net>,
        (mailbox, arrivals): (Mailbox<A>, mpsc::Receiver<Arrival<A>>),
    ) -> Self {
        let links = (0..replicated.node.config().link_ids()).map(|_| None).collect();
        let backlog_bytes = replicated.node.config().options().backlog_bytes;
        Self {
            services: Services::new(replicated),
            application,
            links,
            writers: Vec::new(),
            views: Views::default(),
            throttle: WriteThrottle::new(join_hold, backlog_bytes),
            net,
            arrivals,
            mailbox,
            tasks: JoinSet::new(),
            sleep: Box::pin(tokio::time::sleep_until(Instant::now())),
            acked: false,
            stop_wait,
            stop: None,
            verdict: Ok(()),
        }
    }

    /// Turns until the node has stopped.
    async fn run(mut self) -> Result<(), RunError> {
        // One task serves many sockets: the runtime's budget for one socket's task is not ours. Turns are bounded.
        tokio::task::unconstrained(poll_fn(|task| self.turn(task))).await;
        self.tasks.shutdown().await;
        self.application.finish().await;
        self.services.closing.finish().await;
        self.verdict
    }

    /// Runs one turn: feed all, poll all, write all, sleep.
    fn turn(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.services.ready.begin(task.waker());
        self.services.replicated.begin_turn();
        self.application.begin_turn(&mut self.services);
        let mut more = self.arrive(task);
        self.feed();
        self.acked |= self.services.replicated.persisted(task);
        more |= self.application.work(&mut self.services);
        more |= self.services.replicated.replay();
        self.services.replicated.commit();
        self.services.replicated.flush_if_asked();
        self.tick();
        self.poll_events();
        more |= self.views.cut(&mut self.services.replicated);
        self.poll_events();
        self.settle();
        more |= self.write();
        while let Poll::Ready(Some(_)) = self.tasks.poll_join_next(task) {}
        self.services.closing.reap(task);
        if self.over() {
            return Poll::Ready(());
        }
        if more || self.services.ready.len() > 0 {
            // The task comes again once the runtime has looked at its sockets.
            let _ = pin!(tokio::task::yield_now()).poll(task);
        } else {
            self.sleep(task);
        }
        Poll::Pending
    }

    fn tick(&mut self) {
        // A tick is never refused.
        let _ = self.services.replicated.say(Input::Tick);
    }

    /// Takes the arrivals from other tasks. Returns whether there may be more.
    fn arrive(&mut self, task: &mut Context<'_>) -> bool {
        for _ in 0..ARRIVALS_MAX {
            match self.arrivals.poll_recv(task) {
                Poll::Pending | Poll::Ready(None) => return false,
                Poll::Ready(Some(arrival)) => self.arrived(arrival),
            }
        }
        true
    }

    fn arrived(&mut self, arrival: Arrival<A>) {
        match arrival {
            Arrival::Stop => self.close(),
            Arrival::GiveUp => {
                self.close();
                self.stop.iter_mut().for_each(Stop::give_up);
            }
            Arrival::Message(message) => {
                self.application.receive(&mut self.services, message);
                self.stop_if_asked();
            }
            Arrival::Inspect(asker) => {
                // The asker may have gone.
                asker.send(self.application.report(&self.services.replicated)).ok();
            }
            // While a stop waits for replicas, one that lost its connection may come back.
            Arrival::Replica { .. } if self.stop.as_ref().is_some_and(Stop::leaving) => {}
            Arrival::Replica { transport, peer } => self.replica_connected(transport, peer),
            Arrival::Dialled { generation, addr, result } => self.dialled(generation, &addr, result),
        }
    }

    /// Feeds node and application from every row that is ready.
    fn feed(&mut self) {
        for _ in 0..self.services.ready.len().min(ROWS) {
            if self.services.replicated.turn_is_full() {
                break;
            }
            match self.services.ready.take() {
                Some(Token::Link(link)) => {
                    self.writers.push(link);
                    let Some(row) = self.links[link as usize].as_mut() else { continue };
                    let looked = row.read(&mut self.services.replicated);
                    self.mind(link, looked);
                }
                Some(Token::Application(row)) => {
                    self.application.ready(&mut self.services, row);
                    self.stop_if_asked();
                }
                None => break,
            }
        }
    }

    /// Reacts to the turn's events.
    fn settle(&mut self) {
        self.throttle.update(&mut self.services.replicated);
        let replicated = &mut self.services.replicated;
        if replicated.role == Role::Replica {
            let stats = replicated.node.stats();
            replicated.upstream.watch(&stats);
        }
        let turned = std::mem::take(&mut replicated.turned);
        let news = News { reached: std::mem::take(&mut self.acked), turned };
        self.application.settle(&mut self.services, news);
    }

    /// Writes links and replies. Returns whether a link has more than a turn's share.
    fn write(&mut self) -> bool {
        let mut more = false;
        for link in std::mem::take(&mut self.writers) {
            let Some(row) = self.links[link as usize].as_mut() else { continue };
            let looked = row.write(&mut self.services.replicated);
            if matches!(looked, Looked::More) {
                self.writers.push(link);
                more = true;
            }
            self.mind(link, looked);
        }
        debug_assert!(!self.services.replicated.is_dirty(), "replies leave when their records are committed");
        self.application.write(&mut self.services);
        self.stop_if_asked();
        more
    }

    /// Sleeps until the first deadline; if it has passed, the task comes again at once.
    fn sleep(&mut self, task: &mut Context<'_>) {
        let replicated = &self.services.replicated;
        let node = replicated.node.next_deadline();
        let others = [
            replicated.receive.next(),
            self.application.next_deadline(replicated),
            self.throttle.next(),
            self.stop.as_ref().map(Stop::next),
        ];
        let Some(at) = node.into_iter().chain(others.into_iter().flatten()).min() else { return };
        if at <= replicated.now {
            let _ = pin!(tokio::task::yield_now()).poll(task);
            return;
        }
        let at = replicated.clock.instant(at);
        if self.sleep.deadline() != at || self.sleep.is_elapsed() {
            self.sleep.as_mut().reset(at);
        }
        if self.sleep.as_mut().poll(task).is_ready() {
            task.waker().wake_by_ref();
        }
    }

    // --- the end ---------------------------------------------------------------------------------------------------

    fn stop_if_asked(&mut self) {
        if std::mem::take(&mut self.services.stop_asked) {
            self.close();
        }
    }

    /// Begins to stop: nothing new is executed, replies leave.
    fn close(&mut self) {
        if self.stop.is_some() {
            return;
        }
        self.services.replicated.begin_closing();
        self.application.close(&mut self.services);
        self.stop = Some(Stop::begin(&self.services.replicated, self.stop_wait));
        debug_assert!(self.services.replicated.is_closing());
    }

    /// Returns whether the node has stopped.
    fn over(&mut self) -> bool {
        if let Some(why) = self.services.replicated.upstream.stop.take() {
            self.verdict = Err(why);
            self.close();
        }
        let nobody_left = self.links.iter().all(Option::is_none) && self.application.is_closed();
        let Some(stop) = &mut self.stop else { return false };
        match stop.look(&self.services.replicated, nobody_left) {
            stop::Looked::Waits => false,
            stop::Looked::Over => true,
            stop::Looked::Leaves(left) => {
                self.leave(left);
                // Without anybody to say goodbye to, nothing would make another turn come.
                nobody_left
            }
        }
    }

    /// Sends goodbye on every link.
    fn leave(&mut self, left: Option<LeftOver>) {
        debug_assert!(self.stop.is_some(), "only a stop ends links");
        if let Some(left) = left {
            warn!("stopped, but {left}");
            if self.verdict.is_ok() {
                self.verdict = Err(RunError::LeftOver(left));
            }
        }
        // Shutdown is never refused.
        let _ = self.services.replicated.say(Input::Shutdown);
    }
}
