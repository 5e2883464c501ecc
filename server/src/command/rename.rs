//! Values that move from one key to another: RENAME, RENAMENX, COPY; and from one database to another, which is
//! refused.
//!
//! There is one database, number 0: other numbers are out of range, with redis's text.

use towline_kv::Effect;

use super::call::{Answer, Call, CommandError};

const NO_DATABASE: CommandError = CommandError::Static("ERR DB index is out of range");
const SAME: CommandError = CommandError::Static("ERR source and destination objects are the same");

/// Runs RENAME.
pub(super) fn rename(call: &mut Call<'_>) -> Answer {
    go(call, false)?;
    call.ok()
}

/// Runs RENAMENX.
pub(super) fn renamenx(call: &mut Call<'_>) -> Answer {
    let gone = go(call, true)?;
    call.integer(i64::from(gone))
}

/// Moves a value to its new key, with `nx` only if nothing lives there. Returns whether it did.
fn go(call: &mut Call<'_>, nx: bool) -> Result<bool, CommandError> {
    let (from, to) = (call.arg(1), call.arg(2));
    let found = call.look(from).ok_or(CommandError::Static("ERR no such key"))?;
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

/// Runs COPY.
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
            return Err(CommandError::Syntax);
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

/// Refuses MOVE: there is no other database.
pub(super) fn to_database(call: &mut Call<'_>) -> Answer {
    Err(if call.number(2)? == 0 { SAME } else { NO_DATABASE })
}

/// Runs SWAPDB: 0 can be swapped with itself alone.
pub(super) fn swapdb(call: &mut Call<'_>) -> Answer {
    let first = call.number(1).map_err(|_| CommandError::Static("ERR invalid first DB index"))?;
    let second = call.number(2).map_err(|_| CommandError::Static("ERR invalid second DB index"))?;
    if (first, second) != (0, 0) {
        return Err(NO_DATABASE);
    }
    call.ok()
}
