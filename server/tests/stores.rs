//! Servers over a store that can be ordered to be behind, to fail, or to give no view; and one whose port is gone.
//!
//! No database is named here: the server's promises about its store hold for any.

mod common;

use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use common::{World, agree, following, options, until, with};
use towline_core::{Offset, Span};
use towline_driver::transport::{BoxFuture, BoxTransport, Listener, MemoryNet, Net};
use towline_driver::{Persistence, Replaced, RunError, Size, Store, View};
use towline_kv::{Digest, ExpiryMs};
use towline_server::store::{Found, KeyValueStore, MemoryStore};
use towline_server::{Options, Server, StoreKind};

/// The orders of a test to its store.
#[derive(Default)]
struct Orders {
    /// Set while nothing can be written, for this reason.
    refuses: Option<&'static str>,
    /// The failure that was reported.
    refused: Option<&'static str>,
    /// Set while nothing becomes durable, and nothing is reported.
    slow: bool,
    behind: bool,
    /// Set while no view can be had; and how often one was wanted.
    blind: bool,
    wanted: u32,
    /// The cursor of the last commit that was not reported as durable.
    committed: Option<Vec<u8>>,
    waker: Option<Waker>,
}

/// A store in memory that claims to keep everything, as soon as its orders allow.
struct Told(MemoryStore, Arc<Mutex<Orders>>);

impl Told {
    fn orders(&self) -> std::sync::MutexGuard<'_, Orders> {
        self.1.lock().expect("nobody panicked with it")
    }
}

/// Changes the orders of a store.
fn order(orders: &Mutex<Orders>, change: impl FnOnce(&mut Orders)) {
    let mut orders = orders.lock().expect("nobody panicked with it");
    change(&mut orders);
    orders.waker.take().into_iter().for_each(Waker::wake);
}

impl Store for Told {
    fn cursor(&self) -> Option<&[u8]> {
        self.0.cursor()
    }

    fn apply(&mut self, record: &[u8]) -> io::Result<()> {
        self.0.apply(record)
    }

    fn commit(&mut self, cursor: &[u8], upto: Offset) {
        self.0.commit(cursor, upto);
        let mut orders = self.orders();
        orders.committed = Some(cursor.to_vec());
        orders.waker.take().into_iter().for_each(Waker::wake);
    }

    fn view(&mut self) -> io::Result<Box<dyn View>> {
        if self.orders().blind {
            self.orders().wanted += 1;
            return Err(io::Error::other("no view today"));
        }
        self.0.view()
    }

    fn load_begin(&mut self, cursor: &[u8], upto: Offset) -> io::Result<()> {
        self.0.load_begin(cursor, upto)
    }

    fn load(&mut self, piece: &[u8]) -> io::Result<()> {
        self.0.load(piece)
    }

    fn install(&mut self, replaced: Replaced) -> io::Result<()> {
        self.0.install(replaced)
    }

    fn size(&self) -> Size {
        Size { entries: Some(self.len()), memory_bytes: self.memory_bytes() }
    }

    fn persistence(&mut self) -> Option<&mut dyn Persistence> {
        Some(self)
    }
}

impl Persistence for Told {
    fn poll_persisted(&mut self, task: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        let mut orders = self.orders();
        orders.waker = Some(task.waker().clone());
        if let Some(why) = orders.refuses {
            let news = orders.refused.replace(why) != Some(why);
            return if news { Poll::Ready(Err(io::Error::other(why))) } else { Poll::Pending };
        }
        if orders.refused.take().is_some() {
            // The store works again, and reports it.
            orders.committed = self.0.cursor().map(<[u8]>::to_vec);
        }
        if orders.slow {
            return Poll::Pending;
        }
        orders.committed.take().map_or(Poll::Pending, |cursor| Poll::Ready(Ok(cursor)))
    }

    fn holds_writers(&self) -> bool {
        self.orders().behind
    }

    fn flush_soon(&mut self) {}
}

impl KeyValueStore for Told {
    fn get(&self, key: &[u8]) -> Option<Found> {
        self.0.get(key)
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn digest(&self) -> Digest {
        self.0.digest()
    }

    fn memory_bytes(&self) -> u64 {
        self.0.memory_bytes()
    }

    fn scan(&self, from: u64, count: usize, visit: &mut dyn FnMut(&[u8], &Found)) -> u64 {
        self.0.scan(from, count, visit)
    }

    fn some_key(&self, random: u64) -> Option<Arc<[u8]>> {
        self.0.some_key(random)
    }

    fn due(&self, now_ms: u64, count: usize) -> Vec<Arc<[u8]>> {
        self.0.due(now_ms, count)
    }

    fn next_due(&self) -> Option<ExpiryMs> {
        self.0.next_due()
    }

    fn expiring(&self) -> (u64, u128) {
        self.0.expiring()
    }
}

/// Starts a server over such a store.
async fn start(world: &World, options: Options) -> (Server, Arc<Mutex<Orders>>) {
    let orders = Arc::<Mutex<Orders>>::default();
    let store = Box::new(Told(MemoryStore::new(1), Arc::clone(&orders)));
    // It claims to keep its content; nothing is looked for in that folder.
    let options = Options { store: StoreKind::Disk("nowhere".into()), ..options };
    let server = Server::start_over(options, Arc::clone(&world.net), store).await;
    (server.expect("the server starts"), orders)
}

#[tokio::test(flavor = "current_thread")]
async fn a_store_that_is_behind_holds_writers_and_nobody_else() {
    let world = World::memory();
    let (server, orders) = start(&world, options()).await;
    let (mut writer, mut reader) = (world.client(&server).await, world.client(&server).await);
    assert_eq!(writer.ask(&["SET", "a", "1"]).await, "+OK");
    order(&orders, |orders| orders.behind = true);
    writer.send(&["SET", "a", "2"]).await;
    writer.send(&["GET", "a"]).await;
    for _ in 0..20 {
        assert_eq!(reader.ask(&["GET", "a"]).await, "1");
    }
    until("some time has passed", async || {
        server.inspect().await.unwrap().status.driver.uptime_ms > 20 && reader.ask(&["PING"]).await == "+PONG"
    })
    .await;
    order(&orders, |orders| orders.behind = false);
    assert_eq!((writer.reply().await, writer.reply().await), ("+OK".to_owned(), "2".to_owned()));
    let status = server.inspect().await.unwrap().status;
    assert!(
        status.driver.durability_held_ms > 0 && status.driver.writes_held_ms == 0,
        "each is counted by itself"
    );
    server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn a_store_that_refuses_gives_its_state_away_and_goes_on_afterwards() {
    let world = World::memory();
    let (primary, orders) = start(&world, options()).await;
    let mut client = world.client(&primary).await;
    assert_eq!(client.ask(&["SET", "a", "1"]).await, "+OK");
    order(&orders, |orders| orders.refuses = Some("full"));
    until("it is told", async || primary.inspect().await.unwrap().status.driver.store_failed.is_some()).await;
    assert!(client.ask(&["SET", "b", "1"]).await.starts_with("-MISCONF"));
    assert_eq!(primary.inspect().await.unwrap().status.driver.ready(), Err("store failed: full".to_owned()));

    // A replica that keeps its records joins; its own store fails as well, and it comes back by itself.
    let (replica, its_orders) = start(&world, following(&primary)).await;
    agree(&[&primary, &replica]).await;
    order(&its_orders, |orders| orders.refuses = Some("full too"));
    until("it is told", async || replica.inspect().await.unwrap().status.driver.store_failed.is_some()).await;
    order(&orders, |orders| orders.refuses = None);
    until("writes go on", async || client.ask(&["SET", "b", "2"]).await == "+OK").await;
    order(&its_orders, |orders| orders.refuses = None);
    agree(&[&primary, &replica]).await;
    assert_eq!(replica.inspect().await.unwrap().keys, 2);
    let status = primary.inspect().await.unwrap().status;
    assert_eq!((status.driver.store_failed.as_deref(), status.driver.ready()), (None, Ok(())));
    replica.shutdown().await.unwrap();
    primary.shutdown().await.unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn a_store_that_gives_no_view_is_asked_again_and_ends_nothing() {
    let world = World::memory();
    let (primary, orders) = start(&world, options()).await;
    order(&orders, |orders| orders.blind = true);
    let mut client = world.client(&primary).await;
    assert_eq!(client.ask(&["SET", "a", "1"]).await, "+OK");
    let replica = world.start(following(&primary)).await;
    until("it was refused more than once", async || orders.lock().unwrap().wanted > 1).await;
    assert_eq!(client.ask(&["PING"]).await, "+PONG");
    order(&orders, |orders| orders.blind = false);
    agree(&[&primary, &replica]).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_stop_says_what_a_store_that_refuses_keeps_to_itself() {
    let world = World::memory();
    let (server, orders) =
        start(&world, with(options(), |driver| driver.stop_wait = Span::from_millis(10))).await;
    let mut client = world.client(&server).await;
    for _ in 0..3 {
        client.ask(&["INCR", "a"]).await;
    }
    until("all is kept", async || server.inspect().await.unwrap().status.driver.persisted == Some(Offset(3)))
        .await;
    order(&orders, |orders| orders.slow = true);
    assert_eq!(client.ask(&["INCR", "a"]).await, ":4");
    order(&orders, |orders| (orders.refuses, orders.slow) = (Some("full"), false));
    until("it is told", async || server.inspect().await.unwrap().status.driver.store_failed.is_some()).await;
    let Err(RunError::LeftOver(left)) = server.shutdown().await else { panic!("one record is left over") };
    assert!(left.lacking.is_empty());
    assert_eq!(left.to_string(), "1 record (3 to 4) not on disk here: full");
}

/// A net whose listeners panic at a connection.
struct Trap(MemoryNet);

struct Trapped(Box<dyn Listener>);

impl Net for Trap {
    fn listen<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        let listens = self.0.listen(addr);
        Box::pin(async move { Ok(Box::new(Trapped(listens.await?)) as Box<dyn Listener>) })
    }
    fn dial<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<BoxTransport>> {
        self.0.dial(addr)
    }
}

impl Listener for Trapped {
    fn addr(&self) -> String {
        self.0.addr()
    }
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxTransport, String)>> {
        let accepts = self.0.accept();
        Box::pin(async move { accepts.await.map(|_| panic!("planted")) })
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_server_without_one_of_its_ports_does_not_go_on_looking_whole() {
    let net = MemoryNet::new();
    let mut server = Server::start_on(options(), Arc::new(Trap(net.clone()))).await.unwrap();
    let dialled = net.dial(server.replication_addr().unwrap()).await;
    assert_eq!(server.wait().await, Err(RunError::Gone));
    drop(dialled);
}
