//! `ringback messages …`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use ringback_wire::MessageType;
use ringback_wire::api::MessageState;

use super::connection::ConnectionArgs;
use super::moment::Moment;

/// Publish messages, look for them, and send them again.
#[derive(Debug, Subcommand)]
pub(crate) enum MessagesCommand {
    Publish(PublishArgs),
    List(ListArgs),
    Show(ShowArgs),
    Replay(ReplayArgs),
}

/// Publish one message, or many.
///
/// The file holds one message as JSON, or one on each line (NDJSON). What is published is the contract's callback
/// message without `username` and `password`. A message without an `idempotencyKey` gets one. What was not published, or
/// is not known to be, is written to a file with its keys: publish that file to try again, which makes no duplicates.
///
/// A message for an account with nothing registered is answered `unregistered` and not kept: nobody wants it, which is no
/// failure. It is counted in the sum, has its line with --json, is in no file, and the exit code is 0 all the same.
/// Otherwise it is 9 where some messages failed. Where a single one did, it is 5 if it was refused, and 2 if it is no message;
/// where no request got through, 4 (the server does not know the client) or 6 (no server answered).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback messages publish message.json --profile dev
  ringback messages publish --profile dev < messages.ndjson
  ringback messages publish messages.ndjson.failed --profile dev")]
pub(crate) struct PublishArgs {
    /// The file; stdin where it is left out or `-`.
    pub(crate) file: Option<PathBuf>,
    /// Stop at the first message that fails. The rest of a file is written to the file of what failed.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Where what failed is written to, a new file [default: the file's name with .failed, or
    /// messages.failed for stdin].
    #[arg(long, value_name = "FILE")]
    pub(crate) failed: Option<PathBuf>,
    /// How often a request is sent again when the server does not answer or is too busy.
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    pub(crate) retries: u32,
    /// Print a line of JSON for each message.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// List messages, the newest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback messages list --state dead --since 24h --profile dev
  ringback messages list --account 0242078689-00001 --device 990003425730535 --json --profile dev")]
pub(crate) struct ListArgs {
    /// Only this account's.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// Only in this state.
    #[arg(long, value_name = "STATE", value_parser = states())]
    pub(crate) state: Option<MessageState>,
    /// Only of this type.
    #[arg(long = "type", value_name = "TYPE", value_parser = types())]
    pub(crate) kind: Option<MessageType>,
    /// Only accepted at this time or later: 2026-11-24T10:00:00Z, or 2h for two hours ago.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Moment>,
    /// Only accepted before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Moment>,
    /// Only of this upgrade; with --account.
    #[arg(long, value_name = "ID")]
    pub(crate) upgrade_id: Option<String>,
    /// Only about this device (its IMEI); with --account.
    #[arg(long, value_name = "IMEI")]
    pub(crate) device: Option<String>,
    /// So many at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// Go on where an earlier list ended: its `next`.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
    /// Print one JSON document: {"messages":[…],"next":"cursor"}.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Show the life of a message, and why it has not arrived.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback messages show msg_05g4anpk588000002e4nnga4ce --profile dev")]
pub(crate) struct ShowArgs {
    /// The message's id.
    pub(crate) id: String,
    /// Print one JSON document, with the message itself.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Send a message again, or many of an account.
///
/// They go to the URL that is registered now, with the same id and sequence number, behind what waits with the same
/// ordering key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback messages replay msg_05g4anpk588000002e4nnga4ce --profile dev
  ringback messages replay --account 0242078689-00001 --state dead --since 24h --dry-run --profile dev")]
pub(crate) struct ReplayArgs {
    /// The message's id.
    #[arg(required_unless_present = "account")]
    pub(crate) id: Option<String>,
    /// All of this account's that the other options name.
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "id")]
    pub(crate) account: Option<String>,
    /// Those in this state [default: dead].
    #[arg(long, value_name = "STATE", requires = "account", conflicts_with = "id", value_parser = states())]
    pub(crate) state: Option<MessageState>,
    /// Those accepted at this time or later: 2026-11-24T10:00:00Z, or 2h for two hours ago.
    #[arg(long, value_name = "TIME", requires = "account", conflicts_with = "id")]
    pub(crate) since: Option<Moment>,
    /// Those accepted before this time.
    #[arg(long, value_name = "TIME", requires = "account", conflicts_with = "id")]
    pub(crate) until: Option<Moment>,
    /// Only count them.
    #[arg(long, requires = "account", conflicts_with = "id")]
    pub(crate) dry_run: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

fn states() -> impl clap::builder::TypedValueParser<Value = MessageState> {
    PossibleValuesParser::new(MessageState::ALL.iter().map(|state| state.as_str()))
        .try_map(|text| text.parse::<MessageState>())
}

fn types() -> impl clap::builder::TypedValueParser<Value = MessageType> {
    PossibleValuesParser::new(MessageType::ALL.iter().map(|kind| kind.as_str()))
        .try_map(|text| text.parse::<MessageType>())
}
