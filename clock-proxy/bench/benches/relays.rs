//! The same report for `cargo bench -p proxy-bench`.

use std::process::ExitCode;

fn main() -> ExitCode {
    proxy_bench::main()
}
