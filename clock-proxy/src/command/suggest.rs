//! "Did you mean": the nearest known word.

/// `; did you mean X?` for the candidate within two edits of `word`, or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        // A short word is within two edits of nearly everything.
        .filter(|(edits, candidate)| *edits <= 2 && *edits < candidate.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map_or_else(String::new, |(_, candidate)| format!("; did you mean {candidate}?"))
}

/// Levenshtein's distance, one row at a time.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("partiton", ["heal", "partition"]), "; did you mean partition?");
        assert_eq!(did_you_mean("Alice", ["alice", "bob"]), "; did you mean alice?");
        assert_eq!(did_you_mean("frobnicate", ["heal", "partition"]), "");
        assert_eq!(did_you_mean("z", ["a"]), "");
    }
}
