//! What the kernel knows of this process, in the text format of Prometheus. Elsewhere than on Linux, nothing.

use std::{fmt::Write as _, fs};

use vestibule::core::ports::Timestamp;

use super::table::{Metric, PROCESS};

/// Clock ticks a second, which Linux fixes for what it tells programs.
const TICKS: f64 = 100.0;

/// The lines of the process that began at `started_at`.
pub(super) fn render(started_at: Timestamp) -> String {
    let mut text = String::new();
    for metric in PROCESS {
        if let Some(value) = read(metric, started_at) {
            let Metric { name, kind, help, .. } = metric;
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {}\n{name} {value}\n\n", kind.as_str());
        }
    }
    text
}

fn read(metric: &Metric, started_at: Timestamp) -> Option<f64> {
    match metric.name {
        "process_cpu_seconds_total" => {
            let stat = fs::read_to_string("/proc/self/stat").ok()?;
            // The name, which may hold anything, ends with the last bracket; `utime` and `stime` are fields 14 and 15.
            let fields = stat.rsplit_once(')')?.1;
            let ticks: Option<Vec<f64>> =
                fields.split_whitespace().skip(11).take(2).map(|field| field.parse().ok()).collect();
            Some(ticks?.iter().sum::<f64>() / TICKS)
        }
        "process_resident_memory_bytes" => {
            let status = fs::read_to_string("/proc/self/status").ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            Some(kib * 1024.0)
        }
        // The folder being read is open too.
        "process_open_fds" => {
            Some(f64::from(u32::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?) - 1.0)
        }
        "process_start_time_seconds" => Some(f64::from(u32::try_from(started_at.as_millis() / 1000).ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_everything() {
        let text = render(Timestamp::from_millis(1_700_000_000_000));
        for metric in PROCESS {
            assert!(text.contains(&format!("\n{} ", metric.name)), "{}: {text}", metric.name);
        }
        assert!(text.contains("\nprocess_start_time_seconds 1700000000\n"), "{text}");
    }
}
