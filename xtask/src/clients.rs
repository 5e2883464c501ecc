//! `cargo xtask clients`: real client libraries against the program. The scripts and what they check: `tests/clients`.
//!
//! What they need is installed once, under the target folder: a Python environment and the npm packages of the lock
//! file. Each script gets a server of its own, on a port the system gave, which ends with it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::c::towline::Server;
use crate::versions::{DJANGO, REDIS_PY};
use crate::workspace::{Workspace, command};

/// Which clients to check.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Clients by name [default: redis-py, ioredis, node-redis]
    names: Vec<String>,
}

/// A client: its name, its script, and whether every change is checked with it.
const CLIENTS: [(&str, &str, bool); 4] = [
    ("redis-py", "redis_py.py", true),
    ("ioredis", "ioredis.js", true),
    ("node-redis", "node_redis.js", true),
    ("django", "django_cache.py", false),
];

/// Runs the scripts; an error if one of them fails.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let known: Vec<&str> = CLIENTS.iter().map(|(name, ..)| *name).collect();
    if let Some(name) = args.names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no such client: {name:?}; there are: {}", known.join(", "));
    }
    let workspace = Workspace::find()?;
    let folder = workspace.target.join("clients");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    finish(command("cargo").args(["build", "--bin", "towline"]).current_dir(&workspace.root))?;
    let program = workspace.target.join("debug/towline");
    for (name, script, always) in CLIENTS {
        let chosen =
            if args.names.is_empty() { always } else { args.names.iter().any(|chosen| chosen == name) };
        if chosen {
            let mut client = client(&workspace, &folder, script)?;
            let words = ["serve", "--replication", "127.0.0.1:0"];
            let server = Server::start(&program, &words, &folder, name)?;
            finish(client.arg(server.client_port().to_string())).with_context(|| name.to_owned())?;
            server.process.stop().context("the server did not end in order")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What runs a script, once all it needs is installed.
fn client(workspace: &Workspace, folder: &Path, script: &str) -> Result<Command> {
    let sources = workspace.root.join("tests/clients");
    let (program, script) = if script.ends_with(".py") {
        (python(folder)?, sources.join(script))
    } else {
        // Packages are looked for beside the script.
        let node = node(&sources, folder)?;
        let copy = node.join(script);
        std::fs::copy(sources.join(script), &copy).with_context(|| copy.display().to_string())?;
        (PathBuf::from("node"), copy)
    };
    let mut client = Command::new(program);
    client.arg(script);
    Ok(client)
}

/// A Python that has the libraries: in an environment of its own, made anew when a version changes.
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

/// A folder with the npm packages that the lock file names.
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
