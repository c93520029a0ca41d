//! Counters and gauges of a flow, shared by its lanes and read by `show` and `wait`.
//!
//! They count; they decide nothing. Relaxed order is enough: a reader wants a recent number, not a
//! consistent picture of several.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only this module may treat as an atomic.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, amount: u64) {
        if amount != 0 {
            self.0.fetch_add(amount, Ordering::Relaxed);
        }
    }

    fn remove(&self, amount: u64) {
        if amount != 0 {
            self.0.fetch_sub(amount, Ordering::Relaxed);
        }
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What happened to the frames of one flow since the start, and what it holds now.
#[derive(Debug, Default)]
pub(crate) struct FlowMeter {
    /// Frames written. On a raw lane a frame is what one read brought.
    pub(crate) frames: Count,
    /// Bytes written.
    pub(crate) bytes: Count,
    /// Bytes read.
    pub(crate) received: Count,
    /// Frames that passed a delay.
    pub(crate) delayed: Count,
    /// Frames that were chosen to be overtaken.
    pub(crate) reordered: Count,
    /// Frames thrown away by a cut in mode drop.
    pub(crate) dropped: Count,
    /// Frames that went on once more, as a copy or as a replay.
    pub(crate) duplicated: Count,
    /// Frames that were damaged, and bytes that were on lanes without frames.
    pub(crate) corrupted: Count,
    /// Lanes that fell to raw because of an impossible length.
    pub(crate) desyncs: Count,
    /// Connections refused because the upstream was unknown or did not answer.
    pub(crate) refused: Count,
    /// Now: connections with a lane of this flow.
    pub(crate) conns: Count,
    /// Now: frames read and not yet written.
    pub(crate) queued_frames: Count,
    /// Now: bytes of these frames.
    pub(crate) queued_bytes: Count,
}

/// One lane's share in the gauges of its flow, given back when the lane ends.
#[derive(Debug)]
pub(crate) struct LaneGauge {
    meter: Arc<FlowMeter>,
    frames: u64,
    bytes: u64,
}

impl LaneGauge {
    pub(crate) fn new(meter: Arc<FlowMeter>) -> Self {
        meter.conns.add(1);
        Self { meter, frames: 0, bytes: 0 }
    }

    pub(crate) fn meter(&self) -> &FlowMeter {
        &self.meter
    }

    /// Says what the lane holds now.
    pub(crate) fn set(&mut self, frames: u64, bytes: u64) {
        // Add before remove, so that a reader never sees the sum wrap below zero.
        self.meter.queued_frames.add(frames.saturating_sub(self.frames));
        self.meter.queued_frames.remove(self.frames.saturating_sub(frames));
        self.meter.queued_bytes.add(bytes.saturating_sub(self.bytes));
        self.meter.queued_bytes.remove(self.bytes.saturating_sub(bytes));
        (self.frames, self.bytes) = (frames, bytes);
    }
}

impl Drop for LaneGauge {
    fn drop(&mut self) {
        self.set(0, 0);
        self.meter.conns.remove(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_gives_its_share_back_when_it_ends() {
        let meter = Arc::new(FlowMeter::default());
        let mut one = LaneGauge::new(Arc::clone(&meter));
        let mut two = LaneGauge::new(Arc::clone(&meter));
        one.set(3, 30);
        two.set(1, 5);
        one.set(2, 40);
        assert_eq!((meter.queued_frames.value(), meter.queued_bytes.value()), (3, 45));
        drop(one);
        assert_eq!((meter.queued_frames.value(), meter.conns.value()), (1, 1));
    }
}
