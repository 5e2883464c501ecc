//! A replica between a real primary, whose frames a test may change on their way, and a good replica of its own.

use super::frames;
use super::puppet::Puppet;
use super::stage::Stage;
use super::{seed, small};
use towline_core::*;

/// The primary's only link, and the middle node's link to it.
pub const UP: u32 = 0;
/// The middle node's link to its own good replica.
pub const DOWN: u32 = 1;

/// A primary and the replica that follows it.
pub struct Middle {
    pub primary: Stage<Node>,
    pub replica: Stage<Node>,
}

pub fn node(id: u64, role: Role, options: Options, cursor: Option<&[u8]>) -> Node {
    let config = options.check().expect("a test's options work");
    let boot = Boot { node: NodeId(id), seed: seed(id, 0), role, unix_zero: 0, cursor };
    Node::new(config, boot).expect("a sound cursor")
}

impl Middle {
    /// Both stand; nothing was said. The replica holds what the primary holds, or nothing.
    pub fn new(holds: bool, options: Options) -> Self {
        let mut primary = Stage::new(node(1, Role::Primary, small(), None));
        primary.view_shape = (3, 50);
        for _ in 0..5 {
            primary.node.handle(Time::ZERO, Input::Write { data: b"a record" }).expect("a primary writes");
        }
        let cursor = primary.cursor();
        let cursor = holds.then_some(&cursor[..]);
        let replica = Stage::new(node(2, Role::Replica, options, cursor));
        Self { primary, replica }
    }

    /// The replica follows, and has a good replica of its own. Every link is quiet.
    pub fn streaming() -> Self {
        let mut middle = Self::new(true, small());
        middle.connect();
        middle.settle();
        let cursor = middle.primary.cursor();
        middle.replica.open(DOWN, Puppet::new(3), Some(&cursor));
        middle.settle();
        assert!(middle.replica.node.stats().streaming, "the scene plays as written");
        middle
    }

    /// The replica dials, and both ends open.
    pub fn connect(&mut self) {
        self.replica.turn();
        assert!(std::mem::take(&mut self.replica.dialled), "a replica dials");
        self.replica.attach(UP, Side::Upstream, Puppet::tap(1));
        self.primary.attach(UP, Side::Downstream, Puppet::tap(2));
    }

    fn tapped(stage: &mut Stage<Node>) -> Vec<u8> {
        stage.turn();
        let puppet = stage.puppets[UP as usize].as_mut();
        puppet.and_then(|puppet| puppet.tap.as_mut()).map(std::mem::take).unwrap_or_default()
    }

    /// The frames of the replica that are not passed on yet.
    pub fn replica_says(&mut self) -> Vec<Vec<u8>> {
        frames::split(&Self::tapped(&mut self.replica)).0
    }

    /// The frames of the primary that are not passed on yet.
    pub fn primary_says(&mut self) -> Vec<Vec<u8>> {
        frames::split(&Self::tapped(&mut self.primary)).0
    }

    /// Says everything on both sides until nobody has anything to say.
    pub fn settle(&mut self) {
        loop {
            let (up, down) = (self.replica_says().concat(), self.primary_says().concat());
            if up.is_empty() && down.is_empty() {
                return;
            }
            self.primary.feed(UP, &up);
            self.replica.feed(UP, &down);
        }
    }

    /// HELLO, WELCOME and JOIN were said; the answer to the JOIN is [`Middle::primary_says`]'s.
    pub fn shake(&mut self) {
        let hello = self.replica_says().concat();
        self.primary.feed(UP, &hello);
        let welcome = self.primary_says().concat();
        self.replica.feed(UP, &welcome);
        let join = self.replica_says().concat();
        self.primary.feed(UP, &join);
    }

    /// So many batches of one record each, not yet said.
    pub fn batches(&mut self, count: usize, bytes: usize) -> Vec<Vec<u8>> {
        for index in 0..count {
            let record = vec![u8::try_from(index % 256).unwrap(); bytes];
            self.primary.node.handle(self.primary.now, Input::Write { data: &record }).expect("writes");
            self.primary.node.handle(self.primary.now, Input::Flush).expect("flushes");
        }
        self.primary_says()
    }
}
