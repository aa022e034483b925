//! `ringback store`: looking after a store.

mod backup;
mod copy;

use crate::args::store::StoreCommand;
use crate::failure::Outcome;

pub(super) async fn run(command: StoreCommand) -> Outcome {
    match command {
        StoreCommand::Backup(args) => backup::run(args).await,
        StoreCommand::Copy(args) => copy::run(args).await,
    }
}
