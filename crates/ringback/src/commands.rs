//! What each command does.

#[cfg(unix)]
mod bench;
mod callbacks;
mod completions;
mod credentials;
mod dev;
mod keys;
mod listen;
mod man;
mod messages;
mod serve;
mod stdin;
mod store;
mod verify;

use crate::args::{Cli, Command};
use crate::failure::Outcome;

/// Does what was typed.
pub(crate) async fn run(cli: Cli) -> Outcome {
    match cli.command {
        Command::Dev(args) => dev::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Listen(args) => listen::run(args).await,
        Command::Callbacks(command) => callbacks::run(command).await,
        Command::Messages(command) => messages::run(command).await,
        Command::Credentials(command) => credentials::run(command).await,
        Command::Store(command) => store::run(command).await,
        Command::Keys(command) => keys::run(command).await,
        Command::Verify(args) => verify::run(args).await,
        #[cfg(unix)]
        Command::Bench(args) => bench::run(args).await,
        #[cfg(unix)]
        Command::BenchSink(args) => bench::sink(args).await,
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}
