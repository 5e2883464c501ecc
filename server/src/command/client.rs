//! One client as others see it, and the CLIENT commands.
//!
//! Bounds: a name is at most [`NAME_MAX`] bytes.

use std::fmt::Write;

use towline_core::EpochOffset;
use towline_kv::parse_i64;

use super::call::{Answer, Call, Fault};
use super::reply::{self, Resp};

/// Bytes of the longest name a client may give itself or its library.
const NAME_MAX: usize = 256;

/// Which replies a client wants, as it said with CLIENT REPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replies {
    /// All.
    #[default]
    On,
    /// None.
    Off,
    /// None to the command after this one.
    SkipNext,
    /// None to this command.
    Skip,
}

/// The bytes a connection's buffers hold, and the event it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientUsage {
    /// Requests that were read and not run.
    pub unread: usize,
    /// Room for more of them.
    pub unread_free: usize,
    /// Replies it has not taken.
    pub untaken: usize,
    /// Room of the reply buffer.
    pub reply_room: usize,
    /// The most that was in it at a time, within some seconds before its last reply.
    pub reply_peak: usize,
    /// Commands queued since MULTI; none outside.
    pub queued: Option<usize>,
    /// What these take.
    pub queued_bytes: usize,
    /// Keys it watches.
    pub watched: usize,
    /// All it takes.
    pub total: usize,
    /// A command of it waits.
    pub waits: bool,
    /// It is being closed.
    pub ends: bool,
}

/// What is known of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its number, never given twice.
    pub id: u64,
    /// Where it connected from.
    pub addr: String,
    /// What it connected to.
    pub local_addr: String,
    /// The name it gave itself.
    pub name: String,
    /// The library it says it uses.
    pub lib_name: String,
    /// That library's version.
    pub lib_version: String,
    /// The protocol it speaks.
    pub resp: Resp,
    /// When it connected, in Unix milliseconds.
    pub connected_ms: u64,
    /// When it last asked for anything.
    pub seen_ms: u64,
    /// What it last asked for.
    pub last_command: &'static str,
    /// Bytes of the request that is under way.
    pub request_bytes: usize,
    /// Its last write, in the history it was made in: what WAIT waits for.
    pub last_write: EpochOffset,
    /// The replies it wants.
    pub replies: Replies,
    /// It asked to be closed last when memory is short.
    pub no_evict: bool,
    /// It asked not to count as a reader of what it reads.
    pub no_touch: bool,
}

impl Client {
    /// A client that just connected.
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

    /// Whether it wants no reply to what it asks now.
    #[must_use]
    pub const fn is_muted(&self) -> bool {
        matches!(self.replies, Replies::Off | Replies::Skip)
    }

    /// Its line in CLIENT LIST, with all fields of redis. There is no descriptor to show, no tracking, no pub/sub.
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

    /// redis's letters for what it is doing.
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

/// CLIENT GETNAME.
pub(super) fn getname(call: &mut Call<'_>) -> Answer {
    if call.client.name.is_empty() {
        return call.null();
    }
    reply::bulk(call.out, call.client.name.as_bytes());
    Call::done()
}

/// CLIENT SETNAME.
pub(super) fn setname(call: &mut Call<'_>) -> Answer {
    call.client.name = client_name(call.arg(2))?;
    call.ok()
}

/// A name a client gives itself.
pub(super) fn client_name(name: &[u8]) -> Result<String, Fault> {
    checked(name, "ERR Client names cannot contain spaces, newlines or special characters.")
}

/// CLIENT SETINFO.
pub(super) fn setinfo(call: &mut Call<'_>) -> Answer {
    let (option, value) = (call.arg(2), call.arg(3));
    if option.eq_ignore_ascii_case(b"lib-name") {
        let wrong = "ERR lib-name cannot contain spaces, newlines or special characters.";
        call.client.lib_name = checked(value, wrong)?;
    } else if option.eq_ignore_ascii_case(b"lib-ver") {
        let wrong = "ERR lib-ver cannot contain spaces, newlines or special characters.";
        call.client.lib_version = checked(value, wrong)?;
    } else {
        return Err(Fault::Text(format!("ERR Unrecognized option '{}'", String::from_utf8_lossy(option))));
    }
    call.ok()
}

/// Names stand in lines of words, so they are words.
fn checked(name: &[u8], wrong: &'static str) -> Result<String, Fault> {
    if name.len() > NAME_MAX {
        return Err(Fault::Text(format!("ERR names are at most {NAME_MAX} bytes long")));
    }
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(Fault::Static(wrong));
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// CLIENT ID.
pub(super) fn id(call: &mut Call<'_>) -> Answer {
    call.integer(call.client.id)
}

/// The word ON or OFF.
pub(super) fn on_or_off(word: &[u8]) -> Result<bool, Fault> {
    if word.eq_ignore_ascii_case(b"on") {
        Ok(true)
    } else if word.eq_ignore_ascii_case(b"off") {
        Ok(false)
    } else {
        Err(Fault::Syntax)
    }
}

/// CLIENT GETREDIR: nothing is tracked, so nothing goes elsewhere.
pub(super) fn getredir(call: &mut Call<'_>) -> Answer {
    call.integer(-1)
}

/// CLIENT TRACKING: OFF is how it is.
pub(super) fn tracking(call: &mut Call<'_>) -> Answer {
    if on_or_off(call.arg(2))? {
        return Err(Fault::Static("ERR CLIENT TRACKING is not supported: nobody is told when a key changes"));
    }
    call.ok()
}

/// CLIENT TRACKINGINFO.
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

/// Which clients CLIENT LIST shows.
enum Which {
    All,
    None,
    Ids(Vec<u64>),
}

/// The usage of the client that asks. The commands of a transaction count as queued until the last of them was run, as
/// in redis.
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

/// CLIENT INFO.
pub(super) fn info(call: &mut Call<'_>) -> Answer {
    let mut line = String::new();
    call.client.describe(&own_usage(call), call.now_ms, &mut line);
    reply::text(call.out, call.client.resp, &line);
    Call::done()
}

/// CLIENT LIST, with TYPE or ID.
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

fn which(call: &Call<'_>) -> Result<Which, Fault> {
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
                Err(Fault::Text(format!("ERR Unknown client type '{kind}'")))
            }
        };
    }
    if call.len() > 3 && option.eq_ignore_ascii_case(b"id") {
        let ids = call.args.iter().skip(3).map(|id| parse_i64(id).and_then(|id| u64::try_from(id).ok()));
        let ids: Option<Vec<u64>> = ids.map(|id| id.filter(|id| *id > 0)).collect();
        return ids.map(Which::Ids).ok_or(Fault::Static("ERR Invalid client ID"));
    }
    Err(Fault::Syntax)
}
