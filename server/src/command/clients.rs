//! The CLIENT commands that act on connections: KILL, UNBLOCK, PAUSE, UNPAUSE, REPLY, NO-EVICT, NO-TOUCH.
//!
//! A killed client gets no further reply. A pause holds commands, it does not refuse them: they run when the pause is
//! over, and no key expires meanwhile.

use std::time::Duration;

use towline_kv::parse_i64;

use super::backend::Outcome;
use super::call::{Answer, Call, CommandError};
use super::client::{Client, Replies, on_or_off};
use super::reply;

/// The longest pause: a year, in place of any longer one, so that no clock overflows.
const PAUSE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// The filters of CLIENT KILL: it ends the clients that fit all of them.
#[derive(Default)]
struct Wanted<'a> {
    id: Option<u64>,
    addr: Option<&'a [u8]>,
    local_addr: Option<&'a [u8]>,
    /// Set if no client can fit: another type or user.
    nobody: bool,
    age_s: Option<u64>,
    /// Set if the client that asks is left out.
    skip_me: bool,
}

impl Wanted<'_> {
    fn fits(&self, client: &Client, now_ms: u64) -> bool {
        let age_s = now_ms.saturating_sub(client.connected_ms) / 1000;
        !self.nobody
            && self.id.is_none_or(|id| id == client.id)
            && self.addr.is_none_or(|addr| addr == client.addr.as_bytes())
            && self.local_addr.is_none_or(|addr| addr == client.local_addr.as_bytes())
            && self.age_s.is_none_or(|least| age_s >= least)
    }
}

/// Runs CLIENT KILL, in its old form (an address) and its new one (filters).
pub(super) fn kill(call: &mut Call<'_>) -> Answer {
    let old_form = call.len() == 3;
    let wanted =
        if old_form { Wanted { addr: Some(call.arg(2)), ..Wanted::default() } } else { wanted(call)? };
    let now_ms = call.now_ms;
    let own = !wanted.skip_me && wanted.fits(call.client, now_ms);
    let others = call.backend.kill_clients(&mut |client| wanted.fits(client, now_ms));
    if old_form {
        if others == 0 && !own {
            return Err(CommandError::Static("ERR No such client"));
        }
        reply::ok(call.out);
    } else {
        reply::integer(call.out, others + u64::from(own));
    }
    Ok(if own { Outcome::Close } else { Outcome::Done })
}

fn wanted<'a>(call: &Call<'a>) -> Result<Wanted<'a>, CommandError> {
    let mut wanted = Wanted { skip_me: true, ..Wanted::default() };
    if !call.len().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    for at in (2..call.len()).step_by(2) {
        let value = call.arg(at + 1);
        let shown = || String::from_utf8_lossy(value);
        match call.arg(at).to_ascii_lowercase().as_slice() {
            b"id" => {
                let id = parse_i64(value).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
                wanted.id = Some(id.ok_or(CommandError::Static("ERR client-id should be greater than 0"))?);
            }
            b"addr" => wanted.addr = Some(value),
            b"laddr" => wanted.local_addr = Some(value),
            b"maxage" => {
                let age = parse_i64(value).and_then(|age| u64::try_from(age).ok()).filter(|age| *age > 0);
                let wrong = CommandError::Static("ERR maxage is not an integer or out of range");
                wanted.age_s = Some(age.ok_or(wrong)?);
            }
            b"type" => match value.to_ascii_lowercase().as_slice() {
                b"normal" => {}
                // Replicas do not connect here, and there is no pub/sub.
                b"master" | b"replica" | b"slave" | b"pubsub" => wanted.nobody = true,
                _ => return Err(CommandError::Text(format!("ERR Unknown client type '{}'", shown()))),
            },
            b"user" if value != b"default" => {
                return Err(CommandError::Text(format!("ERR No such user '{}'", shown())));
            }
            b"user" => {}
            b"skipme" => match value.to_ascii_lowercase().as_slice() {
                b"yes" => wanted.skip_me = true,
                b"no" => wanted.skip_me = false,
                _ => return Err(CommandError::Syntax),
            },
            _ => return Err(CommandError::Syntax),
        }
    }
    Ok(wanted)
}

/// Runs CLIENT UNBLOCK.
pub(super) fn unblock(call: &mut Call<'_>) -> Answer {
    if call.len() > 4 {
        return Err(CommandError::Syntax);
    }
    let with_error = match call.arg(3).to_ascii_lowercase().as_slice() {
        b"timeout" => false,
        b"" if call.len() == 3 => false,
        b"error" => true,
        _ => return Err(CommandError::Static("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    // No client has a number below zero.
    let id = u64::try_from(call.number(2)?);
    let ended = id.is_ok_and(|id| call.backend.unblock_client(id, with_error));
    call.integer(i64::from(ended))
}

/// Runs CLIENT PAUSE.
pub(super) fn pause(call: &mut Call<'_>) -> Answer {
    let ms = parse_i64(call.arg(2))
        .ok_or(CommandError::Static("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| CommandError::Static("ERR timeout is negative"))?;
    let all = match call.arg(3).to_ascii_lowercase().as_slice() {
        b"all" => true,
        b"" if call.len() == 3 => true,
        b"write" => false,
        _ => return Err(CommandError::Static("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    call.backend.pause(Duration::from_millis(ms).min(PAUSE_MAX), all);
    call.ok()
}

/// Runs CLIENT UNPAUSE.
pub(super) fn unpause(call: &mut Call<'_>) -> Answer {
    call.backend.unpause();
    call.ok()
}

/// Runs CLIENT REPLY.
pub(super) fn reply(call: &mut Call<'_>) -> Answer {
    match call.arg(2).to_ascii_lowercase().as_slice() {
        b"on" => {
            call.client.replies = Replies::On;
            return call.ok();
        }
        b"off" => call.client.replies = Replies::Off,
        b"skip" if call.client.replies == Replies::On => call.client.replies = Replies::SkipNext,
        b"skip" => {}
        _ => return Err(CommandError::Syntax),
    }
    Call::done()
}

/// Runs CLIENT NO-EVICT.
pub(super) fn no_evict(call: &mut Call<'_>) -> Answer {
    call.client.no_evict = on_or_off(call.arg(2))?;
    call.ok()
}

/// Runs CLIENT NO-TOUCH: nothing here counts how often a key is read.
pub(super) fn no_touch(call: &mut Call<'_>) -> Answer {
    call.client.no_touch = on_or_off(call.arg(2))?;
    call.ok()
}
