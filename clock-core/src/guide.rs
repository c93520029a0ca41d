//! Which clock answers which question, and what each cannot tell. To be read once, from top to bottom.
//!
//! # The question
//!
//! Two things happened. Did one *know of* the other, so that it may build on it, replace it, answer it? Or did neither,
//! so that whoever picks one of them throws the other away? Lamport called the first relation *happens-before*: an event
//! happens before another if it comes earlier in the same process, or sent the message that the other received, or if a
//! chain of such steps leads from one to the other. Events that no chain connects, in either direction, are
//! *concurrent* (Lamport, *Time, Clocks, and the Ordering of Events in a Distributed System*, CACM 1978, section 2).
//!
//! Physical clocks do not answer it. If one runs 600 ms ahead, the larger timestamp belongs to the staler write, and no
//! synchronisation makes the error zero. A *logical* clock counts instead of measuring, and its counts travel along with
//! the messages: along exactly the chains that the definition speaks of.
//!
//! # What each clock can tell
//!
//! | clock | a's value is below b's: what follows? | finds concurrency | size | use it to |
//! |---|---|---|---|---|
//! | [`LamportClock`] | b did not happen before a, and that is all | no | 8 bytes | sort a log so that causes stand before effects |
//! | [`HybridClock`] | the same, and about when it was | no | 8 bytes | show people a time that never contradicts causality |
//! | [`VectorClock`] | a happened before b, *if and only if* | yes | one counter a node | tell conflicts from updates |
//! | [`EventStamp`] | the same, in one load | yes | a dot and a vector | tell them fast |
//! | [`VersionVector`] | the store b contains all of a | yes | one counter a replica | find out what a copy lacks |
//! | dotted versions, [`Siblings`] | the value b replaces the value a | yes, per value | a vector a key | keep values whose writers did not know each other |
//! | [`Stability`] | everybody has it, and nothing beside it can still come | - | a vector a member | forget: history, tombstones, members |
//!
//! Read the second column from the right to the left, and most mistakes with logical clocks are made: *a's Lamport time
//! is below b's, so a came first* is false for every concurrent pair. **Neither a Lamport clock nor a hybrid clock can
//! detect concurrency**: each is one number, numbers are totally ordered, and happens-before is not. A store that keeps
//! the larger hybrid time and drops the other loses writes just as the one that trusted wall clocks did, only later.
//!
//! # Lamport: an order that respects causality
//!
//! One counter. Count an event ([`tick`](crate::LamportClock::tick), rule IR1), and on receipt go above what was received
//! ([`try_observe`](crate::LamportClock::try_observe), rule IR2). Values strictly increase along every chain. Ties and
//! inversions between concurrent events mean nothing; break them by the node's name if a total order is needed.
//!
//! ```
//! use clock_core::LamportClock;
//!
//! let (orders, billing) = (LamportClock::new(), LamportClock::new());
//! let sent = orders.tick();
//! let received = billing.try_observe(sent)?;
//! assert!(received > sent);
//! # Ok::<(), clock_core::LamportRefused>(())
//! ```
//!
//! # Hybrid: about when, and never against causality
//!
//! A Lamport clock whose value is kept at the wall time where that is possible: 44 bits of milliseconds and 20 bits of
//! counter (Kulkarni et al., *Logical Physical Clocks*, OPODIS 2014, figure 5). It goes up when the wall steps back, and
//! stays within the drift bound of true time. A peer whose clock is an hour ahead is refused *for the clock*: its data
//! is kept. See [`HybridClock`], and [`LeasedHybridClock`] for a clock that stays monotone over restarts.
//!
//! # Vectors: exactly who knew of what
//!
//! One counter for each node: how many of its events lie in my past. Comparing entry by entry decides happens-before
//! exactly, in both directions (Fidge 1988; Mattern, *Virtual Time and Global States*, 1989, theorem 10), and that takes
//! one entry per node: no smaller timestamp can do it (Charron-Bost 1991).
//!
//! ```
//! use clock_core::{Ordering, VectorClock};
//!
//! let (mut pacific, mut atlantic) = (VectorClock::new("pacific"), VectorClock::new("atlantic"));
//! let update = pacific.stamp()?;
//! let unaware = atlantic.stamp()?;
//! assert_eq!(update.compare(&unaware), Ordering::Concurrent);
//!
//! atlantic.try_observe(update.vector())?;
//! let aware = atlantic.stamp()?;
//! assert!(update.happened_before(&aware));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Comparing two vectors looks at all entries. An event that carries its *dot*, who and which number, needs one look:
//! it happened before another if the other's vector covers the dot. That is what [`EventStamp`] does.
//!
//! # Version vectors and dots: what a copy contains
//!
//! The same counters, read differently: not *what did this event know of* but *which events does this copy hold*
//! (Parker et al. 1983). A [`Dot`] names one event, a [`VersionVector`] says that all dots up to a number are contained,
//! and a [`DotSet`] also knows of dots beyond a gap. Whoever lost its state must not count on under its old name, or two
//! events share a dot: a [`ReplicaId`] is a node *and* an incarnation of it, and a new life takes a new one.
//!
//! # Dotted versions: values that replace what their writer had read
//!
//! A store whose clients read and write through servers cannot use one vector per value: two clients that write through
//! the same server would look as if one had read the other. Give each value the dot of its write, and let each write
//! say which dots its *writer had read* (its context). It replaces those and no others (Preguiça et al. 2010; Almeida
//! et al., *Scalable and Accurate Causality Tracking for Eventually Consistent Stores*, DAIS 2014). [`Siblings`] is that
//! for one key: [`read`](crate::Siblings::read) returns the values and a context, and [`write`](crate::Siblings::write) takes one.
//!
//! # Stability: when it is safe to forget
//!
//! Nothing may be dropped that somebody still has to compare with. What *every* member has durably acknowledged is *held
//! by all*: nobody will ask for it again, so logs may drop it and members may retire below it (Wuu and Bernstein 1984).
//! Something concurrent to it may still be under way; it is *causally stable*, so that what only orders it may go too,
//! once everything that each member had minted when it acknowledged has also arrived here (Baquero, Almeida and Shoker
//! 2014). [`Stability`], a matrix clock, answers both, and names the one who holds the frontier back. A vector that is
//! pruned by age instead makes old events look new, and they travel round for ever.
//!
//! # Quorums: how many have it
//!
//! A different question altogether: not *in which order* but *how safe*. [`quorum`](crate::quorum) counts durable copies
//! and keeps apart what callers must not mix up: met, not yet, unknown, and failed.
//!
//! # What travels
//!
//! | between | form | with 64 nodes | in |
//! |---|---|---|---|
//! | services of any language, over HTTP or gRPC | text headers | the names, and three to eight bytes more for each below a million events | [`headers::text`](crate::headers::text) |
//! | the same over Kafka | binary headers, msgpack | the names, and two to six bytes more for each below 2^32 events | [`headers::msgpack`](crate::headers::msgpack) |
//! | the same, in documents | the field `_causality` | as text, and quotes | [`headers::json`](crate::headers::json) |
//! | two ends of a stream that know the members | whole once, then deltas | at most 198 bytes below two million events each, then 14 for 4 small changes | [`VectorSender`] |
//!
//! # What a hostile peer can do
//!
//! In the checked forms: make its own message be refused, and be counted for it. One received number is enough to break most implementations: a
//! counter of 2^64 - 1 wraps to 0, or stalls the clock for ever. Here counters end at 2^63 - 1 with a typed error, a
//! peer raises an entry by at most [`MAX_JUMP`] per message, and it never raises *ours*: that it tries means that it
//! lies, or that we lost state ([`MergeRefused::OwnEntryAhead`]), and in the last case only a new incarnation may go on. A clock holds at most
//! [`VECTOR_ENTRIES_MAX`] names. Every decoder is bounded, writes one encoding of each
//! value, and leaves the receiver as it was when it refuses. Where there is a form that begins with `try_`, the one without it
//! is for values of the same process.
//!
//! # What it costs
//!
//! Vectors over one [`Membership`] compare lane by lane, without a look at any name. Clocks that merge each other's
//! timestamps come to share one by themselves; start them from one, with [`VectorTimestamp::over`] and
//! [`VectorClock::resuming`], and they share it from the beginning. A snapshot is one increment, whatever the size; the
//! first change after it copies the counters, once.
//!
//! [`Dot`]: crate::Dot
//! [`DotSet`]: crate::DotSet
//! [`EventStamp`]: crate::EventStamp
//! [`HybridClock`]: crate::HybridClock
//! [`LamportClock`]: crate::LamportClock
//! [`LeasedHybridClock`]: crate::LeasedHybridClock
//! [`MAX_JUMP`]: crate::MAX_JUMP
//! [`Membership`]: crate::Membership
//! [`MergeRefused::OwnEntryAhead`]: crate::MergeRefused::OwnEntryAhead
//! [`ReplicaId`]: crate::ReplicaId
//! [`Siblings`]: crate::Siblings
//! [`Stability`]: crate::Stability
//! [`VECTOR_ENTRIES_MAX`]: crate::VECTOR_ENTRIES_MAX
//! [`VectorClock`]: crate::VectorClock
//! [`VectorClock::resuming`]: crate::VectorClock::resuming
//! [`VectorSender`]: crate::VectorSender
//! [`VectorTimestamp::over`]: crate::VersionVector::over
//! [`VersionVector`]: crate::VersionVector
