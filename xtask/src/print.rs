//! std's print macros panic where nothing can be written, as behind `| head`. These have their names and drop the text.

macro_rules! print {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let mut out = std::io::stdout().lock();
        // A reader that closed the pipe wants no more.
        drop(write!(out, $($text)*).and_then(|()| out.flush()));
    }};
}

macro_rules! println {
    ($($text:tt)*) => { print!("{}\n", format_args!($($text)*)) };
}

macro_rules! eprint {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        drop(write!(std::io::stderr(), $($text)*));
    }};
}

macro_rules! eprintln {
    ($($text:tt)*) => { eprint!("{}\n", format_args!($($text)*)) };
}
