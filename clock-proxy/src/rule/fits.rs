//! Which parameters go with which fault.
//!
//! Some faults act on single frames, some on a connection as a whole: a rate gives its bytes out as they come, and
//! a stall does not even read. Whoever asks such a fault to choose frames is told why it cannot, and so is whoever asks
//! for damage to frames where there are none.

use super::{Conns, Corrupt, CutMode, Fault, Guard, Loss, ResetAfter};

impl Guard {
    /// Whether it lets a rule choose among the frames of a connection.
    pub(crate) fn chooses_frames(&self) -> bool {
        self.counts_frames() || self.probability < 1.0
    }

    /// The same without the probability, which for a fault of connections is drawn once for each.
    fn counts_frames(&self) -> bool {
        !self.filter.is_empty() || self.after > 0 || self.every > 1 || self.count.is_some()
    }
}

impl Fault {
    /// Whether it is the connection that is under it, and not single frames. Its probability is then drawn once per
    /// connection and direction. A cut is such a fault unless it is told which frames it means.
    pub(crate) fn acts_on_connections(&self, guard: &Guard) -> bool {
        match self {
            Fault::Cut(CutMode::Hold | CutMode::Drop) => !guard.counts_frames(),
            Fault::Cut(CutMode::Stall | CutMode::Reset | CutMode::Refuse | CutMode::SynDrop)
            | Fault::Reset(_)
            | Fault::BlackHole { .. }
            | Fault::Corrupt(Corrupt::PerByte { .. })
            | Fault::Rate(_)
            | Fault::Slice(_)
            | Fault::Limit { .. }
            | Fault::SlowClose { .. }
            | Fault::Noop => true,
            Fault::Drop(_)
            | Fault::Duplicate(_)
            | Fault::Replay { .. }
            | Fault::Corrupt(Corrupt::Bits { .. } | Corrupt::Truncate { .. })
            | Fault::Delay(_)
            | Fault::Reorder(_) => false,
        }
    }
}

/// Whether a fault can obey a guard, and has something to act on where bytes are framed, or are not.
///
/// # Errors
/// Why not, as half a sentence for the user.
pub(crate) fn fits(fault: &Fault, guard: &Guard, is_framed: bool) -> Result<(), &'static str> {
    let counts = guard.counts_frames();
    match fault {
        Fault::Cut(CutMode::Stall) if counts => {
            Err("a stall reads nothing, so it cannot choose frames; mode=hold and mode=drop can")
        }
        Fault::Cut(CutMode::Reset) if counts => {
            Err("a connection is aborted as a whole; reset after=N frames aborts at a frame")
        }
        Fault::Cut(CutMode::Refuse | CutMode::SynDrop) if guard.chooses_frames() => {
            Err("what refuses a dial never sees a frame")
        }
        Fault::Cut(CutMode::Refuse | CutMode::SynDrop) if guard.conns != Conns::All => {
            Err("a dial that is refused never becomes a connection")
        }
        Fault::Cut(CutMode::Refuse | CutMode::SynDrop) if guard.connection_probability < 1.0 => {
            Err("a listener is open or it is not; it draws no lots")
        }
        Fault::Reset(ResetAfter::Frames(_))
            if guard.after > 0 || guard.every > 1 || guard.count.is_some() =>
        {
            Err("after=N frames is all the counting a reset does")
        }
        Fault::Reset(ResetAfter::Time { .. }) if counts => Err("a reset after a time looks at no frame"),
        Fault::BlackHole { .. } if counts => Err("a black hole takes everything; drop chooses frames"),
        Fault::Drop(Loss::GilbertElliott { .. }) if guard.probability < 1.0 => {
            Err("a burst loss has its own probabilities, so p has no place in it")
        }
        Fault::Corrupt(Corrupt::PerByte { .. }) if counts => Err("damage per byte looks at no frame"),
        Fault::Rate(_) if counts => Err("a rate counts bytes, whosever they are, and not frames"),
        Fault::Slice(_) if counts => Err("a slice cuts the stream of bytes and does not look at frames"),
        Fault::Limit { .. } if counts => Err("a limit counts bytes, and not frames"),
        Fault::SlowClose { .. } if counts => Err("the end of a connection is no frame"),
        Fault::Corrupt(Corrupt::PerByte { .. }) if is_framed => {
            Err("damage per byte is for relays without frames; bits=N damages frames")
        }
        Fault::Corrupt(Corrupt::Bits { .. } | Corrupt::Truncate { .. }) if !is_framed => {
            Err("these bytes have no frames; rate=P damages each byte with that probability")
        }
        Fault::Reset(ResetAfter::Frames(_)) if !is_framed => {
            Err("these bytes have no frames to count; reset after=500ms counts time")
        }
        Fault::Reorder(_) | Fault::Duplicate(_) | Fault::Replay { .. } if !is_framed => {
            Err("these bytes have no frames, and a stream whose bytes change places is another stream")
        }
        Fault::Cut(_)
        | Fault::Reset(_)
        | Fault::BlackHole { .. }
        | Fault::Drop(_)
        | Fault::Duplicate(_)
        | Fault::Replay { .. }
        | Fault::Corrupt(_)
        | Fault::Delay(_)
        | Fault::Reorder(_)
        | Fault::Rate(_)
        | Fault::Slice(_)
        | Fault::Limit { .. }
        | Fault::SlowClose { .. }
        | Fault::Noop => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rule::{Rate, RateScope};

    #[test]
    fn faults_of_connections_take_a_probability_and_no_counting() {
        let p = Guard { probability: 0.5, ..Guard::default() };
        let after = Guard { after: 3, ..Guard::default() };
        let rate = Fault::Rate(Rate { bytes_per_second: 1, burst: 1, scope: RateScope::All });
        let slow = Fault::SlowClose { delay: Duration::ZERO };
        for fault in [rate, slow, Fault::Limit { bytes: 1 }, Fault::BlackHole { close_after: None }] {
            assert!(fits(&fault, &p, true).is_ok() && fits(&fault, &after, true).is_err(), "{fault:?}");
            assert!(fault.acts_on_connections(&p));
        }
    }

    #[test]
    fn of_the_cuts_only_hold_and_drop_choose_frames() {
        let p = Guard { probability: 0.5, ..Guard::default() };
        let every = Guard { every: 2, ..p.clone() };
        let fitting = |guard: &Guard| CutMode::ALL.map(|mode| fits(&Fault::Cut(mode), guard, true).is_ok());
        assert_eq!(fitting(&p), [true, true, true, true, false, false]);
        assert_eq!(fitting(&every), [true, false, true, false, false, false]);
        assert!(Fault::Cut(CutMode::Hold).acts_on_connections(&p));
        assert!(!Fault::Cut(CutMode::Hold).acts_on_connections(&every));
    }
}
