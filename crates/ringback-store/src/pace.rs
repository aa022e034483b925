//! Temporary.
use std::io::Write as _;
use std::sync::Mutex;
static OUT: Mutex<Option<std::io::BufWriter<std::fs::File>>> = Mutex::new(None);
pub fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
pub fn note(line: std::fmt::Arguments<'_>) {
    let mut out = OUT.lock().unwrap();
    if out.is_none() {
        let Ok(path) = std::env::var("PACE_LOG") else { return };
        *out = Some(std::io::BufWriter::with_capacity(1 << 20, std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap()));
    }
    let _ = writeln!(out.as_mut().unwrap(), "{line}");
}
pub fn flush() { if let Some(o) = OUT.lock().unwrap().as_mut() { let _ = o.flush(); } }
