//! What is told to the host: each subject's facts, one event at a time, the latest only.

use crate::event::Event;
use crate::input::Role;
use crate::links::dial::Dial;
use crate::links::{Farewell, Phase, tell};
use crate::node::{Node, self_tell};

impl Node {
    /// The next fact of one subject, or none.
    pub(crate) fn tell_of(&mut self, subject: u32) -> Option<Event> {
        let first_slot = self.slot_subject(0);
        let first_ship = self.ship_subject(0);
        let first_live = self.live_subject(0);
        if subject == Self::SELF {
            self.tell_of_self()
        } else if subject < first_slot {
            self.tell_of_link(subject as usize - 1)
        } else if subject < first_ship {
            self.tell_of_slot((subject - first_slot) as usize)
        } else if subject < first_live {
            self.tell_of_ship((subject - first_ship) as usize)
        } else {
            self.tell_of_live((subject - first_live) as usize)
        }
    }

    fn tell_of_self(&mut self) -> Option<Event> {
        let mut take = |fact: u8| {
            let set = self.tell & fact != 0;
            self.tell &= !fact;
            set
        };
        if take(self_tell::ROLE) {
            let position = self.log.position();
            let epoch = self.log.epochs.last().map_or(position.epoch, |(epoch, _)| epoch);
            return Some(Event::Role { role: self.role, epoch, offset: position.boundary });
        }
        if take(self_tell::OUTRANKED) && self.role == Role::Primary {
            return Some(Event::Outranked { number: self.seen });
        }
        if take(self_tell::DIAL) && self.upstream.dial == Dial::Wanted {
            self.upstream.dial = Dial::Under;
            let attempt = self.upstream.attempt;
            self.upstream.attempt = attempt.saturating_add(1);
            return Some(Event::Dial { attempt });
        }
        if take(self_tell::CAUGHT_UP) {
            return Some(Event::CaughtUp);
        }
        if self.tell & self_tell::DRY != 0 {
            // From the end, each once: one that is dry still (it joined at the end after the log grew) is listed
            // again behind this place.
            for place in (0..self.dry.len()).rev() {
                let row = self.dry.swap_remove(place) as usize;
                self.links[row].listed = false;
                if let Some(event) = self.tell_wants_write(row) {
                    return Some(event);
                }
            }
            self.tell &= !self_tell::DRY;
        }
        None
    }

    fn tell_of_link(&mut self, row: usize) -> Option<Event> {
        let link_id = Self::link_id(row);
        let link = &mut self.links[row];
        if link.tell & tell::CLOSE != 0 {
            let farewell = link.farewell.expect("a closing link knows why");
            link.clear();
            let Farewell { fault, by_peer, retry_after, linger: _ } = farewell;
            return Some(Event::Close { link: link_id, fault, by_peer, retry_after });
        }
        if link.tell & tell::JOINED != 0 {
            link.tell &= !tell::JOINED;
            let from = if link.upstream { self.log.end() } else { link.down.sent };
            return Some(Event::Joined { link: link_id, node: link.peer.node, from });
        }
        if link.tell & tell::WANTS_WRITE != 0 {
            link.tell &= !tell::WANTS_WRITE;
            return self.tell_wants_write(row);
        }
        None
    }

    /// Hands a link to the host, if there is something to write.
    fn tell_wants_write(&mut self, row: usize) -> Option<Event> {
        if self.links[row].phase == Phase::Free || self.links[row].outbox.told {
            return None;
        }
        self.refill(row);
        if self.links[row].outbox.is_dry() {
            self.list_dry(row);
            return None;
        }
        let alive = self.clock.alive();
        let link = &mut self.links[row];
        link.outbox.told = true;
        link.outbox.offered_since = alive;
        self.arm_link(row);
        Some(Event::WantsWrite { link: Self::link_id(row) })
    }
}
