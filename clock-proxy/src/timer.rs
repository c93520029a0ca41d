//! A deadline that moves, met within microseconds.
//!
//! Tokio counts time in milliseconds and rounds up, so its timers are late by half a millisecond to more than
//! one. A `timerfd` is an event like any other for the thread that waits, and is late by as much as it takes to
//! wake that thread. Each connection has its own, made when it has its first deadline; a shared one would have to
//! be set under a lock, and its owner would have to wake the others. Where there is none, or no descriptor is left
//! for one, tokio's timer does.
//!
//! Never early: what fires is checked against the clock that the deadline came from.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// Wakes a task at a deadline. Owns nothing until there is the first one.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    bell: Option<Bell>,
}

#[derive(Debug)]
enum Bell {
    #[cfg(target_os = "linux")]
    Exact(linux::Timer),
    Rough(Pin<Box<Sleep>>),
}

impl Alarm {
    /// Ready when the deadline has passed; never without one. Wakes `cx` otherwise.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        if deadline <= Instant::now() {
            return Poll::Ready(());
        }
        match self.bell.get_or_insert_with(|| Bell::new(deadline)) {
            #[cfg(target_os = "linux")]
            Bell::Exact(timer) => match timer.poll(cx, deadline) {
                Ok(polled) => polled,
                Err(_) => self.bell.insert(Bell::rough(deadline)).poll_rough(cx, deadline),
            },
            rough => rough.poll_rough(cx, deadline),
        }
    }
}

impl Bell {
    fn new(deadline: Instant) -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(timer) = linux::Timer::new() {
            return Bell::Exact(timer);
        }
        Self::rough(deadline)
    }

    fn rough(deadline: Instant) -> Self {
        Bell::Rough(Box::pin(sleep_until(deadline)))
    }

    fn poll_rough(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        match self {
            #[cfg(target_os = "linux")]
            Bell::Exact(_) => Poll::Pending,
            Bell::Rough(sleep) => {
                if sleep.deadline() != deadline {
                    sleep.as_mut().reset(deadline);
                }
                sleep.as_mut().poll(cx)
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::sync::LazyLock;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use rustix::time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
        timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::time::Instant;

    /// One moment on both clocks, which are the same one in different clothes. The kernel's was read second, so
    /// the distance between the two reads makes deadlines later, not earlier.
    static MOMENT: LazyLock<(Instant, Duration)> =
        LazyLock::new(|| (Instant::now(), since_boot(clock_gettime(ClockId::Monotonic))));

    fn since_boot(time: Timespec) -> Duration {
        Duration::try_from(time).unwrap_or_default()
    }

    #[derive(Debug)]
    pub(super) struct Timer {
        fd: AsyncFd<OwnedFd>,
        armed: Option<Instant>,
    }

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let fd = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "unsound only for types whose descriptor changes or closes early; its successor is unsafe"
            )]
            let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
            Ok(Self { fd, armed: None })
        }

        pub(super) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> io::Result<Poll<()>> {
            if self.armed != Some(deadline) {
                self.arm(deadline)?;
            }
            // The descriptor is never read: arming it anew takes the last expiry back.
            while let Poll::Ready(fired) = self.fd.poll_read_ready(cx) {
                fired?.clear_ready();
                if deadline <= Instant::now() {
                    return Ok(Poll::Ready(()));
                }
                // It was an earlier deadline that fired.
            }
            Ok(Poll::Pending)
        }

        fn arm(&mut self, deadline: Instant) -> io::Result<()> {
            let (instant, since_boot) = *MOMENT;
            let at = since_boot + deadline.saturating_duration_since(instant);
            let it_value = Timespec::try_from(at).map_err(io::Error::other)?;
            let once = Itimerspec { it_interval: Timespec::default(), it_value };
            timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &once)?;
            self.armed = Some(deadline);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    async fn until(alarm: &mut Alarm, deadline: Instant) {
        poll_fn(|cx| alarm.poll(cx, Some(deadline))).await;
    }

    #[tokio::test]
    async fn no_deadline_is_met_early_in_whatever_order_they_come() {
        for mut alarm in [Alarm::default(), Alarm { bell: Some(Bell::rough(Instant::now())) }] {
            let start = Instant::now();
            for micros in [1500, 200, 3000, 0, 3001, 2000, 9000] {
                let deadline = start + Duration::from_micros(micros);
                until(&mut alarm, deadline).await;
                assert!(Instant::now() >= deadline, "{micros} us: early");
            }
        }
    }

    async fn is_pending(alarm: &mut Alarm, deadline: Option<Instant>) -> bool {
        poll_fn(|cx| Poll::Ready(alarm.poll(cx, deadline).is_pending())).await
    }

    /// Disproved by a deadline that is forgotten, or met at the time of the one it replaced.
    #[tokio::test]
    async fn a_deadline_can_be_replaced_by_an_earlier_and_by_a_later_one() {
        let (mut alarm, start) = (Alarm::default(), Instant::now());
        let (later, earlier) = (start + Duration::from_secs(3600), start + Duration::from_millis(20));
        for deadline in [Some(later), Some(earlier), Some(later), None] {
            assert!(is_pending(&mut alarm, deadline).await);
        }
        until(&mut alarm, earlier).await;
        assert!(is_pending(&mut alarm, Some(later)).await);
    }
}
