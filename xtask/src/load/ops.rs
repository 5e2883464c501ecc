//! The commands of a run: number `n` is the same `SET` every time it is asked for.
//!
//! The first `keys` numbers write every key once, in order; all later ones overwrite a key drawn from the seed. Values
//! are random letters `A` to `P`: four random bits each, and readable in `redis-cli`.

/// Key names carry ten digits.
pub(super) const KEYS_MAX: u64 = 10_000_000_000;

/// The low four bits of each byte: a random letter, counted from `A`.
const NIBBLES: u64 = 0x0f0f_0f0f_0f0f_0f0f;
const LETTER_A: u64 = 0x4141_4141_4141_4141;

pub(super) struct Ops {
    pub(super) keys: u64,
    seed: u64,
    /// A whole command, with blanks for its key's digits and its value.
    template: Vec<u8>,
    digits_at: usize,
    value_at: usize,
}

impl Ops {
    pub(super) fn new(keys: u64, value_bytes: u32, seed: u64) -> Self {
        let mut template = b"*3\r\n$3\r\nSET\r\n$14\r\nkey:".to_vec();
        let digits_at = template.len();
        template.extend_from_slice(format!("0000000000\r\n${value_bytes}\r\n").as_bytes());
        let value_at = template.len();
        template.extend(std::iter::repeat_n(b'A', value_bytes as usize));
        template.extend_from_slice(b"\r\n");
        Self { keys, seed, template, digits_at, value_at }
    }

    /// Returns the length of every command: they differ in content only.
    pub(super) fn command_bytes(&self) -> usize {
        self.template.len()
    }

    /// Returns the key that command `n` writes.
    pub(super) fn key(&self, n: u64) -> u64 {
        if n < self.keys { n } else { Rng::new(self.seed ^ 1, n).draw() % self.keys }
    }

    /// Appends command `n`.
    pub(super) fn write(&self, n: u64, out: &mut Vec<u8>) {
        let from = out.len();
        out.extend_from_slice(&self.template);
        let command = &mut out[from..];
        let mut rest = self.key(n);
        for digit in command[self.digits_at..self.digits_at + 10].iter_mut().rev() {
            *digit = b"0123456789"[(rest % 10) as usize];
            rest /= 10;
        }
        let mut rng = Rng::new(self.seed, n);
        let end = command.len() - 2;
        for chunk in command[self.value_at..end].chunks_mut(8) {
            let letters = ((rng.draw() & NIBBLES) + LETTER_A).to_le_bytes();
            chunk.copy_from_slice(&letters[..chunk.len()]);
        }
    }
}

/// SplitMix64: a few instructions a number, and random enough for values.
struct Rng(u64);

impl Rng {
    /// Makes a stream for `n` alone: the first state is mixed, so that neighbours share nothing.
    fn new(seed: u64, n: u64) -> Self {
        Self(Self(seed.rotate_left(32) ^ n.wrapping_mul(0xd134_2543_de82_ef95)).draw())
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
