//! The committed corpus, on stable: every decoder holds on everything that a fuzzer ever found worth keeping.

use std::collections::BTreeSet;

use clock_fuzz::{DECODERS, Outcome, corpus};

/// Disproved by an input that a decoder mistakes, or that it spends too much memory on; and by a corpus of which a decoder
/// takes everything, or nothing.
#[test]
fn every_decoder_holds_on_its_corpus() {
    for decoder in DECODERS {
        let inputs = corpus::of(decoder.name).expect(decoder.name);
        let is_accepted = |(name, bytes): &&(String, Vec<u8>)| {
            let execution = std::panic::catch_unwind(|| decoder.run(bytes));
            let execution = execution.unwrap_or_else(|_| panic!("corpus/{}/{name}", decoder.name));
            execution.outcome == Outcome::Accepted
        };
        let accepted = inputs.iter().filter(is_accepted).count();
        println!("{}: {} inputs, {accepted} accepted", decoder.name, inputs.len());
        assert!((1..inputs.len()).contains(&accepted), "{accepted} of {} of {}", inputs.len(), decoder.name);
    }
}

/// Disproved by a corpus that outgrew the repository, or that belongs to no decoder.
#[test]
fn the_corpus_stays_small_and_belongs_to_the_decoders() {
    for decoder in DECODERS {
        let inputs = corpus::of(decoder.name).expect(decoder.name);
        let bytes: usize = inputs.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(inputs.len() <= corpus::FILES_MAX, "{} inputs of {}", inputs.len(), decoder.name);
        assert!(bytes <= corpus::BYTES_MAX, "{bytes} bytes of {}", decoder.name);
        let longest = inputs.iter().map(|(_, bytes)| bytes.len()).max();
        assert!(
            longest <= Some(decoder.input_bytes_max),
            "an input of {longest:?} bytes of {}",
            decoder.name
        );
        let contents: BTreeSet<_> = inputs.iter().map(|(_, bytes)| bytes).collect();
        assert_eq!(contents.len(), inputs.len(), "an input twice in the corpus of {}", decoder.name);
    }
    let folders = std::fs::read_dir(corpus::root()).expect("a readable folder").count();
    assert_eq!(folders, DECODERS.len(), "a folder for each decoder and no other");
}
