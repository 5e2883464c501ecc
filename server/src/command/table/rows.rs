//! One row for each command: its shape, its properties, the places of its keys, its purpose, and its handler.

use super::super::call::run_sub;
use super::super::{
    absent, bitfield, bits, client, clients, config, docs, dump, expiry, floats, getkeys, info, keys,
    latency, lcs, object, ranges, rename, replication, scan, server, strings, transaction,
};
use super::{Command, Flags};

// These three use no data, so they need none: they run on a replica that never was complete. A row that reads or writes
// keys has another flag.
const NONE: Flags = Flags::LOADING;
const FAST: Flags = Flags::FAST.and(Flags::LOADING);
const ADMIN: Flags = Flags::ADMIN.and(Flags::LOADING);
const WAITS: Flags = Flags::BLOCKING;
const READ: Flags = Flags::READ;
const WRITE: Flags = Flags::WRITE;
const FAST_READ: Flags = READ.and(Flags::FAST);
const FAST_WRITE: Flags = WRITE.and(Flags::FAST);
const ALONE: Flags = Flags::NO_MULTI.and(Flags::LOADING);
const ADMIN_ALONE: Flags = ADMIN.and(Flags::NO_MULTI);
const DIRECT: Flags = FAST.and(Flags::DIRECT);

const NO_KEY: (i8, i8, i8) = (0, 0, 0);
const KEY: (i8, i8, i8) = (1, 1, 1);
const KEYS: (i8, i8, i8) = (1, -1, 1);
const PAIRS: (i8, i8, i8) = (1, -1, 2);
const TWO_KEYS: (i8, i8, i8) = (1, 2, 1);
/// The second argument is the key, after a subcommand.
const LATER_KEY: (i8, i8, i8) = (2, 2, 1);
const LATER_KEYS: (i8, i8, i8) = (2, -1, 1);

/// The most subcommands of one command.
pub(super) const FAMILY_MAX: usize = 32;
/// The number of commands that have subcommands.
pub(super) const FAMILIES: usize = 13;

/// Gives each row its id: `family` 0 are the commands themselves.
const fn numbered<const N: usize>(mut rows: [Command; N], family: usize) -> [Command; N] {
    let begin = match family {
        0 => 0,
        _ => super::PLACES / 2 + (family - 1) * FAMILY_MAX,
    };
    assert!(family <= FAMILIES && (family == 0 || N <= FAMILY_MAX), "a family has room for its subcommands");
    let mut row = 0;
    while row < N {
        #[expect(clippy::cast_possible_truncation, reason = "there are some hundred")]
        {
            rows[row].id = (begin + row) as u16;
        }
        row += 1;
    }
    rows
}

/// `family: "chapter" { name arity flags keys since "syntax" => handler: "summary" [subcommands]; }`.
macro_rules! rows {
    ($family:literal: $($group:literal { $(
        $name:literal $arity:literal $flags:ident $keys:ident $since:literal $syntax:literal
        => $run:path: $summary:literal $([$subs:ident])?;
    )* })*) => {
        &numbered([$($(Command {
            id: 0, name: $name, arity: $arity, flags: $flags, keys: $keys, group: $group, since: $since,
            syntax: $syntax, summary: $summary, subs: rows!(@subs $($subs)?), run: $run,
        },)*)*], $family)
    };
    (@subs $subs:ident) => { $subs };
    (@subs) => { &[] };
}

const CLIENT: &[Command] = rows! { 1: "connection" {
    "client|getname" 2 NONE NO_KEY "2.6.9" "" => client::getname: "Returns the name of the connection";
    "client|getredir" 2 NONE NO_KEY "6.0.0" "" => client::getredir: "Returns -1: nothing is tracked";
    "client|id" 2 NONE NO_KEY "5.0.0" "" => client::id: "Returns the number of the connection";
    "client|info" 2 NONE NO_KEY "6.2.0" "" => client::info: "Returns the line of CLIENT LIST about the connection";
    "client|kill" -3 ADMIN NO_KEY "2.4.0"
        "ip:port | [ID client-id] [TYPE type] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME yes|no] \
         [MAXAGE seconds]"
        => clients::kill: "Ends connections";
    "client|list" -2 ADMIN NO_KEY "2.4.0" "[TYPE NORMAL | ID client-id ...]"
        => client::list: "Lists open connections";
    "client|no-evict" 3 ADMIN NO_KEY "7.0.0" "ON|OFF"
        => clients::no_evict: "Has the connection closed last when memory is short";
    "client|no-touch" 3 NONE NO_KEY "7.2.0" "ON|OFF"
        => clients::no_touch: "Lets reads leave no trace, as they never do here";
    "client|pause" -3 ADMIN NO_KEY "3.0.0" "timeout [WRITE|ALL]" => clients::pause: "Holds commands for a time";
    "client|reply" 3 ALONE NO_KEY "3.2.0" "ON|OFF|SKIP" => clients::reply: "Turns replies on and off";
    "client|setinfo" 4 NONE NO_KEY "7.2.0" "LIB-NAME|LIB-VER value"
        => client::setinfo: "Tells which client library is used";
    "client|setname" 3 NONE NO_KEY "2.6.9" "connection-name" => client::setname: "Names the connection";
    "client|tracking" -3 NONE NO_KEY "6.0.0" "ON|OFF" => client::tracking: "Takes OFF: nothing is tracked";
    "client|trackinginfo" 2 NONE NO_KEY "6.2.0" "" => client::trackinginfo: "Says that nothing is tracked";
    "client|unblock" -3 ADMIN NO_KEY "5.0.0" "client-id [TIMEOUT|ERROR]"
        => clients::unblock: "Ends another client's WAIT or WAITAOF";
    "client|unpause" 2 ADMIN NO_KEY "6.2.0" "" => clients::unpause: "Ends CLIENT PAUSE";
} };

const COMMAND: &[Command] = rows! { 2: "server" {
    "command|count" 2 NONE NO_KEY "2.8.13" "" => docs::count: "Returns the number of commands";
    "command|docs" -2 NONE NO_KEY "7.0.0" "[command-name...]" => docs::docs: "Returns what commands are for";
    "command|getkeys" -3 NONE NO_KEY "2.8.13" "command [arg...]" => getkeys::keys: "Returns the keys in a command";
    "command|getkeysandflags" -3 NONE NO_KEY "7.0.0" "command [arg...]"
        => getkeys::keys_and_flags: "Returns the keys in a command, and what happens to them";
    "command|info" -2 NONE NO_KEY "2.8.13" "[command-name...]"
        => docs::info: "Returns what there is to say of commands";
    "command|list" -2 NONE NO_KEY "7.0.0" "[FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern]"
        => docs::list: "Returns the names of the commands";
} };

const CONFIG: &[Command] = rows! { 3: "server" {
    "config|get" -3 ADMIN NO_KEY "2.0.0" "parameter..." => config::get: "Returns settings";
    "config|resetstat" 2 ADMIN NO_KEY "2.0.0" "" => config::resetstat: "Counts anew what INFO counts";
    "config|rewrite" 2 ADMIN NO_KEY "2.8.0" "" => config::rewrite: "Refuses: settings are given at the start";
    "config|set" -4 ADMIN NO_KEY "2.0.0" "parameter value [parameter value...]"
        => config::set: "Takes what a setting is already, and refuses the rest";
} };

const OBJECT: &[Command] = rows! { 4: "generic" {
    "object|encoding" 3 READ LATER_KEY "2.2.3" "key" => object::object_encoding: "Returns how redis would keep a value";
    "object|freq" 3 READ LATER_KEY "4.0.0" "key" => object::object_freq: "Refuses: how often is not kept";
    "object|idletime" 3 READ LATER_KEY "2.2.3" "key" => object::object_idletime: "Returns 0: when is not kept";
    "object|refcount" 3 READ LATER_KEY "2.2.3" "key" => object::object_refcount: "Returns 1";
} };

const MEMORY: &[Command] = rows! { 5: "server" {
    "memory|doctor" 2 NONE NO_KEY "4.0.0" "" => object::memory_doctor: "Tells how memory is bounded";
    "memory|malloc-stats" 2 NONE NO_KEY "4.0.0" ""
        => object::memory_malloc_stats: "Says that the allocator tells nothing";
    "memory|purge" 2 NONE NO_KEY "4.0.0" "" => object::memory_purge: "Does nothing: nothing is kept back";
    "memory|stats" 2 NONE NO_KEY "4.0.0" "" => object::memory_stats: "Returns what takes how much memory";
    "memory|usage" -3 READ LATER_KEY "4.0.0" "key [SAMPLES count]"
        => object::memory_usage: "Returns the bytes an entry takes";
} };

const SLOWLOG: &[Command] = rows! { 6: "server" {
    "slowlog|get" -2 ADMIN NO_KEY "2.2.12" "[count]" => latency::slowlog_get: "Returns nothing: no command is timed";
    "slowlog|len" 2 ADMIN NO_KEY "2.2.12" "" => latency::zero: "Returns 0";
    "slowlog|reset" 2 ADMIN NO_KEY "2.2.12" "" => latency::reset: "Does nothing: it is empty";
} };

const LATENCY: &[Command] = rows! { 7: "server" {
    "latency|doctor" 2 ADMIN NO_KEY "2.8.13" "" => latency::doctor: "Says that latency is not measured";
    "latency|graph" 3 ADMIN NO_KEY "2.8.13" "event" => latency::graph: "Says that there are no samples";
    "latency|histogram" -2 ADMIN NO_KEY "7.0.0" "[command...]" => latency::histogram: "Returns nothing";
    "latency|history" 3 ADMIN NO_KEY "2.8.13" "event" => latency::none: "Returns nothing";
    "latency|latest" 2 ADMIN NO_KEY "2.8.13" "" => latency::none: "Returns nothing";
    "latency|reset" -2 ADMIN NO_KEY "2.8.13" "[event...]" => latency::zero: "Returns 0";
} };

const FUNCTION: &[Command] = rows! { 8: "scripting" {
    "function|flush" -2 NONE NO_KEY "7.0.0" "[ASYNC|SYNC]" => absent::flush: "Does nothing: there are no functions";
    "function|kill" 2 NONE NO_KEY "7.0.0" "" => absent::kill: "Refuses: nothing runs";
    "function|list" -2 NONE NO_KEY "7.0.0" "[LIBRARYNAME pattern] [WITHCODE]" => absent::none: "Returns none";
} };

const SCRIPT: &[Command] = rows! { 9: "scripting" {
    "script|exists" -3 NONE NO_KEY "2.6.0" "sha1..." => absent::script_exists: "Returns 0 for each";
    "script|flush" -2 NONE NO_KEY "2.6.0" "[ASYNC|SYNC]" => absent::flush: "Does nothing: there are no scripts";
    "script|kill" 2 NONE NO_KEY "2.6.0" "" => absent::kill: "Refuses: nothing runs";
} };

const ACL: &[Command] = rows! { 10: "server" {
    "acl|users" 2 ADMIN NO_KEY "6.0.0" "" => absent::users: "Returns the one user";
    "acl|whoami" 2 NONE NO_KEY "6.0.0" "" => absent::whoami: "Returns the user of the connection";
} };

const MODULE: &[Command] = rows! { 11: "server" {
    "module|list" 2 ADMIN NO_KEY "4.0.0" "" => absent::none: "Returns none";
} };

const CLUSTER: &[Command] = rows! { 13: "cluster" {
    "cluster|info" 2 NONE NO_KEY "3.0.0" "" => absent::cluster: "Refuses: there is no cluster";
    "cluster|myid" 2 NONE NO_KEY "3.0.0" "" => absent::cluster: "Refuses: there is no cluster";
    "cluster|nodes" 2 NONE NO_KEY "3.0.0" "" => absent::cluster: "Refuses: there is no cluster";
    "cluster|shards" 2 NONE NO_KEY "7.0.0" "" => absent::cluster: "Refuses: there is no cluster";
    "cluster|slots" 2 NONE NO_KEY "3.0.0" "" => absent::cluster: "Refuses: there is no cluster";
} };

const TOWLINE: &[Command] = rows! { 12: "towline" {
    "towline|digest" 2 FAST NO_KEY "0.1.0" ""
        => replication::digest: "Returns the content digest, equal on nodes that hold the same";
    "towline|replication" 2 FAST NO_KEY "0.1.0" ""
        => replication::address: "Returns the address replicas connect to";
    "towline|status" 2 NONE NO_KEY "0.1.0" "" => replication::status: "Returns the node's state as JSON";
} };

/// All commands.
pub const COMMANDS: &[Command] = rows! {
    0:
    "string" {
        "append" 3 FAST_WRITE KEY "2.0.0" "key value" => strings::append: "Adds bytes at the end of a value";
        "bitcount" -2 READ KEY "2.6.0" "key [start end [BYTE|BIT]]" => bits::bitcount: "Counts the ones of a value";
        "bitfield" -2 WRITE KEY "3.2.0"
            "key [GET encoding offset] [OVERFLOW WRAP|SAT|FAIL] [SET encoding offset value|INCRBY encoding by]..."
            => bitfield::bitfield: "Reads and writes numbers of any width";
        "bitfield_ro" -2 FAST_READ KEY "6.0.0" "key [GET encoding offset...]"
            => bitfield::bitfield_ro: "Reads numbers of any width";
        "bitop" -4 WRITE LATER_KEYS "2.6.0" "AND|OR|XOR|NOT destkey key..."
            => bits::bitop: "Combines values bit by bit";
        "bitpos" -3 READ KEY "2.8.7" "key bit [start [end [BYTE|BIT]]]" => bits::bitpos: "Finds the first one, or zero";
        "decr" 2 FAST_WRITE KEY "1.0.0" "key" => strings::decr_one: "Counts down by one";
        "decrby" 3 FAST_WRITE KEY "1.0.0" "key decrement" => strings::decr_by: "Counts down";
        "get" 2 FAST_READ KEY "1.0.0" "key" => strings::get: "Returns a value";
        "getbit" 3 FAST_READ KEY "2.2.0" "key offset" => bits::getbit: "Returns a bit";
        "getdel" 2 FAST_WRITE KEY "6.2.0" "key" => strings::getdel: "Returns a value and deletes the key";
        "getex" -2 FAST_WRITE KEY "6.2.0"
            "key [EX seconds|PX ms|EXAT unix-time|PXAT unix-time-ms|PERSIST]"
            => strings::getex: "Returns a value and changes its end";
        "getrange" 4 READ KEY "2.4.0" "key start end" => ranges::getrange: "Returns a part of a value";
        "getset" 3 FAST_WRITE KEY "1.0.0" "key value" => strings::getset: "Sets a value and returns the old one";
        "incr" 2 FAST_WRITE KEY "1.0.0" "key" => strings::incr_one: "Counts up by one";
        "incrby" 3 FAST_WRITE KEY "1.0.0" "key increment" => strings::incr_by: "Counts up";
        "incrbyfloat" 3 FAST_WRITE KEY "2.6.0" "key increment"
            => floats::incr_by_float: "Counts up by a number with a point";
        "lcs" -3 READ TWO_KEYS "7.0.0" "key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]"
            => lcs::lcs: "Returns what two values have in common";
        "mget" -2 FAST_READ KEYS "1.0.0" "key..." => strings::mget: "Returns several values";
        "mset" -3 WRITE PAIRS "1.0.1" "key value [key value...]" => strings::mset: "Sets several values at once";
        "msetnx" -3 WRITE PAIRS "1.0.1" "key value [key value...]"
            => strings::msetnx: "Sets several values if none is there";
        "psetex" 4 WRITE KEY "2.6.0" "key milliseconds value" => strings::psetex: "Sets a value that ends";
        "set" -3 WRITE KEY "1.0.0"
            "key value [NX|XX] [GET] [EX seconds|PX ms|EXAT unix-time|PXAT unix-time-ms|KEEPTTL]"
            => strings::set: "Sets a value";
        "setbit" 4 WRITE KEY "2.2.0" "key offset value" => bits::setbit: "Sets a bit";
        "setex" 4 WRITE KEY "2.0.0" "key seconds value" => strings::setex: "Sets a value that ends";
        "setnx" 3 FAST_WRITE KEY "1.0.0" "key value" => strings::setnx: "Sets a value if there is none";
        "setrange" 4 WRITE KEY "2.2.0" "key offset value" => ranges::setrange: "Replaces a part of a value";
        "strlen" 2 FAST_READ KEY "2.2.0" "key" => strings::strlen: "Returns the length of a value";
        "substr" 4 READ KEY "1.0.0" "key start end" => ranges::getrange: "GETRANGE by its old name";
    }
    "generic" {
        "copy" -3 WRITE TWO_KEYS "6.2.0" "source destination [DB destination-db] [REPLACE]"
            => rename::copy: "Copies a value";
        "del" -2 WRITE KEYS "1.0.0" "key..." => keys::del: "Deletes keys";
        "dump" 2 READ KEY "2.6.0" "key" => dump::dump: "Returns a value as redis writes it";
        "exists" -2 FAST_READ KEYS "1.0.0" "key..." => keys::exists: "Counts the keys that are there";
        "expire" -3 FAST_WRITE KEY "1.0.0" "key seconds [NX|XX|GT|LT]"
            => expiry::expire: "Lets a key end in so many seconds";
        "expireat" -3 FAST_WRITE KEY "1.2.0" "key unix-time [NX|XX|GT|LT]"
            => expiry::expireat: "Lets a key end at a second";
        "expiretime" 2 FAST_READ KEY "7.0.0" "key" => expiry::expiretime: "Returns the second at which a key ends";
        "keys" 2 READ NO_KEY "1.0.0" "pattern" => scan::keys: "Returns all keys that fit a pattern";
        "move" 3 FAST_WRITE KEY "1.0.0" "key db" => rename::to_database: "Refuses: there is one database";
        "object" -2 READ NO_KEY "2.2.3" "" => run_sub: "Commands about how values are kept" [OBJECT];
        "persist" 2 FAST_WRITE KEY "2.2.0" "key" => expiry::persist: "Lets a key stay for good";
        "pexpire" -3 FAST_WRITE KEY "2.6.0" "key milliseconds [NX|XX|GT|LT]"
            => expiry::pexpire: "Lets a key end in so many milliseconds";
        "pexpireat" -3 FAST_WRITE KEY "2.6.0" "key unix-time-ms [NX|XX|GT|LT]"
            => expiry::pexpireat: "Lets a key end at a millisecond";
        "pexpiretime" 2 FAST_READ KEY "7.0.0" "key" => expiry::pexpiretime: "Returns the millisecond a key ends";
        "pttl" 2 FAST_READ KEY "2.6.0" "key" => expiry::pttl: "Returns the milliseconds a key has left";
        "randomkey" 1 READ NO_KEY "1.0.0" "" => scan::randomkey: "Returns some key";
        "rename" 3 WRITE TWO_KEYS "1.0.0" "key newkey" => rename::rename: "Renames a key";
        "renamenx" 3 FAST_WRITE TWO_KEYS "1.0.0" "key newkey"
            => rename::renamenx: "Renames a key if the new name is free";
        "restore" -4 WRITE KEY "2.6.0" "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]"
            => dump::restore: "Sets a value from what DUMP returned";
        "scan" -2 READ NO_KEY "2.8.0" "cursor [MATCH pattern] [COUNT count] [TYPE type]"
            => scan::scan: "Returns some of the keys, and where to go on";
        "touch" -2 FAST_READ KEYS "3.2.1" "key..." => keys::exists: "Counts the keys that are there";
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
        "acl" -2 NONE NO_KEY "6.0.0" "" => run_sub: "Commands about users" [ACL];
        "bgsave" -1 ADMIN_ALONE NO_KEY "1.0.0" "[SCHEDULE]"
            => absent::save: "Refuses: what is written is kept by itself";
        "cluster" -2 NONE NO_KEY "3.0.0" "" => run_sub: "Commands about a cluster, which this is not" [CLUSTER];
        "command" -1 NONE NO_KEY "2.8.13" "" => docs::command: "Tells what commands there are" [COMMAND];
        "config" -2 ADMIN NO_KEY "2.0.0" "" => run_sub: "Commands about settings" [CONFIG];
        "dbsize" 1 FAST_READ NO_KEY "1.0.0" "" => keys::dbsize: "Returns the number of keys";
        "flushall" -1 WRITE NO_KEY "1.0.0" "[ASYNC|SYNC]" => keys::flush: "Deletes all keys";
        "flushdb" -1 WRITE NO_KEY "1.0.0" "[ASYNC|SYNC]" => keys::flush: "Deletes all keys";
        "info" -1 NONE NO_KEY "1.0.0" "[section...]" => info::info: "Tells how the server is";
        "latency" -2 ADMIN NO_KEY "2.8.13" "" => run_sub: "Commands about latency, which is not measured" [LATENCY];
        "memory" -2 NONE NO_KEY "4.0.0" "" => run_sub: "Commands about memory" [MEMORY];
        "module" -2 ADMIN NO_KEY "4.0.0" "" => run_sub: "Commands about modules, of which there are none" [MODULE];
        "replicaof" 3 ADMIN_ALONE NO_KEY "5.0.0" "host port"
            => replication::replicaof: "Follows the node at this replication address, or NO ONE";
        "role" 1 FAST NO_KEY "2.8.12" "" => replication::role: "Returns this node's part in replication";
        "save" 1 ADMIN_ALONE NO_KEY "1.0.0" "" => absent::save: "Refuses: what is written is kept by itself";
        "shutdown" -1 ADMIN_ALONE NO_KEY "1.0.0" "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]"
            => server::shutdown: "Stops the server";
        "slaveof" 3 ADMIN_ALONE NO_KEY "1.0.0" "host port" => replication::replicaof: "REPLICAOF by its old name";
        "slowlog" -2 ADMIN NO_KEY "2.2.12" "" => run_sub: "Commands about slow commands, which are not kept" [SLOWLOG];
        "swapdb" 3 WRITE NO_KEY "4.0.0" "index1 index2" => rename::swapdb: "Refuses: there is one database";
        "time" 1 FAST NO_KEY "2.6.0" "" => server::time: "Returns the time";
    }
    "scripting" {
        "function" -2 NONE NO_KEY "7.0.0" "" => run_sub: "Commands about functions, of which there are none" [FUNCTION];
        "script" -2 NONE NO_KEY "2.6.0" "" => run_sub: "Commands about scripts, of which there are none" [SCRIPT];
    }
    "towline" {
        "towline" -2 NONE NO_KEY "0.1.0" "" => run_sub: "Towline's own commands" [TOWLINE];
    }
};
