//! Strings: setting, reading and counting values.
//!
//! Each write is decided here and becomes effects: `SET` with a time is `SET` and `PEXPIREAT`, `SET .. KEEPTTL` on a
//! key that expires is the same with the old time, `GETDEL` is `DEL`, all counting is `INCRBY`.

use towline_kv::{Effect, ExpiryMs, incr};

use super::call::{Answer, Call, CommandError};
use super::expiry::{Base, Unit, expiry};
use super::reply;
use crate::store::Found;

/// Digits of the longest counter.
const COUNTER_MAX: usize = 20;

/// Runs GET.
pub(super) fn get(call: &mut Call<'_>) -> Answer {
    let found = call.look(call.arg(1));
    call.value(found.as_ref())
}

/// The options of SET beyond key and value.
#[derive(Default)]
struct SetOptions {
    nx: bool,
    xx: bool,
    get: bool,
    keep: bool,
    expiry: Option<ExpiryMs>,
}

/// Runs SET.
pub(super) fn set(call: &mut Call<'_>) -> Answer {
    let (key, value) = (call.arg(1), call.arg(2));
    if call.len() == 3 {
        put(call, key, value, None)?;
        return call.ok();
    }
    let options = set_options(call)?;
    let looks = options.nx || options.xx || options.get || options.keep;
    let old = if looks { call.look(key) } else { None };
    let refused = if old.is_some() { options.nx } else { options.xx };
    if refused {
        call.commit()?;
    } else {
        let kept = if options.keep { old.as_ref().and_then(|old| old.expiry) } else { None };
        put(call, key, value, options.expiry.or(kept))?;
    }
    match (options.get, refused) {
        (true, _) => call.value(old.as_ref()),
        (false, true) => call.null(),
        (false, false) => call.ok(),
    }
}

fn set_options(call: &Call<'_>) -> Result<SetOptions, CommandError> {
    let mut options = SetOptions::default();
    let mut time: Option<(usize, Unit, Base)> = None;
    let mut at = 3;
    while at < call.len() {
        let mut word = [0; 7];
        let option = upper(call.arg(at), &mut word);
        // A second time of the same kind replaces the first, as in redis.
        let free = |unit, base| !options.keep && time.is_none_or(|(_, u, b)| (u, b) == (unit, base));
        let unit = match option {
            b"NX" if !options.xx => {
                options.nx = true;
                None
            }
            b"XX" if !options.nx => {
                options.xx = true;
                None
            }
            b"GET" => {
                options.get = true;
                None
            }
            b"KEEPTTL" if time.is_none() => {
                options.keep = true;
                None
            }
            b"EX" if free(Unit::Seconds, Base::Now) => Some((Unit::Seconds, Base::Now)),
            b"PX" if free(Unit::Millis, Base::Now) => Some((Unit::Millis, Base::Now)),
            b"EXAT" if free(Unit::Seconds, Base::Epoch) => Some((Unit::Seconds, Base::Epoch)),
            b"PXAT" if free(Unit::Millis, Base::Epoch) => Some((Unit::Millis, Base::Epoch)),
            _ => return Err(CommandError::Syntax),
        };
        if let Some((unit, base)) = unit {
            at += 1;
            if at >= call.len() {
                return Err(CommandError::Syntax);
            }
            time = Some((at, unit, base));
        }
        at += 1;
    }
    // A wrong option is reported before a wrong time.
    if let Some((at, unit, base)) = time {
        options.expiry = Some(expiry(call, at, unit, base)?);
    }
    Ok(options)
}

/// Returns a short word in upper case; a long one is no option.
fn upper<'w, const N: usize>(word: &[u8], room: &'w mut [u8; N]) -> &'w [u8] {
    let Some(room) = room.get_mut(..word.len()) else { return b"" };
    room.copy_from_slice(word);
    room.make_ascii_uppercase();
    room
}

/// Writes a value and its time as one record.
#[inline]
fn put(call: &mut Call<'_>, key: &[u8], value: &[u8], expiry: Option<ExpiryMs>) -> Result<(), CommandError> {
    call.fits(key, value.len())?;
    call.push_entry(key, value, expiry);
    call.commit()
}

/// Runs SETEX.
pub(super) fn setex(call: &mut Call<'_>) -> Answer {
    set_for(call, Unit::Seconds)
}

/// Runs PSETEX.
pub(super) fn psetex(call: &mut Call<'_>) -> Answer {
    set_for(call, Unit::Millis)
}

fn set_for(call: &mut Call<'_>, unit: Unit) -> Answer {
    let at = expiry(call, 2, unit, Base::Now)?;
    put(call, call.arg(1), call.arg(3), Some(at))?;
    call.ok()
}

/// Runs SETNX.
pub(super) fn setnx(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    if call.lives(key) {
        return call.integer(0);
    }
    put(call, key, call.arg(2), None)?;
    call.integer(1)
}

/// Runs GETSET.
pub(super) fn getset(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let old = call.look(key);
    put(call, key, call.arg(2), None)?;
    call.value(old.as_ref())
}

/// Runs GETDEL.
pub(super) fn getdel(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let old = call.look(key);
    if old.is_some() {
        call.push(&Effect::Del { key });
    }
    call.commit()?;
    call.value(old.as_ref())
}

/// Runs GETEX: a read that may change a key's expiry.
pub(super) fn getex(call: &mut Call<'_>) -> Answer {
    let (key, change) = (call.arg(1), ends(call)?);
    let Some(old) = call.look(key) else {
        call.commit()?;
        return call.null();
    };
    match change {
        Ends::Kept => {}
        Ends::Never if old.expiry.is_some() => call.push(&Effect::Persist { key }),
        Ends::Never => {}
        Ends::At(at, unit, base) => {
            let at = expiry(call, at, unit, base)?;
            if at.get() <= call.now_ms {
                call.push(&Effect::Del { key });
            } else if old.expiry != Some(at) {
                call.push(&Effect::PExpireAt { key, at });
            }
        }
    }
    call.commit()?;
    call.value(Some(&old))
}

/// The change that GETEX makes to a key's expiry.
enum Ends {
    Kept,
    Never,
    /// At the time of this argument, with its unit and beginning.
    At(usize, Unit, Base),
}

fn ends(call: &Call<'_>) -> Result<Ends, CommandError> {
    let (mut ends, mut at) = (Ends::Kept, 2);
    while at < call.len() {
        let mut word = [0; 7];
        let free = |unit, base| {
            matches!(ends, Ends::Kept) || matches!(ends, Ends::At(_, u, b) if (u, b) == (unit, base))
        };
        let (unit, base) = match upper(call.arg(at), &mut word) {
            b"PERSIST" if matches!(ends, Ends::Kept | Ends::Never) => {
                ends = Ends::Never;
                at += 1;
                continue;
            }
            b"EX" if free(Unit::Seconds, Base::Now) => (Unit::Seconds, Base::Now),
            b"PX" if free(Unit::Millis, Base::Now) => (Unit::Millis, Base::Now),
            b"EXAT" if free(Unit::Seconds, Base::Epoch) => (Unit::Seconds, Base::Epoch),
            b"PXAT" if free(Unit::Millis, Base::Epoch) => (Unit::Millis, Base::Epoch),
            _ => return Err(CommandError::Syntax),
        };
        if at + 1 >= call.len() {
            return Err(CommandError::Syntax);
        }
        ends = Ends::At(at + 1, unit, base);
        at += 2;
    }
    Ok(ends)
}

/// Runs INCR.
pub(super) fn incr_one(call: &mut Call<'_>) -> Answer {
    count(call, 1)
}

/// Runs DECR.
pub(super) fn decr_one(call: &mut Call<'_>) -> Answer {
    count(call, -1)
}

/// Runs INCRBY.
pub(super) fn incr_by(call: &mut Call<'_>) -> Answer {
    let by = call.number(2)?;
    count(call, by)
}

/// Runs DECRBY.
pub(super) fn decr_by(call: &mut Call<'_>) -> Answer {
    let by = call.number(2)?.checked_neg();
    count(call, by.ok_or(CommandError::Static("ERR decrement would overflow"))?)
}

fn count(call: &mut Call<'_>, by: i64) -> Answer {
    let key = call.arg(1);
    let old = call.look(key);
    let sum = incr(old.as_ref().map(|old| &*old.value), by)
        .map_err(|error| CommandError::Text(format!("ERR {error}")))?;
    call.fits(key, COUNTER_MAX)?;
    if by != 0 || old.is_none() {
        call.push(&Effect::IncrBy { key, by });
    }
    call.commit()?;
    call.integer(sum)
}

/// Runs APPEND.
pub(super) fn append(call: &mut Call<'_>) -> Answer {
    let (key, tail) = (call.arg(1), call.arg(2));
    let old = call.look(key);
    let len = old.as_ref().map_or(0, len).saturating_add(tail.len());
    call.may_grow(key, len)?;
    if old.is_none() || !tail.is_empty() {
        call.push(&Effect::Append { key, value: tail });
    }
    call.commit()?;
    call.integer(len)
}

fn len(found: &Found) -> usize {
    found.value.len()
}

/// Runs STRLEN.
pub(super) fn strlen(call: &mut Call<'_>) -> Answer {
    let len = call.look(call.arg(1)).as_ref().map_or(0, len);
    call.integer(len)
}

/// Runs MGET. The lengths are summed before the first value is copied.
pub(super) fn mget(call: &mut Call<'_>) -> Answer {
    let mut bytes = 0_usize;
    for key in call.args.iter().skip(1) {
        bytes = bytes.saturating_add(call.look(key).map_or(5, |found| reply::bulk_len(found.value.len())));
    }
    call.reply_fits(bytes)?;
    // The deletions of expired keys are in the record already.
    call.delete_expired();
    reply::array(call.out, call.len() - 1);
    for key in call.args.iter().skip(1) {
        let found = call.look(key);
        call.value(found.as_ref())?;
    }
    Call::done()
}

/// Runs MSET.
pub(super) fn mset(call: &mut Call<'_>) -> Answer {
    push_pairs(call)?;
    call.commit()?;
    call.ok()
}

/// Runs MSETNX: all or none.
pub(super) fn msetnx(call: &mut Call<'_>) -> Answer {
    let keys = (1..call.len()).step_by(2);
    if !call.len().is_multiple_of(2) && keys.clone().any(|at| call.lives(call.arg(at))) {
        call.commit()?;
        return call.integer(0);
    }
    push_pairs(call)?;
    call.commit()?;
    call.integer(1)
}

fn push_pairs(call: &mut Call<'_>) -> Result<(), CommandError> {
    if call.len().is_multiple_of(2) {
        return Err(CommandError::Arity(call.command.name));
    }
    for at in (1..call.len()).step_by(2) {
        let (key, value) = (call.arg(at), call.arg(at + 1));
        call.fits(key, value.len())?;
        call.push(&Effect::Set { key, value });
    }
    Ok(())
}
