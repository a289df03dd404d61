//! The `grantlint` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    grantlint::cli::main()
}
