//! The runtime of the module in place of std: an allocator and a panic handler.
//!
//! Std would bring the same allocator, and with every panic the code that formats its text, which this target cannot
//! print: an eighth of the module. The handler here stores the panic's file and line, which takes 3 KB of the 8 saved,
//! and traps; JavaScript makes the message.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

use dlmalloc::GlobalDlmalloc;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::node::address;

#[global_allocator]
static HEAP: GlobalDlmalloc = GlobalDlmalloc;

/// The place of the panic: address and length of the file's name, and the line. All zero while there was none.
static PLACE: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    if let Some(place) = info.location() {
        let file = place.file();
        let length = u32::try_from(file.len()).unwrap_or(0);
        for (kept, word) in PLACE.iter().zip([address(file.as_ptr()), length, place.line()]) {
            kept.store(word, Ordering::Relaxed);
        }
    }
    core::arch::wasm32::unreachable()
}

/// Returns the address of three words about the panic that ended this instance: address and length of its file's name,
/// and its line; zeros if it trapped otherwise.
#[wasm_bindgen]
#[must_use]
pub fn panic_address() -> u32 {
    address(PLACE.as_ptr())
}
