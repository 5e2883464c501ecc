//! `cargo xtask wasm`: the npm package and the browser's page, from Rust and TypeScript to a tarball; and their tests.
//!
//! In order: cargo builds the module, wasm-bindgen (as a library, of the crate's own version) writes its glue,
//! binaryen makes it small and fast, tsc checks and writes the rest, npm packs. All of it goes to `wasm/pkg/`, which
//! git does not keep: `glue/` in between, `npm/` is the package, `page/` what the program serves, and the tarball.
//!
//! `--all-features` is not given to wasm-opt: its output would load in newer engines only.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wasm_bindgen_cli_support::Bindgen;

use crate::table::{Align, render};
use crate::versions::BROWSER;
use crate::workspace::{Workspace, command};

/// The zipped module's goal, and the limit that fails the build.
const GOAL_BYTES: usize = 60 << 10;
const LIMIT_BYTES: usize = 120 << 10;
/// The limit of the JavaScript around it, bundled, minified and zipped.
const GLUE_LIMIT_BYTES: usize = 8 << 10;
/// The limit of the zipped simulator.
const SIM_LIMIT_BYTES: usize = 250 << 10;
/// The limit of the tarball.
const TARBALL_LIMIT_BYTES: usize = 500 << 10;

/// The steps after the build.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Then run its tests: in node, from the tarball, and in a browser against a real server
    #[arg(long)]
    test: bool,
    /// Then measure it beside its targets: these rows of `cargo xtask bench`
    #[arg(long)]
    bench: bool,
}

/// The folders of a build.
struct Folders {
    workspace: Workspace,
    wasm: PathBuf,
    glue: PathBuf,
    npm: PathBuf,
    page: PathBuf,
}

/// Builds the package and the page; tests and measures them if asked.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let folders = Folders::built()?;
    if args.test {
        folders.test()?;
    }
    if args.bench {
        return crate::bench::wasm(&folders.workspace, folders.benches()?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds them and returns the commands that measure them, in this order; each prints the numbers it counted.
pub(crate) fn benches() -> Result<Vec<Command>> {
    Folders::built()?.benches()
}

impl Folders {
    /// Builds everything and checks the sizes.
    fn built() -> Result<Self> {
        let workspace = Workspace::find()?;
        let wasm = workspace.root.join("wasm");
        let pkg = |name: &str| wasm.join("pkg").join(name);
        let (glue, npm, page) = (pkg("glue"), pkg("npm"), pkg("page"));
        let folders = Self { workspace, glue, npm, page, wasm };
        folders.tools()?;
        folders.modules()?;
        folders.script()?;
        folders.page()?;
        folders.sizes(&folders.pack()?)?;
        Ok(folders)
    }

    /// Returns a command for a tool that npm installed.
    fn tool(&self, name: &str) -> Command {
        let mut tool = command("node");
        tool.arg(self.wasm.join("node_modules").join(name)).current_dir(&self.wasm);
        tool
    }

    /// Installs the npm packages of the lock file.
    fn tools(&self) -> Result<()> {
        for folder in [&self.glue, &self.npm, &self.page] {
            // Files of an earlier build would be packed too.
            std::fs::remove_dir_all(folder).ok();
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let age = |path: &str| std::fs::metadata(self.wasm.join(path)).and_then(|file| file.modified()).ok();
        if age("node_modules/.package-lock.json") < age("package-lock.json") {
            let mut npm = command("npm");
            npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&self.wasm);
            finish(&mut npm, "npm: is nodejs with npm installed? `cargo xtask test` installs it")?;
        }
        Ok(())
    }

    /// Builds a crate as a module with its glue and returns the module's path.
    fn compile(&self, crate_name: &str, out_name: &str, folder: &Path) -> Result<PathBuf> {
        let mut build = command("cargo");
        build.args(["rustc", "-p", crate_name, "--profile", "wasm", "--target", BROWSER]);
        // No other crate type beside it: see wasm/Cargo.toml.
        build.args(["--lib", "--crate-type", "cdylib"]);
        // A panic names its source file, and the path of a dependency would show the machine's folders.
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or(std::env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
        let flags = format!("--remap-path-prefix={}=", home.join("registry/src").display());
        build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
        finish(build.current_dir(&self.workspace.root), "see cargo's message above")?;
        let file = format!("wasm/{}.wasm", crate_name.replace('-', "_"));
        Bindgen::new()
            .input_path(self.workspace.target.join(BROWSER).join(file))
            .bundler(true)?
            .typescript(true)
            .remove_producers_section(true)
            .out_name(out_name)
            .generate(folder)?;
        Ok(folder.join(format!("{out_name}_bg.wasm")))
    }

    /// Makes a module small and fast.
    fn optimise(&self, from: &Path, to: &Path) -> Result<()> {
        let mut small = self.tool("binaryen/bin/wasm-opt");
        small.args(["-Os", "--converge", "--strip-target-features"]);
        finish(small.arg(from).arg("-o").arg(to), "wasm-opt is of the npm package binaryen")
    }

    /// Builds a module of the package, with the types of its glue.
    fn module(&self, crate_name: &str, name: &str) -> Result<PathBuf> {
        let to = self.npm.join(name).with_extension("wasm");
        self.optimise(&self.compile(crate_name, name, &self.glue)?, &to)?;
        // The types describe the glue, and one function that our own loader calls.
        let types = std::fs::read_to_string(self.glue.join(name).with_extension("d.ts"))?;
        let setter = "export function __wbg_set_wasm(exports: WebAssembly.Exports): void;\n";
        std::fs::write(self.glue.join(format!("{name}_bg.d.ts")), types + setter)?;
        Ok(to)
    }

    fn modules(&self) -> Result<()> {
        self.module("towline-wasm-sim", "sim")?;
        let text = STANDARD.encode(std::fs::read(self.module("towline-wasm", "towline")?)?);
        std::fs::write(self.glue.join("base64.js"), format!("export default {text:?};\n"))?;
        std::fs::write(self.glue.join("base64.d.ts"), "declare const text: string;\nexport default text;\n")?;
        Ok(())
    }

    fn tsc(&self, project: &str) -> Result<()> {
        let mut tsc = self.tool("typescript/bin/tsc");
        finish(tsc.args(["--project", project]), "see the messages of tsc above")
    }

    fn script(&self) -> Result<()> {
        // The page is written against the package, so the package comes first.
        self.tsc("ts")?;
        for name in ["towline_bg.js", "towline_bg.d.ts", "base64.js", "sim_bg.js", "sim_bg.d.ts"] {
            copy(&self.glue.join(name), &self.npm.join(name))?;
        }
        for name in ["package.json", "README.md"] {
            copy(&self.wasm.join(name), &self.npm.join(name))?;
        }
        for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
            copy(&self.workspace.root.join(name), &self.npm.join(name))?;
        }
        let mut npm = command("npm");
        npm.args(["pkg", "delete", "devDependencies", "scripts"]).current_dir(&self.npm);
        finish(&mut npm, "npm pkg")
    }

    /// Builds the page: its own files, and those of the package that a browser loads.
    fn page(&self) -> Result<()> {
        self.tsc("page")?;
        for name in ["index.html", "page.css", "mark.svg"] {
            copy(&self.wasm.join("page").join(name), &self.page.join(name))?;
        }
        copy(&self.npm.join("towline.wasm"), &self.page.join("towline.wasm"))?;
        let mut bundle = self.esbuild(&self.glue.join("page/page.js"), &self.page.join("page.js"));
        finish(&mut bundle, "esbuild")
    }

    fn esbuild(&self, from: &Path, to: &Path) -> Command {
        let mut esbuild = command(&self.wasm.join("node_modules/.bin/esbuild").display().to_string());
        esbuild.args(["--bundle", "--minify", "--format=esm", "--log-level=warning"]).arg(from);
        // The page imports the package by its name.
        esbuild.arg(format!("--alias:towline={}", self.npm.join("index.js").display()));
        esbuild.arg(format!("--outfile={}", to.display()));
        esbuild
    }

    /// Packs the tarball and returns its path.
    fn pack(&self) -> Result<PathBuf> {
        let pkg = self.wasm.join("pkg");
        let mut npm = command("npm");
        npm.args(["pack", "--silent", "--pack-destination"]).arg(&pkg).current_dir(&self.npm);
        finish(&mut npm, "npm pack")?;
        let name = format!("towline-{}.tgz", env!("CARGO_PKG_VERSION"));
        Ok(pkg.join(name))
    }

    fn sizes(&self, tarball: &Path) -> Result<()> {
        let bundled = self.glue.join("bundled.js");
        finish(&mut self.esbuild(&self.npm.join("index.js"), &bundled), "esbuild")?;
        let [module, simulator] = ["towline.wasm", "sim.wasm"].map(|name| self.npm.join(name));
        let rows = [
            ("module", &module, zipped(&module)?, GOAL_BYTES, LIMIT_BYTES),
            ("JavaScript, bundled", &bundled, zipped(&bundled)?, GLUE_LIMIT_BYTES, GLUE_LIMIT_BYTES),
            ("simulator", &simulator, zipped(&simulator)?, SIM_LIMIT_BYTES, SIM_LIMIT_BYTES),
            ("tarball", &tarball.to_path_buf(), len(tarball)?, TARBALL_LIMIT_BYTES, TARBALL_LIMIT_BYTES),
        ];
        let cells = |cells: [String; 6]| cells.to_vec();
        let head = ["what", "bytes", "zipped", "goal", "limit", ""].map(str::to_owned);
        let mut lines = vec![cells(head)];
        let mut over = Vec::new();
        for (what, file, zipped, goal, limit) in rows {
            let word = match zipped {
                _ if zipped > limit => "TOO LARGE",
                _ if zipped > goal => "over its goal",
                _ => "ok",
            };
            if zipped > limit {
                over.push(what);
            }
            lines.push(cells([
                what.to_owned(),
                len(file)?.to_string(),
                zipped.to_string(),
                goal.to_string(),
                limit.to_string(),
                word.to_owned(),
            ]));
        }
        let aligns = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left];
        println!("{}", render(&aligns, &lines));
        if !over.is_empty() {
            bail!("too large: {}", over.join(", "));
        }
        Ok(())
    }

    fn test(&self) -> Result<()> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.wasm.join("tests"))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with(".test.js"))
            .collect();
        files.sort();
        // This reporter repeats the failures at the end, where one looks first.
        let mut args: Vec<&OsStr> =
            ["--test", "--test-concurrency=2", "--test-reporter=spec"].map(OsStr::new).into();
        args.extend(files.iter().map(|file| file.as_os_str()));
        finish(&mut self.node(&args, "dev")?, "see its messages above")
    }

    /// Returns the benches: one stream, recorded and applied natively, and again in the module; then a tab over a
    /// WebSocket.
    fn benches(&self) -> Result<Vec<Command>> {
        let stream = self.wasm.join("pkg/stream.bin");
        let mut native = command("cargo");
        native.args(["bench", "-p", "towline-wasm", "--bench", "pace", "--"]).arg(&stream);
        native.current_dir(&self.workspace.root);
        let module = self.node(&["bench/pace.js".as_ref(), stream.as_os_str()], "release")?;
        Ok(vec![native, module, self.node(&["bench/run.js"], "release")?])
    }

    /// Returns a command for a script in node that starts the program; builds the program first, with the page in it.
    fn node<S: AsRef<OsStr>>(&self, args: &[S], profile: &str) -> Result<Command> {
        let mut build = command("cargo");
        build.args(["build", "-p", "towline", "--profile", profile]).current_dir(&self.workspace.root);
        finish(&mut build, "see cargo's message above")?;
        let folder = if profile == "dev" { "debug" } else { profile };
        let program = self.workspace.target.join(folder).join("towline");
        let mut node = command("node");
        node.args(args).current_dir(&self.wasm);
        node.env("TOWLINE", program);
        Ok(node)
    }
}

/// Runs a command to its end; `hint` says where to look if it fails.
fn finish(command: &mut Command, hint: &str) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{name} did not start: {hint}"))?;
    if !status.success() {
        let args: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        bail!("`{name} {}` failed ({status}): {hint}", args.join(" "));
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn len(file: &Path) -> Result<usize> {
    let metadata = std::fs::metadata(file).with_context(|| file.display().to_string())?;
    Ok(usize::try_from(metadata.len())?)
}

fn zipped(file: &Path) -> Result<usize> {
    let output = command("gzip").args(["-9", "--stdout"]).arg(file).output().context("gzip did not start")?;
    Ok(output.stdout.len())
}
