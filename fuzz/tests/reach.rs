//! Sequences of inputs to the replica get everywhere: a judge that is never asked proves nothing.

use clock_fuzz::replica::{Tally, tally};
use clock_fuzz::{corpus, seeds};

fn counts(tally: Tally) -> [(&'static str, usize); 15] {
    [
        ("events that became visible", tally.committed),
        ("writes with a receipt", tally.written),
        ("refused writes", tally.refused),
        ("shipped events", tally.shipped),
        ("events held back", tally.held_back),
        ("second contents of a dot", tally.quarantined),
        ("new incarnations", tally.incarnations),
        ("refused sessions", tally.closed),
        ("conflicts", tally.conflicts),
        ("conflicts that ended", tally.resolved),
        ("refused timestamps", tally.timestamps),
        ("restarts", tally.crashes),
        ("batches", tally.batches),
        ("indeterminate receipts", tally.indeterminate),
        ("questions to the log", tally.questions),
    ]
}

fn missing(inputs: impl Iterator<Item = Vec<u8>>) -> Vec<&'static str> {
    let tallies: Vec<_> = inputs.map(|bytes| counts(tally(&bytes))).collect();
    let total = |index: usize| tallies.iter().map(|counts| counts[index].1).sum::<usize>();
    let names = counts(Tally::default()).map(|(name, _)| name);
    names.into_iter().enumerate().filter(|(index, _)| total(*index) == 0).map(|(_, name)| name).collect()
}

/// Disproved by a script whose steps no longer do what they say.
#[test]
fn everything_that_can_happen_to_a_replica_happens_in_its_seeds() {
    let seeds = seeds::all().into_iter().filter(|seed| seed.decoder == "replica_inputs");
    assert_eq!(missing(seeds.map(|seed| seed.bytes)), Vec::<&str>::new(), "never happened");
}

/// Disproved by a corpus that was minimised to what is easy.
#[test]
fn everything_that_can_happen_to_a_replica_happens_in_its_corpus() {
    let inputs = corpus::of("replica_inputs").expect("a readable corpus");
    assert_eq!(missing(inputs.into_iter().map(|(_, bytes)| bytes)), Vec::<&str>::new(), "never happened");
}
