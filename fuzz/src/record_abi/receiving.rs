//! The receiving side of a node, twice: the same commands and refusals from `Receiver` and behind its handle.
//!
//! A host that lies to its node (records of any kind are given) has a receiver that no longer knows how the node
//! stands. Both must refuse alike; the host then begins anew with two new ones.

use std::collections::VecDeque;

use towline_core::receiver::{Command, Receiver, ReceiverError, Standing};
use towline_core::*;
use towline_ffi::{
    TOW_DONE_ANSWERED, TOW_DONE_APPLIED, TOW_DONE_INSTALLED, TOW_DONE_LOADED, TOW_DONE_PERSISTED,
    TOW_DONE_REWOUND, TOW_E_FAILED, TOW_E_NOT_ASKED, TOW_E_ORDER, TOW_E_RECORD, TOW_E_UNPOLLED, TOW_OK,
    tow_record, tow_status,
};

use super::Pair;
use crate::c_node::CReceiver;

/// A receiver, twice, and the ends of the batches that wait.
pub(super) struct Receiving {
    rust: Receiver,
    c: CReceiver,
    spool: VecDeque<Offset>,
}

fn status(done: Result<(), ReceiverError>) -> tow_status {
    match done {
        Ok(()) => TOW_OK,
        Err(ReceiverError::Unpolled) => TOW_E_UNPOLLED,
        Err(ReceiverError::OutOfOrder) => TOW_E_ORDER,
        Err(ReceiverError::NotAsked) => TOW_E_NOT_ASKED,
        Err(ReceiverError::Failed) => TOW_E_FAILED,
    }
}

impl Receiving {
    pub(super) fn new() -> Self {
        Self { rust: Receiver::new(false), c: CReceiver::new(), spool: VecDeque::new() }
    }

    fn begin_anew(&mut self) {
        *self = Self::new();
    }

    /// Returns the next command, which is the same row from both.
    fn next(&mut self) -> Option<Command> {
        let (polled, row) = (self.rust.poll(), self.c.poll());
        assert_eq!(polled.as_ref().map(|command| tow_record::from(FlatCommand::from(command))), row);
        if polled.is_some() {
            return polled;
        }
        let (work, row) = (self.rust.work(), self.c.work());
        assert_eq!(work.as_ref().map(|command| tow_record::from(FlatCommand::from(command))), row);
        work
    }

    /// Says a completion to both. Returns whether they took it.
    fn done(&mut self, kind: u32, a: u64, position: Option<Position>) -> bool {
        let [d, e, f] = position.map_or([0; 3], |at| [at.epoch.0, at.boundary.0, at.digest]);
        let completion = FlatCompletion { kind, link: 0, fields: [a, 0, 0, d, e, f, 0] };
        let told = status(completion.complete(&mut self.rust).expect("it is one"));
        assert_eq!(self.c.complete(completion), told, "{completion:?}");
        self.rust.check();
        told == TOW_OK
    }
}

impl Pair {
    /// Shows a step to both receivers of a side, and does what they say.
    pub(super) fn receive(&mut self, side: usize, step: &Step) {
        let both = &mut self.sides[side];
        let told = status(both.receiving.rust.receive(step, Standing::of(&both.rust), true));
        assert_eq!(both.receiving.c.receive(&both.c, FlatStep::from(step)), told, "{step:?}");
        let mut well = told == TOW_OK;
        while well && let Some(command) = self.sides[side].receiving.next() {
            well = self.execute(side, command);
        }
        if !well {
            self.marks.hit("receiver refused");
            self.sides[side].receiving.begin_anew();
        }
    }

    /// Says to both receivers of a side what did not happen.
    pub(super) fn lie(&mut self, side: usize, kind: u8, fields: u8) {
        let value = |bits: u8| [0, 1, 2, u64::MAX][usize::from(bits & 3)];
        let fields = [value(fields), value(fields >> 2), 0, 0, value(fields >> 4), 0, value(fields >> 6)];
        let completion = FlatCompletion { kind: 0x300 + u32::from(kind), link: 0, fields };
        let receiving = &mut self.sides[side].receiving;
        let told = completion.complete(&mut receiving.rust).map_or(TOW_E_RECORD, status);
        assert_eq!(receiving.c.complete(completion), told, "{completion:?}");
        self.marks.hit_if(told != TOW_OK, "receiver refused");
        if told == TOW_OK {
            // It believes that: all it says from here on may be wrong.
            receiving.begin_anew();
        }
    }

    fn execute(&mut self, side: usize, command: Command) -> bool {
        if let Command::Say(input) = command {
            let position = self.say(side, input).and_then(|step| step.position);
            return self.sides[side].receiving.done(TOW_DONE_ANSWERED, position.is_some().into(), position);
        }
        let receiving = &mut self.sides[side].receiving;
        match command {
            Command::Keep(batch) => {
                receiving.spool.push_back(batch.position.boundary);
                self.marks.hit("kept");
                true
            }
            Command::Apply(batch) => self.applied(side, batch.position.boundary),
            Command::ApplySpooled { .. } => {
                let upto = receiving.spool.pop_front().expect("one waits");
                self.applied(side, upto)
            }
            Command::DropSpooled { upto } => {
                receiving.spool.retain(|end| upto.is_some_and(|upto| *end > upto));
                true
            }
            Command::Say(_) | Command::Forked { .. } | Command::Begin { .. } => true,
            Command::Load { piece, .. } => receiving.done(TOW_DONE_LOADED, piece + 1, None),
            Command::Install { .. } => {
                self.marks.hit("installed");
                receiving.done(TOW_DONE_INSTALLED, 0, None)
            }
            Command::Rewind { .. } => receiving.done(TOW_DONE_REWOUND, 0, None),
            Command::LoadTail(_) | Command::LoadTailSpooled { .. } => {
                panic!("{command:?} for a store that cannot")
            }
        }
    }

    fn applied(&mut self, side: usize, Offset(upto): Offset) -> bool {
        self.marks.hit("applied");
        let receiving = &mut self.sides[side].receiving;
        receiving.done(TOW_DONE_APPLIED, upto, None) && receiving.done(TOW_DONE_PERSISTED, upto, None)
    }
}
