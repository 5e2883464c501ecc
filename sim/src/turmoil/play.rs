//! One run: hosts, their processes, and the steps of time.

#![expect(
    clippy::disallowed_types,
    reason = "hosts are made anew by closures that share what they start with"
)]

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use ::turmoil::net::{TcpListener, TcpStream};
use ::turmoil::{Builder, Sim};
use tokio::sync::oneshot;
use towline_driver::transport::{BoxFuture, BoxTransport, Net};
use towline_server::Options;

use crate::driver::{
    Desk, Director, Door, Ending, Environment, Machines, Planted, Refused, Run, operate, process, words_of,
};
use crate::plan::{Plan, Substrate};

/// The time of one step. Bytes cross between hosts at its edges only, so no way is shorter; and every host costs its
/// scheduler's round trip in every step, busy or not.
const TICK: Duration = Duration::from_millis(2);
/// The writes that a socket takes: more than the byte window ever lets under way, so that only bytes count.
const WRITES: usize = 4096;
/// The name of the operator's host.
const OPERATOR: &str = "operator";

/// Plays a plan on simulated hosts.
pub(super) fn play(plan: &Plan, keeps_facts: bool, planted: Planted) -> Result<Run, Refused> {
    let simulated = Arc::new(Simulated::default());
    let environment = Arc::clone(&simulated) as Arc<dyn Environment>;
    let (mut director, operator) =
        Director::new(plan, Substrate::Turmoil, environment, 1, keeps_facts, planted)?;
    let sim = Builder::new()
        .tick_duration(TICK)
        .simulation_duration(Duration::MAX)
        .epoch(UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        .rng_seed(plan.seed)
        .tcp_capacity(WRITES)
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::ZERO)
        .build();
    let mut hosts = Hosts::new(sim, &director.desk());
    hosts.sim.client(OPERATOR, async move {
        operate(operator).await;
        Ok(())
    });
    loop {
        let now_us = micros(hosts.sim.elapsed());
        simulated.stepped_us.store(now_us, Ordering::Relaxed);
        if director.advance(now_us, &mut hosts) {
            return Ok(director.report(now_us));
        }
        let text = match catch_unwind(AssertUnwindSafe(|| hosts.sim.step())) {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => words_of(&*panic),
        };
        director.panicked(now_us, text);
        return Ok(director.report(now_us));
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Returns a host's name in turmoil.
fn host(node: usize) -> String {
    format!("n{node}")
}

// --- processes -----------------------------------------------------------------------------------------------------

/// The options of a host's next process, and its ending.
type Boot = Arc<Mutex<Option<(Options, oneshot::Receiver<Ending>)>>>;

/// The hosts of a run.
struct Hosts {
    sim: Sim<'static>,
    boots: Vec<Boot>,
    /// The channels that end each process.
    endings: Vec<Option<oneshot::Sender<Ending>>>,
}

impl Hosts {
    /// Makes a host for each machine, with nothing on it yet.
    fn new(mut sim: Sim<'static>, desk: &Arc<Desk>) -> Self {
        let machines = desk.machines();
        let boots: Vec<Boot> = (0..machines).map(|_| Boot::default()).collect();
        for (node, boot) in boots.iter().enumerate() {
            let (desk, boot) = (Arc::clone(desk), Arc::clone(boot));
            sim.host(host(node), move || {
                let (desk, boot) = (Arc::clone(&desk), Arc::clone(&boot));
                async move {
                    let next = boot.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some((options, ending)) = next {
                        let net: Arc<dyn Net> = Arc::new(desk.net(node));
                        process(desk, net, node, options, ending).await;
                    }
                    Ok(())
                }
            });
        }
        Self { sim, boots, endings: (0..machines).map(|_| None).collect() }
    }
}

impl Machines for Hosts {
    fn start(&mut self, node: usize, options: Options) {
        self.kill(node);
        let (ending, ends) = oneshot::channel();
        self.endings[node] = Some(ending);
        *self.boots[node].lock().unwrap_or_else(PoisonError::into_inner) = Some((options, ends));
        self.sim.bounce(host(node));
    }

    fn kill(&mut self, node: usize) {
        self.sim.crash(host(node));
        self.endings[node] = None;
    }

    fn stop(&mut self, node: usize) {
        if let Some(ending) = self.endings[node].take() {
            // It may have ended by itself, which is reported elsewhere.
            ending.send(Ending::Stop).ok();
        }
    }
}

// --- time and sockets ----------------------------------------------------------------------------------------------

/// The simulated time and sockets: inside a host its own time, outside the last step's.
#[derive(Debug, Default)]
struct Simulated {
    stepped_us: AtomicU64,
}

impl Environment for Simulated {
    fn now_us(&self) -> u64 {
        ::turmoil::sim_elapsed().map_or_else(|| self.stepped_us.load(Ordering::Relaxed), micros)
    }

    fn lasts(&self, us: u64) -> Duration {
        Duration::from_micros(us)
    }

    fn grain_us(&self) -> u64 {
        0
    }

    fn bind(&self, node: usize, port: u16) -> BoxFuture<'_, io::Result<(Box<dyn Door>, SocketAddr)>> {
        Box::pin(async move {
            let listener = TcpListener::bind(("0.0.0.0", port)).await?;
            let at = SocketAddr::new(::turmoil::lookup(host(node)), port);
            Ok((Box::new(listener) as Box<dyn Door>, at))
        })
    }

    fn connect(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<(BoxTransport, SocketAddr)>> {
        Box::pin(async move {
            let stream = TcpStream::connect(addr).await?;
            let from = stream.local_addr()?;
            Ok((Box::new(stream) as BoxTransport, from))
        })
    }
}

impl Door for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxTransport, SocketAddr)>> {
        Box::pin(async move {
            let (stream, from) = Self::accept(self).await?;
            Ok((Box::new(stream) as BoxTransport, from))
        })
    }
}
