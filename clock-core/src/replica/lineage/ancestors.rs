//! What writes of one key were built on: the versions their authors had read, over any number of steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::Dot;

/// Everything that any of these writes was built on, themselves left out. `contexts` says what each write of the key had
/// read; a write that is not in it ends the walk there.
pub(super) fn built_on(
    contexts: &BTreeMap<Dot, Vec<Dot>>,
    writes: impl IntoIterator<Item = Dot>,
) -> BTreeSet<Dot> {
    let (mut before, mut open) = (BTreeSet::new(), Vec::from_iter(writes));
    while let Some(dot) = open.pop() {
        let read = contexts.get(&dot).into_iter().flatten();
        open.extend(read.filter(|dot| before.insert((*dot).clone())).cloned());
    }
    before
}

/// The latest versions that all of the siblings were built on: what each of their authors, or somebody before them, had
/// read. Ascending; none if they share nothing, several if the key was in conflict when they parted.
///
/// `contexts` says what each write of the key had read, as its history does. A sibling is given by all its names.
pub fn common_ancestors(contexts: &BTreeMap<Dot, Vec<Dot>>, siblings: &[Vec<Dot>]) -> Vec<Dot> {
    let pasts = siblings.iter().map(|dots| built_on(contexts, dots.iter().cloned()));
    let shared = pasts.reduce(|left, right| left.intersection(&right).cloned().collect());
    let shared = shared.unwrap_or_default();
    let behind = built_on(contexts, shared.iter().cloned());
    shared.into_iter().filter(|dot| !behind.contains(dot)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(seq: u64) -> Dot {
        format!("a.00000001:{seq}").parse().unwrap()
    }

    fn contexts(edges: &[(u64, &[u64])]) -> BTreeMap<Dot, Vec<Dot>> {
        edges.iter().map(|(write, read)| (dot(*write), read.iter().copied().map(dot).collect())).collect()
    }

    /// Disproved by an ancestor that is not the latest, or that one side never read.
    #[test]
    fn the_common_ancestor_is_where_the_siblings_parted() {
        // 1 <- 2 <- 3 <- 4 on one side, 2 <- 5 on the other.
        let history = contexts(&[(1, &[]), (2, &[1]), (3, &[2]), (4, &[3]), (5, &[2])]);
        assert_eq!(common_ancestors(&history, &[vec![dot(4)], vec![dot(5)]]), [dot(2)]);
        assert_eq!(common_ancestors(&history, &[vec![dot(4)]]), [dot(3)]);
    }

    #[test]
    fn siblings_without_a_common_past_have_no_ancestor_and_a_conflict_leaves_several() {
        let history = contexts(&[(1, &[]), (2, &[]), (3, &[1, 2]), (4, &[1, 2])]);
        assert_eq!(common_ancestors(&history, &[vec![dot(1)], vec![dot(2)]]), []);
        assert_eq!(common_ancestors(&history, &[vec![dot(3)], vec![dot(4)]]), [dot(1), dot(2)]);
    }
}
