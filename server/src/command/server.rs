//! The connection and the server: PING, HELLO, AUTH, TIME, QUIT, SHUTDOWN.

use super::REDIS_VERSION;
use super::backend::Outcome;
use super::call::{Answer, Call, CommandError};
use super::client::{Client, client_name};
use super::reply::{self, Resp};

/// The error for every other user or password.
const WRONG_PASSWORD: CommandError =
    CommandError::Static("WRONGPASS invalid username-password pair or user is disabled.");

/// Runs PING.
pub(super) fn ping(call: &mut Call<'_>) -> Answer {
    match call.len() {
        1 => reply::simple(call.out, "PONG"),
        2 => reply::bulk(call.out, call.arg(1)),
        _ => return Err(CommandError::Arity(call.command.name)),
    }
    Call::done()
}

/// Runs ECHO.
pub(super) fn echo(call: &mut Call<'_>) -> Answer {
    call.bulk(call.arg(1))
}

/// Runs HELLO.
pub(super) fn hello(call: &mut Call<'_>) -> Answer {
    let mut version = call.client.resp;
    if call.len() > 1 {
        version = match call.number(1) {
            Ok(2) => Resp::V2,
            Ok(3) => Resp::V3,
            Ok(_) => return Err(CommandError::Static("NOPROTO unsupported protocol version")),
            Err(_) => {
                return Err(CommandError::Static("ERR Protocol version is not an integer or out of range"));
            }
        };
    }
    let mut name = None;
    let mut at = 2;
    while at < call.len() {
        let (option, left) = (call.arg(at), call.len() - at - 1);
        if option.eq_ignore_ascii_case(b"auth") && left >= 2 {
            check_user(call.arg(at + 1))?;
            at += 3;
        } else if option.eq_ignore_ascii_case(b"setname") && left >= 1 {
            name = Some(client_name(call.arg(at + 1))?);
            at += 2;
        } else {
            let option = String::from_utf8_lossy(option);
            return Err(CommandError::Text(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    call.client.resp = version;
    if let Some(name) = name {
        call.client.name = name;
    }
    greet(call);
    Call::done()
}

fn greet(call: &mut Call<'_>) {
    let role = if call.backend.follows() { "replica" } else { "master" };
    let (version, id) = (call.client.resp, call.client.id);
    let out = &mut *call.out;
    reply::map(out, version, 7);
    for (name, value) in [("server", "towline"), ("version", REDIS_VERSION)] {
        reply::bulk(out, name.as_bytes());
        reply::bulk(out, value.as_bytes());
    }
    reply::bulk(out, b"proto");
    reply::integer(out, if version == Resp::V3 { 3 } else { 2 });
    reply::bulk(out, b"id");
    reply::integer(out, id);
    for (name, value) in [("mode", "standalone"), ("role", role)] {
        reply::bulk(out, name.as_bytes());
        reply::bulk(out, value.as_bytes());
    }
    reply::bulk(out, b"modules");
    reply::array(out, 0);
}

/// Runs AUTH: there is no password, and one user.
pub(super) fn auth(call: &mut Call<'_>) -> Answer {
    match call.len() {
        2 => Err(CommandError::Static(
            "ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        )),
        3 => {
            check_user(call.arg(1))?;
            call.ok()
        }
        _ => Err(CommandError::Syntax),
    }
}

/// Checks a user's name. The default user needs no password, so any will do.
fn check_user(user: &[u8]) -> Result<(), CommandError> {
    if user == b"default" { Ok(()) } else { Err(WRONG_PASSWORD) }
}

/// Runs SELECT: there is one database.
pub(super) fn select(call: &mut Call<'_>) -> Answer {
    if call.number(1)? != 0 {
        return Err(CommandError::Static("ERR DB index is out of range"));
    }
    call.ok()
}

/// Runs TIME: the time of this turn, in microseconds.
pub(super) fn time(call: &mut Call<'_>) -> Answer {
    let now_us = call.backend.now_us();
    reply::array(call.out, 2);
    for part in [now_us / 1_000_000, now_us % 1_000_000] {
        reply::bulk(call.out, towline_kv::Decimal::of_u64(part).as_bytes());
    }
    Call::done()
}

/// Runs RESET: the connection is as new.
pub(super) fn reset(call: &mut Call<'_>) -> Answer {
    let Client { name, resp, no_evict, no_touch, .. } = &mut *call.client;
    name.clear();
    *resp = Resp::V2;
    *call.tx = None;
    (*no_evict, *no_touch) = (false, false);
    reply::simple(call.out, "RESET");
    Call::done()
}

/// Runs QUIT.
pub(super) fn quit(call: &mut Call<'_>) -> Answer {
    reply::ok(call.out);
    Ok(Outcome::Close)
}

/// Runs SHUTDOWN. The client does not decide what is saved: its options are accepted and ignored.
pub(super) fn shutdown(call: &mut Call<'_>) -> Answer {
    for option in call.args.iter().skip(1) {
        match option.to_ascii_lowercase().as_slice() {
            b"save" | b"nosave" | b"now" | b"force" => {}
            b"abort" if call.len() == 2 => return Err(CommandError::Static("ERR No shutdown in progress.")),
            _ => return Err(CommandError::Syntax),
        }
    }
    Ok(Outcome::Shutdown)
}
