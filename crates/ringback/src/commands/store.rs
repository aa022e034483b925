//! `ringback store`: looking after a store.

mod copy;

use crate::args::store::StoreCommand;
use crate::failure::Outcome;

pub(super) async fn run(command: StoreCommand) -> Outcome {
    match command {
        StoreCommand::Copy(args) => copy::run(args).await,
    }
}
