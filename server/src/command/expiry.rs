//! The expiry of keys: setting it, reading it, and removing it.
//!
//! A record knows moments only, so every length of time is added to the clock here, once. A moment that has passed is a
//! `DEL`.

use towline_kv::{Effect, ExpiryMs};

use super::call::{Answer, Call, CommandError};

/// The unit of a number of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds, of 1000 milliseconds each.
    Seconds,
    /// Milliseconds, as records have them.
    Millis,
}

/// The beginning from which a number of time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// From now on.
    Now,
    /// From 1970 on.
    Epoch,
}

/// Returns the moment that an argument names, which may lie in the past.
fn moment(call: &Call<'_>, number: i64, unit: Unit, base: Base) -> Result<i64, CommandError> {
    let ms = match unit {
        Unit::Seconds => number.checked_mul(1000),
        Unit::Millis => Some(number),
    };
    let at = match base {
        Base::Now => ms.and_then(|ms| ms.checked_add(call.now())),
        Base::Epoch => ms,
    };
    at.ok_or(CommandError::ExpireTime(call.command.name))
}

/// Returns the expiry of a value that is being set: a positive number of time.
pub(super) fn expiry(
    call: &Call<'_>,
    index: usize,
    unit: Unit,
    base: Base,
) -> Result<ExpiryMs, CommandError> {
    let number = call.number(index)?;
    let wrong = CommandError::ExpireTime(call.command.name);
    if number <= 0 {
        return Err(wrong);
    }
    let at = moment(call, number, unit, base)?;
    u64::try_from(at).ok().and_then(ExpiryMs::new).ok_or(wrong)
}

/// Runs EXPIRE.
pub(super) fn expire(call: &mut Call<'_>) -> Answer {
    end_at(call, Unit::Seconds, Base::Now)
}

/// Runs PEXPIRE.
pub(super) fn pexpire(call: &mut Call<'_>) -> Answer {
    end_at(call, Unit::Millis, Base::Now)
}

/// Runs EXPIREAT.
pub(super) fn expireat(call: &mut Call<'_>) -> Answer {
    end_at(call, Unit::Seconds, Base::Epoch)
}

/// Runs PEXPIREAT.
pub(super) fn pexpireat(call: &mut Call<'_>) -> Answer {
    end_at(call, Unit::Millis, Base::Epoch)
}

/// The condition under which a key gets another expiry.
#[derive(Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn of(call: &Call<'_>) -> Result<Self, CommandError> {
        let mut conditions = Self::default();
        for option in call.args.iter().skip(3) {
            let flag = match option.to_ascii_uppercase().as_slice() {
                b"NX" => &mut conditions.nx,
                b"XX" => &mut conditions.xx,
                b"GT" => &mut conditions.gt,
                b"LT" => &mut conditions.lt,
                _ => {
                    let option = String::from_utf8_lossy(option);
                    return Err(CommandError::Text(format!("ERR Unsupported option {option}")));
                }
            };
            *flag = true;
        }
        if conditions.nx && (conditions.xx || conditions.gt || conditions.lt) {
            let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
            return Err(CommandError::Static(text));
        }
        if conditions.gt && conditions.lt {
            return Err(CommandError::Static("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    /// Returns whether the new moment may replace the old; no expiry counts as later than any.
    fn allow(&self, new: i64, old: Option<i64>) -> bool {
        let refused = match old {
            Some(old) => self.nx || (self.gt && new <= old) || (self.lt && new >= old),
            None => self.xx || self.gt,
        };
        !refused
    }
}

fn end_at(call: &mut Call<'_>, unit: Unit, base: Base) -> Answer {
    let conditions = Conditions::of(call)?;
    let number = call.number(2)?;
    let new = moment(call, number, unit, base)?;
    let key = call.arg(1);
    let old = call.look(key);
    let old_ms = old.as_ref().map(|old| old.expiry.map(signed));
    let Some(old_ms) = old_ms.filter(|old_ms| conditions.allow(new, *old_ms)) else {
        call.commit()?;
        return call.integer(0);
    };
    match u64::try_from(new).ok().and_then(ExpiryMs::new) {
        Some(at) if new > call.now() => {
            if old_ms != Some(new) {
                call.push(&Effect::PExpireAt { key, at });
            }
        }
        Some(_) | None => call.push(&Effect::Del { key }),
    }
    call.commit()?;
    call.integer(1)
}

fn signed(at: ExpiryMs) -> i64 {
    i64::try_from(at.get()).unwrap_or(i64::MAX)
}

/// Runs PERSIST.
pub(super) fn persist(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let ends = call.look(key).is_some_and(|found| found.expiry.is_some());
    if ends {
        call.push(&Effect::Persist { key });
    }
    call.commit()?;
    call.integer(i64::from(ends))
}

/// Runs TTL.
pub(super) fn ttl(call: &mut Call<'_>) -> Answer {
    reply_expiry(call, Unit::Seconds, Base::Now)
}

/// Runs PTTL.
pub(super) fn pttl(call: &mut Call<'_>) -> Answer {
    reply_expiry(call, Unit::Millis, Base::Now)
}

/// Runs EXPIRETIME.
pub(super) fn expiretime(call: &mut Call<'_>) -> Answer {
    reply_expiry(call, Unit::Seconds, Base::Epoch)
}

/// Runs PEXPIRETIME.
pub(super) fn pexpiretime(call: &mut Call<'_>) -> Answer {
    reply_expiry(call, Unit::Millis, Base::Epoch)
}

/// Replies with a key's expiry; -1 never, -2 no such key. Seconds are rounded to the nearest.
fn reply_expiry(call: &mut Call<'_>, unit: Unit, base: Base) -> Answer {
    let Some(found) = call.look(call.arg(1)) else { return call.integer(-2) };
    let Some(at) = found.expiry.map(signed) else { return call.integer(-1) };
    let ms = match base {
        Base::Now => (at - call.now()).max(0),
        Base::Epoch => at,
    };
    call.integer(match unit {
        Unit::Seconds => ms.saturating_add(500) / 1000,
        Unit::Millis => ms,
    })
}
