//! Another Rust static library, as a program may well have one: it catches a panic of its own. Built by rustc alone.

/// Returns 7 after catching a panic.
#[unsafe(no_mangle)]
pub extern "C" fn second_caught() -> i32 {
    std::panic::set_hook(Box::new(|_| {}));
    std::panic::catch_unwind(|| panic!("of the second library")).map_or(7, |()| 0)
}
