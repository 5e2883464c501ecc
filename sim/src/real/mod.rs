//! The real driver on loopback TCP: the plan in wall time, `scale` times as fast.
//!
//! Every time in the options of a node is divided by the scale; the host's own times (how long a dial or a probe of an
//! address may take) are not, and neither is the machine's work. So a scale of 5 is safe on a busy machine, and two
//! runs end alike but never give the same facts at the same times.
//!
//! One thread runs everything. A panic in a server's own task is always noticed; one in a smaller task only in a
//! program built with `--cfg tokio_unstable`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use towline_driver::transport::{BoxFuture, BoxTransport, Net};
use towline_server::Options;

use crate::driver::{
    Desk, Director, Door, Ending, Environment, Machines, Planted, Refused, Run, operate, process, words_of,
};
use crate::plan::{Plan, Substrate};

/// The interval at which the director looks, in wall time.
const LOOK: Duration = Duration::from_millis(2);

/// Plays a plan, `scale` simulated seconds a second. Blocks; not to be called from inside a runtime.
///
/// # Errors
/// The plan cannot be played here.
pub fn run(plan: &Plan, scale: u64, keeps_facts: bool) -> Result<Run, Refused> {
    let scale = scale.max(1);
    let runtime = runtime().map_err(|error| Refused::Machine(error.to_string()))?;
    let wall = Arc::new(Wall { start: Instant::now(), scale });
    let environment = Arc::clone(&wall) as Arc<dyn Environment>;
    let (mut director, operator) =
        Director::new(plan, Substrate::Real, environment, scale, keeps_facts, Planted::Nothing)?;
    let machines = director.desk().machines();
    let mut processes = Processes {
        desk: director.desk(),
        endings: (0..machines).map(|_| None).collect(),
        running: (0..machines).map(|_| None).collect(),
    };
    let played = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            tokio::spawn(operate(operator));
            while !director.advance(wall.now_us(), &mut processes) {
                let left_us = director.next_us().map_or(u64::MAX, |next| next.saturating_sub(wall.now_us()));
                tokio::time::sleep(wall.lasts(left_us).min(LOOK)).await;
            }
        });
    }));
    if let Err(panic) = played {
        director.panicked(wall.now_us(), words_of(&*panic));
    }
    Ok(director.report(wall.now_us()))
}

fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    #[cfg(tokio_unstable)]
    builder.unhandled_panic(tokio::runtime::UnhandledPanic::ShutdownRuntime);
    builder.enable_all().build()
}

// --- processes -----------------------------------------------------------------------------------------------------

/// The processes of a run: tasks, each after the one before it on its node.
struct Processes {
    desk: Arc<Desk>,
    endings: Vec<Option<oneshot::Sender<Ending>>>,
    running: Vec<Option<JoinHandle<()>>>,
}

impl Processes {
    fn end(&mut self, node: usize, how: Ending) {
        if let Some(ending) = self.endings[node].take() {
            // It may have ended by itself, which is reported elsewhere.
            ending.send(how).ok();
        }
    }
}

impl Machines for Processes {
    fn start(&mut self, node: usize, options: Options) {
        self.end(node, Ending::Kill);
        let before = self.running[node].take();
        let (ending, ends) = oneshot::channel();
        self.endings[node] = Some(ending);
        let desk = Arc::clone(&self.desk);
        self.running[node] = Some(tokio::spawn(async move {
            if let Some(before) = before {
                // Its end is reported elsewhere.
                before.await.ok();
            }
            let net: Arc<dyn Net> = Arc::new(desk.net(node));
            process(desk, net, node, options, ends).await;
        }));
    }

    fn kill(&mut self, node: usize) {
        self.end(node, Ending::Kill);
    }

    fn stop(&mut self, node: usize) {
        self.end(node, Ending::Stop);
    }
}

// --- time and sockets ----------------------------------------------------------------------------------------------

/// The time of the run: wall time, scaled.
#[derive(Debug)]
struct Wall {
    start: Instant,
    scale: u64,
}

impl Environment for Wall {
    fn now_us(&self) -> u64 {
        let wall_us = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        wall_us.saturating_mul(self.scale)
    }

    fn lasts(&self, us: u64) -> Duration {
        Duration::from_nanos(us.saturating_mul(1_000) / self.scale)
    }

    /// Returns the grain of the runtime's timers, a millisecond.
    fn grain_us(&self) -> u64 {
        1_000 * self.scale
    }

    fn bind(&self, _: usize, _: u16) -> BoxFuture<'_, io::Result<(Box<dyn Door>, SocketAddr)>> {
        Box::pin(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let at = listener.local_addr()?;
            Ok((Box::new(listener) as Box<dyn Door>, at))
        })
    }

    fn connect(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<(BoxTransport, SocketAddr)>> {
        Box::pin(async move {
            let stream = TcpStream::connect(addr).await?;
            stream.set_nodelay(true)?;
            let from = stream.local_addr()?;
            Ok((Box::new(stream) as BoxTransport, from))
        })
    }
}

impl Door for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxTransport, SocketAddr)>> {
        Box::pin(async move {
            let (stream, from) = Self::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as BoxTransport, from))
        })
    }
}
