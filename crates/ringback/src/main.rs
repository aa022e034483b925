//! See the library of the same name: it is the whole program.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    ringback::main()
}
