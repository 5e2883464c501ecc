//! Whole families of redis that do not exist here, and the questions about them that have a true answer: there are no
//! scripts, functions or modules, one user, no cluster.
//!
//! EVAL, EVALSHA and FCALL are unknown commands: nothing could run a script.

use super::call::{Answer, Call, CommandError};
use super::reply;

/// Runs FUNCTION FLUSH and SCRIPT FLUSH: there is nothing to flush.
pub(super) fn flush(call: &mut Call<'_>) -> Answer {
    let how = call.arg(2);
    let known = how.eq_ignore_ascii_case(b"async") || how.eq_ignore_ascii_case(b"sync");
    if call.len() > 3 || (call.len() == 3 && !known) {
        let name = call.command.name.replace('|', " ").to_ascii_uppercase();
        return Err(CommandError::Text(format!("ERR {name} only supports SYNC|ASYNC option")));
    }
    call.ok()
}

/// Runs FUNCTION LIST and MODULE LIST: there are none.
pub(super) fn none(call: &mut Call<'_>) -> Answer {
    reply::array(call.out, 0);
    Call::done()
}

/// Runs SCRIPT EXISTS: none of them exists.
pub(super) fn script_exists(call: &mut Call<'_>) -> Answer {
    reply::array(call.out, call.len() - 2);
    for _ in 2..call.len() {
        reply::integer(call.out, 0);
    }
    Call::done()
}

/// Runs SCRIPT KILL and FUNCTION KILL: nothing runs.
pub(super) fn kill(_: &mut Call<'_>) -> Answer {
    Err(CommandError::Static("NOTBUSY No scripts in execution right now."))
}

/// Refuses SAVE and BGSAVE.
pub(super) fn save(_: &mut Call<'_>) -> Answer {
    Err(CommandError::Static(
        "ERR nothing is saved by command: the disk store keeps what is written by itself, soon after",
    ))
}

/// Runs ACL WHOAMI: the one user.
pub(super) fn whoami(call: &mut Call<'_>) -> Answer {
    call.bulk(b"default")
}

/// Runs ACL USERS: the one user.
pub(super) fn users(call: &mut Call<'_>) -> Answer {
    reply::array(call.out, 1);
    call.bulk(b"default")
}

/// Refuses every CLUSTER command.
pub(super) fn cluster(_: &mut Call<'_>) -> Answer {
    Err(CommandError::Static("ERR This instance has cluster support disabled"))
}
