//! LCS: the longest bytes that two values have in common, in order.
//!
//! Bounds: a table of one number for each pair of bytes, at most [`PAIRS_MAX`] of them: some 20 milliseconds, 32 MiB.

use super::call::{Answer, Call, CommandError};
use super::reply;

#[cfg(test)]
mod tests;

/// The most pairs of bytes that are compared.
const PAIRS_MAX: usize = 8 << 20;

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_len: bool,
    len_min: i64,
}

/// Runs LCS.
pub(super) fn lcs(call: &mut Call<'_>) -> Answer {
    let (one, other) = (call.look(call.arg(1)), call.look(call.arg(2)));
    let options = options(call)?;
    let bytes = |found: &Option<crate::store::Found>| found.as_ref().map(|found| found.value.clone());
    let (one, other) = (bytes(&one).unwrap_or_default(), bytes(&other).unwrap_or_default());
    let pairs = (one.len() + 1).saturating_mul(other.len() + 1);
    if pairs > PAIRS_MAX {
        let text = format!("ERR LCS would compare {pairs} pairs of bytes, the limit is {PAIRS_MAX}");
        return Err(CommandError::Text(text));
    }
    call.cost.spend(pairs as u64);
    let table = Table::of(&one, &other);
    let len = table.at(one.len(), other.len());
    if options.idx {
        tell_matches(call, &options, &table.matches(&one, &other), len);
        return Call::done();
    }
    if options.len {
        return call.integer(len);
    }
    let matches = table.matches(&one, &other);
    let common: Vec<u8> =
        matches.iter().rev().flat_map(|part| &one[part.one..part.one + part.len]).copied().collect();
    call.bulk(&common)
}

fn options(call: &Call<'_>) -> Result<Options, CommandError> {
    let (mut options, mut at) = (Options::default(), 3);
    while at < call.len() {
        match call.arg(at).to_ascii_lowercase().as_slice() {
            b"len" => options.len = true,
            b"idx" => options.idx = true,
            b"withmatchlen" => options.with_len = true,
            b"minmatchlen" if at + 1 < call.len() => {
                at += 1;
                options.len_min = call.number(at)?;
            }
            _ => return Err(CommandError::Syntax),
        }
        at += 1;
    }
    if options.len && options.idx {
        let text = "ERR If you want both the length and indexes, please just use IDX.";
        return Err(CommandError::Static(text));
    }
    Ok(options)
}

fn tell_matches(call: &mut Call<'_>, options: &Options, matches: &[Match], len: u32) {
    let shown = |part: &&Match| i64::try_from(part.len).is_ok_and(|len| len >= options.len_min);
    let (out, version) = (&mut *call.out, call.client.resp);
    reply::map(out, version, 2);
    reply::bulk(out, b"matches");
    reply::array(out, matches.iter().filter(shown).count());
    for part in matches.iter().filter(shown) {
        reply::array(out, 2 + usize::from(options.with_len));
        for from in [part.one, part.other] {
            reply::array(out, 2);
            reply::integer(out, from as u64);
            reply::integer(out, (from + part.len - 1) as u64);
        }
        if options.with_len {
            reply::integer(out, part.len as u64);
        }
    }
    reply::bulk(out, b"len");
    reply::integer(out, len);
}

/// A run of bytes that both values have.
#[derive(Debug, PartialEq, Eq)]
struct Match {
    /// Its beginning in the first value.
    one: usize,
    /// Its beginning in the second value.
    other: usize,
    len: usize,
}

/// For each pair of beginnings the length of the common subsequence.
struct Table {
    width: usize,
    lens: Vec<u32>,
}

impl Table {
    fn of(one: &[u8], other: &[u8]) -> Self {
        let width = other.len() + 1;
        let mut lens = vec![0; width * (one.len() + 1)];
        for (row, byte) in one.iter().enumerate() {
            let (before, after) = lens.split_at_mut(width * (row + 1));
            let before = &before[width * row..];
            let mut left = 0;
            for (at, other) in other.iter().enumerate() {
                left = if byte == other { before[at] + 1 } else { before[at + 1].max(left) };
                after[at + 1] = left;
            }
        }
        Self { width, lens }
    }

    fn at(&self, one: usize, other: usize) -> u32 {
        self.lens[one * self.width + other]
    }

    /// Returns the runs, the last first, as redis finds them.
    fn matches(&self, one: &[u8], other: &[u8]) -> Vec<Match> {
        let (mut i, mut j) = (one.len(), other.len());
        let mut matches: Vec<Match> = Vec::new();
        while i > 0 && j > 0 {
            if one[i - 1] == other[j - 1] {
                (i, j) = (i - 1, j - 1);
                match matches.last_mut() {
                    Some(part) if (part.one, part.other) == (i + 1, j + 1) => {
                        (part.one, part.other, part.len) = (i, j, part.len + 1);
                    }
                    Some(_) | None => matches.push(Match { one: i, other: j, len: 1 }),
                }
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        matches
    }
}
