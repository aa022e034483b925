//! See the library of the same name: it is the whole program.

#![forbid(unsafe_code)]

/// Many small pieces are made on one thread and let go of on another: this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    ringback::main()
}
