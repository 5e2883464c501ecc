//! Patterns of KEYS, SCAN and CONFIG GET, read as redis reads them.
//!
//! `*` any bytes, `?` any byte, `[ab-d]` one of these, `[^..]` none of these, `\` takes the next byte as it is. A
//! class that does not close ends with the pattern.
//!
//! Bounds: no recursion; at most pattern times text steps, because only the last `*` is ever tried again. A [`Matcher`]
//! does them in parts: it stops when its steps are spent and goes on from there. [`PATTERN_MAX`] bounds one step.

#[cfg(test)]
mod tests;

/// The most bytes of a pattern, which bounds the cost of one step.
pub(super) const PATTERN_MAX: usize = 64 << 10;

/// Returns whether all of `text` fits all of `pattern`. `fold` ignores case.
pub(super) fn matches(pattern: &[u8], text: &[u8], fold: bool) -> bool {
    Matcher::default().go_on(pattern, text, fold, &mut { u64::MAX }).unwrap_or(false)
}

/// A match under way: how far pattern and text fit.
#[derive(Debug, Clone, Default)]
pub(super) struct Matcher {
    pattern_at: usize,
    text_at: usize,
    /// The place to go on if the rest does not fit: the pattern behind the last star, and one byte further in the text.
    star: Option<(usize, usize)>,
}

impl Matcher {
    /// Goes on with the same pattern and text as before. Returns `None` when `steps` are spent before it is decided.
    pub(super) fn go_on(&mut self, pattern: &[u8], text: &[u8], fold: bool, steps: &mut u64) -> Option<bool> {
        loop {
            if *steps == 0 {
                return None;
            }
            *steps -= 1;
            let (p, t) = (self.pattern_at, self.text_at);
            if pattern.get(p) == Some(&b'*') {
                self.pattern_at += 1;
                self.star = Some((p + 1, t));
                continue;
            }
            let (stepped, cost) = match (pattern.get(p), text.get(t)) {
                (None, None) => return Some(true),
                (Some(_), Some(&byte)) => step(&pattern[p..], byte, fold),
                (None, Some(_)) | (Some(_), None) => (None, 0),
            };
            *steps = steps.saturating_sub(cost as u64);
            match (stepped, self.star) {
                (Some(used), _) => {
                    self.pattern_at += used;
                    self.text_at += 1;
                }
                (None, Some((behind, from))) if from < text.len() => {
                    (self.pattern_at, self.text_at) = (behind, from + 1);
                    self.star = Some((behind, from + 1));
                }
                (None, _) => return Some(false),
            }
        }
    }
}

/// Returns how many bytes of the pattern fit this one byte, if they do; and how many had to be read.
fn step(pattern: &[u8], byte: u8, fold: bool) -> (Option<usize>, usize) {
    match pattern {
        [b'?', ..] => (Some(1), 1),
        [b'[', class @ ..] => {
            let (fits, len) = in_class(class, byte, fold);
            (fits.then_some(1 + len), len)
        }
        [b'\\', escaped, ..] => (same(*escaped, byte, fold).then_some(2), 1),
        [plain, ..] => (same(*plain, byte, fold).then_some(1), 1),
        [] => (None, 0),
    }
}

/// Returns whether a byte is in the class that begins here, and how long the class is with its `]`.
fn in_class(class: &[u8], byte: u8, fold: bool) -> (bool, usize) {
    let not = class.first() == Some(&b'^');
    let (mut at, mut fits) = (usize::from(not), false);
    loop {
        match &class[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', escaped, ..] => {
                fits |= *escaped == byte;
                at += 2;
            }
            [from, b'-', to, ..] => {
                let (from, to, byte) = (folded(*from, fold), folded(*to, fold), folded(byte, fold));
                fits |= (from.min(to)..=from.max(to)).contains(&byte);
                at += 3;
            }
            [plain, ..] => {
                fits |= same(*plain, byte, fold);
                at += 1;
            }
        }
    }
    (fits != not, at)
}

fn same(one: u8, other: u8, fold: bool) -> bool {
    folded(one, fold) == folded(other, fold)
}

fn folded(byte: u8, fold: bool) -> u8 {
    if fold { byte.to_ascii_lowercase() } else { byte }
}
