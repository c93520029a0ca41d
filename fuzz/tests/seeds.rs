//! The committed seeds, on stable: they are what the encoders make, and every decoder holds on them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clock_fuzz::{DECODERS, Outcome, seeds};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Every committed file: its decoder, its name, its bytes.
fn committed() -> BTreeMap<(String, String), Vec<u8>> {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).expect("a readable folder");
    let name = |path: &Path| path.file_name().expect("a named file").to_string_lossy().into_owned();
    let folders = entries(root().join("seeds")).map(|entry| entry.expect("a readable entry").path());
    let mut files = BTreeMap::new();
    for folder in folders {
        for file in entries(folder.clone()).map(|entry| entry.expect("a readable entry").path()) {
            files.insert((name(&folder), name(&file)), std::fs::read(file).expect("readable"));
        }
    }
    files
}

/// Disproved by an input that a decoder mistakes, or that it spends too much memory on.
#[test]
fn every_decoder_accepts_its_seeds() {
    for decoder in DECODERS {
        let files = committed();
        let own = files.iter().filter(|((folder, _), _)| folder == decoder.name);
        let outcomes: Vec<_> = own.map(|((_, file), bytes)| (file, decoder.run(bytes).outcome)).collect();
        assert!(!outcomes.is_empty(), "no seeds for {}", decoder.name);
        for (file, outcome) in outcomes {
            assert_eq!(outcome, Outcome::Accepted, "seed {file} of {}", decoder.name);
        }
    }
}

/// Disproved by a format that changed under its seeds: run `cargo run --example make-seeds`.
#[test]
fn the_committed_seeds_are_what_the_encoders_make() {
    let made = seeds::all();
    let made: BTreeMap<_, _> =
        made.into_iter().map(|seed| ((seed.decoder.to_owned(), seed.name.to_owned()), seed.bytes)).collect();
    assert_eq!(committed(), made);
}

/// Disproved by a decoder that the fuzzer never runs.
#[test]
fn every_decoder_has_a_target_and_a_line_in_the_manual() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("readable");
    let manual = std::fs::read_to_string(root().join("../docs/testing.md")).expect("readable");
    for decoder in DECODERS {
        let target = root().join(format!("fuzz_targets/{}.rs", decoder.name));
        let source = std::fs::read_to_string(target).expect("a target of the decoder's name");
        let constant = format!("::{}.run(data)", decoder.name.to_uppercase());
        assert!(source.contains(&constant), "the target {} runs another decoder", decoder.name);
        assert!(manifest.contains(&format!("name = \"{}\"", decoder.name)), "{} in Cargo.toml", decoder.name);
        let row = format!("| `{}` | {} |", decoder.name, decoder.limit);
        assert!(manual.contains(&row), "docs/testing.md: expected a row {row}");
    }
    let targets = std::fs::read_dir(root().join("fuzz_targets")).expect("a readable folder").count();
    assert_eq!(targets, DECODERS.len(), "a target for each decoder and no other");
}
