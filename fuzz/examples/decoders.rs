//! Lists the decoders, one a line: name, longest input in bytes, limit of allocation. `fuzz/run` reads it.

fn main() {
    for decoder in clock_fuzz::DECODERS {
        println!("{}\t{}\t{}", decoder.name, decoder.input_bytes_max, decoder.limit);
    }
}
