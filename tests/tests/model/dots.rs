//! Sets of writes as the oracle counts them: a bit for each, and nothing of a vector.

use std::fmt;

use clock_core::{Dot, Incarnation, NodeId, ReplicaId, VersionVector};

/// Writes that one station may mint under one incarnation: more than any scope asks for.
const WRITES_MAX: u64 = 8;
/// A station has its first incarnation, and another one if it writes after a crash before all peers have told it what
/// they have.
const INCARNATIONS: u64 = 2;
/// What each station draws its second incarnation with.
pub(crate) const SEED: u64 = 1;

/// One of the stations, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place(pub(crate) u8);

impl Place {
    /// The first `count` stations.
    pub(crate) fn all(count: usize) -> impl Iterator<Item = Self> {
        (0..4).map(Self).take(count)
    }

    /// Where its station is in a list.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Its station's name.
    pub(crate) fn name(self) -> NodeId {
        let names = ["a", "b", "c", "d"];
        names[self.index()].parse().expect("a letter is a name")
    }

    /// Which station has this name.
    pub(crate) fn of(name: &NodeId) -> Self {
        Self(name.as_str().as_bytes()[0] - b'a')
    }

    /// Its station in its first incarnation, or in the one it draws after a crash.
    fn replica(self, incarnation: u64) -> ReplicaId {
        let incarnation = match incarnation {
            0 => FIRST,
            _ => Incarnation(fastrand::Rng::with_seed(SEED).u32(..)),
        };
        ReplicaId { node: self.name(), incarnation }
    }
}

/// What every station starts with.
pub(crate) const FIRST: Incarnation = Incarnation(1);

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.name())
    }
}

/// A set of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Dots(u64);

impl Dots {
    /// No write.
    pub(crate) const NONE: Self = Self(0);

    /// This write alone.
    pub(crate) fn of(dot: &Dot) -> Self {
        Self::one(&dot.replica, dot.seq)
    }

    fn one(replica: &ReplicaId, seq: u64) -> Self {
        assert!((1..=WRITES_MAX).contains(&seq), "{replica}:{seq} is beyond every scope");
        let (place, incarnation) = (Place::of(&replica.node), u64::from(replica.incarnation != FIRST));
        Self(1 << ((u64::from(place.0) * INCARNATIONS + incarnation) * WRITES_MAX + seq - 1))
    }

    /// All writes that a vector covers.
    pub(crate) fn covered_by(vector: &VersionVector) -> Self {
        let of_one =
            |(replica, upto): (&ReplicaId, u64)| Self::all((1..=upto).map(|seq| Self::one(replica, seq)));
        Self::all(vector.iter().map(of_one))
    }

    /// All writes of several sets.
    pub(crate) fn all(sets: impl IntoIterator<Item = Self>) -> Self {
        sets.into_iter().fold(Self::NONE, Self::and)
    }

    /// With those of another set.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of another set.
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the other set is part of this one.
    pub(crate) fn contains(self, other: Self) -> bool {
        other.without(self) == Self::NONE
    }

    /// Whether there is no write.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// The writes, one by one.
    pub(crate) fn each(self) -> impl Iterator<Item = Self> {
        (0..u64::BITS).map(|bit| Self(1 << bit)).filter(move |one| self.contains(*one))
    }

    /// Its subsets, the empty one left out.
    pub(crate) fn subsets(self) -> impl Iterator<Item = Self> {
        // The next smaller subset of a bit set, down to the empty one.
        let smaller = move |subset: &Self| Some(Self((subset.0.checked_sub(1)?) & self.0));
        std::iter::successors(Some(self), smaller).take_while(|subset| !subset.is_empty())
    }

    /// Their names, ascending.
    pub(crate) fn names(self) -> Vec<Dot> {
        let name = |one: Self| {
            let bit = u64::from(one.0.trailing_zeros());
            let (replica, index) = (bit / WRITES_MAX, bit % WRITES_MAX);
            let place = Place(u8::try_from(replica / INCARNATIONS).expect("64 bits of 16 for each station"));
            Dot { replica: place.replica(replica % INCARNATIONS), seq: index + 1 }
        };
        self.each().map(name).collect()
    }
}

/// `a1` is the first write of station a, `a'1` its first after it took another incarnation.
impl fmt::Display for Dots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |dot: &Dot| if dot.replica.incarnation == FIRST { "" } else { "'" };
        let names = self.names();
        let names = names.iter().map(|dot| format!("{}{}{}", dot.replica.node, mark(dot), dot.seq));
        write!(formatter, "{{{}}}", names.collect::<Vec<_>>().join(" "))
    }
}
