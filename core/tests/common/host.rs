//! A host that acts on its node's events: the model store, its views, its spool.

use super::*;

impl Host {
    pub fn new(id: u64, role: Role, options: Options) -> Self {
        let config = options.check().expect("a test's options work");
        let node = Metered::new(
            config,
            Boot { node: NodeId(id), seed: seed(id, 0), role, unix_zero: 0, cursor: None },
        );
        Self {
            node: node.expect("no cursor to be damaged"),
            store: Store::default(),
            applies: true,
            reads: true,
            views: BTreeMap::new(),
            receiver: Receiver::new(false),
            spool: VecDeque::new(),
            loading: None,
            snapshots_begun: 0,
            installed: 0,
            forks: Vec::new(),
            events: Vec::new(),
            upstream: None,
            config,
            id,
            boots: 0,
            inbox: BTreeMap::new(),
            writing: BTreeMap::new(),
        }
    }

    /// Another start of an empty store, with another seed.
    pub fn start_again(&mut self, boot: u8) {
        let dice = seed(self.id, boot);
        let boot =
            Boot { node: NodeId(self.id), seed: dice, role: Role::Replica, unix_zero: 0, cursor: None };
        self.node = Metered::new(self.config, boot).expect("no cursor to be damaged");
        (self.receiver, self.spool, self.loading) = (Receiver::new(false), VecDeque::new(), None);
    }

    pub fn end(&self) -> u64 {
        self.store.records.len() as u64
    }

    /// Writes one record: to the log, and to the store.
    pub fn write(&mut self, now: Time, record: &[u8]) -> Offset {
        let step = self.node.handle(now, Input::Write { data: record }).expect("a primary writes");
        self.store.records.push(record.to_vec());
        step.offset.expect("a write has an offset")
    }

    /// Commits the store at a boundary.
    pub fn flush(&mut self, now: Time) {
        let position =
            self.node.handle(now, Input::Flush).expect("a primary flushes").position.expect("a position");
        assert_eq!(position.boundary.0, self.end(), "a primary's store is at its boundary");
        self.store.cursor = Some(self.node.cursor(position).as_bytes().to_vec());
    }

    /// Does what a step brought. A whole state's batches wait until `applies`, and are not taken before.
    pub(super) fn receive(&mut self, now: Time, step: &Step, data: &[u8]) {
        if let Some(Payload { kind: PayloadKind::Fork, first, count, .. }) = step.payload {
            self.forks.push((first, count));
        }
        self.receiver.receive(step, Standing::of(&self.node), false).expect("in order");
        self.obey(now, data);
        // A snapshot takes no time here.
        while self.receiver.is_loading() && self.work(now) {}
    }

    pub(super) fn apply_all(&mut self, now: Time) {
        while self.work(now) {}
    }

    fn work(&mut self, now: Time) -> bool {
        let command = self.receiver.work();
        let some = command.is_some();
        if let Some(command) = command {
            self.execute(now, command, &[]);
            self.obey(now, &[]);
        }
        some
    }

    fn obey(&mut self, now: Time, data: &[u8]) {
        while let Some(command) = self.receiver.poll() {
            self.execute(now, command, data);
        }
        self.receiver.check();
    }

    fn execute(&mut self, now: Time, command: Command, data: &[u8]) {
        match command {
            Command::Say(input) => {
                let position = self.node.handle(now, input).expect("as the receiver says").position;
                self.receiver.answered(position).expect("the tail fits");
            }
            Command::Keep(batch) => {
                let cursor = self.node.cursor(batch.position).as_bytes().to_vec();
                let records = Records::new(&data[batch.range]).map(<[u8]>::to_vec).collect();
                let beside = self.receiver.is_joining();
                self.spool.push_back(Spooled { end: batch.position.boundary, records, cursor, beside });
                self.receiver.set_taking(if beside { Taking::All } else { Taking::Pieces });
            }
            Command::ApplySpooled { first } => {
                let batch = self.spool.pop_front().expect("one waits");
                assert_eq!(first.0, self.end(), "batches come in order");
                self.store.records.extend(batch.records);
                self.store.cursor = Some(batch.cursor);
                self.receiver.applied(batch.end).expect("asked for");
                if !batch.beside {
                    self.receiver.persisted(batch.end);
                }
            }
            Command::DropSpooled { upto } => {
                self.spool.retain(|batch| upto.is_some_and(|upto| batch.end > upto));
            }
            Command::Forked { .. } => {}
            Command::Begin { range, .. } => {
                self.snapshots_begun += 1;
                self.loading = Some((data[range].to_vec(), Vec::new()));
            }
            Command::Load { range, piece, .. } => {
                self.loading.as_mut().expect("BEGIN came first").1.extend_from_slice(&data[range]);
                self.receiver.loaded(piece + 1).expect("handed out");
            }
            Command::Install { .. } => self.install(),
            Command::Rewind { position } => {
                self.store.records.truncate(usize::try_from(position.boundary.0).unwrap());
                self.store.cursor = Some(self.node.cursor(position).as_bytes().to_vec());
                self.receiver.rewound().expect("asked for");
            }
            Command::Apply(_) | Command::LoadTail(_) | Command::LoadTailSpooled { .. } => {
                panic!("{command:?} for a store that never said that it could")
            }
        }
    }

    fn install(&mut self) {
        let (cursor, bytes) = self.loading.take().expect("loading");
        let mut records = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let len = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
            records.push(rest[4..4 + len].to_vec());
            rest = &rest[4 + len..];
        }
        let (_, position) = Cursor::describe(&cursor).expect("a sound cursor");
        assert_eq!(position.boundary.0, records.len() as u64, "the view lies where its cursor says");
        self.store = Store { records, cursor: Some(cursor) };
        self.installed += 1;
        self.receiver.installed().expect("asked for");
    }

    pub(super) fn piece(&self, snapshot: SnapshotId, piece: u64) -> (Vec<u8>, bool) {
        let max = self.config.options().piece_bytes_max as usize;
        let bytes = &self.views[&snapshot];
        let from = (usize::try_from(piece).unwrap() * max).min(bytes.len());
        let to = (from + max).min(bytes.len());
        (bytes[from..to].to_vec(), to == bytes.len())
    }
}
