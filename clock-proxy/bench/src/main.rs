//! The benchmark of the proxy as a program; `--help` lists what it takes.

use std::process::ExitCode;

fn main() -> ExitCode {
    proxy_bench::main()
}
