//! The examples against each other and against the program: through cuts and kill -9, until all digests are equal.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::compile::{Link, Program, STRICT};
use super::output;
use super::towline::{Process, Server, Stand, Wire, eventually};

/// The sources that all examples share.
const STORE: [&str; 4] = ["examples/store.c", "examples/effect.c", "examples/file.c", "examples/net.c"];
const HOST: &str = "examples/host.c";

/// The built programs.
pub(crate) struct Examples {
    folder: PathBuf,
    towline: PathBuf,
}

/// Builds all of them into `folder`, where they also run.
pub(crate) fn build(ffi: &Path, link: Link<'_>, towline: PathBuf, folder: PathBuf) -> Result<Examples> {
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for name in ["primary", "follow"] {
        let main = format!("examples/{name}.c");
        let waits: &[&str] = if name == "primary" { &["examples/waits.c"] } else { &[] };
        let sources = [&[main.as_str(), HOST][..], waits, &STORE].concat();
        let program = Program { ffi, sources: &sources, more: &["-lxxhash"] };
        // Both compilers must build them; gcc's programs are kept.
        for compiler in ["clang", "gcc"] {
            program.make(compiler, &link.args(), &folder.join(name))?;
        }
    }
    for sources in [&["examples/newcomer.c"][..], &["tests/upstream.c", "examples/net.c"]] {
        let name = Path::new(sources[0]).file_stem().context("a source has a name")?;
        Program { ffi, sources, more: &[] }.make("gcc", &link.args(), &folder.join(name))?;
    }
    let mut objects = Vec::new();
    for source in STORE {
        let object = folder.join(source.replace('/', "-")).with_extension("o");
        let mut cc = Command::new("gcc");
        cc.args(["-std=c11", "-D_DEFAULT_SOURCE", "-O1", "-g", "-I"]).arg(ffi.join("include"));
        output(cc.arg("-c").arg(ffi.join(source)).arg("-o").arg(&object))?;
        objects.push(object);
    }
    for compiler in ["clang++", "g++"] {
        let mut cc = Command::new(compiler);
        cc.args(STRICT).args(["-std=c++17", "-O1", "-g", "-I"]).arg(ffi.join("include"));
        cc.arg(ffi.join("examples/kv.cpp")).args(&objects).arg("-o").arg(folder.join("kv"));
        output(cc.args(link.args()).arg("-lxxhash"))?;
    }
    Ok(Examples { folder, towline })
}

impl Examples {
    fn follower(&self, program: &str, upstream: SocketAddr, name: &str, node: u32) -> Result<Process> {
        let mut command = Command::new(self.folder.join(program));
        command.arg(upstream.to_string()).arg(self.folder.join(name)).arg(node.to_string());
        Process::start(&mut command, &self.folder.join(format!("{name}.log")), Stdio::null())
    }

    fn primary(&self, name: &str) -> Result<(Process, SocketAddr)> {
        self.primary_that_waits(name, &[])
    }

    fn primary_that_waits(&self, name: &str, replicas: &[&str]) -> Result<(Process, SocketAddr)> {
        let mut command = Command::new(self.folder.join("primary"));
        command.args(["0"]).arg(self.folder.join(name)).arg("1").args(replicas);
        let log = self.folder.join(format!("{name}.log"));
        std::fs::remove_file(&log).ok();
        let process = Process::start(&mut command, &log, Stdio::piped())?;
        let address = listening(&process)?;
        Ok((process, address))
    }

    fn server(&self, words: &[&str], name: &str) -> Result<Server> {
        Server::start(&self.towline, words, &self.folder, name)
    }

    /// Checks primary.c as the primary of follow.c, kv.cpp and `towline follow`.
    pub(crate) fn c_leads(&self) -> Result<String> {
        let (mut primary, address) = self.primary("lead")?;
        let mut input = primary.input()?;
        let wire = Wire::to(address)?;
        let mut write = |from: u32, to: u32| -> Result<()> {
            for number in from..to {
                writeln!(input, "set key:{} value-{number:090}", number % 5000)?;
                writeln!(input, "incrby counter:{} {number}", number % 7)?;
            }
            writeln!(
                input,
                "append key:1 , and more\npexpireat key:2 1700000000000\ndel key:3\npersist key:2"
            )?;
            Ok(input.flush()?)
        };
        write(0, 4000)?;
        let follow = self.follower("follow", wire.address, "c-follow", 2)?;
        let kv = self.follower("kv", wire.address, "c-kv", 3)?;
        let upstream = wire.address.to_string();
        let server = self.server(&["follow", &upstream], "c-server")?;
        write(4000, 8000)?;
        wire.cut();
        agree("after a cut", || [primary.stands(), follow.stands(), kv.stands(), server.stands()])?;
        follow.kill();
        kv.kill();
        write(8000, 12000)?;
        let follow = self.follower("follow", wire.address, "c-follow", 2)?;
        let kv = self.follower("kv", wire.address, "c-kv", 3)?;
        agree("after kill -9 of followers", || {
            [primary.stands(), follow.stands(), kv.stands(), server.stands()]
        })?;
        // The kill loses some of these, perhaps after others received them: a fork.
        write(12000, 13000)?;
        primary.kill();
        let (mut primary, address) = self.primary("lead")?;
        wire.turn(address);
        writeln!(primary.input()?, "set again yes")?;
        let stand = agree("after kill -9 of the primary", || {
            [primary.stands(), follow.stands(), kv.stands(), server.stands()]
        })?;
        for process in [follow, kv, primary] {
            process.stop()?;
        }
        Ok(format!("{} records", stand.records))
    }

    /// Checks that each replica goes on where a second snapshot takes the place of one that was partly loaded, and that
    /// it has every key of the second and of the stream behind it.
    pub(crate) fn a_second_snapshot_comes(&self) -> Result<String> {
        for program in ["newcomer", "follow", "kv"] {
            let log = self.folder.join(format!("upstream-{program}.log"));
            let mut upstream =
                Process::start(&mut Command::new(self.folder.join("upstream")), &log, Stdio::null())?;
            let mut command = Command::new(self.folder.join(program));
            command.arg(format!("127.0.0.1:{}", listening::<u16>(&upstream)?));
            if program != "newcomer" {
                command.arg(self.folder.join(format!("second-{program}")));
            }
            let replica = Process::start(
                command.arg("2"),
                &self.folder.join(format!("second-{program}.log")),
                Stdio::null(),
            )?;
            let told = || format!("{program}:\n{}\nits upstream:\n{}", replica.log(), upstream.log());
            let shows = || match program {
                "newcomer" => "abcdeyz".chars().all(|key| replica.log().contains(&format!("set {key}\n"))),
                _ => replica.log().contains("6 records, 7 keys"),
            };
            eventually("all keys", || shows().then_some(())).with_context(told)?;
            upstream.ends("a replica that has applied all")?;
            replica.kill();
        }
        Ok("newcomer.c, follow.c and kv.cpp go on".to_owned())
    }

    /// Checks that a write is acknowledged once two replicas have applied it, and not before.
    pub(crate) fn c_acknowledges(&self) -> Result<String> {
        let (mut primary, address) = self.primary_that_waits("waits", &["2"])?;
        let mut input = primary.input()?;
        let told = |word: &str| primary.log().lines().filter(|line| line.starts_with(word)).count();
        let mut write = |command: &str| -> Result<()> {
            writeln!(input, "{command}")?;
            Ok(input.flush()?)
        };
        write("set first 1")?;
        let follow = self.follower("follow", address, "w-follow", 2)?;
        agree("with one replica", || [primary.stands(), follow.stands()])?;
        anyhow::ensure!(told("acknowledged") == 0, "acknowledged with one replica:\n{}", primary.log());
        let kv = self.follower("kv", address, "w-kv", 3)?;
        eventually("the first write to be acknowledged", || (told("acknowledged 1") == 1).then_some(()))?;
        kv.kill();
        write("set second 2")?;
        agree("with one replica again", || [primary.stands(), follow.stands()])?;
        anyhow::ensure!(told("acknowledged") == 1, "acknowledged with one replica:\n{}", primary.log());
        let kv = self.follower("kv", address, "w-kv", 3)?;
        eventually("the second to be acknowledged", || (told("acknowledged 2") == 1).then_some(()))?;
        anyhow::ensure!(told("lost") == 0, "nothing was lost:\n{}", primary.log());
        for process in [follow, kv, primary] {
            process.stop()?;
        }
        Ok("with two replicas, and not with one".to_owned())
    }

    /// Checks that primary.c, asked to stop, ends when its replicas have received everything, or names those that have
    /// not.
    pub(crate) fn c_stops(&self) -> Result<String> {
        let value = "v".repeat(100 << 10);
        for answers in [true, false] {
            let name = if answers { "stops" } else { "gives-up" };
            let (mut primary, address) = self.primary(name)?;
            let follow = self.follower("follow", address, &format!("{name}-follow"), 2)?;
            let kv = self.follower("kv", address, &format!("{name}-kv"), 3)?;
            let mut input = primary.input()?;
            writeln!(input, "set first 1")?;
            agree("before the stop", || [primary.stands(), follow.stands(), kv.stands()])?;
            // More than the sockets hold: when primary.c has read all of it, most of it is still to be sent.
            for number in 0..200 {
                writeln!(input, "set key:{number} {value}")?;
            }
            input.flush()?;
            follow.signal("STOP")?;
            primary.signal("TERM")?;
            if answers {
                follow.signal("CONT")?;
            }
            let code = primary.ended("an end after SIGTERM")?;
            follow.signal("CONT")?;
            let log = primary.log();
            let misses = |node: u32| log.contains(&format!("node {node:016x} misses "));
            anyhow::ensure!(
                !misses(3) && (!answers || !misses(2)),
                "a replica misses records that it could have received:\n{log}"
            );
            anyhow::ensure!(code == if misses(2) { 4 } else { 0 }, "it ended with {code}:\n{log}");
            agree("after the stop", || {
                [primary.stands(), kv.stands(), if misses(2) { kv.stands() } else { follow.stands() }]
            })?;
            for process in [follow, kv] {
                process.stop()?;
            }
        }
        Ok("with all replicas, or with their names".to_owned())
    }

    /// Checks `towline serve` as the primary of follow.c and kv.cpp.
    pub(crate) fn towline_leads(&self) -> Result<String> {
        let dir = self.folder.join("serve-data").display().to_string();
        let words = ["serve", "--replication", "127.0.0.1:0", "--store", "disk", "--dir", &dir];
        let server = self.server(&words, "serve")?;
        let address = |server: &Server| server.replication.context("a replication address");
        let wire = Wire::to(address(&server)?)?;
        let write = |server: &Server, from: u32, to: u32| {
            let set = |number: u32| {
                let (key, value) = (format!("key:{}", number % 5000), format!("value-{number:090}"));
                [vec!["SET".to_owned(), key, value], vec!["INCR".to_owned(), "counter".to_owned()]]
            };
            server.ask(&(from..to).flat_map(set).collect::<Vec<_>>())
        };
        write(&server, 0, 4000)?;
        let follow = self.follower("follow", wire.address, "s-follow", 2)?;
        let kv = self.follower("kv", wire.address, "s-kv", 3)?;
        write(&server, 4000, 8000)?;
        wire.cut();
        let stand = agree("after a cut", || [server.stands(), follow.stands(), kv.stands()])?;
        eventually("the server to persist", || server.persisted().filter(|upto| *upto >= stand.records))?;
        follow.kill();
        // The server may lose some of these after others received them: a fork.
        write(&server, 8000, 12000)?;
        let follow = self.follower("follow", wire.address, "s-follow", 2)?;
        server.process.kill();
        let server = self.server(&words, "serve")?;
        wire.turn(address(&server)?);
        write(&server, 12000, 13000)?;
        let stand = agree("after kill -9 of both", || [server.stands(), follow.stands(), kv.stands()])?;
        follow.stop()?;
        kv.stop()?;
        Ok(format!("{} records", stand.records))
    }
}

/// Returns where a program listens on loopback, which it prints once it does.
fn listening<A: std::str::FromStr>(process: &Process) -> Result<A> {
    eventually("a program to listen", || {
        let log = process.log();
        let (_, rest) = log.split_once("listening on ")?;
        rest.split_once('\n')?.0.parse().ok()
    })
}

/// Waits until all of them have the same position and digest, and hold some keys.
fn agree<const N: usize>(what: &str, look: impl Fn() -> [Option<Stand>; N]) -> Result<Stand> {
    let mut last = look();
    let found = eventually(what, || {
        last = look();
        let first = last[0].clone().filter(|stand| stand.keys > 0)?;
        last.iter().all(|stand| stand.as_ref() == Some(&first)).then_some(first)
    });
    match found {
        Ok(stand) => Ok(stand),
        Err(why) => bail!("{why}: {last:#?}"),
    }
}
