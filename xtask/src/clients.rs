//! `cargo xtask clients`: real client libraries against the program. The scripts and what they check: `tests/clients`.
//!
//! Their dependencies are installed once, under the target folder: a Python environment and the npm packages of the
//! lock file. Each script gets a server of its own (and a replica of it, if it asks for one), on ports that the system
//! chose; both end with the script.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::c::towline::Server;
use crate::versions::{DJANGO, REDIS_PY};
use crate::workspace::{Workspace, command};

/// The clients to check.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Clients by name [default: redis-py, ioredis, node-redis]
    names: Vec<String>,
}

/// A client library and its script.
struct Client {
    name: &'static str,
    script: &'static str,
    runs: Runs,
    /// Set if every change is checked with it.
    always: bool,
    /// Set if it also gets a replica.
    replica: bool,
}

/// The interpreter of a script.
enum Runs {
    /// Python with the pinned libraries.
    Python,
    /// Any Python 3.
    PlainPython,
    /// Node with the packages of the lock file.
    Node,
}

const fn client(name: &'static str, script: &'static str, runs: Runs) -> Client {
    Client { name, script, runs, always: true, replica: false }
}

const CLIENTS: [Client; 5] = [
    client("redis-py", "redis_py.py", Runs::Python),
    client("ioredis", "ioredis.js", Runs::Node),
    client("node-redis", "node_redis.js", Runs::Node),
    Client { always: false, ..client("django", "django_cache.py", Runs::Python) },
    Client { always: false, replica: true, ..client("exporter", "exporter.py", Runs::PlainPython) },
];

/// Runs the scripts; fails if one of them fails.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let known: Vec<&str> = CLIENTS.iter().map(|client| client.name).collect();
    if let Some(name) = args.names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no such client: {name:?}; there are: {}", known.join(", "));
    }
    let workspace = Workspace::find()?;
    let folder = workspace.target.join("clients");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    finish(command("cargo").args(["build", "--bin", "towline"]).current_dir(&workspace.root))?;
    let program = workspace.target.join("debug/towline");
    for client in &CLIENTS {
        let chosen = if args.names.is_empty() {
            client.always
        } else {
            args.names.iter().any(|chosen| chosen == client.name)
        };
        if chosen {
            check(&workspace, &folder, &program, client).with_context(|| client.name.to_owned())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs one script against servers of its own.
fn check(workspace: &Workspace, folder: &Path, program: &Path, client: &Client) -> Result<()> {
    let mut script = script(workspace, folder, client)?;
    let words = ["serve", "--replication", "127.0.0.1:0"];
    let server = Server::start(program, &words, folder, client.name)?;
    script.arg(server.client_port().to_string());
    let replica = if client.replica {
        let upstream = server.replication.context("a server without a replication address")?.to_string();
        let name = format!("{}-replica", client.name);
        let replica = Server::start(program, &["follow", &upstream], folder, &name)?;
        script.arg(replica.client_port().to_string());
        Some(replica)
    } else {
        None
    };
    finish(&mut script)?;
    for server in replica.into_iter().chain([server]) {
        server.process.stop().context("the server did not end in order")?;
    }
    Ok(())
}

/// Returns the command of a script, once all it needs is installed.
fn script(workspace: &Workspace, folder: &Path, client: &Client) -> Result<Command> {
    let sources = workspace.root.join("tests/clients");
    let source = sources.join(client.script);
    let (program, script) = match client.runs {
        Runs::Python => (python(folder)?, source),
        Runs::PlainPython => (PathBuf::from("python3"), source),
        Runs::Node => {
            // Node looks for packages beside the script.
            let copy = node(&sources, folder)?.join(client.script);
            std::fs::copy(source, &copy).with_context(|| copy.display().to_string())?;
            (PathBuf::from("node"), copy)
        }
    };
    let mut command = Command::new(program);
    command.arg(script);
    Ok(command)
}

/// Returns a Python that has the libraries, in an environment of its own that is made anew when a version changes.
fn python(folder: &Path) -> Result<PathBuf> {
    let (venv, mark) = (folder.join("venv"), folder.join("venv.versions"));
    let python = venv.join("bin/python");
    let versions = format!("redis=={REDIS_PY} {DJANGO}");
    if std::fs::read_to_string(&mark).is_ok_and(|told| told == versions) {
        return Ok(python);
    }
    finish(command("python3").args(["-m", "venv", "--clear"]).arg(&venv))
        .context("python3-venv is missing: apt-get install python3-venv")?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    finish(pip.args(versions.split(' '))).context("pip")?;
    std::fs::write(&mark, versions).with_context(|| mark.display().to_string())?;
    Ok(python)
}

/// Returns a folder with the npm packages that the lock file names.
fn node(sources: &Path, folder: &Path) -> Result<PathBuf> {
    let node = folder.join("node");
    std::fs::create_dir_all(&node).with_context(|| node.display().to_string())?;
    let lock = |folder: &Path| std::fs::read(folder.join("package-lock.json")).ok();
    if lock(&node) == lock(sources) && node.join("node_modules").is_dir() {
        return Ok(node);
    }
    let mut npm = command("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&node);
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(sources.join(file), node.join(file)).with_context(|| file.to_owned())?;
    }
    finish(&mut npm).context("npm: `cargo xtask test` installs it")?;
    Ok(node)
}

fn finish(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} did not start: is it installed?"))?;
    if !status.success() {
        bail!("{program} failed ({status}): see its message above");
    }
    Ok(())
}
