//! COMMAND and HELP: the table of commands, told in redis's shapes.
//!
//! redis-cli asks COMMAND DOCS when it starts and shows what it is told as hints, so each word of a command's syntax
//! is one argument there: in brackets it is optional, with dots behind it may be repeated.

use super::call::{Answer, Call, run_sub};
use super::reply::{self, Resp};
use super::table::{COMMANDS, Command, Flags, find};

/// COMMAND, alone or with a subcommand.
pub(super) fn command(call: &mut Call<'_>) -> Answer {
    if call.len() > 1 {
        return run_sub(call);
    }
    reply::array(call.out, COMMANDS.len());
    for command in COMMANDS {
        describe(call.out, call.client.resp, command);
    }
    Call::done()
}

/// COMMAND COUNT.
pub(super) fn count(call: &mut Call<'_>) -> Answer {
    call.integer(COMMANDS.len())
}

/// COMMAND DOCS, of the named commands or of all.
pub(super) fn docs(call: &mut Call<'_>) -> Answer {
    let version = call.client.resp;
    let named: Vec<&Command> = if call.len() == 2 {
        COMMANDS.iter().collect()
    } else {
        call.args.iter().skip(2).filter_map(find).collect()
    };
    reply::map(call.out, version, named.len());
    for command in named {
        reply::bulk(call.out, command.name.as_bytes());
        document(call.out, version, command);
    }
    Call::done()
}

/// The ten things COMMAND says of each.
fn describe(out: &mut Vec<u8>, version: Resp, command: &Command) {
    reply::array(out, 10);
    reply::bulk(out, command.name.as_bytes());
    reply::integer(out, command.arity);
    let flags: Vec<&str> = command.flags.names().collect();
    reply::set(out, version, flags.len());
    for flag in flags {
        reply::simple(out, flag);
    }
    let (first, last, step) = command.keys;
    for place in [first, last, step] {
        reply::integer(out, place);
    }
    let categories: &[&str] = if command.flags.has(Flags::WRITE) {
        &["@write"]
    } else if command.flags.has(Flags::READ) {
        &["@read"]
    } else {
        &[]
    };
    reply::set(out, version, categories.len());
    for category in categories {
        reply::simple(out, category);
    }
    // Tips, key specifications, subcommands.
    reply::array(out, 0);
    reply::array(out, 0);
    reply::array(out, command.subs.len());
    for sub in command.subs {
        describe(out, version, sub);
    }
}

fn document(out: &mut Vec<u8>, version: Resp, command: &Command) {
    let words = words(command.syntax);
    let parts = 3 + usize::from(!words.is_empty()) + usize::from(!command.subs.is_empty());
    reply::map(out, version, parts);
    for (name, value) in [("summary", command.summary), ("since", command.since), ("group", command.group)] {
        reply::bulk(out, name.as_bytes());
        reply::bulk(out, value.as_bytes());
    }
    if !words.is_empty() {
        reply::bulk(out, b"arguments");
        reply::array(out, words.len());
        for word in words {
            argument(out, version, word);
        }
    }
    if !command.subs.is_empty() {
        reply::bulk(out, b"subcommands");
        reply::map(out, version, command.subs.len());
        for sub in command.subs {
            reply::bulk(out, sub.name.as_bytes());
            document(out, version, sub);
        }
    }
}

/// `word`, `[word]`, `word...`, `[word...]`: the words of a syntax, brackets kept together.
fn words(syntax: &str) -> Vec<&str> {
    let (mut words, mut depth, mut begin) = (Vec::new(), 0_u32, 0);
    for (at, byte) in syntax.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 => {
                words.push(&syntax[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    words.push(&syntax[begin..]);
    words.retain(|word| !word.is_empty());
    words
}

fn argument(out: &mut Vec<u8>, version: Resp, word: &str) {
    let inner = word.strip_prefix('[').and_then(|word| word.strip_suffix(']'));
    let name = inner.unwrap_or(word);
    let (name, multiple) = match name.strip_suffix("...") {
        Some(name) => (name.trim_end(), true),
        None => (name, false),
    };
    let flags: Vec<&str> = [(inner.is_some(), "optional"), (multiple, "multiple")]
        .into_iter()
        .filter(|f| f.0)
        .map(|f| f.1)
        .collect();
    let kind = if name == "key" { "key" } else { "string" };
    reply::map(out, version, 2 + usize::from(!flags.is_empty()));
    for (field, value) in [("name", name), ("type", kind)] {
        reply::bulk(out, field.as_bytes());
        reply::bulk(out, value.as_bytes());
    }
    if !flags.is_empty() {
        reply::bulk(out, b"flags");
        reply::set(out, version, flags.len());
        for flag in flags {
            reply::simple(out, flag);
        }
    }
}

/// HELP of a command that has subcommands.
pub(super) fn help(call: &mut Call<'_>) -> Answer {
    let name = call.command.name.to_ascii_uppercase();
    let mut lines = vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for sub in call.command.subs {
        lines.push(format!("{} {}", sub.short_name().to_ascii_uppercase(), sub.syntax).trim_end().to_owned());
        lines.push(format!("    {}.", sub.summary));
    }
    lines.push("HELP".to_owned());
    lines.push("    Prints this help.".to_owned());
    reply::array(call.out, lines.len());
    for line in lines {
        reply::simple(call.out, &line);
    }
    Call::done()
}
