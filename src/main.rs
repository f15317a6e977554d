//! The `glasshouse` command.

use std::process::ExitCode;

/// Most requests are allocated on one thread and freed on another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    glasshouse::cli::main()
}
