//! Runs files through a decoder: `cargo run --example replay -- replica_inputs FILE...`. What was found, without a fuzzer.

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(decoder) = clock_fuzz::DECODERS.iter().find(|decoder| decoder.name == name) else {
        eprintln!("no decoder {name:?}: see `cargo run --example decoders`");
        std::process::exit(2);
    };
    for path in arguments {
        let bytes = std::fs::read(&path)?;
        println!("{path}: {:?}", decoder.run(&bytes));
        if decoder.name == "replica_inputs" {
            println!("{:?}", clock_fuzz::replica::tally(&bytes));
        }
    }
    Ok(())
}
