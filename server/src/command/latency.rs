//! SLOWLOG and LATENCY: commands that took long. Nothing is timed here, so both are empty and report that.
//!
//! Tools ask for them before they show anything else; CONFIG GET shows the settings that would fill them as off.

use super::call::{Answer, Call, CommandError};
use super::reply;

/// Runs SLOWLOG GET: it is empty.
pub(super) fn slowlog_get(call: &mut Call<'_>) -> Answer {
    if call.len() > 3 {
        return Err(CommandError::Arity(call.command.name));
    }
    if call.len() == 3 && call.number(2).map_or(true, |count| count < -1) {
        return Err(CommandError::Static("ERR count should be greater than or equal to -1"));
    }
    none(call)
}

/// Replies with an empty list.
pub(super) fn none(call: &mut Call<'_>) -> Answer {
    reply::array(call.out, 0);
    Call::done()
}

/// Runs SLOWLOG LEN and LATENCY RESET: none.
pub(super) fn zero(call: &mut Call<'_>) -> Answer {
    call.integer(0)
}

/// Runs SLOWLOG RESET: there is nothing to delete.
pub(super) fn reset(call: &mut Call<'_>) -> Answer {
    call.ok()
}

/// Runs LATENCY HISTOGRAM: no command has one.
pub(super) fn histogram(call: &mut Call<'_>) -> Answer {
    reply::map(call.out, call.client.resp, 0);
    Call::done()
}

/// Runs LATENCY GRAPH: no event has one.
pub(super) fn graph(call: &mut Call<'_>) -> Answer {
    let event = String::from_utf8_lossy(call.arg(2)).into_owned();
    Err(CommandError::Text(format!("ERR No samples available for event '{event}'")))
}

/// Runs LATENCY DOCTOR.
pub(super) fn doctor(call: &mut Call<'_>) -> Answer {
    let text = "Latency is not measured here: no event is recorded, whatever the threshold. The metrics page and INFO \
                show how long writes were held, and replicas their lag.\n";
    reply::text(call.out, call.client.resp, text);
    Call::done()
}
