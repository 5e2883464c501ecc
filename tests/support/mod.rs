//! The program as a person uses it: started from its binary, asked with `redis-cli`, killed or stopped.
//!
//! Every address is one that the system gave (port 0) and the ready file names. No test waits for a length of time,
//! only for something to become true, up to a deadline that no working machine needs.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The bound of every wait.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Returns the path of the program: beside the folder of this test.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(Path::parent).expect("tests are built into target/PROFILE/deps");
    let program = folder.join(format!("towline{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{} is missing: cargo build --workspace --bins", program.display());
    program
}

/// Waits until `look` finds something.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {} s: {what}", PATIENCE.as_secs());
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A running server.
pub(crate) struct Node {
    name: String,
    child: Child,
    log: PathBuf,
    pub(crate) client: String,
    pub(crate) replication: Option<String>,
    pub(crate) metrics: Option<String>,
}

/// A folder for the nodes of one test.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary directory") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the command `towline` with these arguments, `{NAME}` standing for this folder's NAME.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(program());
        let root = self.folder.path().display().to_string();
        let args = line.split_whitespace().map(|word| match word.strip_prefix('{') {
            Some(name) => format!("{root}/{}", name.trim_end_matches('}')),
            None => word.to_owned(),
        });
        command.args(args).env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs `towline` to its end.
    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(line).output().expect("the program starts")
    }

    /// Runs a command that must fail at once with this code; returns its last line on stderr.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, line: &str) -> String {
        let mut child =
            self.command(line).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let ended = eventually(&format!("`{line}` to end"), || child.try_wait().expect("our child"));
        let output = child.wait_with_output().expect("our child");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(ended.code(), Some(code), "{line}: {said}");
        let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "one clear line, not:\n{said}");
        assert!(!said.contains("panicked"), "{said}");
        errors[0].to_owned()
    }

    /// Starts a server and waits until it serves.
    #[track_caller]
    pub(crate) fn start(&self, name: &str, line: &str) -> Node {
        let log = self.path(&format!("{name}.log"));
        let stderr = File::options().create(true).append(true).open(&log).expect("a log file");
        self.start_with(name, line, stderr.into())
    }

    /// Starts a server whose log is not a file of this folder.
    #[track_caller]
    pub(crate) fn start_with(&self, name: &str, line: &str, stderr: Stdio) -> Node {
        self.start_behind(name, line, "", stderr)
    }

    /// Starts a server that may have so many file descriptors and no more.
    #[track_caller]
    pub(crate) fn start_limited(&self, name: &str, line: &str, descriptors: u32) -> Node {
        let log = File::create(self.path(&format!("{name}.log"))).expect("a log file");
        self.start_behind(name, line, &format!("ulimit -n {descriptors}"), log.into())
    }

    /// Starts a server that may have so many file descriptors, and may raise that limit.
    #[track_caller]
    pub(crate) fn start_soft(&self, name: &str, line: &str, descriptors: u32) -> Node {
        let log = File::create(self.path(&format!("{name}.log"))).expect("a log file");
        self.start_behind(name, line, &format!("ulimit -Sn {descriptors}"), log.into())
    }

    /// Starts a server from a shell, after the command `before`, and waits until it serves.
    #[track_caller]
    fn start_behind(&self, name: &str, line: &str, before: &str, stderr: Stdio) -> Node {
        let ready = self.path(&format!("{name}.ready"));
        fs::remove_file(&ready).ok();
        let log = self.path(&format!("{name}.log"));
        let listen = if line.contains("--listen") { "" } else { "--listen 127.0.0.1:0" };
        let line = format!("{line} {listen} --ready-file {{{name}.ready}}");
        let mut command = self.command(&line);
        if !before.is_empty() {
            let direct = command;
            command = Command::new("sh");
            command.args(["-c", &format!("{before} && exec \"$0\" \"$@\"")]);
            command.arg(direct.get_program()).args(direct.get_args()).env_remove("RUST_LOG");
            command.stdin(Stdio::null());
        }
        let child = command.stderr(stderr).stdout(Stdio::null()).spawn().expect("it starts");
        let (client, metrics) = (String::new(), None);
        let mut node = Node { name: name.to_owned(), child, log, client, replication: None, metrics };
        let told = eventually(&format!("{name} to serve"), || {
            let ended = node.child.try_wait().expect("our child");
            assert_eq!(ended, None, "{name} ended:\n{}", node.log());
            fs::read_to_string(&ready).ok()
        });
        let told: Value = serde_json::from_str(&told).expect("the ready file is JSON");
        assert_eq!(told["pid"], node.child.id());
        node.client = told["client_addr"].as_str().expect("a client address").to_owned();
        node.replication = told["replication_addr"].as_str().map(str::to_owned);
        node.metrics = told["metrics_addr"].as_str().map(str::to_owned);
        node
    }
}

impl Node {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns its replication address.
    pub(crate) fn feeds(&self) -> &str {
        self.replication.as_deref().expect("started with --replication")
    }

    /// Returns its metrics' address.
    pub(crate) fn metrics(&self) -> String {
        self.metrics.clone().expect("started with --metrics")
    }

    /// Returns its stderr, of a node that was started with a pipe there.
    pub(crate) fn stderr(&mut self) -> std::process::ChildStderr {
        self.child.stderr.take().expect("started with a pipe")
    }

    /// Returns everything it logged, over all its starts.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the log has these words: a line is written after the event that it reports.
    pub(crate) fn until_logged(&self, words: &str) {
        eventually(&format!("{words:?} in the log of {}", self.name), || {
            self.log().contains(words).then_some(())
        });
    }

    /// Returns the output of `redis-cli` for a command.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        self.ask_with(words, b"")
    }

    /// The same as [`Node::ask`], with a last argument of any bytes.
    pub(crate) fn ask_with(&self, words: &[&str], last: &[u8]) -> String {
        let (_, port) = self.client.rsplit_once(':').expect("an address has a port");
        let mut command = Command::new("redis-cli");
        command.args(["-p", port]).args((!last.is_empty()).then_some("-x")).args(words);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("redis-cli is installed: cargo xtask test does that");
        child.stdin.take().expect("piped").write_all(last).expect("redis-cli reads");
        let output = child.wait_with_output().expect("our child");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub(crate) fn digest(&self) -> String {
        self.ask(&["TOWLINE", "DIGEST"])
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.ask(&["TOWLINE", "STATUS"])).unwrap_or_default()
    }

    /// Returns one counter of status.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.status()["counters"][name].as_u64().unwrap_or_else(|| panic!("{name} is no counter"))
    }

    /// Sends it a signal.
    pub(crate) fn send(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.pid().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Waits for its end, and returns its exit status.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually(&format!("{} to end", self.name), || self.child.try_wait().expect("our child"))
    }

    /// Ends it with a signal, and returns its exit status.
    pub(crate) fn signal(&mut self, signal: &str) -> ExitStatus {
        self.send(signal);
        self.ended()
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our child");
        self.child.wait().expect("our child");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("--- {} said:\n{}", self.name, self.log());
        }
    }
}

/// Waits until all nodes hold the same, and at least `keys`.
#[track_caller]
pub(crate) fn agree(nodes: &[&Node], keys: u64) {
    eventually("the digests to agree", || {
        let told: Vec<(Value, Value, Value)> = nodes
            .iter()
            .map(|node| node.status())
            .map(|status| (status["digest"].clone(), status["applied"].clone(), status["keys"].clone()))
            .collect();
        let same = told.windows(2).all(|pair| pair[0] == pair[1]);
        (same && told[0].2.as_u64().is_some_and(|held| held >= keys)).then_some(())
    });
    let digests: Vec<String> = nodes.iter().map(|node| node.digest()).collect();
    assert!(digests.iter().all(|digest| digest.len() == 32 && *digest == digests[0]), "{digests:?}");
}

/// A client that writes one key after another until it is stopped.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(node: &Node) -> Self {
        let (_, port) = node.client.rsplit_once(':').expect("an address has a port");
        let mut child = Command::new("redis-cli")
            .args(["-p", port])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-cli is installed: cargo xtask test does that");
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut lines = child.stdin.take().expect("piped");
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&written));
        let thread = std::thread::spawn(move || {
            for number in 0_u64.. {
                let line = format!("SET key:{} value-{number:090}\n", number % 5000);
                if stopped.load(Ordering::Relaxed) || lines.write_all(line.as_bytes()).is_err() {
                    break;
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
            drop(lines);
            child.wait().ok();
        });
        Self { stop, written, thread: Some(thread) }
    }

    /// Waits until so many more commands were given to redis-cli.
    pub(crate) fn more(&self, commands: u64) {
        let from = self.written.load(Ordering::Relaxed);
        eventually("the writer to go on", || {
            (self.written.load(Ordering::Relaxed) >= from + commands).then_some(())
        });
    }

    /// Stops it once everything sent was answered.
    pub(crate) fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the writer does not panic");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.halt();
    }
}
