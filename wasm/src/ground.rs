//! What the module stands on, in std's place: an allocator, and what a panic does.
//!
//! Std would bring the same allocator, and with every panic the code that writes its text, which nobody could read:
//! this target has nowhere to write it. That was an eighth of the module. A panic here notes its line, which is what
//! tells most and takes 3 KB of the 8 saved, and traps; JavaScript makes the message.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

use dlmalloc::GlobalDlmalloc;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::node::address;

#[global_allocator]
static HEAP: GlobalDlmalloc = GlobalDlmalloc;

/// Where the panic was: address and length of the file's name, and the line. All zero while there was none.
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

/// The address of three words about the panic that ended this instance: address and length of its file's name, and its
/// line; zeros if it trapped otherwise.
#[wasm_bindgen]
#[must_use]
pub fn panic_address() -> u32 {
    address(PLACE.as_ptr())
}
