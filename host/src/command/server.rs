//! The connection and the server: greetings, the clock, configuration to look at, and goodbye.

use super::backend::Outcome;
use super::call::{Answer, Call, Fault};
use super::client::{Client, client_name};
use super::reply::{self, Resp};
use super::{glob, replication};

/// Answers to every password but the ones below.
const WRONG_PASSWORD: Fault = Fault::Static("WRONGPASS invalid username-password pair or user is disabled.");

/// PING.
pub(super) fn ping(call: &mut Call<'_>) -> Answer {
    match call.len() {
        1 => reply::simple(call.out, "PONG"),
        2 => reply::bulk(call.out, call.arg(1)),
        _ => return Err(Fault::Arity(call.command.name)),
    }
    Call::done()
}

/// ECHO.
pub(super) fn echo(call: &mut Call<'_>) -> Answer {
    call.bulk(call.arg(1))
}

/// HELLO.
pub(super) fn hello(call: &mut Call<'_>) -> Answer {
    let mut version = call.client.resp;
    if call.len() > 1 {
        version = match call.number(1) {
            Ok(2) => Resp::V2,
            Ok(3) => Resp::V3,
            Ok(_) => return Err(Fault::Static("NOPROTO unsupported protocol version")),
            Err(_) => return Err(Fault::Static("ERR Protocol version is not an integer or out of range")),
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
            return Err(Fault::Text(format!("ERR Syntax error in HELLO option '{option}'")));
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
    let role = if replication::is_replica(call.backend) { "replica" } else { "master" };
    let (version, id) = (call.client.resp, call.client.id);
    let out = &mut *call.out;
    reply::map(out, version, 7);
    for (name, value) in [("server", "towline"), ("version", env!("CARGO_PKG_VERSION"))] {
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

/// AUTH: there is no password, and one user.
pub(super) fn auth(call: &mut Call<'_>) -> Answer {
    match call.len() {
        2 => Err(Fault::Static(
            "ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        )),
        3 => {
            check_user(call.arg(1))?;
            call.ok()
        }
        _ => Err(Fault::Syntax),
    }
}

/// The default user needs no password, so any will do.
fn check_user(user: &[u8]) -> Result<(), Fault> {
    if user == b"default" { Ok(()) } else { Err(WRONG_PASSWORD) }
}

/// SELECT: there is one database.
pub(super) fn select(call: &mut Call<'_>) -> Answer {
    if call.number(1)? != 0 {
        return Err(Fault::Static("ERR DB index is out of range"));
    }
    call.ok()
}

/// TIME, of this turn, in milliseconds.
pub(super) fn time(call: &mut Call<'_>) -> Answer {
    reply::array(call.out, 2);
    for part in [call.now_ms / 1000, call.now_ms % 1000 * 1000] {
        reply::bulk(call.out, towline_kv::Decimal::of_u64(part).as_bytes());
    }
    Call::done()
}

/// RESET: as if just connected.
pub(super) fn reset(call: &mut Call<'_>) -> Answer {
    let Client { name, resp, .. } = &mut *call.client;
    name.clear();
    *resp = Resp::V2;
    *call.tx = None;
    reply::simple(call.out, "RESET");
    Call::done()
}

/// QUIT.
pub(super) fn quit(call: &mut Call<'_>) -> Answer {
    reply::ok(call.out);
    Ok(Outcome::Close)
}

/// SHUTDOWN. What to save is not the client's to say: the words are taken and mean nothing.
pub(super) fn shutdown(call: &mut Call<'_>) -> Answer {
    for option in call.args.iter().skip(1) {
        match option.to_ascii_lowercase().as_slice() {
            b"save" | b"nosave" | b"now" | b"force" => {}
            b"abort" if call.len() == 2 => return Err(Fault::Static("ERR No shutdown in progress.")),
            _ => return Err(Fault::Syntax),
        }
    }
    Ok(Outcome::Shutdown)
}

/// CONFIG GET: what clients and tools ask before they begin. Nothing can be set.
pub(super) fn config_get(call: &mut Call<'_>) -> Answer {
    let status = call.backend.status();
    let durable = if status.store == "disk" { "yes" } else { "no" };
    let port = status.client_addr.as_deref().map_or("0".to_owned(), |addr| replication::host_port(addr).1);
    let record_bytes_max = call.backend.record_bytes_max().to_string();
    let backlog = status.backlog_bytes.to_string();
    let all: [(&str, &str); 12] = [
        ("appendfsync", "everysec"),
        ("appendonly", durable),
        ("databases", "1"),
        ("maxmemory", "0"),
        ("maxmemory-policy", "noeviction"),
        ("port", &port),
        ("proto-max-bulk-len", &record_bytes_max),
        ("repl-backlog-size", &backlog),
        ("replica-read-only", "yes"),
        ("save", ""),
        ("slave-read-only", "yes"),
        ("timeout", "0"),
    ];
    let asked = |name: &str| call.args.iter().skip(2).any(|glob| glob::matches(glob, name.as_bytes(), true));
    let found: Vec<_> = all.into_iter().filter(|(name, _)| asked(name)).collect();
    reply::map(call.out, call.client.resp, found.len());
    for (name, value) in found {
        reply::bulk(call.out, name.as_bytes());
        reply::bulk(call.out, value.as_bytes());
    }
    Call::done()
}
