//! COMMAND and HELP: the table of commands in redis's shapes.
//!
//! redis-cli sends COMMAND DOCS when it starts and shows the answer as hints, so each word of a command's syntax is one
//! argument there: in brackets it is optional, with dots behind it may be repeated.

use super::call::{Answer, Call, CommandError, run_sub};
use super::glob;
use super::reply::{self, Resp};
use super::table::{COMMANDS, Command, Flags, find};

/// Runs COMMAND, alone or with a subcommand.
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

/// Runs COMMAND COUNT.
pub(super) fn count(call: &mut Call<'_>) -> Answer {
    call.integer(COMMANDS.len())
}

/// Runs COMMAND DOCS, for the named commands or for all.
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

/// Runs COMMAND INFO, for the named commands or for all.
pub(super) fn info(call: &mut Call<'_>) -> Answer {
    if call.len() == 2 {
        reply::array(call.out, COMMANDS.len());
        COMMANDS.iter().for_each(|command| describe(call.out, call.client.resp, command));
        return Call::done();
    }
    reply::array(call.out, call.len() - 2);
    for name in call.args.iter().skip(2) {
        match named(name) {
            Some(command) => describe(call.out, call.client.resp, command),
            None => reply::null_array(call.out, call.client.resp),
        }
    }
    Call::done()
}

/// Returns a command, or a subcommand by its full name.
fn named(name: &[u8]) -> Option<&'static Command> {
    match name.iter().position(|byte| *byte == b'|') {
        None => find(name),
        Some(bar) => find(&name[..bar])?.sub(&name[bar + 1..]),
    }
}

/// The filter of COMMAND LIST.
enum Filter<'a> {
    All,
    Nothing,
    Category(&'a [u8]),
    Pattern(&'a [u8]),
}

/// Runs COMMAND LIST.
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let word = |at: usize| call.arg(at).to_ascii_lowercase();
    let filter = match call.len() {
        2 => Filter::All,
        5 if word(2) == b"filterby" => match word(3).as_slice() {
            // There are no modules.
            b"module" => Filter::Nothing,
            b"aclcat" => Filter::Category(call.arg(4)),
            b"pattern" => Filter::Pattern(call.arg(4)),
            _ => return Err(CommandError::Syntax),
        },
        _ => return Err(CommandError::Syntax),
    };
    let shown = |command: &Command, name: &str| match filter {
        Filter::All => true,
        Filter::Nothing => false,
        Filter::Category(category) => {
            categories(command).iter().any(|known| known.as_bytes()[1..].eq_ignore_ascii_case(category))
        }
        Filter::Pattern(pattern) => glob::matches(pattern, name.as_bytes(), true),
    };
    let mut names: Vec<String> = Vec::new();
    for command in COMMANDS {
        let help = (!command.subs.is_empty()).then(|| (command, format!("{}|help", command.name)));
        let all =
            std::iter::once(command).chain(command.subs).map(|command| (command, command.name.to_owned()));
        names.extend(all.chain(help).filter(|(command, name)| shown(command, name)).map(|(_, name)| name));
    }
    reply::array(call.out, names.len());
    names.iter().for_each(|name| reply::bulk(call.out, name.as_bytes()));
    Call::done()
}

/// Returns redis's categories that fit a command.
fn categories(command: &Command) -> Vec<&'static str> {
    let flags = command.flags;
    let mut categories = Vec::new();
    for (flag, category) in [
        (Flags::READ, "@read"),
        (Flags::WRITE, "@write"),
        (Flags::ADMIN, "@admin"),
        (Flags::ADMIN, "@dangerous"),
        (Flags::BLOCKING, "@blocking"),
    ] {
        if flags.has(flag) {
            categories.push(category);
        }
    }
    categories.push(if flags.has(Flags::FAST) { "@fast" } else { "@slow" });
    categories.extend(match command.group {
        "string" if command.name.contains("bit") => Some("@bitmap"),
        "string" => Some("@string"),
        "generic" => Some("@keyspace"),
        "connection" => Some("@connection"),
        "transactions" => Some("@transaction"),
        "scripting" => Some("@scripting"),
        _ => None,
    });
    categories
}

/// Writes the ten fields of COMMAND for one command.
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
    let categories = categories(command);
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

/// Splits a syntax into words, brackets kept together: `word`, `[word]`, `word...`, `[word...]`.
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

/// Runs HELP of a command that has subcommands.
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
