//! A replica that only pretends: it reads frame heads, counts, and acknowledges all it was sent.
//!
//! For tests and benches of the sending side: it costs next to nothing and does nothing a host could be blamed for.

use super::frames::{self, Ack, Hello, u32_at, u64_at};

/// The part of a frame that holds every field of interest.
const KEPT: usize = 96;

/// A pretended replica at the far end of one link.
pub struct Puppet {
    pub hello: Hello,
    pub ack: Ack,
    /// Kinds of the frames that came, counted.
    pub seen: [u64; 11],
    /// The last GOODBYE's fault number.
    pub goodbye: Option<u16>,
    /// A wiretap instead of a replica: it keeps what came, and never answers.
    pub tap: Option<Vec<u8>>,
    /// The newest acknowledgement.
    told: Ack,
    head: [u8; KEPT],
    filled: usize,
    /// Bytes of the frame still to come after what is kept.
    skip: usize,
}

impl Puppet {
    pub fn new(node: u64) -> Self {
        Self {
            hello: Hello::of(node),
            ack: Ack { base: true, ..Ack::default() },
            seen: [0; 11],
            goodbye: None,
            tap: None,
            told: Ack::default(),
            head: [0; KEPT],
            filled: 0,
            skip: 0,
        }
    }

    pub fn tap(node: u64) -> Self {
        Self { tap: Some(Vec::new()), ..Self::new(node) }
    }

    /// HELLO and a JOIN from a cursor (or from nothing), as a bold peer sends them at once.
    pub fn opening(&self, cursor: Option<&[u8]>) -> Vec<u8> {
        [self.hello.frame(frames::HELLO), frames::join(cursor, 0, 0)].concat()
    }

    /// Reads what the sender wrote.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if let Some(tap) = &mut self.tap {
            tap.extend_from_slice(bytes);
        }
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let want = if self.filled < frames::HEAD { frames::HEAD } else { self.kept() };
            let taken = (want - self.filled).min(bytes.len());
            self.head[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled >= frames::HEAD && self.filled == self.kept() {
                self.skip = u32_at(&self.head, 0) as usize - self.filled;
                self.filled = 0;
                self.frame();
            }
        }
    }

    fn kept(&self) -> usize {
        (u32_at(&self.head, 0) as usize).min(KEPT)
    }

    fn frame(&mut self) {
        let head = &self.head;
        let length = u64::from(u32_at(head, 0));
        self.seen[usize::from(head[4])] += 1;
        match head[4] {
            frames::ADMIT => {
                self.ack.admit = u32_at(head, 24);
                if head[28] == 1 || head[28] == 3 {
                    self.ack.received = u64_at(head, 54);
                }
                self.ack.base = head[28] == 1;
            }
            frames::BEAT => self.ack.echo = u64_at(head, 24),
            frames::BATCH => {
                self.ack.received = u64_at(head, 24) + u64::from(u32_at(head, 32));
                self.ack.stream_released += length;
            }
            frames::PIECE => {
                self.ack.pieces_released += length;
                // Installed as soon as it is whole.
                self.ack.base |= head[5] == 1;
            }
            frames::GOODBYE => self.goodbye = Some(frames::u16_at(head, 24)),
            _ => {}
        }
    }

    /// The acknowledgement of all that came, if there is anything new in it.
    pub fn answer(&mut self, buffer: &mut [u8; 77]) -> bool {
        if self.ack.base {
            (self.ack.applied, self.ack.persisted) = (self.ack.received, self.ack.received);
        }
        let news = self.ack != self.told && self.tap.is_none();
        if news {
            self.told = self.ack;
            self.ack.write(buffer);
        }
        news
    }
}
