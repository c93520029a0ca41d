//! Writes the seeds: `cargo run --example make-seeds`, after a format changed. A test compares them with what is committed.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    if root.exists() {
        std::fs::remove_dir_all(&root)?;
    }
    for seed in clock_fuzz::seeds::all() {
        let folder = root.join(seed.decoder);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(seed.name), &seed.bytes)?;
    }
    Ok(())
}
