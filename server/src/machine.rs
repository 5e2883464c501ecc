//! The system's report on this process: memory and processor time, for INFO alone. Nothing is decided by it.

/// The process's use of the machine; 0 where the system does not report it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory in use now, in bytes.
    pub resident_bytes: u64,
    /// The machine's memory, in bytes.
    pub system_bytes: u64,
    /// Processor time in this program, in milliseconds.
    pub user_ms: u64,
    /// Processor time in the system on its behalf, in milliseconds.
    pub system_ms: u64,
}

/// Linux counts a process's time in hundredths of a second, on every machine.
const TICK_MS: u64 = 10;

impl Usage {
    /// Asks the system for the usage of this process.
    #[must_use]
    pub fn now() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        Self::of(&read("/proc/self/status"), &read("/proc/self/stat"), &read("/proc/meminfo"))
    }

    fn of(status: &str, stat: &str, meminfo: &str) -> Self {
        // The name before it is in parentheses and may hold anything.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks =
            |index: usize| fields.split_whitespace().nth(index).and_then(|text| text.parse::<u64>().ok());
        Self {
            resident_bytes: kilobytes(status, "VmRSS:"),
            system_bytes: kilobytes(meminfo, "MemTotal:"),
            user_ms: ticks(11).unwrap_or(0).saturating_mul(TICK_MS),
            system_ms: ticks(12).unwrap_or(0).saturating_mul(TICK_MS),
        }
    }
}

/// Returns the bytes of a line like `VmRSS:  1234 kB`.
fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let number = line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    number.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn what_linux_says_is_read() {
        let stat = "12 (a) b) c) S 1 12 12 0 -1 4194304 119 0 0 0 250 30 0 0 20 0 1 0 100 1000 50 18446744073709551615";
        let usage =
            Usage::of("Name:\ta\nVmRSS:\t    1024 kB\n", stat, "MemTotal:       16384 kB\nMemFree: 1 kB\n");
        let expected =
            Usage { resident_bytes: 1 << 20, system_bytes: 16 << 20, user_ms: 2500, system_ms: 300 };
        assert_eq!(usage, expected);
        assert_eq!(Usage::of("", "", ""), Usage::default());
    }
}
