//! What may happen in one exploration, and how often.

use std::fmt;

/// How many stations there are, and how much of everything may happen in one history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    /// How many stations.
    pub(crate) stations: usize,
    /// When acks arrive.
    pub(crate) acks: Acks,
    /// How much fits the buffers of a station.
    pub(crate) room: Room,
    /// What may happen.
    pub(crate) budget: Budget,
    /// How many stations must have a write before it is answered.
    pub(crate) copies: u16,
    /// Clients also delete.
    pub(crate) deletes: bool,
}

/// When acks arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acks {
    /// In any order with everything else. The latest of a session stands for those before it.
    InAnyOrder,
    /// With the step that caused them. Stations then know more of each other, and ship less twice.
    AtOnce,
}

/// How much fits the buffers of a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// More than a scope can fill.
    Ample,
    /// One event held back for its past, one in a frame.
    OneHeldBack,
    /// One event on its way to a peer.
    OneInFlight,
}

/// What may still happen in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Budget {
    /// Requests of clients: writes, resolutions and retries.
    pub(crate) operations: u8,
    /// Sessions that break: one end goes down first, the other later, and either may hear some of what was sent.
    pub(crate) cuts: u8,
    /// Stations that lose power and start again: one at most.
    pub(crate) crashes: u8,
    /// Second sessions dialled while the first is up.
    pub(crate) seconds: u8,
    /// Frames of events that vanish within a session.
    pub(crate) losses: u8,
    /// Heartbeats at any time. Those that repair a loss when all is silent are not counted.
    pub(crate) ticks: u8,
}

impl Scope {
    /// Stations and operations, and no fault.
    pub(crate) fn calm(stations: usize, operations: u8) -> Self {
        let budget = Budget { operations, ..Budget::default() };
        Self { stations, acks: Acks::InAnyOrder, room: Room::Ample, budget, copies: 1, deletes: false }
    }

    /// The same, with acks that arrive at once.
    pub(crate) fn acks_at_once(self) -> Self {
        Self { acks: Acks::AtOnce, ..self }
    }

    /// The same, with so many copies of each write.
    pub(crate) fn copies(self, copies: u16) -> Self {
        Self { copies, ..self }
    }

    /// The same, with deletions.
    pub(crate) fn deletes(self) -> Self {
        Self { deletes: true, ..self }
    }

    /// The same, with less room.
    pub(crate) fn room(self, room: Room) -> Self {
        Self { room, ..self }
    }

    /// The same operations, with these faults.
    pub(crate) fn with(self, faults: Budget) -> Self {
        let budget = Budget { operations: self.budget.operations, ..faults };
        Self { budget, ..self }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget { operations, cuts, crashes, seconds, losses, ticks } = self.budget;
        write!(formatter, "{} stations, {operations} operations", self.stations)?;
        let faults = [
            ("cuts", cuts),
            ("crashes", crashes),
            ("second sessions", seconds),
            ("lost frames", losses),
            ("ticks", ticks),
        ];
        for (name, count) in faults.into_iter().filter(|(_, count)| *count > 0) {
            write!(formatter, ", {name}: {count}")?;
        }
        match self.acks {
            Acks::InAnyOrder => write!(formatter, ", acks in any order")?,
            Acks::AtOnce => write!(formatter, ", acks at once")?,
        }
        if self.copies > 1 {
            write!(formatter, ", {} copies", self.copies)?;
        }
        if self.deletes {
            write!(formatter, ", deletions")?;
        }
        match self.room {
            Room::Ample => Ok(()),
            Room::OneHeldBack => write!(formatter, ", room to hold back one event"),
            Room::OneInFlight => write!(formatter, ", one event in flight"),
        }
    }
}
