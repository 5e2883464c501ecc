//! SLOWLOG and LATENCY: what took long. Nothing is timed here, so nothing is in them, and they say so.
//!
//! Tools ask for them before they show anything else; the settings that would fill them stand in CONFIG GET as off.

use super::call::{Answer, Call, Fault};
use super::reply;

/// SLOWLOG GET: there is nothing in it.
pub(super) fn slowlog_get(call: &mut Call<'_>) -> Answer {
    if call.len() > 3 {
        return Err(Fault::Arity(call.command.name));
    }
    if call.len() == 3 && call.number(2).map_or(true, |count| count < -1) {
        return Err(Fault::Static("ERR count should be greater than or equal to -1"));
    }
    none(call)
}

/// An empty list.
pub(super) fn none(call: &mut Call<'_>) -> Answer {
    reply::array(call.out, 0);
    Call::done()
}

/// SLOWLOG LEN and LATENCY RESET: none.
pub(super) fn zero(call: &mut Call<'_>) -> Answer {
    call.integer(0)
}

/// SLOWLOG RESET: done.
pub(super) fn reset(call: &mut Call<'_>) -> Answer {
    call.ok()
}

/// LATENCY HISTOGRAM: of no command.
pub(super) fn histogram(call: &mut Call<'_>) -> Answer {
    reply::map(call.out, call.client.resp, 0);
    Call::done()
}

/// LATENCY GRAPH: of no event.
pub(super) fn graph(call: &mut Call<'_>) -> Answer {
    let event = String::from_utf8_lossy(call.arg(2)).into_owned();
    Err(Fault::Text(format!("ERR No samples available for event '{event}'")))
}

/// LATENCY DOCTOR.
pub(super) fn doctor(call: &mut Call<'_>) -> Answer {
    let text = "Latency is not measured here: no event is recorded, whatever the threshold. The metrics page and INFO \
                show how long writes were held, and replicas their lag.\n";
    reply::text(call.out, call.client.resp, text);
    Call::done()
}
