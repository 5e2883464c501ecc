//! The commands: one row each, read by dispatch, arity checks, COMMAND, its docs and HELP.
//!
//! A name is looked up in an index made at compile time: upper-case letters packed into one word, a multiplication, a
//! comparison. Invariants, checked at compile time: names are at most 15 bytes, each stands once, and
//! there are fewer than half as many as the index has places.

use super::call::{Answer, Call, run_sub};
use super::{client, docs, expiry, info, keys, replication, scan, server, strings, transaction};

/// What a command may do, as COMMAND tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Neither reads nor writes keys.
    pub const NONE: Self = Self(0);
    /// Reads keys.
    pub const READ: Self = Self(1);
    /// May write; refused on a replica.
    pub const WRITE: Self = Self(2);
    /// Takes the same time however much is stored.
    pub const FAST: Self = Self(4);
    /// For those who run the server.
    pub const ADMIN: Self = Self(8);
    /// May wait.
    pub const BLOCKING: Self = Self(16);

    /// Not between MULTI and EXEC.
    pub const NO_MULTI: Self = Self(64);
    /// Runs at once, between MULTI and EXEC too.
    pub const DIRECT: Self = Self(128);

    const NAMES: [(Self, &'static str); 6] = [
        (Self::READ, "readonly"),
        (Self::WRITE, "write"),
        (Self::FAST, "fast"),
        (Self::ADMIN, "admin"),
        (Self::BLOCKING, "blocking"),
        (Self::NO_MULTI, "no_multi"),
    ];

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `flags` are among these.
    #[must_use]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// redis's words for them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

/// One command.
#[derive(Debug)]
pub struct Command {
    /// In lower case; of a subcommand: `client|list`.
    pub name: &'static str,
    /// How many arguments, the name counted; below zero: at least so many.
    pub arity: i8,
    /// What it may do.
    pub flags: Flags,
    /// First and last argument that is a key (below zero: from the end), and the step between them.
    pub keys: (i8, i8, i8),
    /// The chapter of the manual.
    pub group: &'static str,
    /// The version of redis that brought it (of Towline, for our own).
    pub since: &'static str,
    /// What stands behind the name.
    pub syntax: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Its subcommands.
    pub subs: &'static [Self],
    pub(super) run: fn(&mut Call<'_>) -> Answer,
}

impl Command {
    /// Whether so many arguments may be right.
    pub(super) fn takes(&self, args: usize) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { args >= wanted } else { args == wanted }
    }

    pub(super) const fn writes(&self) -> bool {
        self.flags.has(Flags::WRITE)
    }

    pub(super) fn sub(&self, name: &[u8]) -> Option<&'static Self> {
        self.subs.iter().find(|sub| sub.short_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The last word of the name.
    pub(super) fn short_name(&self) -> &'static str {
        self.name.rsplit_once('|').map_or(self.name, |(_, name)| name)
    }
}

const NONE: Flags = Flags::NONE;
const FAST: Flags = Flags::FAST;
const ADMIN: Flags = Flags::ADMIN;
const WAITS: Flags = Flags::BLOCKING;
const READ: Flags = Flags::READ;
const WRITE: Flags = Flags::WRITE;
const FAST_READ: Flags = READ.and(FAST);
const FAST_WRITE: Flags = WRITE.and(FAST);
const ADMIN_ALONE: Flags = ADMIN.and(Flags::NO_MULTI);
const DIRECT: Flags = FAST.and(Flags::DIRECT);

const NO_KEY: (i8, i8, i8) = (0, 0, 0);
const KEY: (i8, i8, i8) = (1, 1, 1);
const KEYS: (i8, i8, i8) = (1, -1, 1);
const PAIRS: (i8, i8, i8) = (1, -1, 2);

/// `name arity flags keys since "syntax" => handler: "summary" [subcommands];`, by chapters.
macro_rules! rows {
    ($($group:literal { $(
        $name:literal $arity:literal $flags:ident $keys:ident $since:literal $syntax:literal
        => $run:path: $summary:literal $([$subs:ident])?;
    )* })*) => {
        &[$($(Command {
            name: $name, arity: $arity, flags: $flags, keys: $keys, group: $group, since: $since, syntax: $syntax,
            summary: $summary, subs: rows!(@subs $($subs)?), run: $run,
        },)*)*]
    };
    (@subs $subs:ident) => { $subs };
    (@subs) => { &[] };
}

const CLIENT: &[Command] = rows! { "connection" {
    "client|getname" 2 NONE NO_KEY "2.6.9" "" => client::getname: "Returns the name of the connection";
    "client|id" 2 NONE NO_KEY "5.0.0" "" => client::id: "Returns the number of the connection";
    "client|list" -2 ADMIN NO_KEY "2.4.0" "[TYPE NORMAL | ID client-id ...]"
        => client::list: "Lists open connections";
    "client|setinfo" 4 NONE NO_KEY "7.2.0" "LIB-NAME|LIB-VER value"
        => client::setinfo: "Tells which client library is used";
    "client|setname" 3 NONE NO_KEY "2.6.9" "connection-name" => client::setname: "Names the connection";
} };

const COMMAND: &[Command] = rows! { "server" {
    "command|count" 2 NONE NO_KEY "2.8.13" "" => docs::count: "Returns the number of commands";
    "command|docs" -2 NONE NO_KEY "7.0.0" "[command-name...]" => docs::docs: "Returns what commands are for";
} };

const CONFIG: &[Command] = rows! { "server" {
    "config|get" -3 ADMIN NO_KEY "2.0.0" "parameter..." => server::config_get: "Returns settings";
} };

const TOWLINE: &[Command] = rows! { "towline" {
    "towline|digest" 2 FAST NO_KEY "0.1.0" ""
        => replication::digest: "Returns the content digest, equal on nodes that hold the same";
    "towline|replication" 2 FAST NO_KEY "0.1.0" ""
        => replication::address: "Returns the address replicas connect to";
    "towline|status" 2 NONE NO_KEY "0.1.0" "" => replication::status: "Returns the node's state as JSON";
} };

/// All commands.
pub const COMMANDS: &[Command] = rows! {
    "string" {
        "append" 3 FAST_WRITE KEY "2.0.0" "key value" => strings::append: "Adds bytes at the end of a value";
        "decr" 2 FAST_WRITE KEY "1.0.0" "key" => strings::decr_one: "Counts down by one";
        "decrby" 3 FAST_WRITE KEY "1.0.0" "key decrement" => strings::decr_by: "Counts down";
        "get" 2 FAST_READ KEY "1.0.0" "key" => strings::get: "Returns a value";
        "getdel" 2 FAST_WRITE KEY "6.2.0" "key" => strings::getdel: "Returns a value and deletes the key";
        "getset" 3 FAST_WRITE KEY "1.0.0" "key value" => strings::getset: "Sets a value and returns the old one";
        "incr" 2 FAST_WRITE KEY "1.0.0" "key" => strings::incr_one: "Counts up by one";
        "incrby" 3 FAST_WRITE KEY "1.0.0" "key increment" => strings::incr_by: "Counts up";
        "mget" -2 FAST_READ KEYS "1.0.0" "key..." => strings::mget: "Returns several values";
        "mset" -3 WRITE PAIRS "1.0.1" "key value [key value...]" => strings::mset: "Sets several values at once";
        "psetex" 4 WRITE KEY "2.6.0" "key milliseconds value" => strings::psetex: "Sets a value that ends";
        "set" -3 WRITE KEY "1.0.0"
            "key value [NX|XX] [GET] [EX seconds|PX ms|EXAT unix-time|PXAT unix-time-ms|KEEPTTL]"
            => strings::set: "Sets a value";
        "setex" 4 WRITE KEY "2.0.0" "key seconds value" => strings::setex: "Sets a value that ends";
        "setnx" 3 FAST_WRITE KEY "1.0.0" "key value" => strings::setnx: "Sets a value if there is none";
        "strlen" 2 FAST_READ KEY "2.2.0" "key" => strings::strlen: "Returns the length of a value";
    }
    "generic" {
        "del" -2 WRITE KEYS "1.0.0" "key..." => keys::del: "Deletes keys";
        "exists" -2 FAST_READ KEYS "1.0.0" "key..." => keys::exists: "Counts the keys that are there";
        "expire" -3 FAST_WRITE KEY "1.0.0" "key seconds [NX|XX|GT|LT]"
            => expiry::expire: "Lets a key end in so many seconds";
        "expireat" -3 FAST_WRITE KEY "1.2.0" "key unix-time [NX|XX|GT|LT]"
            => expiry::expireat: "Lets a key end at a second";
        "expiretime" 2 FAST_READ KEY "7.0.0" "key" => expiry::expiretime: "Returns the second at which a key ends";
        "keys" 2 READ NO_KEY "1.0.0" "pattern" => scan::keys: "Returns all keys that fit a pattern";
        "persist" 2 FAST_WRITE KEY "2.2.0" "key" => expiry::persist: "Lets a key stay for good";
        "pexpire" -3 FAST_WRITE KEY "2.6.0" "key milliseconds [NX|XX|GT|LT]"
            => expiry::pexpire: "Lets a key end in so many milliseconds";
        "pexpireat" -3 FAST_WRITE KEY "2.6.0" "key unix-time-ms [NX|XX|GT|LT]"
            => expiry::pexpireat: "Lets a key end at a millisecond";
        "pexpiretime" 2 FAST_READ KEY "7.0.0" "key" => expiry::pexpiretime: "Returns the millisecond a key ends";
        "pttl" 2 FAST_READ KEY "2.6.0" "key" => expiry::pttl: "Returns the milliseconds a key has left";
        "randomkey" 1 READ NO_KEY "1.0.0" "" => scan::randomkey: "Returns some key";
        "scan" -2 READ NO_KEY "2.8.0" "cursor [MATCH pattern] [COUNT count] [TYPE type]"
            => scan::scan: "Returns some of the keys, and where to go on";
        "ttl" 2 FAST_READ KEY "1.0.0" "key" => expiry::ttl: "Returns the seconds a key has left";
        "type" 2 FAST_READ KEY "1.0.0" "key" => keys::kind: "Returns the type of a value";
        "unlink" -2 FAST_WRITE KEYS "4.0.0" "key..." => keys::del: "Deletes keys";
        "wait" 3 WAITS NO_KEY "3.0.0" "numreplicas timeout"
            => replication::wait: "Waits until replicas show this client's last write";
        "waitaof" 4 WAITS NO_KEY "7.2.0" "numlocal numreplicas timeout"
            => replication::waitaof: "Waits until disks hold this client's last write";
    }
    "connection" {
        "auth" -2 FAST NO_KEY "1.0.0" "[username] password" => server::auth: "Answers that there is no password";
        "client" -2 NONE NO_KEY "2.4.0" "" => run_sub: "Commands about connections" [CLIENT];
        "echo" 2 FAST NO_KEY "1.0.0" "message" => server::echo: "Returns a message";
        "hello" -1 FAST NO_KEY "6.0.0" "[protover] [AUTH username password] [SETNAME clientname]"
            => server::hello: "Greets, and chooses the protocol";
        "ping" -1 FAST NO_KEY "1.0.0" "[message]" => server::ping: "Answers";
        "quit" -1 DIRECT NO_KEY "1.0.0" "" => server::quit: "Closes the connection";
        "reset" 1 DIRECT NO_KEY "6.2.0" "" => server::reset: "Makes the connection as new";
        "select" 2 FAST NO_KEY "1.0.0" "index" => server::select: "Takes the one database there is";
    }
    "transactions" {
        "discard" 1 DIRECT NO_KEY "2.0.0" "" => transaction::discard: "Forgets the commands queued since MULTI";
        "exec" 1 DIRECT NO_KEY "1.2.0" "" => transaction::exec: "Runs the commands queued since MULTI, as one write";
        "multi" 1 DIRECT NO_KEY "1.2.0" "" => transaction::multi: "Begins to queue commands";
        "unwatch" 1 FAST NO_KEY "2.2.0" "" => transaction::unwatch: "Forgets the watched keys";
        "watch" -2 DIRECT KEYS "2.2.0" "key..."
            => transaction::watch: "Lets EXEC do nothing if one of these keys changes before";
    }
    "server" {
        "command" -1 NONE NO_KEY "2.8.13" "" => docs::command: "Tells what commands there are" [COMMAND];
        "config" -2 ADMIN NO_KEY "2.0.0" "" => run_sub: "Commands about settings" [CONFIG];
        "dbsize" 1 FAST_READ NO_KEY "1.0.0" "" => keys::dbsize: "Returns the number of keys";
        "flushall" -1 WRITE NO_KEY "1.0.0" "[ASYNC|SYNC]" => keys::flush: "Deletes all keys";
        "flushdb" -1 WRITE NO_KEY "1.0.0" "[ASYNC|SYNC]" => keys::flush: "Deletes all keys";
        "info" -1 NONE NO_KEY "1.0.0" "[section...]" => info::info: "Tells how the server is";
        "replicaof" 3 ADMIN_ALONE NO_KEY "5.0.0" "host port"
            => replication::replicaof: "Follows the node at this replication address, or NO ONE";
        "role" 1 FAST NO_KEY "2.8.12" "" => replication::role: "Returns this node's part in replication";
        "shutdown" -1 ADMIN_ALONE NO_KEY "1.0.0" "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]"
            => server::shutdown: "Stops the server";
        "slaveof" 3 ADMIN_ALONE NO_KEY "1.0.0" "host port" => replication::replicaof: "REPLICAOF by its old name";
        "time" 1 FAST NO_KEY "2.6.0" "" => server::time: "Returns the time";
    }
    "towline" {
        "towline" -2 NONE NO_KEY "0.1.0" "" => run_sub: "Towline's own commands" [TOWLINE];
    }
};

/// Places in the index.
const PLACES: usize = 256;

/// The packed name and the row of each command, at the first free place from where its name leads.
static INDEX: [(u128, u8); PLACES] = {
    let mut index = [(0, 0); PLACES];
    let mut row = 0;
    while row < COMMANDS.len() {
        let name = pack(COMMANDS[row].name.as_bytes());
        assert!(name != 0, "a name is 1 to 15 bytes");
        let mut at = place(name);
        while index[at].0 != 0 {
            assert!(index[at].0 != name, "a name stands once");
            at = (at + 1) % PLACES;
        }
        #[expect(clippy::cast_possible_truncation, reason = "asserted below")]
        {
            index[at] = (name, row as u8);
        }
        row += 1;
    }
    index
};

const _: () = assert!(COMMANDS.len() < PLACES / 2);

/// A name's letters in upper case, as one word; 0 for what is no command's name.
#[inline]
const fn pack(name: &[u8]) -> u128 {
    if name.is_empty() || name.len() > 15 {
        return 0;
    }
    // The leading one keeps bytes of zero from vanishing.
    let (mut word, mut at) = (1, 0);
    while at < name.len() {
        word = word << 8 | name[at].to_ascii_uppercase() as u128;
        at += 1;
    }
    word
}

/// Where a name's search begins.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves are mixed; the top eight bits are a place")]
const fn place(name: u128) -> usize {
    let mixed = (name as u64 ^ (name >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as usize
}

/// The command of this name, in any case.
#[must_use]
#[inline]
pub fn find(name: &[u8]) -> Option<&'static Command> {
    let name = pack(name);
    if name == 0 {
        return None;
    }
    let mut at = place(name);
    loop {
        match INDEX[at] {
            (0, _) => return None,
            (found, row) if found == name => return COMMANDS.get(usize::from(row)),
            _ => at = (at + 1) % PLACES,
        }
    }
}
