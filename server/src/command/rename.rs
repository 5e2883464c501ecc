//! Values that go from one key to another: RENAME, RENAMENX, COPY; and what would go from one database to another.
//!
//! There is one database, number 0: other numbers are out of range, in redis's words.

use towline_kv::Effect;

use super::call::{Answer, Call, Fault};

const NO_DATABASE: Fault = Fault::Static("ERR DB index is out of range");
const SAME: Fault = Fault::Static("ERR source and destination objects are the same");

/// RENAME.
pub(super) fn rename(call: &mut Call<'_>) -> Answer {
    go(call, false)?;
    call.ok()
}

/// RENAMENX.
pub(super) fn renamenx(call: &mut Call<'_>) -> Answer {
    let gone = go(call, true)?;
    call.integer(i64::from(gone))
}

/// Whether the value went to its new key; `nx`: only if nothing lives there.
fn go(call: &mut Call<'_>, nx: bool) -> Result<bool, Fault> {
    let (from, to) = (call.arg(1), call.arg(2));
    let found = call.look(from).ok_or(Fault::Static("ERR no such key"))?;
    if from == to {
        return Ok(!nx);
    }
    if nx && call.lives(to) {
        call.commit()?;
        return Ok(false);
    }
    call.fits(to, found.value.len())?;
    call.push_entry(to, &found.value, found.expiry);
    call.push(&Effect::Del { key: from });
    call.commit()?;
    Ok(true)
}

/// COPY.
pub(super) fn copy(call: &mut Call<'_>) -> Answer {
    let (from, to) = (call.arg(1), call.arg(2));
    let (mut replace, mut at) = (false, 3);
    while at < call.len() {
        let option = call.arg(at);
        if option.eq_ignore_ascii_case(b"replace") {
            replace = true;
        } else if option.eq_ignore_ascii_case(b"db") && at + 1 < call.len() {
            at += 1;
            if call.number(at)? != 0 {
                return Err(NO_DATABASE);
            }
        } else {
            return Err(Fault::Syntax);
        }
        at += 1;
    }
    if from == to {
        return Err(SAME);
    }
    let found = call.look(from);
    let Some(found) = found.filter(|_| replace || !call.lives(to)) else {
        call.commit()?;
        return call.integer(0);
    };
    call.fits(to, found.value.len())?;
    call.push_entry(to, &found.value, found.expiry);
    call.commit()?;
    call.integer(1)
}

/// MOVE: there is nowhere to move to.
pub(super) fn to_database(call: &mut Call<'_>) -> Answer {
    Err(if call.number(2)? == 0 { SAME } else { NO_DATABASE })
}

/// SWAPDB: 0 with itself is all there is.
pub(super) fn swapdb(call: &mut Call<'_>) -> Answer {
    let first = call.number(1).map_err(|_| Fault::Static("ERR invalid first DB index"))?;
    let second = call.number(2).map_err(|_| Fault::Static("ERR invalid second DB index"))?;
    if (first, second) != (0, 0) {
        return Err(NO_DATABASE);
    }
    call.ok()
}
