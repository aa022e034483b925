//! `ringback callbacks …`: Software Management Callbacks V1, against Ringback or ThingSpace.

use clap::{Args, Subcommand};

use super::connection::ConnectionArgs;

/// Register where an account's callbacks go, or see it.
#[derive(Debug, Subcommand)]
pub(crate) enum CallbacksCommand {
    List(ListArgs),
    Register(RegisterArgs),
    Deregister(DeregisterArgs),
}

/// Show what an account has registered.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback callbacks list 0242078689-00001 --profile dev")]
pub(crate) struct ListArgs {
    /// The account, such as 0242078689-00001.
    pub(crate) account: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Register a URL for an account, in place of the one that it has.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback callbacks register 0242078689-00001 https://example.com/callbacks --profile dev
  ringback callbacks register 0242078689-00001 https://example.com/callbacks \\
    --callback-username fota --callback-password-stdin --environment production < password.txt")]
pub(crate) struct RegisterArgs {
    /// The account, such as 0242078689-00001.
    pub(crate) account: String,
    /// Where its callbacks are to go.
    pub(crate) callback_url: String,
    /// The user name that each callback is to bear.
    #[arg(long, value_name = "NAME", alias = "username")]
    pub(crate) callback_username: Option<String>,
    /// Read the password that each callback is to bear from the first line of stdin.
    #[arg(long, alias = "password-stdin")]
    pub(crate) callback_password_stdin: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// End an account's registration; what is pending for it is cancelled.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback callbacks deregister 0242078689-00001 --profile dev")]
pub(crate) struct DeregisterArgs {
    /// The account, such as 0242078689-00001.
    pub(crate) account: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}
