//! `ringback messages …`.

mod failed;
mod input;
mod list;
mod publish;
mod replay;
mod show;
mod tally;
mod why;

use crate::args::messages::MessagesCommand;
use crate::failure::Outcome;

pub(super) async fn run(command: MessagesCommand) -> Outcome {
    match command {
        MessagesCommand::Publish(args) => publish::run(args).await,
        MessagesCommand::List(args) => list::run(args).await,
        MessagesCommand::Show(args) => show::run(args).await,
        MessagesCommand::Replay(args) => replay::run(args).await,
    }
}
