//! The counterparts of the examples: the program itself, asked over its client port; processes that print their
//! position; and a connection that can be cut.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The bound of every wait; no working machine needs it.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until `look` finds something.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("not within {} s: {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A process that is killed when it is dropped; its output goes to a file.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(crate) fn start(command: &mut Command, log: &Path, input: Stdio) -> Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
        let file = file.with_context(|| log.display().to_string())?;
        let errors = file.try_clone().context("a second handle")?;
        let child = command.stdin(input).stdout(file).stderr(errors).spawn();
        let child = child.with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child, log: log.to_owned() })
    }

    pub(crate) fn input(&mut self) -> Result<std::process::ChildStdin> {
        self.child.stdin.take().context("its input was asked for")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Sends SIGTERM and expects exit code 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.signal("TERM")?;
        self.ends("an end after SIGTERM")
    }

    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let words = [format!("-{name}"), self.child.id().to_string()];
        let sent = Command::new("kill").args(words).status().context("kill")?;
        anyhow::ensure!(sent.success(), "kill -{name} failed");
        Ok(())
    }

    /// Waits for it to end by itself with exit code 0.
    pub(crate) fn ends(&mut self, what: &str) -> Result<()> {
        let code = self.ended(what)?;
        anyhow::ensure!(code == 0, "it ended with {code}:\n{}", self.log());
        Ok(())
    }

    /// Waits for its end and returns the exit code.
    pub(crate) fn ended(&mut self, what: &str) -> Result<i32> {
        let status = eventually(what, || self.child.try_wait().ok().flatten())?;
        status.code().with_context(|| format!("it ended with {status}:\n{}", self.log()))
    }

    fn end(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Returns its position: the last `N records, K keys, digest D` that it printed.
    pub(crate) fn stands(&self) -> Option<Stand> {
        self.log().lines().rev().find_map(|line| {
            let (records, rest) = line.split_once(" records, ")?;
            let (keys, digest) = rest.split_once(" keys, digest ")?;
            Some(Stand {
                records: records.parse().ok()?,
                keys: keys.parse().ok()?,
                digest: digest.to_owned(),
            })
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The position and content of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stand {
    pub(crate) records: u64,
    pub(crate) keys: u64,
    pub(crate) digest: String,
}

/// A `towline serve` or `towline follow`, on ports that the system chose.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) client: SocketAddr,
    pub(crate) replication: Option<SocketAddr>,
}

impl Server {
    /// Starts `program` with the arguments `words`; `folder` is for its log and its other files.
    pub(crate) fn start(program: &Path, words: &[&str], folder: &Path, name: &str) -> Result<Self> {
        let ready = folder.join(format!("{name}.ready"));
        std::fs::remove_file(&ready).ok();
        let mut command = Command::new(program);
        command.args(words).args(["--listen", "127.0.0.1:0", "--ready-file"]).arg(&ready);
        let process = Process::start(&mut command, &folder.join(format!("{name}.log")), Stdio::null())?;
        let told = eventually("a server that is ready", || std::fs::read_to_string(&ready).ok());
        let told = told.with_context(|| process.log())?;
        let told: serde_json::Value = serde_json::from_str(&told).context("the ready file")?;
        let address = |name: &str| told[name].as_str().and_then(|address| address.parse().ok());
        let client = address("client_addr").context("a server without a client address")?;
        Ok(Self { process, client, replication: address("replication_addr") })
    }

    /// Returns the port for clients.
    pub(crate) fn client_port(&self) -> u16 {
        self.client.port()
    }

    /// Sends commands in one pipeline; returns the replies.
    pub(crate) fn ask(&self, commands: &[Vec<String>]) -> Result<Vec<String>> {
        let mut stream = TcpStream::connect(self.client).context("the server's client port")?;
        stream.set_read_timeout(Some(PATIENCE)).context("a timeout")?;
        let mut said = Vec::new();
        for words in commands {
            write!(said, "*{}\r\n", words.len())?;
            for word in words {
                write!(said, "${}\r\n{word}\r\n", word.len())?;
            }
        }
        let mut writer = stream.try_clone().context("a second handle")?;
        let writing = std::thread::spawn(move || writer.write_all(&said));
        let mut reader = BufReader::new(&mut stream);
        let replies = commands.iter().map(|_| reply(&mut reader)).collect();
        writing.join().map_err(|_| anyhow::anyhow!("the writer panicked"))?.context("writing commands")?;
        replies
    }

    /// Returns how many records survive a kill.
    pub(crate) fn persisted(&self) -> Option<u64> {
        let told = self.ask(&[vec!["TOWLINE".to_owned(), "STATUS".to_owned()]]).ok()?;
        serde_json::from_str::<serde_json::Value>(&told[0]).ok()?["persisted"].as_u64()
    }

    pub(crate) fn stands(&self) -> Option<Stand> {
        let word = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let told = self.ask(&[word("TOWLINE STATUS"), word("TOWLINE DIGEST")]).ok()?;
        let status: serde_json::Value = serde_json::from_str(&told[0]).ok()?;
        let digest = told[1].clone();
        Some(Stand { records: status["applied"].as_u64()?, keys: status["keys"].as_u64()?, digest })
    }
}

fn reply(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line).context("a reply")?;
    let line = line.trim_end();
    match line.as_bytes().first() {
        Some(b'$') => {
            let length: usize = line[1..].parse().context("a bulk string's length")?;
            let mut bytes = vec![0; length + 2];
            reader.read_exact(&mut bytes).context("a bulk string")?;
            bytes.truncate(length);
            String::from_utf8(bytes).context("text")
        }
        Some(b'+' | b':') => Ok(line[1..].to_owned()),
        Some(_) | None => bail!("the server answered {line:?}"),
    }
}

/// A proxy for an address, on which every connection can be cut.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
    target: Arc<Mutex<SocketAddr>>,
}

impl Wire {
    pub(crate) fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("a port")?;
        let address = listener.local_addr().context("an address")?;
        let open = Arc::new(Mutex::new(Vec::new()));
        let target = Arc::new(Mutex::new(target));
        let (streams, ahead) = (Arc::clone(&open), Arc::clone(&target));
        // The thread ends with the program: nobody joins it.
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let to = *ahead.lock().unwrap_or_else(PoisonError::into_inner);
                let Ok(far) = TcpStream::connect(to) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { continue };
                    std::thread::spawn(move || {
                        std::io::copy(&mut from, &mut to).ok();
                        to.shutdown(Shutdown::Both).ok();
                    });
                }
                streams.lock().unwrap_or_else(PoisonError::into_inner).extend([near, far]);
            }
        });
        Ok(Self { address, open, target })
    }

    /// Ends every open connection.
    pub(crate) fn cut(&self) {
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    /// Sends new connections to `target` from now on.
    pub(crate) fn turn(&self, target: SocketAddr) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
        self.cut();
    }
}
