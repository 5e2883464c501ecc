//! The node's events, and the table of links they refer to.

use towline_core::{Event, Fault, Input, LinkId, Role, Side};
use tracing::{debug, info, warn};

use super::Engine;
use super::application::Application;
use super::links::{LinkRow, Looked};
use super::ready::Token;
use crate::transport::BoxTransport;

impl<A: Application> Engine<A> {
    /// Handles every event there is.
    pub(super) fn poll_events(&mut self) {
        while let Some(event) = self.services.replicated.node.poll_event() {
            self.told(event);
        }
    }

    fn told(&mut self, event: Event) {
        match event {
            Event::WantsWrite { link } => {
                if let Some(row) = self.row(link) {
                    row.wants_write();
                    self.writers.push(link.0);
                }
            }
            Event::Acked { .. } => self.acked = true,
            Event::SnapshotWanted { snapshot, .. } => {
                self.views.open(&mut self.services.replicated, snapshot);
                self.services.replicated.views = self.views.len();
            }
            Event::SnapshotRead { snapshot, piece } => self.views.ask(snapshot, piece),
            Event::SnapshotDone { snapshot } => {
                self.services.replicated.note_memory();
                self.views.done(snapshot);
                self.services.replicated.views = self.views.len();
            }
            Event::Dial { .. } => self.dial(),
            Event::Joined { link, node, from } => self.joined(link, node, from.0),
            Event::Close { link, fault, by_peer, .. } => self.told_closed(link, fault, by_peer),
            Event::CaughtUp => debug!("caught up with the upstream"),
            Event::SlotExpired { node, lag } => {
                info!("replica {node} is forgotten: away too long, {lag} records behind")
            }
            Event::Role { role, epoch, offset } => {
                let history = self.services.replicated.node.stats().history;
                match role {
                    Role::Primary => info!("primary: epoch {epoch} of history {history} begins at {offset}"),
                    Role::Replica if history.is_none() => info!("replica without data yet"),
                    Role::Replica => info!("replica: epoch {epoch} of history {history}, at {offset}"),
                }
            }
            Event::Outranked { number } => warn!(
                "another node was promoted and opened epoch {number}: REPLICAOF gives way to it, \
                 REPLICAOF NO ONE opens a higher one here"
            ),
        }
    }

    fn row(&mut self, link: LinkId) -> Option<&mut LinkRow> {
        self.links.get_mut(link.0 as usize)?.as_mut()
    }

    fn remove(&mut self, link: LinkId) -> Option<LinkRow> {
        if let Some(peer) = self.services.replicated.facts.peers.get_mut(link.0 as usize) {
            *peer = None;
        }
        self.links.get_mut(link.0 as usize)?.take()
    }

    fn joined(&mut self, link: LinkId, node: towline_core::NodeId, from: u64) {
        let row = self.row(link);
        let side = row.map(|row| {
            row.joined = true;
            row.side
        });
        match side {
            Some(Side::Upstream) => self.services.replicated.upstream.joined(node, from),
            Some(Side::Downstream) => {
                let peer =
                    self.services.replicated.facts.peers[link.0 as usize].as_deref().unwrap_or_default();
                info!("replica {node} ({peer}) joined at {from}");
            }
            None => {}
        }
    }

    /// Handles the end of a link by the node: its last bytes have left.
    fn told_closed(&mut self, link: LinkId, fault: Fault, by_peer: bool) {
        let peer = self.services.replicated.facts.peers.get(link.0 as usize).cloned().flatten();
        let Some(row) = self.remove(link) else { return };
        let left = by_peer && matches!(fault, Fault::Left | Fault::Shutdown);
        self.stop.iter_mut().filter(|_| left).for_each(|stop| stop.note_left(link));
        let of_our_own_will = !by_peer && matches!(fault, Fault::Left | Fault::Shutdown);
        match row.side {
            Side::Upstream if of_our_own_will => {}
            Side::Upstream => {
                let stats = self.services.replicated.node.stats();
                self.services.replicated.upstream.closed(fault, by_peer, &stats);
            }
            Side::Downstream => {
                let peer = peer.unwrap_or_default();
                match (by_peer, fault) {
                    (false, Fault::BadMagic) => {
                        if let Some(repeats) =
                            self.services.replicated.no_replica.note(self.services.replicated.now)
                        {
                            info!("{peer} is no replica: it does not speak Towline{repeats}");
                        }
                    }
                    (true, fault) => info!("replica at {peer} left; it said: {fault}"),
                    (false, fault) => info!("replica at {peer} left; told it: {fault}"),
                }
            }
        }
        self.services.close_connection(row.into_transport(), Vec::new());
    }

    /// Handles the result of a look at a link.
    pub(super) fn mind(&mut self, link: u32, looked: Looked) {
        let Looked::Lost(why) = looked else { return };
        let link = LinkId(link);
        let peer = self.services.replicated.facts.peers.get(link.0 as usize).cloned().flatten();
        let Some(row) = self.remove(link) else { return };
        if let Err(misuse) = self.services.replicated.say(Input::Lost { link }) {
            warn!("lost link {}: {misuse}", link.0);
        }
        match row.side {
            Side::Upstream
                if self.services.replicated.is_closing()
                    || self.services.replicated.role == Role::Primary => {}
            Side::Upstream => self.services.replicated.upstream.lost(&why),
            Side::Downstream if !row.joined => debug!("{} left unjoined: {why}", peer.unwrap_or_default()),
            Side::Downstream => info!("replica at {} left: {why}", peer.unwrap_or_default()),
        }
    }

    // --- connections -----------------------------------------------------------------------------------------------

    fn dial(&mut self) {
        // A node whose store failed needs no upstream until the store works again.
        self.services.replicated.dial_waits = self.services.replicated.failed().is_some();
        if !self.services.replicated.dial_waits && !self.services.replicated.is_closing() {
            self.services.replicated.upstream.dial(&self.net, &mut self.tasks, &self.mailbox);
        }
    }

    pub(super) fn dialled(&mut self, generation: u64, addr: &str, result: Result<BoxTransport, String>) {
        if !self.services.replicated.upstream.is_current(generation) || self.services.replicated.is_closing()
        {
            return;
        }
        match result {
            Ok(transport) => {
                if !self.open(Side::Upstream, transport, addr.to_owned()) {
                    self.dial_failed();
                }
            }
            Err(why) => {
                self.services.replicated.upstream.unreachable(addr, &why);
                self.dial_failed();
            }
        }
    }

    fn dial_failed(&mut self) {
        // Refused if the node no longer dials, and then it has no effect.
        let _ = self.services.replicated.say(Input::DialFailed);
    }

    pub(super) fn replica_connected(&mut self, transport: BoxTransport, peer: String) {
        if !self.open(Side::Downstream, transport, peer.clone()) {
            warn!("no room for a connection from {peer}");
        }
    }

    /// Makes a connection a link, if the node accepts it.
    fn open(&mut self, side: Side, transport: BoxTransport, peer: String) -> bool {
        let free = self.links.iter().position(Option::is_none);
        let Some((free, Ok(id))) = free.map(|free| (free, u32::try_from(free))) else {
            return false;
        };
        let link = LinkId(id);
        if self.services.replicated.say(Input::Opened { link, side }).is_err() {
            return false;
        }
        let waker = self.services.ready.row(Token::Link(id));
        self.links[free] =
            Some(LinkRow::new(link, side, transport, waker, self.services.replicated.node.config()));
        self.services.replicated.facts.peers[free] = Some(peer);
        true
    }
}
