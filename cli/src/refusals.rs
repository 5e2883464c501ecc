//! Every flag of every command with bad values: each is refused with the name of the flag (or the file, line and key),
//! the value, and the accepted values; nothing begins, nothing panics.
//!
//! The flags are those that clap knows, and the bad values of one follow from the name of its value: a flag with a name
//! that is not known here fails the test. Values that a file system or a network refuses are tried by name below.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, CommandFactory, Parser};

use crate::args::{Cli, Command};
use crate::config;
use crate::failure::Failure;

/// A refusal: exit code and text.
type Refusal = (u8, String);

/// Returns values that are bad for this name; none where any text will do.
fn bad(arg: &Arg, name: &str) -> &'static [&'static str] {
    const CHOICES: &[&str] = &["", "x", "-5", "0"];
    const TOO_LARGE: &str = "99999999999999999999";
    const NUMBERS: &[&str] = &["", "x", "-5", "1.5", "5s", " 5", TOO_LARGE];
    const ADDRESSES: &[&str] =
        &["", "x", "7000", ":7000", "host", "host:", "host:x", "host:-1", "host:70000", "::1:7000", "a b:1"];
    // The parser of a choice knows its values; nothing else has any.
    if !arg.get_possible_values().is_empty() {
        return CHOICES;
    }
    match name {
        "SIZE" => &["", "x", "-5", "1.5GiB", "5s", "64m", "MiB", TOO_LARGE, "99999999999GiB"],
        "TIME" => &["", "x", "-5", "5", "1.5s", "5MiB", "5 parsecs", "99999999999h"],
        "N" => NUMBERS,
        "ADDR" | "LOOPBACK_ADDR" | "CLIENT_ADDR" | "PRIMARY_REPLICATION_ADDR" => ADDRESSES,
        "A..B" => &["", "x", "-5", "5..5", "9..3", "1..x", "0..99999999999999999999"],
        "K/N" => &["", "x", "3", "0/3", "4/3", "-1/3", "1/0"],
        "HASH" => &["", "x", "-5", "123456789012345678901234567890123"],
        "FILTER" => &["x", "0", "-5", "info,loud", "towline_server=loud"],
        "FILE" | "DIR" | "STEM" => &[""],
        "SCENARIO" | "PLAN" | "SCENARIO|PLAN" => &["", "nosuch", "/"],
        // The names come from the plan.
        "NAME" => &[],
        _ => panic!("a value named {name}: add its bad values here"),
    }
}

/// Runs a command line that must not begin anything; one that accepts a bad value ends here too, in a failure.
fn refused(line: &[&str]) -> Option<Refusal> {
    let words = std::iter::once("towline").chain(line.iter().copied()).map(OsString::from);
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => return Some((u8::try_from(error.exit_code()).unwrap(), error.to_string())),
    };
    let done = match cli.command {
        Command::Serve(args) => config::serve(args.settings).and_then(begin),
        Command::Follow(args) => config::follow(args).and_then(begin),
        Command::Demo(args) => crate::logs::filter(args.log.as_deref().unwrap_or("error")).map(drop),
        other @ (Command::Status(_) | Command::Sim(_) | Command::Completions { .. }) => crate::run(other),
    };
    let code = |failure: &Failure| match failure {
        Failure::Failed(_) => 1,
        Failure::Usage(_) => 2,
        Failure::Vacuous(_) => 3,
        Failure::LeftOver(_) => 4,
    };
    done.err().map(|failure| (code(&failure), failure.to_string()))
}

/// Begins a server, and ends it if it starts.
fn begin(plan: config::Plan) -> Result<(), Failure> {
    let config::Plan { options, ready_file, log, origin } = plan;
    let runtime = crate::runtime()?;
    let opened = crate::logs::filter(&log)
        .and_then(|_| runtime.block_on(async { crate::run::open(options, ready_file).await.map(drop) }));
    runtime.shutdown_background();
    opened.map_err(|failure| origin.place(failure))
}

/// Returns whether a text names the accepted values.
fn names_accepted_values(text: &str) -> bool {
    let ways =
        ["write ", "name ", "possible values", "must be at ", "a value is required for", "expected ", "add "];
    ways.iter().any(|way| text.contains(way))
}

#[track_caller]
fn check(line: &[&str], name: &str, value: &str) {
    let shown = line.join(" ");
    let Some((code, text)) = refused(line) else { panic!("accepted: {shown}") };
    assert_eq!(code, 2, "{shown}: {text}");
    assert!(text.contains(name), "{shown}: {name} is not named: {text}");
    assert!(text.contains(value), "{shown}: {value:?} is not repeated: {text}");
    assert!(names_accepted_values(&text), "{shown}: what is accepted? {text}");
}

/// Returns the commands that do something, each with the words that lead to it.
fn commands() -> Vec<(Vec<String>, clap::Command)> {
    let (mut found, mut open) = (Vec::new(), vec![(Vec::new(), Cli::command())]);
    while let Some((words, command)) = open.pop() {
        if !command.has_subcommands() {
            found.push((words, command));
            continue;
        }
        for sub in command.get_subcommands() {
            let words = words.iter().cloned().chain([sub.get_name().to_owned()]).collect();
            open.push((words, sub.clone()));
        }
    }
    found
}

/// Returns how a flag is typed, or how a positional argument is called; and the name of its value.
fn names(arg: &Arg) -> (String, String) {
    let value = arg.get_value_names().map_or_else(|| arg.get_id().to_string(), |names| names[0].to_string());
    // SCENARIO|PLAN is called by the first of them.
    let called = value.split('|').next().unwrap_or_default().to_owned();
    let flag = arg.get_long().map_or(called, |long| format!("--{long}"));
    (flag, value)
}

#[test]
fn every_flag_refuses_bad_values_in_words() {
    let mut flags = 0;
    for (words, command) in commands() {
        // The rest that the command must be given; it is never reached.
        let required: &[&str] = match words.last().map(String::as_str) {
            Some("status") => &["127.0.0.1:1"],
            Some("follow") => &["127.0.0.1:1", "--listen=127.0.0.1:0"],
            Some("serve") => &["--listen=127.0.0.1:0", "--replication=127.0.0.1:0"],
            Some("resolve" | "run" | "explore" | "diff" | "check-determinism" | "trace" | "stats") => {
                &["mixed"]
            }
            Some("replay" | "shrink" | "merge") => &["nosuch"],
            Some(_) | None => &[],
        };
        for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
            let (flag, value_name) = names(arg);
            flags += 1;
            for value in bad(arg, &value_name) {
                let typed =
                    if flag.starts_with("--") { format!("{flag}={value}") } else { (*value).to_owned() };
                // The same flag twice would be another mistake.
                let others = required.iter().copied().filter(|other| {
                    if flag.starts_with("--") {
                        !other.starts_with(&format!("{flag}="))
                    } else {
                        other.starts_with("--")
                    }
                });
                let front = words.iter().map(String::as_str).chain(others);
                let end = if flag.starts_with("--") { &[][..] } else { &["--"] };
                let line: Vec<&str> = front.chain(end.iter().copied()).chain([typed.as_str()]).collect();
                check(&line, &flag, value);
            }
        }
    }
    assert!(flags > 70, "the walk visits {flags} flags");
}

#[test]
fn a_bound_is_named_with_what_is_below_or_above_it() {
    for (flag, value, shown) in [
        ("--backlog", "0", "0 bytes"),
        ("--backlog", "100GiB", "107374182400 bytes"),
        ("--spool", "0", "0 bytes"),
        ("--client-memory", "1KiB", "1024 bytes"),
        ("--clients-max", "0", "\"0\""),
        ("--replicas-max", "0", "\"0\""),
        ("--replicas-max", "65001", "\"65001\""),
        ("--idle", "0", "0 ms"),
        ("--reconnect-window", "0", "0 ms"),
        ("--redial-max", "1ms", "1 ms"),
    ] {
        check(&["serve", &format!("{flag}={value}")], flag, shown);
    }
    for (flag, value) in
        [("--replicas", "0"), ("--replicas", "17"), ("--seconds", "0"), ("--seconds", "86401")]
    {
        check(&["demo", &format!("{flag}={value}")], flag, value);
    }
    for command in ["explore", "stats"] {
        check(&["sim", command, "mixed", "--jobs=0"], "--jobs", "0");
    }
}

/// Makes a folder with a file in it.
fn place() -> (tempfile::TempDir, String, String) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().display().to_string();
    let file = format!("{folder}/file");
    std::fs::write(&file, "").unwrap();
    (place, folder, file)
}

#[test]
fn paths_and_addresses_that_cannot_be_are_refused_before_anything_begins() {
    let (_place, folder, file) = place();
    let (nowhere, below) = (format!("{folder}/nowhere/x"), format!("{file}/x"));
    let here = ["--listen=127.0.0.1:0", "--replication=127.0.0.1:0", "--insecure"];
    for (flag, values) in [
        ("--config", vec![&folder, &nowhere, &below]),
        ("--dir", vec![&file, &below]),
        ("--ready-file", vec![&folder]),
    ] {
        for value in values {
            for command in [&["serve"][..], &["follow", "127.0.0.1:1"]] {
                let typed = format!("{flag}={value}");
                check(&[command, &here, &[typed.as_str()]].concat(), flag, value);
            }
        }
    }
    // A name under `.invalid` is never assigned; 192.0.2.1 is reserved for documentation.
    for address in ["nosuch.invalid:1", "192.0.2.1:1"] {
        for flag in ["--listen", "--replication", "--metrics", "--web"] {
            let others = here.iter().filter(|other| !other.starts_with(flag)).copied();
            let typed = format!("{flag}={address}");
            let line: Vec<&str> = ["serve"].into_iter().chain(others).chain([typed.as_str()]).collect();
            if flag == "--web" {
                // Only this machine may open the page, whatever the address is.
                let (code, text) = refused(&line).expect("it is refused");
                assert!(
                    code == 2 && text.contains(flag) && text.contains("use a loopback address"),
                    "{text}"
                );
            } else {
                check(&line, flag, address);
            }
        }
    }
    // No server is there: no error of the command line.
    let (code, text) = refused(&["status", "127.0.0.1:1"]).expect("nobody is there");
    assert!(
        code == 1 && text.contains("127.0.0.1:1") && text.contains("is a server running there?"),
        "{text}"
    );

    let cannot = [folder.as_str(), &below];
    for value in cannot {
        check(&["sim", "explore", "mixed", &format!("--json={value}")], "--json", value);
        check(&["sim", "stats", "mixed", &format!("--plot={value}")], "--plot", value);
        check(&["sim", "resolve", "mixed", &format!("--output={value}")], "--output", value);
    }
    for command in ["run", "explore", "stats"] {
        check(&["sim", command, "mixed", &format!("--failures={file}")], "--failures", &file);
    }
    for (command, name) in [("run", "SCENARIO"), ("replay", "PLAN"), ("shrink", "PLAN"), ("merge", "FILE")] {
        for value in [&folder, &nowhere] {
            check(&["sim", command, value], name, value);
        }
    }
}

/// Checks `key = value` on the third line of a config file.
#[track_caller]
fn check_in_file(command: &[&str], key: &str, value: &str, shown: &str) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("towline.toml");
    std::fs::write(&path, format!("# towline\n\n{key} = {value}\n")).unwrap();
    let config = format!("--config={}", path.display());
    let line = [command, &[config.as_str()]].concat();
    let Some((code, text)) = refused(&line) else { panic!("accepted: {key} = {value}") };
    let place = format!("{}:3: ", Path::new(&path).display());
    assert_eq!(code, 2, "{key} = {value}: {text}");
    assert!(text.starts_with(&place), "{key} = {value}: the file and the line come first: {text}");
    assert!(text[place.len()..].contains(key), "{key} = {value}: the key is not named: {text}");
    assert!(text.contains(shown), "{key} = {value}: {shown} is not repeated: {text}");
    assert!(
        names_accepted_values(&text) && !text.contains('\n'),
        "{key} = {value}: what is accepted? {text}"
    );
}

#[test]
fn every_key_of_a_config_file_refuses_bad_values_in_words() {
    let serve = ["serve", "--listen=127.0.0.1:0", "--replication=127.0.0.1:0"];
    let follow = ["follow", "--listen=127.0.0.1:0", "127.0.0.1:1"];
    let mut keys = 0;
    for (words, command) in commands() {
        let line: &[&str] = match words.last().map(String::as_str) {
            Some("serve") => &serve,
            Some("follow") => &follow,
            Some(_) | None => continue,
        };
        for arg in command.get_arguments() {
            let (flag, value_name) = names(arg);
            let key = flag.strip_prefix("--").unwrap_or("primary");
            if matches!(key, "config" | "help") {
                continue;
            }
            keys += 1;
            // A key of the file must not stand on the command line too.
            let said = if key == "primary" { "127.0.0.1:1".to_owned() } else { format!("{flag}=") };
            let line: Vec<&str> = line.iter().copied().filter(|word| !word.starts_with(&said)).collect();
            if !arg.get_action().takes_values() {
                check_in_file(&line, key, "\"x\"", "\"x\"");
                check_in_file(&line, key, "5", "5");
                continue;
            }
            check_in_file(&line, key, "[]", "");
            if value_name == "N" {
                check_in_file(&line, key, "-5", "-5");
                check_in_file(&line, key, "5000000000", "5000000000");
                check_in_file(&line, key, "\"x\"", "\"x\"");
                continue;
            }
            check_in_file(&line, key, "true", "true");
            for value in bad(arg, &value_name).iter().filter(|value| !value.is_empty()) {
                check_in_file(&line, key, &format!("{value:?}"), value);
            }
        }
    }
    assert!(keys > 40, "the walk visits {keys} keys");
    let (_place, folder, file) = place();
    for (key, value, shown) in [
        ("backlog", "\"0\"", "0 bytes"),
        ("clients-max", "0", "0"),
        ("replicas-max", "0", "0"),
        ("idle", "\"1ms\"", "1 ms"),
        ("dir", &format!("{file:?}"), &file),
        ("ready-file", &format!("{folder:?}"), &folder),
        ("metrics", "\"nosuch.invalid:1\"", "nosuch.invalid:1"),
        ("stroe", "\"disk\"", "stroe"),
    ] {
        check_in_file(&serve, key, value, shown);
    }
}
