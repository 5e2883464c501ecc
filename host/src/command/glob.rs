//! Patterns of KEYS, SCAN and CONFIG GET, read as redis reads them.
//!
//! `*` any bytes, `?` any byte, `[ab-d]` one of these, `[^..]` none of these, `\` takes the next byte as it is. A
//! class that does not close ends with the pattern.
//!
//! Bounds: no recursion; at most pattern times text steps, because only the last `*` is ever tried again.

#[cfg(test)]
mod tests;

/// Whether all of `text` fits all of `pattern`. `fold` takes upper and lower case for the same.
pub(super) fn matches(pattern: &[u8], text: &[u8], fold: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last star did not fit: the pattern behind it, and one byte further.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, t));
            continue;
        }
        let stepped = match (pattern.get(p), text.get(t)) {
            (None, None) => return true,
            (Some(_), Some(&byte)) => step(&pattern[p..], byte, fold),
            (None, Some(_)) | (Some(_), None) => None,
        };
        match (stepped, star) {
            (Some(used), _) => {
                p += used;
                t += 1;
            }
            (None, Some((behind, from))) if from < text.len() => {
                p = behind;
                t = from + 1;
                star = Some((behind, t));
            }
            (None, _) => return false,
        }
    }
}

/// How many bytes of the pattern fit this one byte, if they do.
fn step(pattern: &[u8], byte: u8, fold: bool) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (fits, len) = in_class(class, byte, fold);
            fits.then_some(1 + len)
        }
        [b'\\', escaped, ..] => same(*escaped, byte, fold).then_some(2),
        [plain, ..] => same(*plain, byte, fold).then_some(1),
        [] => None,
    }
}

/// Whether a byte is in the class that begins here, and how long the class is with its `]`.
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
