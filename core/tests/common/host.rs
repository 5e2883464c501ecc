//! What a host does with its node's events: the model store, its views, its spool.

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
            spool: Vec::new(),
            loading: None,
            snapshots_begun: 0,
            installed: 0,
            forks: Vec::new(),
            events: Vec::new(),
            upstream: None,
            config,
            id,
            boots: 0,
            held: VecDeque::new(),
            inbox: BTreeMap::new(),
            writing: BTreeMap::new(),
        }
    }

    /// Another start of an empty store, with other dice.
    pub fn start_again(&mut self, boot: u8) {
        let dice = seed(self.id, boot);
        let boot =
            Boot { node: NodeId(self.id), seed: dice, role: Role::Replica, unix_zero: 0, cursor: None };
        self.node = Metered::new(self.config, boot).expect("no cursor to be damaged");
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

    pub(super) fn payload(&mut self, now: Time, payload: &Payload, position: Option<Position>, bytes: &[u8]) {
        let data = &bytes[payload.range.clone()];
        match payload.kind {
            Kind::Batch => {
                let records = Records::new(data).map(<[u8]>::to_vec).collect();
                self.held.push_back((position.expect("a batch has a position"), records, payload.first));
            }
            Kind::Spool => {
                self.forget_spool(payload.first);
                let cursor = self.node.cursor(position.expect("a batch has a position")).as_bytes().to_vec();
                self.spool.push((payload.first, Records::new(data).map(<[u8]>::to_vec).collect(), cursor));
                let upto = Offset(payload.first + u64::from(payload.count));
                self.node.handle(now, Input::Taken { upto, pieces: 0 }).expect("handed out");
            }
            Kind::Fork => {
                self.forks.push((payload.first, payload.count));
                if payload.count == 1 {
                    let past = self.held.iter().position(|(_, _, first)| *first >= payload.first);
                    self.held.truncate(past.unwrap_or(self.held.len()));
                    self.apply_held(now);
                    self.store.records.truncate(usize::try_from(payload.first).unwrap());
                    let step = self.node.handle(now, Input::Rewound).expect("asked to");
                    let position = step.position.expect("a position");
                    self.store.cursor = Some(self.node.cursor(position).as_bytes().to_vec());
                }
            }
            Kind::Begin => {
                self.held.clear();
                self.snapshots_begun += 1;
                self.forget_spool(self.node.stats().end.0);
                self.loading = Some((SnapshotId(0), data.to_vec(), Vec::new()));
            }
            Kind::Piece | Kind::LastPiece => {
                let loading = self.loading.as_mut().expect("BEGIN came first");
                loading.2.extend_from_slice(data);
                let taken = Input::Taken { upto: Offset(0), pieces: payload.first + 1 };
                self.node.handle(now, taken).expect("handed out");
                if payload.kind == Kind::LastPiece {
                    self.install(now, payload.snapshot);
                }
            }
        }
    }

    /// What does not end there rode beside another snapshot.
    fn forget_spool(&mut self, end: u64) {
        if self.spool.last().is_some_and(|(first, records, _)| first + records.len() as u64 != end) {
            self.spool.clear();
        }
    }

    fn install(&mut self, now: Time, snapshot: SnapshotId) {
        let (_, cursor, bytes) = self.loading.take().expect("loading");
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
        self.node.handle(now, Input::Installed { snapshot }).expect("complete");
        for (first, records, cursor) in std::mem::take(&mut self.spool) {
            let have = self.end();
            if first + records.len() as u64 <= have {
                continue;
            }
            if first > have {
                break;
            }
            let skip = usize::try_from(have - first).unwrap();
            self.store.records.extend(records.into_iter().skip(skip));
            self.store.cursor = Some(cursor);
        }
        let upto = Offset(self.end());
        self.node.handle(now, Input::Applied { upto }).expect("received");
    }

    pub(super) fn apply_held(&mut self, now: Time) {
        while let Some((position, records, first)) = self.held.pop_front() {
            assert_eq!(first, self.end(), "batches come in order");
            self.store.records.extend(records);
            self.store.cursor = Some(self.node.cursor(position).as_bytes().to_vec());
            self.node.handle(now, Input::Persisted { upto: position.boundary }).expect("received");
        }
    }

    pub(super) fn piece(&self, snapshot: SnapshotId, piece: u64) -> (Vec<u8>, bool) {
        let max = self.config.piece_bytes_max as usize;
        let bytes = &self.views[&snapshot];
        let from = (usize::try_from(piece).unwrap() * max).min(bytes.len());
        let to = (from + max).min(bytes.len());
        (bytes[from..to].to_vec(), to == bytes.len())
    }
}
