//! Time and bytes: the connections between hosts, and the order of their turns.

use super::*;

impl World {
    pub fn new(hosts: Vec<Host>) -> Self {
        Self {
            hosts,
            wires: Vec::new(),
            now: Time::ZERO,
            severed: Vec::new(),
            capacity: 1 << 20,
            gulp: 1 << 16,
            log: String::new(),
            logging: false,
            chosen: None,
        }
    }

    /// A primary and replicas that follow it.
    pub fn star(replicas: usize, options: Options) -> Self {
        let mut world = Self::new(vec![Host::new(1, Role::Primary, options)]);
        for index in 0..replicas {
            world.add_replica(2 + index as u64, 0, options);
        }
        world
    }

    pub fn add_replica(&mut self, id: u64, upstream: usize, options: Options) -> usize {
        let mut host = Host::new(id, Role::Replica, options);
        host.upstream = Some(upstream);
        self.hosts.push(host);
        self.hosts.len() - 1
    }

    fn free_link(&self, host: usize) -> Option<u32> {
        (0..self.hosts[host].config.link_ids()).find(|id| {
            !self.wires.iter().any(|wire| wire.open && wire.ends.contains(&(host, *id)))
                && self.is_free(host, *id)
        })
    }

    fn is_free(&self, host: usize, link: u32) -> bool {
        // A link that still owes its Close is busy: saying Opened would be misuse.
        !self.hosts[host].inbox.contains_key(&link)
    }

    /// Cuts every wire between two hosts; both ends hear of it.
    pub fn cut(&mut self, a: usize, b: usize) {
        for index in 0..self.wires.len() {
            let ends = self.wires[index].ends;
            if self.wires[index].open && (ends[0].0, ends[1].0) == (a, b) || (ends[1].0, ends[0].0) == (a, b)
            {
                self.drop_wire(index);
            }
        }
    }

    fn drop_wire(&mut self, index: usize) {
        if !std::mem::take(&mut self.wires[index].open) {
            return;
        }
        for (host, link) in self.wires[index].ends {
            if self.hosts[host].inbox.remove(&link).is_some() {
                self.hosts[host].writing.remove(&link);
                self.hosts[host]
                    .node
                    .handle(self.now, Input::Lost { link: LinkId(link) })
                    .expect("it was open");
                self.hosts[host].node.check();
            }
        }
    }

    /// Kills a host and starts it again with what its store holds.
    pub fn restart(&mut self, host: usize, role: Role) {
        for index in 0..self.wires.len() {
            if self.wires[index].ends.iter().any(|end| end.0 == host) {
                self.drop_wire(index);
            }
        }
        let old = &mut self.hosts[host];
        let mut new = Host::new(old.id, role, *old.config.options());
        new.boots = old.boots + 1;
        new.store = std::mem::take(&mut old.store);
        // Records past the cursor were never stored in one step with it.
        let boundary =
            new.store.cursor.as_ref().map_or(0, |cursor| Cursor::describe(cursor).unwrap().1.boundary.0);
        new.store.records.truncate(usize::try_from(boundary).unwrap());
        new.upstream = old.upstream;
        (new.installed, new.snapshots_begun, new.forks) =
            (old.installed, old.snapshots_begun, old.forks.clone());
        let boot = Boot {
            node: NodeId(new.id),
            seed: seed(new.id, new.boots),
            role,
            unix_zero: 0,
            cursor: new.store.cursor.as_deref(),
        };
        new.node = Metered::new(new.config, boot).expect("its own cursor");
        new.node.allocations += old.node.allocations;
        new.node.handle(self.now, Input::Tick).expect("ticks");
        self.hosts[host] = new;
    }

    fn dial(&mut self, host: usize) {
        let now = self.now;
        let target = self.hosts[host].upstream;
        let reachable = target.filter(|target| !self.severed.contains(&(host, *target)));
        let links =
            reachable.and_then(|target| Some((target, self.free_link(host)?, self.free_link(target)?)));
        let Some((target, ours, theirs)) = links else {
            self.hosts[host].node.handle(now, Input::DialFailed).expect("a dial was under way");
            return;
        };
        self.hosts[host].inbox.insert(ours, Vec::new());
        self.hosts[target].inbox.insert(theirs, Vec::new());
        self.hosts[host]
            .node
            .handle(now, Input::Opened { link: LinkId(ours), side: Side::Upstream })
            .expect("dialling");
        let opened = Input::Opened { link: LinkId(theirs), side: Side::Downstream };
        self.hosts[target].node.handle(now, opened).expect("a free link");
        self.wires.retain(|wire| wire.open);
        self.wires.push(Wire {
            ends: [(host, ours), (target, theirs)],
            pipes: [Pipe::default(), Pipe::default()],
            tapes: [Vec::new(), Vec::new()],
            open: true,
            capacity: self.capacity,
        });
    }

    /// Does one turn of one host. Returns whether anything happened.
    pub fn turn(&mut self, host: usize) -> bool {
        let fed = self.feed(host);
        if self.hosts[host].applies {
            self.hosts[host].apply_all(self.now);
        }
        self.hosts[host].node.check();
        let told = self.poll(host);
        let wrote = self.write_all(host);
        self.hosts[host].node.check();
        fed | told | wrote
    }

    fn feed(&mut self, host: usize) -> bool {
        let now = self.now;
        let mut busy = false;
        for index in 0..self.wires.len() {
            for end in 0..2 {
                let (owner, link) = self.wires[index].ends[end];
                if owner != host || !self.wires[index].open || !self.hosts[host].reads {
                    continue;
                }
                let gulp = self.gulp;
                let incoming = &mut self.wires[index].pipes[1 - end].bytes;
                let take = gulp.min(incoming.len());
                let fresh: Vec<u8> = incoming.drain(..take).collect();
                busy |= take > 0;
                let Some(buffer) = self.hosts[host].inbox.get_mut(&link) else { continue };
                buffer.extend_from_slice(&fresh);
                if take > 0 {
                    self.drain_inbox(host, link, now);
                }
            }
        }
        busy
    }

    fn drain_inbox(&mut self, host: usize, link: u32, now: Time) {
        let Some(bytes) = self.hosts[host].inbox.get_mut(&link).map(std::mem::take) else { return };
        let mut at = 0;
        loop {
            let me = &mut self.hosts[host];
            let data = &bytes[at..];
            let step = me.node.handle(now, Input::Bytes { link: LinkId(link), data }).expect("an open link");
            me.node.check();
            if let Some(payload) = &step.payload {
                self.note_of(host, &words::payload(payload));
            }
            self.hosts[host].receive(now, &step, data);
            at += step.used;
            if step.next != Next::Again {
                break;
            }
        }
        if let Some(buffer) = self.hosts[host].inbox.get_mut(&link) {
            buffer.extend_from_slice(&bytes[at..]);
        }
    }

    fn poll(&mut self, host: usize) -> bool {
        let now = self.now;
        let mut busy = false;
        while let Some(event) = self.hosts[host].node.poll_event() {
            busy = true;
            self.hosts[host].events.push(event);
            if let Some(words) = words::event(&event).filter(|_| self.logging) {
                self.note_of(host, &words);
            }
            self.on_event(host, event, now);
            self.hosts[host].node.check();
        }
        busy
    }

    fn on_event(&mut self, host: usize, event: Event, now: Time) {
        match event {
            Event::Dial { .. } => self.dial(host),
            Event::Close { link, .. } => {
                self.hosts[host].inbox.remove(&link.0);
                self.hosts[host].writing.remove(&link.0);
                if let Some(index) =
                    self.wires.iter().position(|wire| wire.open && wire.ends.contains(&(host, link.0)))
                {
                    self.close_wire(index, host);
                }
            }
            Event::WantsWrite { link } => {
                self.hosts[host].writing.insert(link.0, ());
            }
            Event::SnapshotWanted { snapshot, from } => {
                let me = &mut self.hosts[host];
                if me.node.stats().role == Role::Primary {
                    me.flush(now);
                }
                assert!(me.end() >= from.0, "the store stands at or past the tail's begin");
                me.views.insert(snapshot, me.store.view());
                let cursor = me.store.cursor.clone().expect("a store with a history");
                me.node
                    .handle(now, Input::SnapshotReady { snapshot, cursor: &cursor, bytes: None })
                    .expect("asked");
            }
            Event::SnapshotRead { snapshot, piece } => {
                let me = &mut self.hosts[host];
                let (data, last) = me.piece(snapshot, piece);
                me.node
                    .handle(now, Input::SnapshotPiece { snapshot, piece, data: &data, last })
                    .expect("asked");
            }
            Event::SnapshotDone { snapshot } => {
                self.hosts[host].views.remove(&snapshot).expect("it was open");
            }
            Event::Outranked { .. } if self.chosen == Some(host) => {
                self.hosts[host].node.handle(now, Input::Promote).expect("a primary has a base");
            }
            Event::Joined { .. }
            | Event::CaughtUp
            | Event::Acked { .. }
            | Event::SlotExpired { .. }
            | Event::Role { .. }
            | Event::Outranked { .. } => {}
        }
    }

    /// One end closed: the other reads what is left, then hears of it.
    fn close_wire(&mut self, index: usize, closer: usize) {
        let other = usize::from(self.wires[index].ends[0].0 == closer);
        let (peer, link) = self.wires[index].ends[other];
        let rest: Vec<u8> = self.wires[index].pipes[1 - other].bytes.drain(..).collect();
        self.wires[index].open = false;
        let Some(buffer) = self.hosts[peer].inbox.get_mut(&link) else { return };
        buffer.extend_from_slice(&rest);
        self.drain_inbox(peer, link, self.now);
        self.hosts[peer].inbox.remove(&link);
        self.hosts[peer].writing.remove(&link);
        let lost = Input::Lost { link: LinkId(link) };
        self.hosts[peer].node.handle(self.now, lost).expect("not yet told");
        self.hosts[peer].node.check();
    }

    fn write_all(&mut self, host: usize) -> bool {
        let now = self.now;
        let mut busy = false;
        for link in self.hosts[host].writing.keys().copied().collect::<Vec<_>>() {
            let Some(index) =
                self.wires.iter().position(|wire| wire.open && wire.ends.contains(&(host, link)))
            else {
                continue;
            };
            let end = usize::from(self.wires[index].ends[1] == (host, link));
            loop {
                let pipe = &mut self.wires[index];
                let room = pipe.capacity.saturating_sub(pipe.pipes[end].bytes.len());
                let me = &mut self.hosts[host];
                let shown = me.node.peek_transmit(LinkId(link)).slices().concat();
                let take = shown.len().min(room);
                pipe.pipes[end].bytes.extend(&shown[..take]);
                busy |= take > 0;
                self.note_frames(index, end, &shown[..take]);
                let me = &mut self.hosts[host];
                if take == 0 && !shown.is_empty() {
                    break;
                }
                let more = me.node.consume(now, LinkId(link), take).expect("shown");
                me.node.check();
                if more == More::Idle {
                    me.writing.remove(&link);
                    break;
                }
                if take < shown.len() {
                    break;
                }
            }
        }
        busy
    }

    /// Turns until nothing happens without time passing.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            let mut busy = false;
            for host in 0..self.hosts.len() {
                busy |= self.turn(host);
            }
            if !busy {
                return;
            }
        }
        panic!("a hot loop: 100,000 turns without time passing");
    }

    /// Lets time pass, from deadline to deadline.
    pub fn run(&mut self, span: Span) {
        let end = self.now + span;
        let mut wakes = 0;
        loop {
            self.settle();
            wakes += 1;
            assert!(
                wakes < 2_000 + span.as_millis() * 4,
                "a hot loop: {wakes} wakes in {} ms",
                span.as_millis()
            );
            let next = self.hosts.iter().filter_map(|host| host.node.next_deadline()).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            assert!(next > self.now || self.now == Time::ZERO, "after settling, deadlines lie in the future");
            self.now = next;
            self.tick();
        }
        self.now = end;
        self.tick();
        self.settle();
    }

    fn tick(&mut self) {
        for host in &mut self.hosts {
            host.node.handle(self.now, Input::Tick).expect("ticks");
            host.node.check();
        }
    }

    pub fn run_ms(&mut self, millis: u64) {
        self.run(Span::from_millis(millis));
    }

    /// Every host holds the same records as host 0.
    pub fn assert_equal(&self) {
        for (index, host) in self.hosts.iter().enumerate() {
            assert_eq!(host.end(), self.hosts[0].end(), "host {index} has as many records as host 0");
            assert!(
                host.store.records == self.hosts[0].store.records,
                "host {index} has the records of host 0"
            );
        }
    }
}
