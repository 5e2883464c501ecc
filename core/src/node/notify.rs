//! Pending facts become events: each subject's, one event at a time, the latest only.

use crate::event::Event;
use crate::events::{LinkFact, NodeFact, Subject};
use crate::id::LinkId;
use crate::input::{Role, Side};
use crate::links::{Closing, Phase};
use crate::node::Node;

impl Node {
    /// Returns the next event.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        while let Some(subject) = self.shared.events.pop() {
            let event = self.next_of(subject);
            if event.is_some() {
                self.shared.events.put_back(subject);
                return event;
            }
        }
        None
    }

    /// Returns the next event of one subject.
    fn next_of(&mut self, subject: Subject) -> Option<Event> {
        let Self { shared, links, stream } = self;
        match subject {
            Subject::Node => self.next_of_node(),
            Subject::Link(row) => self.next_of_link(row),
            Subject::Slot(slot) => stream.notify_slot(slot),
            Subject::Transfer(transfer) => stream.notify_transfer(transfer),
            Subject::View(view) => stream.notify_view(links, shared, view),
        }
    }

    fn next_of_node(&mut self) -> Option<Event> {
        while let Some(fact) = self.shared.events.of_node() {
            let event = match fact {
                NodeFact::Role => Some(self.role_event()),
                NodeFact::Outranked => {
                    let outranked = self.stream.role() == Role::Primary;
                    outranked.then(|| Event::Outranked { number: self.stream.seen() })
                }
                NodeFact::Dial => self.links.take_dial().map(|attempt| Event::Dial { attempt }),
                NodeFact::CaughtUp => Some(Event::CaughtUp),
                NodeFact::Idle => {
                    // It stays until no idle link has anything to write.
                    let row = self.stream.offer_idle(&mut self.links, &mut self.shared);
                    if row.is_none() {
                        self.shared.events.drop_of_node(NodeFact::Idle);
                    }
                    return row.map(|row| Event::WantsWrite { link: LinkId::of_row(row) });
                }
            };
            self.shared.events.drop_of_node(fact);
            if event.is_some() {
                return event;
            }
        }
        None
    }

    fn role_event(&self) -> Event {
        let position = self.stream.position();
        let epoch = self.stream.newest_epoch().unwrap_or(position.epoch);
        Event::Role { role: self.stream.role(), epoch, offset: position.boundary }
    }

    fn next_of_link(&mut self, row: usize) -> Option<Event> {
        let link = LinkId::of_row(row);
        match self.shared.events.pop_of_link(row)? {
            LinkFact::Close => {
                let Phase::Closing(closing) = self.links[row].phase() else {
                    unreachable!("a link that is closed was closing")
                };
                self.free(row);
                let Closing { side: _, fault, by_peer, retry_after, linger: _ } = closing;
                Some(Event::Close { link, fault, by_peer, retry_after })
            }
            LinkFact::Joined => {
                let from = match self.links[row].side() {
                    Some(Side::Upstream) => self.stream.position().boundary,
                    Some(Side::Downstream) | None => self.stream.sent(row),
                };
                Some(Event::Joined { link, node: self.links[row].peer().node, from })
            }
            LinkFact::WantsWrite => {
                let offered = self.stream.offer(&mut self.links, &mut self.shared, row);
                offered.then_some(Event::WantsWrite { link })
            }
        }
    }
}
