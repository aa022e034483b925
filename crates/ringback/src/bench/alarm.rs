//! Rings at a moment, to the microsecond: the runtime's own timer counts whole milliseconds.

use std::io;

/// Wakes the task that waits for it, on the thread that it runs on.
pub(super) struct Alarm(imp::Timer);

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        imp::Timer::new().map(Self)
    }

    /// Waits until that moment of the [clock](super::clock).
    pub(super) async fn ring_at(&self, moment: u64) -> io::Result<()> {
        self.0.wait(moment).await
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::io::{Errno, read};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    const SECOND: u64 = 1_000_000_000;

    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        #[allow(
            deprecated,
            reason = "what replaces it is unsafe; an OwnedFd keeps what the unsafety is about"
        )]
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags)?).map(Self)
        }

        pub(super) async fn wait(&self, moment: u64) -> io::Result<()> {
            let part = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
            let at = Timespec { tv_sec: part(moment / SECOND), tv_nsec: part(moment % SECOND) };
            let once = Itimerspec { it_interval: Timespec::default(), it_value: at };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
            loop {
                let mut ready = self.0.readable().await?;
                let rung = ready.try_io(|timer| read(timer.get_ref(), &mut [0_u8; 8]).map_err(Errno::into));
                if let Ok(rung) = rung {
                    return rung.map(|_| ());
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::time::Duration;

    use super::super::clock;

    pub(super) struct Timer;

    impl Timer {
        #[allow(clippy::unnecessary_wraps, reason = "the other one can fail")]
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        #[allow(
            clippy::disallowed_methods,
            reason = "a pace is time that passes: there is nothing else to wait for"
        )]
        pub(super) async fn wait(&self, moment: u64) -> io::Result<()> {
            tokio::time::sleep(Duration::from_nanos(moment.saturating_sub(clock::now()))).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::bench::clock;

    #[tokio::test]
    async fn it_rings_at_its_moment_and_at_once_for_one_that_is_past() {
        let alarm = Alarm::new().unwrap();
        for wait in [3_000_000, 700_000, 0] {
            let moment = clock::now() + wait;
            alarm.ring_at(moment).await.unwrap();
            assert!(clock::now() >= moment, "{wait}");
        }
    }
}
