//! What can be typed: the tree of commands, one file for each branch.

#[cfg(unix)]
pub(crate) mod bench;
pub(crate) mod callbacks;
pub(crate) mod completions;
pub(crate) mod connection;
pub(crate) mod credentials;
pub(crate) mod dev;
pub(crate) mod keys;
pub(crate) mod listen;
pub(crate) mod man;
pub(crate) mod messages;
pub(crate) mod moment;
pub(crate) mod serve;
pub(crate) mod store;
pub(crate) mod verify;

use clap::{Parser, Subcommand};

/// A self-hosted, ThingSpace-compatible firmware (FOTA) callback service.
///
/// An account registers one URL; a platform publishes messages; Ringback delivers each one to that URL: durably, in
/// order for each upgrade, signed, with retries.
#[derive(Debug, Parser)]
#[command(name = "ringback", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Try it: ringback dev

Secrets are never arguments: they come from RINGBACK_CLIENT_ID, RINGBACK_CLIENT_SECRET, RINGBACK_USERNAME and
RINGBACK_PASSWORD, from a profile, or from stdin.

Exit codes: 0 ok, 1 internal, 2 usage, 3 configuration, 4 authentication, 5 refused by the API, 6 unreachable,
7 port taken, 8 store unwritable or in use, 9 partly done or verify failed, 130 ended by a second signal.";

/// One command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(dev::DevArgs),
    Serve(serve::ServeArgs),
    Listen(listen::ListenArgs),
    #[command(subcommand)]
    Callbacks(callbacks::CallbacksCommand),
    #[command(subcommand)]
    Messages(messages::MessagesCommand),
    #[command(subcommand)]
    Credentials(credentials::CredentialsCommand),
    #[command(subcommand)]
    Store(store::StoreCommand),
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    Verify(verify::VerifyArgs),
    #[cfg(unix)]
    Bench(bench::BenchArgs),
    #[cfg(unix)]
    #[command(name = crate::bench::SINK_COMMAND, hide = true)]
    BenchSink(bench::SinkArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_tree_of_commands_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn look(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            if command.get_subcommands().next().is_none() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Example"), "{path} has no example");
            }
            command.get_subcommands().for_each(|below| look(below, &path));
        }
        look(&Cli::command(), "");
    }
}
