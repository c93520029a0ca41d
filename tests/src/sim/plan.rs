//! A run as data: the cluster, how its parts behave, and everything that will be done to it.
//!
//! A seed draws a plan ([`super::draw`]) and the plan alone decides the run. So a failing run can be made smaller by
//! leaving out entries, and kept as a file that means the same for as long as this format does: what a seed draws
//! changes with every new fault, what a plan says does not.

use clock_core::replica::Limits;
use serde::{Deserialize, Serialize};

/// Everything that decides a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What it was drawn from, and what the remaining small draws (delays, jitter) come from.
    pub seed: u64,
    /// The profile it was drawn for.
    pub profile: Profile,
    /// How many stations.
    pub stations: u8,
    /// How many keys the clients share.
    pub keys: u16,
    /// The sizes of every replica's buffers.
    pub sizes: Sizes,
    /// How the network behaves.
    pub network: Network,
    /// How long a commit takes, by station.
    pub commits: Vec<Spread>,
    /// How wrong each station's wall clock is.
    pub clocks: Vec<Skew>,
    /// How long faults and load last, in microseconds. Entries behind it are not done.
    pub safety_us: u64,
    /// What is done, in the order of time.
    pub entries: Vec<Entry>,
}

/// A mixture of faults and sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Small delays, contact windows, no other fault.
    Calm,
    /// Every fault of networks, processes and clocks; disks keep what they said they had.
    Stormy,
    /// As stormy, and disks that lose, tear, flip, fill up and come back from backups.
    Radioactive,
    /// Ground stations: 600 ms round trip, links up a twentieth of the time.
    SlowLink,
    /// Sixty stations.
    Sixty,
}

/// Sizes of a replica's buffers; small ones reach their edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Most events held back.
    pub held_events: usize,
    /// Most events in flight to one peer.
    pub window_events: usize,
    /// Bytes in flight to one peer before it gets no more.
    pub window_bytes: usize,
    /// Bytes read from the log for one frame.
    pub chunk_bytes: usize,
    /// Requests remembered for retries.
    pub requests: usize,
    /// Writes on their way to the disk, beyond which a station is busy.
    #[serde(default = "usual_staged")]
    pub staged: usize,
    /// Writes that wait for copies, beyond which a station is busy.
    #[serde(default = "usual_awaited")]
    pub awaited: usize,
    /// Requests that wait for what their session has seen, beyond which a station is busy.
    #[serde(default = "usual_waiting")]
    pub waiting: usize,
}

fn usual_staged() -> usize {
    Limits::default().staged
}

fn usual_awaited() -> usize {
    Limits::default().awaited
}

fn usual_waiting() -> usize {
    Limits::default().waiting
}

/// The terms on which a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// How many stations must have a write; 0: a majority.
    pub copies: u8,
    /// How long the station may wait for them, or for what the session has seen, in milliseconds.
    pub deadline_ms: u32,
    /// Whether it goes on with its session, or begins one.
    pub session: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { copies: 1, deadline_ms: 5_000, session: false }
    }
}

/// How the network behaves when nothing is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// One way, in microseconds.
    pub delay: Spread,
    /// Bytes per second of one direction of a link; 0: no limit.
    pub bytes_per_second: u64,
    /// Frames within a session, as a fault proxy can treat them: out of 1,000 of events or acks, lost,
    pub lose_per_mille: u32,
    /// sent twice,
    pub repeat_per_mille: u32,
    /// or overtaken by the next.
    pub swap_per_mille: u32,
    /// How long a third station's event is left to its origin.
    pub relay_delay_us: u64,
    /// Interval of heartbeats.
    pub heartbeat_us: u64,
    /// First delay between dials,
    pub reconnect_first_us: u64,
    /// and the longest.
    pub reconnect_longest_us: u64,
}

/// How long something takes, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Evenly between the two.
    Uniform {
        /// At least.
        least: u64,
        /// At most.
        most: u64,
    },
    /// Exponential: often short.
    Exponential {
        /// On average.
        mean: u64,
    },
    /// Pareto with exponent 1.5: rarely very long, at most a thousand times `least`.
    HeavyTail {
        /// At least.
        least: u64,
    },
}

/// How wrong a wall clock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// From the start, in milliseconds.
    pub offset_ms: i64,
    /// Faster than true time by so many parts per million.
    pub drift_ppm: i64,
}

/// One thing that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in microseconds since the start.
    pub at_us: u64,
    /// What.
    pub act: Act,
}

/// What is done. Stations are numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A client asks.
    Ask {
        /// Which client.
        client: u16,
        /// Which station.
        station: u8,
        /// What it asks.
        ask: Ask,
        /// How often it asks again with the same request id, where it got no answer.
        retries: u8,
        /// Whether it asks again at the next station.
        roams: bool,
        /// How many answers are lost on the way to it.
        deaf: u8,
        /// Whether it asks again although it was answered.
        doubts: bool,
        /// Whether it makes the mistake of taking the request id of its last write once more.
        reuses: bool,
        /// On which terms.
        #[serde(default)]
        wishes: Wishes,
    },
    /// Nothing passes from the one to the other, on each of these links.
    Block {
        /// From, to.
        links: Vec<(u8, u8)>,
        /// For how long.
        for_us: u64,
        /// Sessions over them break at once; otherwise they are silent until somebody gives up.
        resets: bool,
    },
    /// The session that `from` dialled to `to` breaks; of what is on its way, this many frames still arrive.
    Break {
        /// Who dialled.
        from: u8,
        /// Whom.
        to: u8,
        /// Frames that still arrive, in each direction.
        delivered: u8,
    },
    /// The next frame from the one to the other has a bit flipped.
    Corrupt {
        /// From.
        from: u8,
        /// To.
        to: u8,
        /// Which bit, counted round and round the frame.
        bit: u32,
    },
    /// The next frame from the one to the other has a byte too many, behind the right length and checksum.
    Pad {
        /// From.
        from: u8,
        /// To.
        to: u8,
    },
    /// The next events from the one to the other are followed by another content of the last of them.
    Forge {
        /// From.
        from: u8,
        /// To.
        to: u8,
    },
    /// A second session between two that have one.
    Twin {
        /// Who dials.
        from: u8,
        /// Whom.
        to: u8,
    },
    /// The process ends at once.
    Crash {
        /// Which.
        station: u8,
        /// After it has performed so many more effects; 0: now.
        after_effects: u16,
        /// How long it stays down.
        down_us: u64,
        /// What the disk holds then.
        disk: DiskFate,
    },
    /// The process does nothing for a while, then everything it has missed.
    Pause {
        /// Which.
        station: u8,
        /// For how long.
        for_us: u64,
    },
    /// A copy of the disk is put aside.
    Backup {
        /// Whose.
        station: u8,
    },
    /// A bit of a stored event flips. Only of one that another disk has too.
    Flip {
        /// Whose disk.
        station: u8,
        /// Which event, counted round and round the log.
        event: u32,
        /// Which bit of it.
        bit: u32,
    },
    /// The next commit fails; what of it is on the disk is unknown.
    FailCommit {
        /// Whose.
        station: u8,
        /// Whether it is on the disk all the same.
        whole: bool,
    },
    /// The next read of the log fails.
    FailRead {
        /// Whose.
        station: u8,
    },
    /// Every commit fails: no space is left.
    FullDisk {
        /// Whose.
        station: u8,
        /// For how long.
        for_us: u64,
    },
    /// Commits take longer.
    SlowDisk {
        /// Whose.
        station: u8,
        /// For how long.
        for_us: u64,
        /// So many times longer.
        times: u32,
    },
    /// The wall clock is set.
    StepClock {
        /// Whose.
        station: u8,
        /// By so many milliseconds.
        by_ms: i64,
    },
    /// The wall clock stands still.
    FreezeClock {
        /// Whose.
        station: u8,
        /// For how long; then it shows what it would have shown.
        for_us: u64,
    },
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// A new value for a key.
    Put {
        /// Which key.
        key: u16,
        /// What it supersedes.
        context: PutContext,
        /// The size of the value.
        bytes: u32,
    },
    /// The end of the conflict that the client has read last; it reads first if it knows of none.
    Resolve {
        /// Of which key.
        key: u16,
    },
    /// The versions of a key.
    Get {
        /// Which key.
        key: u16,
    },
    /// The station's state.
    Status,
    /// A key's end.
    Delete {
        /// Which key.
        key: u16,
        /// What it supersedes.
        context: PutContext,
    },
    /// Several writes at once, to this key and those behind it, the last of them a deletion.
    Batch {
        /// The first key.
        key: u16,
        /// How many writes.
        writes: u8,
        /// What they supersede.
        context: PutContext,
        /// The size of each value.
        bytes: u32,
    },
    /// What became of the client's last write.
    Receipt,
    /// All keys as of one frontier.
    Snapshot {
        /// As of the frontier of the client's last snapshot, wherever it read that; otherwise of what is shown.
        again: bool,
    },
}

/// What a put supersedes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PutContext {
    /// The station's view.
    Station,
    /// What the client has read last, at whatever station.
    Read,
    /// Nothing.
    Blind,
}

/// What a crash leaves on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskFate {
    /// All commits that were reported, and not the one under way.
    Absent,
    /// The one under way too, though nobody was told.
    Whole,
    /// Not the one under way, and the store can tell that something was torn.
    Torn,
    /// Nothing: a new disk.
    Empty,
    /// The backup, if there is one.
    Backup,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Calm, Self::Stormy, Self::Radioactive, Self::SlowLink, Self::Sixty];

    /// Its name on the command line and in plans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Stormy => "stormy",
            Self::Radioactive => "radioactive",
            Self::SlowLink => "slow-link",
            Self::Sixty => "sixty",
        }
    }

    /// The profile of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

impl Sizes {
    /// How many events one round trip brings at least.
    pub const fn events_in_a_round_trip(self) -> u64 {
        if self.window_bytes < 100_000 { 1 } else { self.window_events as u64 }
    }

    /// As a replica is told them.
    pub fn limits(self) -> Limits {
        let Self { held_events, window_events, window_bytes, chunk_bytes, requests, .. } = self;
        let Self { staged, awaited, waiting, .. } = self;
        Limits {
            held_events,
            window_events,
            window_bytes,
            chunk_bytes,
            requests,
            staged,
            awaited,
            waiting,
            ..Limits::default()
        }
    }
}

impl Plan {
    /// The name by which the run is known.
    pub fn name(&self) -> String {
        format!("{}-{}", self.profile.name(), self.seed)
    }
}

impl Spread {
    /// About how long it takes, most of the time.
    pub const fn typical_us(self) -> u64 {
        match self {
            Self::Uniform { most, .. } => most,
            Self::Exponential { mean } => mean * 3,
            Self::HeavyTail { least } => least * 10,
        }
    }

    /// Draws a duration.
    pub fn draw(self, rng: &mut fastrand::Rng) -> u64 {
        match self {
            Self::Uniform { least, most } => rng.u64(least..=most.max(least)),
            Self::Exponential { mean } => scaled(mean, -(1.0 - rng.f64()).ln()),
            Self::HeavyTail { least } => scaled(least, (1.0 - rng.f64()).powf(-2.0 / 3.0).min(1000.0)),
        }
    }
}

/// Rounded down; the factors here are small and not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small"
)]
fn scaled(base: u64, factor: f64) -> u64 {
    (base as f64 * factor) as u64
}
