//! COMMAND GETKEYS and GETKEYSANDFLAGS: the arguments of a command that are keys, and their use.

use towline_kv::Args;

use super::call::{Answer, Call, CommandError};
use super::reply;
use super::table::{Command, Flags, find};

/// The index of the asked command's name.
const NAME: usize = 2;

/// Runs COMMAND GETKEYS.
pub(super) fn keys(call: &mut Call<'_>) -> Answer {
    let (_, places) = asked(call)?;
    reply::array(call.out, places.len());
    for place in places {
        reply::bulk(call.out, call.arg(place));
    }
    Call::done()
}

/// Runs COMMAND GETKEYSANDFLAGS.
pub(super) fn keys_and_flags(call: &mut Call<'_>) -> Answer {
    let (command, places) = asked(call)?;
    let gets = call.args.iter().skip(NAME + 3).any(|option| option.eq_ignore_ascii_case(b"get"));
    reply::array(call.out, places.len());
    for (number, place) in places.into_iter().enumerate() {
        reply::array(call.out, 2);
        reply::bulk(call.out, call.arg(place));
        let flags = flags(command, number, gets);
        reply::set(call.out, call.client.resp, flags.len());
        for flag in flags {
            reply::simple(call.out, flag);
        }
    }
    Call::done()
}

/// Returns the command behind the first arguments, and the indexes of its keys.
fn asked(call: &Call<'_>) -> Result<(&'static Command, Vec<usize>), CommandError> {
    let wrong = CommandError::Static("ERR Invalid command specified");
    let command = find(call.arg(NAME)).ok_or(wrong)?;
    let command = match command.subs {
        [] => command,
        _ => command.sub(call.arg(NAME + 1)).unwrap_or(command),
    };
    if command.keys == (0, 0, 0) {
        return Err(CommandError::Static("ERR The command has no key arguments"));
    }
    if !command.takes(call.len() - NAME) {
        return Err(CommandError::Static("ERR Invalid number of arguments specified for command"));
    }
    Ok((command, places(command, call.args)))
}

fn places(command: &Command, args: Args<'_>) -> Vec<usize> {
    let (first, last, step) = command.keys;
    let place = |place: i8| usize::try_from(place).map(|place| NAME + place);
    let last = place(last).unwrap_or_else(|_| args.len() - usize::from(last.unsigned_abs()));
    let step = usize::from(step.unsigned_abs()).max(1);
    let first = place(first).unwrap_or(NAME);
    (first..=last).step_by(step).filter(|place| *place < args.len()).collect()
}

/// Returns redis's flags for the key of this number; `gets`: SET with GET.
fn flags(command: &Command, number: usize, gets: bool) -> &'static [&'static str] {
    match (command.name, number) {
        ("append", _) => &["RW", "insert"],
        ("del" | "unlink", _) => &["RM", "delete"],
        ("getdel", _) | ("rename" | "renamenx", 0) => &["RW", "access", "delete"],
        ("setnx" | "msetnx", _) | ("renamenx", _) => &["OW", "insert"],
        ("set", _) if !gets => &["OW", "update"],
        ("setex" | "psetex" | "mset" | "restore", _) | ("rename" | "copy", 1) | ("bitop", 0) => {
            &["OW", "update"]
        }
        ("setrange" | "expire" | "expireat" | "pexpire" | "pexpireat" | "persist", _) => &["RW", "update"],
        ("copy" | "bitop", _) => &["RO", "access"],
        ("strlen" | "exists" | "touch" | "type" | "watch" | "memory|usage", _) => &["RO"],
        (name, _) if name.starts_with("object|") => &["RO"],
        _ if command.flags.has(Flags::WRITE) => &["RW", "access", "update"],
        _ => &["RO", "access"],
    }
}
