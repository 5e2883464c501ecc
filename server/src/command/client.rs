//! One client as others see it, and the CLIENT commands.
//!
//! Bounds: a name is at most [`NAME_MAX`] bytes.

use std::fmt::Write;

use towline_core::EpochOffset;
use towline_kv::parse_i64;

use super::call::{Answer, Call, CommandError};
use super::reply::{self, Resp};

/// The most bytes of a name that a client gives itself or its library.
const NAME_MAX: usize = 256;

/// The replies that a client wants, by CLIENT REPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replies {
    /// A reply to every command.
    #[default]
    On,
    /// No reply.
    Off,
    /// No reply to the command after this one.
    SkipNext,
    /// No reply to this command.
    Skip,
}

/// The bytes that a connection's buffers hold, and its waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientUsage {
    /// Bytes of requests that were read and not run.
    pub unread: usize,
    /// Free bytes of the request buffer.
    pub unread_free: usize,
    /// Bytes of replies that the client has not taken.
    pub untaken: usize,
    /// Room of the reply buffer.
    pub reply_room: usize,
    /// The most bytes in it at a time, within some seconds before the last reply.
    pub reply_peak: usize,
    /// Commands queued since MULTI; none outside.
    pub queued: Option<usize>,
    /// Bytes of these commands.
    pub queued_bytes: usize,
    /// Keys that it watches.
    pub watched: usize,
    /// All its memory.
    pub total: usize,
    /// Set while one of its commands waits.
    pub waits: bool,
    /// Set while it is being closed.
    pub ends: bool,
}

/// One connection, as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its number, never given twice.
    pub id: u64,
    /// The address it connected from.
    pub addr: String,
    /// The address it connected to.
    pub local_addr: String,
    /// The name it gave itself.
    pub name: String,
    /// The name of its library, as it gave it.
    pub lib_name: String,
    /// That library's version.
    pub lib_version: String,
    /// The version of the protocol it uses.
    pub resp: Resp,
    /// When it connected, in Unix milliseconds.
    pub connected_ms: u64,
    /// The time of its last request.
    pub seen_ms: u64,
    /// Its last command.
    pub last_command: &'static str,
    /// Bytes of the request that is under way.
    pub request_bytes: usize,
    /// Its last write, in the history it was made in, for WAIT.
    pub last_write: EpochOffset,
    /// The replies it wants.
    pub replies: Replies,
    /// Set if it asked to be closed last when memory is short.
    pub no_evict: bool,
    /// Set if it asked not to count as a reader.
    pub no_touch: bool,
}

impl Client {
    /// Returns a client that just connected.
    #[must_use]
    pub fn new(id: u64, addr: String, local_addr: String, now_ms: u64) -> Self {
        Self {
            id,
            addr,
            local_addr,
            name: String::new(),
            lib_name: String::new(),
            lib_version: String::new(),
            resp: Resp::V2,
            connected_ms: now_ms,
            seen_ms: now_ms,
            last_command: "NULL",
            request_bytes: 0,
            last_write: EpochOffset::default(),
            replies: Replies::On,
            no_evict: false,
            no_touch: false,
        }
    }

    /// Returns whether it wants no reply to its current command.
    #[must_use]
    pub const fn is_muted(&self) -> bool {
        matches!(self.replies, Replies::Off | Replies::Skip)
    }

    /// Appends its line of CLIENT LIST, with all fields of redis. There is no descriptor to show, no tracking, no
    /// pub/sub.
    fn describe(&self, usage: &ClientUsage, now_ms: u64, list: &mut String) {
        let resp = match self.resp {
            Resp::V2 => 2,
            Resp::V3 => 3,
        };
        // Writing to a string does not fail.
        let _ = write!(
            list,
            "id={} addr={} laddr={} fd=-1 name={} age={} idle={} flags={} db=0 sub=0 psub=0 ssub=0 ",
            self.id,
            self.addr,
            self.local_addr,
            self.name,
            now_ms.saturating_sub(self.connected_ms) / 1000,
            now_ms.saturating_sub(self.seen_ms) / 1000,
            self.flags(usage),
        );
        let queued = usage.queued.map_or(-1, |queued| i64::try_from(queued).unwrap_or(i64::MAX));
        let _ = write!(
            list,
            "multi={queued} qbuf={} qbuf-free={} argv-mem=0 multi-mem={} rbs={} rbp={} obl={} oll=0 omem=0 \
             tot-mem={} events={} ",
            usage.unread,
            usage.unread_free,
            usage.queued_bytes,
            usage.reply_room,
            usage.reply_peak,
            usage.untaken,
            usage.total,
            if usage.untaken > 0 { "rw" } else { "r" },
        );
        let _ = writeln!(
            list,
            "cmd={} user=default redir=-1 resp={resp} lib-name={} lib-ver={}",
            self.last_command, self.lib_name, self.lib_version,
        );
    }

    /// Returns redis's letters for its state.
    fn flags(&self, usage: &ClientUsage) -> String {
        let all = [
            (usage.waits, 'b'),
            (usage.ends, 'c'),
            (self.no_evict, 'e'),
            (self.no_touch, 'T'),
            (usage.queued.is_some(), 'x'),
        ];
        let flags: String = all.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag).collect();
        if flags.is_empty() { "N".to_owned() } else { flags }
    }
}

/// Runs CLIENT GETNAME.
pub(super) fn getname(call: &mut Call<'_>) -> Answer {
    if call.client.name.is_empty() {
        return call.null();
    }
    reply::bulk(call.out, call.client.name.as_bytes());
    Call::done()
}

/// Runs CLIENT SETNAME.
pub(super) fn setname(call: &mut Call<'_>) -> Answer {
    call.client.name = client_name(call.arg(2))?;
    call.ok()
}

/// Checks a name that a client gives itself.
pub(super) fn client_name(name: &[u8]) -> Result<String, CommandError> {
    checked(name, "ERR Client names cannot contain spaces, newlines or special characters.")
}

/// Runs CLIENT SETINFO.
pub(super) fn setinfo(call: &mut Call<'_>) -> Answer {
    let (option, value) = (call.arg(2), call.arg(3));
    if option.eq_ignore_ascii_case(b"lib-name") {
        let wrong = "ERR lib-name cannot contain spaces, newlines or special characters.";
        call.client.lib_name = checked(value, wrong)?;
    } else if option.eq_ignore_ascii_case(b"lib-ver") {
        let wrong = "ERR lib-ver cannot contain spaces, newlines or special characters.";
        call.client.lib_version = checked(value, wrong)?;
    } else {
        return Err(CommandError::Text(format!(
            "ERR Unrecognized option '{}'",
            String::from_utf8_lossy(option)
        )));
    }
    call.ok()
}

/// Checks that a name has no spaces: it is a word in CLIENT LIST.
fn checked(name: &[u8], wrong: &'static str) -> Result<String, CommandError> {
    if name.len() > NAME_MAX {
        return Err(CommandError::Text(format!("ERR names are at most {NAME_MAX} bytes long")));
    }
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(CommandError::Static(wrong));
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Runs CLIENT ID.
pub(super) fn id(call: &mut Call<'_>) -> Answer {
    call.integer(call.client.id)
}

/// Reads ON or OFF.
pub(super) fn on_or_off(word: &[u8]) -> Result<bool, CommandError> {
    if word.eq_ignore_ascii_case(b"on") {
        Ok(true)
    } else if word.eq_ignore_ascii_case(b"off") {
        Ok(false)
    } else {
        Err(CommandError::Syntax)
    }
}

/// Runs CLIENT GETREDIR: nothing is tracked, so nothing is redirected.
pub(super) fn getredir(call: &mut Call<'_>) -> Answer {
    call.integer(-1)
}

/// Runs CLIENT TRACKING: OFF is accepted, because nothing is tracked.
pub(super) fn tracking(call: &mut Call<'_>) -> Answer {
    if on_or_off(call.arg(2))? {
        return Err(CommandError::Static(
            "ERR CLIENT TRACKING is not supported: nobody is told when a key changes",
        ));
    }
    call.ok()
}

/// Runs CLIENT TRACKINGINFO.
pub(super) fn trackinginfo(call: &mut Call<'_>) -> Answer {
    let (out, version) = (&mut *call.out, call.client.resp);
    reply::map(out, version, 3);
    reply::bulk(out, b"flags");
    reply::set(out, version, 1);
    reply::bulk(out, b"off");
    reply::bulk(out, b"redirect");
    reply::integer(out, -1);
    reply::bulk(out, b"prefixes");
    reply::array(out, 0);
    Call::done()
}

/// The clients that CLIENT LIST shows.
enum Which {
    All,
    None,
    Ids(Vec<u64>),
}

/// Returns the usage of the client that asks. As in redis, the commands of a transaction count as queued until the last
/// of them was run.
fn own_usage(call: &Call<'_>) -> ClientUsage {
    let (queued, queued_bytes) = match (&call.overlay, &call.tx) {
        (Some(overlay), _) => (Some(overlay.queued.0), overlay.queued.1),
        (None, Some(tx)) => (tx.queued_count(), tx.bytes()),
        (None, None) => (None, 0),
    };
    let watched = call.tx.as_ref().map_or(0, |tx| tx.watched_count());
    let usage = call.backend.own_usage();
    let unread = usage.unread.max(call.client.request_bytes);
    ClientUsage { queued, queued_bytes, watched, unread, ..usage }
}

/// Runs CLIENT INFO.
pub(super) fn info(call: &mut Call<'_>) -> Answer {
    let mut line = String::new();
    call.client.describe(&own_usage(call), call.now_ms, &mut line);
    reply::text(call.out, call.client.resp, &line);
    Call::done()
}

/// Runs CLIENT LIST, with TYPE or ID.
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let which = which(call)?;
    let wanted = |client: &Client| match &which {
        Which::All => true,
        Which::None => false,
        Which::Ids(ids) => ids.contains(&client.id),
    };
    let (mut list, now_ms) = (String::new(), call.now_ms);
    if wanted(call.client) {
        call.client.describe(&own_usage(call), now_ms, &mut list);
    }
    call.backend.other_clients(&mut |client, usage| {
        if wanted(client) {
            client.describe(&usage, now_ms, &mut list);
        }
    });
    reply::text(call.out, call.client.resp, &list);
    Call::done()
}

fn which(call: &Call<'_>) -> Result<Which, CommandError> {
    if call.len() == 2 {
        return Ok(Which::All);
    }
    let option = call.arg(2);
    if call.len() == 4 && option.eq_ignore_ascii_case(b"type") {
        let kind = call.arg(3).to_ascii_lowercase();
        return match kind.as_slice() {
            b"normal" => Ok(Which::All),
            // Replicas do not connect here, and there is no pub/sub.
            b"master" | b"replica" | b"slave" | b"pubsub" => Ok(Which::None),
            _ => {
                let kind = String::from_utf8_lossy(call.arg(3));
                Err(CommandError::Text(format!("ERR Unknown client type '{kind}'")))
            }
        };
    }
    if call.len() > 3 && option.eq_ignore_ascii_case(b"id") {
        let ids = call.args.iter().skip(3).map(|id| parse_i64(id).and_then(|id| u64::try_from(id).ok()));
        let ids: Option<Vec<u64>> = ids.map(|id| id.filter(|id| *id > 0)).collect();
        return ids.map(Which::Ids).ok_or(CommandError::Static("ERR Invalid client ID"));
    }
    Err(CommandError::Syntax)
}
