//! The log that transcripts are made of: inputs and events in words.

use std::fmt::Write as _;

use super::*;

impl World {
    pub fn note(&mut self, line: &str) {
        if self.logging {
            let _ = writeln!(self.log, "{:>6} ms  {line}", self.now.0 / 1_000_000);
        }
    }

    /// A host's letter; a second process of the same node is dashed.
    pub fn name(&self, host: usize) -> String {
        let id = self.hosts[host].id;
        let twin = self.hosts[..host].iter().any(|other| other.id == id);
        format!("{}{}", words::node_name(id), if twin { "'" } else { "" })
    }

    pub(super) fn note_of(&mut self, host: usize, words: &str) {
        if !self.logging {
            return;
        }
        self.note(&format!("{:<10}{words}", self.name(host)));
    }

    /// The frames a host finished writing, in words.
    pub(super) fn note_frames(&mut self, index: usize, end: usize, bytes: &[u8]) {
        if !self.logging {
            return;
        }
        let tape = &mut self.wires[index].tapes[end];
        tape.extend_from_slice(bytes);
        let (frames, used) = frames::split(tape);
        tape.drain(..used);
        let [from, to] = [end, 1 - end].map(|end| self.name(self.wires[index].ends[end].0));
        for frame in frames {
            self.note(&format!("  {from} -> {to}  {}", words::frame(&frame)));
        }
    }
}
