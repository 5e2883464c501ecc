//! Does what a reader of docs/embedding-c.md does first: in a folder that holds newcomer.c and nothing else, builds it
//! with the page's own command lines, and follows `towline serve`. The build knows the installation only through
//! pkg-config.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::library::Libraries;
use super::towline::{Process, Server, eventually};
use super::{install, output};
use crate::workspace::Workspace;

const PAGE: &str = "docs/embedding-c.md";
/// The beginning of the command lines on the page: one links the shared library, one the static.
const COMMAND: &str = "    cc newcomer.c ";
const KEYS: usize = 300;

/// The program as one of the page's lines builds it.
struct Newcomer {
    program: PathBuf,
    /// The folder of the shared library; a static build needs none.
    libraries: Option<PathBuf>,
}

/// Installs, builds both, and lets both follow.
pub(crate) fn play(
    workspace: &Workspace,
    libraries: &Libraries,
    towline: &Path,
    folder: &Path,
) -> Result<String> {
    std::fs::remove_dir_all(folder).ok();
    let prefix = folder.join("prefix");
    install::lay_out(workspace, libraries, &prefix, &prefix)?;
    let page = std::fs::read_to_string(workspace.root.join(PAGE)).context(PAGE)?;
    let lines: Vec<&str> = page.lines().filter(|line| line.starts_with(COMMAND)).collect();
    let [shared, alone] = lines[..] else {
        anyhow::bail!("{PAGE} builds newcomer.c on {} lines", lines.len())
    };
    ensure!(alone.contains("--static") && !shared.contains("--static"), "{PAGE}: first shared, then static");

    let server = Server::start(towline, &["serve", "--replication", "127.0.0.1:0"], folder, "serve")?;
    let upstream = server.replication.context("a replication address")?;
    let mut keys: Vec<String> = (0..KEYS).map(|number| format!("key:{number}")).collect();
    keys.push("two words".to_owned());
    let set = |key: &String| vec!["SET".to_owned(), key.clone(), "value".to_owned()];
    server.ask(&keys.iter().map(set).collect::<Vec<_>>())?;
    let expected: BTreeSet<String> = keys.iter().map(|key| key.replace(' ', "\\x20")).collect();
    for (line, name) in [(shared, "shared"), (alone, "static")] {
        let newcomer = Newcomer::make(line, &prefix, &workspace.root, &folder.join(name))?;
        newcomer.sees_all(upstream, &expected).with_context(|| format!("{name}: all at once"))?;
        newcomer.follows(upstream, &server).with_context(|| format!("{name}: the stream"))?;
    }
    Ok(format!("shared and static, {} keys and the stream", expected.len()))
}

impl Newcomer {
    fn make(line: &str, prefix: &Path, root: &Path, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let source = root.join("ffi/examples/newcomer.c");
        std::fs::copy(&source, folder.join("newcomer.c")).with_context(|| source.display().to_string())?;
        let mut shell = Command::new("sh");
        shell.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        shell.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
        output(shell.args(["-ec", line]).current_dir(folder))?;
        let libraries = (!line.contains("--static")).then(|| prefix.join("lib"));
        Ok(Self { program: folder.join("newcomer"), libraries })
    }

    fn start(&self, upstream: SocketAddr, node: &str, once: &[&str]) -> Result<Process> {
        let mut command = Command::new(&self.program);
        command.arg(upstream.to_string()).arg(node).args(once).env_remove("LD_LIBRARY_PATH");
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let log = self.program.with_file_name(format!("{node}.log"));
        Process::start(&mut command, &log, Stdio::null())
    }

    /// Checks that it prints each key once and then ends by itself.
    fn sees_all(&self, upstream: SocketAddr, expected: &BTreeSet<String>) -> Result<()> {
        let mut whole = self.start(upstream, "4", &["--once"])?;
        whole.ends("the end of newcomer --once")?;
        let log = whole.log();
        let seen: Vec<String> =
            log.lines().filter_map(|line| line.strip_prefix("set ")).map(str::to_owned).collect();
        let once = seen.len() == expected.len();
        ensure!(once && seen.into_iter().collect::<BTreeSet<_>>() == *expected, "not each key once:\n{log}");
        Ok(())
    }

    /// Checks that it prints writes after the snapshot as they happen.
    fn follows(&self, upstream: SocketAddr, server: &Server) -> Result<()> {
        let stays = self.start(upstream, "5", &[])?;
        let shows = |what: &str, sign: &str| {
            let seen = || stays.log().contains(sign).then_some(());
            eventually(what, seen).with_context(|| stays.log())
        };
        shows("newcomer to have the snapshot", "set key:0\n")?;
        let words = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        server.ask(&[words("SET late 1"), words("DEL late")])?;
        shows("newcomer to see the stream", "set late\ndel late\n")?;
        stays.kill();
        Ok(())
    }
}
