//! Memory use of the process.

/// Peak resident memory of the process in bytes; known only on Linux.
pub fn peak_resident_bytes() -> Option<u64> {
    peak_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// Reads `VmHWM`, in units of 1,024 bytes, from Linux's `/proc/self/status`.
fn peak_of(status: &str) -> Option<u64> {
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let units: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_or_absent() {
        let status = "Name:\tgpu-train\nVmPeak:\t  99 kB\nVmHWM:\t   1234 kB\nVmRSS:\t 7 kB\n";
        assert_eq!(peak_of(status), Some(1_263_616));
        assert_eq!(peak_of("Name:\tx\nVmHWM:\tmany kB\n"), None);
        assert_eq!(peak_of(""), None);
        if cfg!(target_os = "linux") {
            assert!(peak_resident_bytes() > Some(1 << 20));
        }
    }
}
