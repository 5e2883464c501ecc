//! Making a node from options, and freeing it.

use towline_core::{Boot, Config, Node, NodeId, Options, Role, Span};

use crate::border::{Out, Sized32, bytes, guarded, read_sized, write_sized};
use crate::kinds::{TOW_PRIMARY, TOW_REPLICA};
use crate::node::{free, tow_node};
use crate::status::{Refusal, TOW_E_CONFIG, TOW_E_NOMEM, TOW_E_RECORD, TOW_OK, tow_status};
use crate::types::{tow_boot, tow_config, tow_error};

// SAFETY: `repr(C)`, integers only, and the first field is `struct_size`: what the trait asks for.
unsafe impl Sized32 for tow_config {
    const BYTES_MIN: usize = 120;
}

// SAFETY: `repr(C)`, integers and a pointer that is checked before use, begins with `struct_size`.
unsafe impl Sized32 for tow_boot {
    const BYTES_MIN: usize = 56 + 2 * size_of::<usize>();
}

/// Fills in the default options. `size` is `sizeof(tow_config)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_config_init(config: *mut tow_config, size: usize) -> tow_status {
    let done = guarded(|| {
        let struct_size = u32::try_from(size).unwrap_or(0);
        let defaults = tow_config { struct_size, ..from_options(&Options::default()) };
        // SAFETY: `size` bytes at `config` may be written, or it is NULL: the caller's obligation.
        unsafe { write_sized(config, size, &defaults) }
    });
    crate::border::status_of(done)
}

/// Checks the options, and computes how many bytes a node with them allocates: all in `tow_node_new`, none after.
/// `memory_bytes` and `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_config_check(
    config: *const tow_config,
    memory_bytes: *mut u64,
    error: *mut tow_error,
) -> tow_status {
    let done = guarded(|| {
        // SAFETY: `config` is initialised, or NULL: the caller's obligation for each pointer to a value.
        let config = unsafe { checked(config) }?;
        if !memory_bytes.is_null() {
            // SAFETY: `memory_bytes` is valid for a write, or NULL: the caller's obligation for each out-pointer.
            unsafe { Out::new(memory_bytes) }?.write(config.memory_bytes());
        }
        Ok(())
    });
    // SAFETY: `error` is valid for a write, or NULL: the caller's obligation for each out-pointer.
    unsafe { told(done, error) }
}

/// Makes a node. A primary opens an epoch; a replica will ask to dial. `error` may be NULL; `*out` is NULL if this
/// fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_node_new(
    config: *const tow_config,
    boot: *const tow_boot,
    out: *mut *mut tow_node,
    error: *mut tow_error,
) -> tow_status {
    let done = guarded(|| {
        // SAFETY: `out` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let out = unsafe { Out::new(out) }?;
        out.write(std::ptr::null_mut());
        // SAFETY: `config` is initialised, or NULL: the caller's obligation for each pointer to a value.
        let config = unsafe { checked(config) }?;
        // SAFETY: `boot` is initialised, or NULL: the caller's obligation for each pointer to a value.
        let boot = unsafe { read_sized(boot, EMPTY_BOOT) }?;
        // SAFETY: `boot.cursor` points to so many bytes, which nobody changes during the call: the caller's obligation.
        let cursor = unsafe { bytes(boot.cursor, boot.cursor_len) }?;
        let role = match boot.role {
            TOW_PRIMARY => Role::Primary,
            TOW_REPLICA => Role::Replica,
            _ => return Err(Refusal::Status(TOW_E_RECORD)),
        };
        let boot = Boot {
            node: NodeId(boot.node),
            seed: boot.seed,
            role,
            unix_zero: boot.unix_zero_ns,
            cursor: (!cursor.is_empty()).then_some(cursor),
        };
        probe(config.memory_bytes())?;
        let node = Node::new(config, boot)?;
        out.write(Box::into_raw(Box::new(tow_node::new(node, config.options().record_bytes_max))));
        Ok(())
    });
    // SAFETY: `error` is valid for a write, or NULL: the caller's obligation for each out-pointer.
    unsafe { told(done, error) }
}

/// Frees a node. NULL is allowed; a node that another call is using is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_node_free(node: *mut tow_node) {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    unsafe { free(node) }
}

const EMPTY_BOOT: tow_boot = tow_boot {
    struct_size: 0,
    role: 0,
    node: 0,
    seed: [0; 32],
    unix_zero_ns: 0,
    cursor: std::ptr::null(),
    cursor_len: 0,
};

/// Checks that the allocator would give so much: the core's own allocations end the process if it does not.
fn probe(memory_bytes: u64) -> Result<(), Refusal> {
    let none = Refusal::Status(TOW_E_NOMEM);
    let Ok(wanted) = usize::try_from(memory_bytes) else { return Err(none) };
    Vec::<u8>::new().try_reserve_exact(wanted).map_err(|_| none)
}

unsafe fn told(done: Result<(), Refusal>, error: *mut tow_error) -> tow_status {
    let Err(refusal) = done else { return TOW_OK };
    if !error.is_null() {
        // SAFETY: `error` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        match unsafe { Out::new(error) } {
            Ok(out) => out.write(refusal.error()),
            Err(misplaced) => return misplaced.code(),
        }
    }
    refusal.code()
}

unsafe fn checked(config: *const tow_config) -> Result<Config, Refusal> {
    // SAFETY: `config` is initialised, or NULL: the caller's obligation for each pointer to a value.
    let config = unsafe { read_sized(config, from_options(&Options::default())) }?;
    let flag = |value: u32| match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Refusal::Status(TOW_E_CONFIG)),
    };
    let options = Options {
        backlog_bytes: config.backlog_bytes,
        batch_bytes: config.batch_bytes,
        record_bytes_max: config.record_bytes_max,
        window_bytes: config.window_bytes,
        piece_bytes_max: config.piece_bytes_max,
        piece_window_bytes: config.piece_window_bytes,
        links_max: config.links_max,
        slots_max: config.slots_max,
        ships_max: config.ships_max,
        beat: Span(config.beat_ns),
        idle: Span(config.idle_ns),
        handshake: Span(config.handshake_ns),
        linger: Span(config.linger_ns),
        reconnect_window: Span(config.reconnect_window_ns),
        redial_min: Span(config.redial_min_ns),
        redial_max: Span(config.redial_max_ns),
        can_rewind: flag(config.can_rewind)?,
        persists: flag(config.persists)?,
    };
    Ok(options.check()?)
}

fn from_options(options: &Options) -> tow_config {
    tow_config {
        struct_size: 0,
        batch_bytes: options.batch_bytes,
        backlog_bytes: options.backlog_bytes,
        window_bytes: options.window_bytes,
        piece_window_bytes: options.piece_window_bytes,
        record_bytes_max: options.record_bytes_max,
        piece_bytes_max: options.piece_bytes_max,
        links_max: options.links_max,
        slots_max: options.slots_max,
        ships_max: options.ships_max,
        can_rewind: options.can_rewind.into(),
        persists: options.persists.into(),
        reserved: 0,
        beat_ns: options.beat.0,
        idle_ns: options.idle.0,
        handshake_ns: options.handshake.0,
        linger_ns: options.linger.0,
        reconnect_window_ns: options.reconnect_window.0,
        redial_min_ns: options.redial_min.0,
        redial_max_ns: options.redial_max.0,
    }
}
