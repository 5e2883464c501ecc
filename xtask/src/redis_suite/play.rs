//! Plays one unit of the suite against a server of its own, and reads its output.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::c::towline::Server;
use crate::watch::{End, watch};
use crate::workspace::command;

/// Excludes tests that look into redis itself, or need another server beside it.
const DENIED: &str = "-needs:debug -needs:pfdebug -needs:save -needs:repl";
/// The first of the ports in which the suite looks for a free one for its own processes.
const BASE_PORT: &str = "27211";

/// The suite and the server that it runs against.
pub(super) struct Suite<'a> {
    pub(super) source: &'a Path,
    pub(super) program: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) limit: Duration,
}

/// The result of a unit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Played {
    /// Each test that ran, and if it passed.
    pub(super) tests: Vec<(String, bool)>,
    /// The reason why the unit broke off, if it did.
    pub(super) broken: Option<String>,
}

impl Suite<'_> {
    /// Plays `unit`: the tests named in `alone` each in a run of their own, and all others together.
    pub(super) fn play(&self, unit: &str, alone: &[&str]) -> Result<Played> {
        let name = unit.replace('/', "-");
        let skip = self.folder.join(format!("{name}.skip"));
        std::fs::write(&skip, alone.join("\n"))
            .with_context(|| format!("cannot write {}", skip.display()))?;
        let mut played = self.run(unit, &name, &["--skipfile", &skip.display().to_string()])?;
        for (number, test) in alone.iter().enumerate() {
            let one = self.run(unit, &format!("{name}-{number}"), &["--only", test])?;
            played.tests.extend(one.tests);
            played.broken = played.broken.or(one.broken);
        }
        Ok(played)
    }

    /// Runs the suite with the arguments `which`, against a server of this name.
    fn run(&self, unit: &str, name: &str, which: &[&str]) -> Result<Played> {
        let server = Server::start(self.program, &["serve"], self.folder, name)?;
        let log = self.folder.join(format!("{name}.txt"));
        let port = server.client.port().to_string();
        let mut suite = command("tclsh");
        suite.current_dir(self.source).args([
            "tests/test_helper.tcl",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
        ]);
        suite.args([
            "--singledb",
            "--durable",
            "--clients",
            "1",
            "--baseport",
            BASE_PORT,
            "--timeout",
            "120",
        ]);
        suite.args(["--tags", DENIED, "--single", &format!("unit/{unit}")]).args(which);
        let end = watch(&mut suite, &log, self.limit)?;
        let text = std::fs::read_to_string(&log).with_context(|| format!("cannot read {}", log.display()))?;
        let mut played = Played::of(&text);
        if let End::Hung = end {
            played.broken = Some(format!("it did not end within {} s", self.limit.as_secs()));
        } else if let Err(error) = server.process.stop() {
            played.broken = Some(format!("the server: {error:#}"));
        }
        Ok(played)
    }
}

impl Played {
    /// Reads the output of the suite.
    fn of(text: &str) -> Self {
        let mut played = Self::default();
        for line in text.lines() {
            let line = plain(line);
            if let Some(rest) = line.strip_prefix("[ok]: ") {
                let name = rest.rsplit_once(" (").map_or(rest, |(name, _)| name);
                played.tests.push((name.to_owned(), true));
            } else if let Some(rest) = line.strip_prefix("[err]: ") {
                let name = rest.rsplit_once(" in tests/").map_or(rest, |(name, _)| name);
                played.tests.push((name.to_owned(), false));
            } else if let Some(rest) = line.strip_prefix("[exception]: ") {
                played.broken = Some(format!("it broke off: {rest}"));
            }
        }
        if !text.contains("The End") && played.broken.is_none() {
            played.broken = Some("it broke off".to_owned());
        }
        played
    }
}

/// Returns a line without its colours.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('\x1b') {
        plain += before;
        rest = behind.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::Played;

    #[test]
    fn what_the_suite_prints_is_read() {
        let text = "Testing unit/x\n[\x1b[0;32mok\x1b[0m]: SET (with x) and GET (3 ms)\n\
                    [\x1b[0;31merr\x1b[0m]: MGET in a list in tests/unit/x.tcl\nERR unknown\n\
                    [ignore]: other: Tag: denied\n\n                   The End\n";
        let tests = vec![("SET (with x) and GET".to_owned(), true), ("MGET in a list".to_owned(), false)];
        assert_eq!(Played::of(text), Played { tests, broken: None });
        assert!(Played::of("[ok]: a (1 ms)\n").broken.is_some());
        assert!(Played::of("[exception]: b\nThe End\n").broken.is_some());
    }
}
