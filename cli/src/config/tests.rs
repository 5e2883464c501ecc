use std::io::Write;

use clap::Parser;
use towline_core::Span;

use super::*;
use crate::args::{Cli, Command};

fn plan(line: &str) -> Result<Plan, String> {
    let cli = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
    let plan = match cli.command {
        Command::Serve(args) => serve(args.settings),
        Command::Follow(args) => follow(args),
        Command::Status(_) | Command::Demo(_) | Command::Sim(_) | Command::Completions { .. } => {
            panic!("not a server: {line}")
        }
    };
    plan.map_err(|failure| {
        assert!(matches!(failure, Failure::Usage(_)), "{failure} is an error of the command line");
        failure.to_string()
    })
}

/// Returns the plan for a config file of this text.
fn with_file(command: &str, text: &str) -> Result<Plan, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let path = file.path().display().to_string();
    plan(&format!("{command} --config {path}")).map_err(|told| told.replace(&path, "FILE"))
}

#[test]
fn defaults_are_those_of_the_help() {
    let options = plan("towline serve").unwrap().options;
    assert_eq!(options.listen, ["127.0.0.1:7000"]);
    assert_eq!(options.driver.replication.as_deref(), Some("127.0.0.1:7001"));
    assert_eq!(
        (options.store, options.driver.upstream, options.driver.metrics),
        (StoreKind::Memory, None, None)
    );
    assert_eq!((options.driver.core.backlog_bytes, options.driver.spool_bytes), (64 << 20, 256 << 20));

    let options = plan("towline follow 127.0.0.1:7001").unwrap().options;
    assert_eq!(options.listen.len(), 10);
    assert_eq!((&*options.listen[0], &*options.listen[9]), ("127.0.0.1:7010", "127.0.0.1:7019"));
    assert_eq!(options.driver.replication, None);
    assert_eq!(options.driver.upstream.as_deref(), Some("127.0.0.1:7001"));
    assert_eq!((options.driver.adopt, options.driver.stop_if_foreign), (false, true));
}

#[test]
fn other_machines_are_let_in_only_when_told_so() {
    for (command, addr) in [
        ("towline serve --listen", "0.0.0.0:7000"),
        ("towline serve --replication", "[::]:7001"),
        ("towline follow 10.0.0.1:7001 --replication", "192.168.1.1:7001"),
        ("towline follow 10.0.0.1:7001 --listen", "example.com:7010"),
    ] {
        let line = format!("{command} {addr}");
        let told = plan(&line).unwrap_err();
        let option = command.rsplit_once(' ').unwrap().1;
        assert!(told.contains(&format!("{option} {addr}")) && told.contains("--insecure"), "{told}");
        assert!(told.contains(&format!("127.0.0.1:{}", addr.rsplit_once(':').unwrap().1)), "{told}");
        assert!(plan(&format!("{line} --insecure")).unwrap().options.driver.insecure);
        assert!(with_file(&line, "insecure = true\n").is_ok());
        assert!(with_file(&line, "insecure = false\n").is_err());
    }
    let local = "towline serve --listen localhost:7000 --replication [::1]:7001";
    assert!(!plan(local).unwrap().options.driver.insecure);
}

#[test]
fn flags_win_over_the_file() {
    let file = "listen = \"127.0.0.1:1\"\nbacklog = \"8MiB\"\nidle = \"9s\"\njoin-hold = \"off\"\n";
    let options = with_file("towline serve --listen 127.0.0.1:2", file).unwrap().options;
    assert_eq!(options.listen, ["127.0.0.1:2"]);
    assert_eq!((options.driver.core.backlog_bytes, options.driver.core.idle), (8 << 20, Span::from_secs(9)));
    assert!(!options.driver.join_hold);

    let file = "primary = \"127.0.0.1:1\"\nadopt = true\n";
    let options = with_file("towline follow", file).unwrap().options;
    assert_eq!((options.driver.upstream.as_deref(), options.driver.adopt), (Some("127.0.0.1:1"), true));
}

#[test]
fn a_directory_means_disk() {
    assert_eq!(plan("towline serve --dir d").unwrap().options.store, StoreKind::Disk("d".into()));
    assert!(plan("towline serve --store disk").unwrap_err().contains("--dir"));
    assert!(plan("towline serve --store memory --dir d").unwrap_err().contains("--store disk"));
}

#[test]
fn a_mistake_in_the_file_is_named_with_its_line() {
    for (text, place, words) in [
        ("store = \"disk\"\n\nbacklogg = \"1MiB\"\n", "FILE:3: ", "unknown name `backlogg`"),
        ("backlog = \"64m\"\n", "FILE:1: ", "like 64MiB"),
        ("\nidle = 5\n", "FILE:2: ", "like 5s"),
        ("\n\nlisten = \"7000\"\n", "FILE:3: ", "HOST:PORT"),
        ("store = \"tape\"\n", "FILE:1: ", "tape"),
        ("listen = \n", "FILE:1: ", ""),
        ("\nprimary = \"127.0.0.1:1\"\n", "FILE:2: ", "`towline follow`"),
    ] {
        let told = with_file("towline serve", text).unwrap_err();
        assert!(told.starts_with(place) && told.contains(words) && !told.contains('\n'), "{told}");
    }
    assert!(plan("towline serve --config nowhere.toml").unwrap_err().contains("nowhere.toml"));
}

#[test]
fn what_cannot_work_is_named_as_it_was_typed() {
    for (line, words) in [
        ("towline serve --backlog 1", "--backlog is 1 bytes, must be at least"),
        ("towline serve --idle 1ms", "--idle is 1 ms, must be at least 1500 ms"),
        ("towline serve --clients-max 0", "--clients-max <N>"),
        ("towline serve --spool 1", "--spool is 1 bytes"),
        ("towline serve --replicas-max 0", "--replicas-max"),
        ("towline follow", "PRIMARY_REPLICATION_ADDR"),
    ] {
        let told = plan(line).unwrap_err();
        assert!(told.contains(words), "{line}: {told}");
    }
}

#[test]
fn a_page_is_for_this_machine_alone() {
    let options = plan("towline serve --web 127.0.0.1:7080").unwrap().options;
    assert_eq!(options.web.map(|web| web.addr).as_deref(), Some("127.0.0.1:7080"));
    assert!(plan("towline follow 127.0.0.1:1 --web localhost:0").unwrap().options.web.is_some());
    assert_eq!(plan("towline serve").unwrap().options.web, None);

    let told = plan("towline serve --web 0.0.0.0:7080").unwrap_err();
    assert!(told.contains("--web: 0.0.0.0:7080") && told.contains("loopback"), "{told}");
    let told = with_file("towline serve", "web = \"7080\"\n").unwrap_err();
    assert!(told.starts_with("FILE:1: web: "), "{told}");
}
