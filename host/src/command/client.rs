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
    /// It asked not to be closed first when memory is short.
    pub no_evict: bool,
    /// It asked that its reads leave no trace.
    pub no_touch: bool,
    /// Its last write, in the history it was made in: what WAIT waits for.
    pub last_write: EpochOffset,
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
            no_evict: false,
            no_touch: false,
            last_write: EpochOffset::default(),
        }
    }

    /// Its line in CLIENT LIST: redis's names. What is not kept of a client is 0, or -1 where 0 would be something.
    /// `query` is what of its request is being read.
    fn describe(&self, now_ms: u64, query: usize, list: &mut String) {
        let resp = match self.resp {
            Resp::V2 => 2,
            Resp::V3 => 3,
        };
        let flags = match (self.no_evict, self.no_touch) {
            (false, false) => "N",
            (true, false) => "e",
            (false, true) => "T",
            (true, true) => "eT",
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            list,
            "id={} addr={} laddr={} fd=-1 name={} age={} idle={} flags={flags} db=0 sub=0 psub=0 ssub=0 multi=-1 \
             qbuf={query} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd={} \
             user=default redir=-1 resp={resp} lib-name={} lib-ver={}",
            self.id,
            self.addr,
            self.local_addr,
            self.name,
            now_ms.saturating_sub(self.connected_ms) / 1000,
            now_ms.saturating_sub(self.seen_ms) / 1000,
            self.last_command,
            self.lib_name,
            self.lib_version,
        );
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

/// CLIENT INFO: this connection's line in CLIENT LIST.
pub(super) fn info(call: &mut Call<'_>) -> Answer {
    let mut line = String::new();
    call.client.describe(call.now_ms, call.client.request_bytes, &mut line);
    reply::text(call.out, call.client.resp, &line);
    Call::done()
}

/// CLIENT NO-EVICT.
pub(super) fn no_evict(call: &mut Call<'_>) -> Answer {
    call.client.no_evict = on_or_off(call.arg(2))?;
    call.ok()
}

/// CLIENT NO-TOUCH.
pub(super) fn no_touch(call: &mut Call<'_>) -> Answer {
    call.client.no_touch = on_or_off(call.arg(2))?;
    call.ok()
}

fn on_or_off(word: &[u8]) -> Result<bool, Fault> {
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
        call.client.describe(now_ms, call.client.request_bytes, &mut list);
    }
    call.backend.other_clients(&mut |client| {
        if wanted(client) {
            client.describe(now_ms, 0, &mut list);
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
