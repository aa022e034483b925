//! `ringback credentials …`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use ringback_wire::api::Scope;

use super::connection::ConnectionArgs;
use crate::span::span;

/// Make and change credentials: who may do what, for which accounts.
///
/// With --store it works on the database itself, also beside a running server, which knows within a second; otherwise
/// through a server's API, which wants a credential with the scope operate on '*'.
#[derive(Debug, Subcommand)]
pub(crate) enum CredentialsCommand {
    Create(CreateArgs),
    List(ListArgs),
    Rotate(RotateArgs),
    Grant(GrantArgs),
    Unlock(UnlockArgs),
    Revoke(RevokeArgs),
}

/// Where the credentials are: in a store, or behind a server's API.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The store, such as sqlite:ringback.db.
    #[arg(long, value_name = "URL", conflicts_with_all = ["server", "profiles", "ca_file"])]
    pub(crate) store: Option<String>,
    /// The file of the store's sealing key, if it is not beside the database; RINGBACK_KEY gives the key itself.
    #[arg(long, value_name = "FILE", requires = "store", conflicts_with = "server")]
    pub(crate) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Make a credential and print its secrets, this once.
///
/// A store that is not there yet is made (which is said on stderr, of an SQLite one); the other commands refuse it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback credentials create --store sqlite:ringback.db --name acme --account 0242078689-00001 --scope callbacks
  ringback credentials create --store sqlite:ringback.db --name platform --account '*' --scope publish --json")]
pub(crate) struct CreateArgs {
    /// What people call it; unique.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// An account that it reaches, or '*' for all, present and future; may be repeated.
    #[arg(long = "account", value_name = "ACCOUNT", required = true, value_delimiter = ',')]
    pub(crate) accounts: Vec<String>,
    /// What it may do; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_delimiter = ',', value_parser = scope_parser())]
    pub(crate) scopes: Vec<Scope>,
    /// The user name for sessions; made up where left out.
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Read the password for sessions from the first line of stdin; otherwise one is made up.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Print JSON: {"clientId","clientSecret","username","password"}.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Show the credentials, without secrets.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback credentials list --store sqlite:ringback.db")]
pub(crate) struct ListArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Make new secrets for a credential and print them, this once.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback credentials rotate acme --overlap 24h --store sqlite:ringback.db")]
pub(crate) struct RotateArgs {
    /// The credential's name.
    pub(crate) name: String,
    /// How long the old secrets stay good beside the new ones, such as 24h.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = span)]
    pub(crate) overlap: Duration,
    /// Print JSON: {"clientId","clientSecret","username","password"}.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Let a credential reach more accounts, or do more.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback credentials grant acme --account 0242078689-00002 --store sqlite:ringback.db")]
#[group(id = "granted", required = true, multiple = true, args = ["accounts", "scopes"])]
pub(crate) struct GrantArgs {
    /// The credential's name.
    pub(crate) name: String,
    /// An account to add, or '*' for all; may be repeated.
    #[arg(long = "account", value_name = "ACCOUNT", value_delimiter = ',')]
    pub(crate) accounts: Vec<String>,
    /// A scope to add; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', value_parser = scope_parser())]
    pub(crate) scopes: Vec<Scope>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Let a credential's user log in again after too many failed log-ins.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback credentials unlock acme --store sqlite:ringback.db")]
pub(crate) struct UnlockArgs {
    /// The credential's name.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// End a credential, its tokens and its sessions, for good.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringback credentials revoke acme --store sqlite:ringback.db")]
pub(crate) struct RevokeArgs {
    /// The credential's name.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

fn scope_parser() -> impl clap::builder::TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.iter().map(|scope| scope.as_str()))
        .try_map(|text| text.parse::<Scope>())
}
