//! `ringback serve`. Its settings are those of [`crate::config`], which makes a flag of each.

use std::path::PathBuf;

use clap::Args;

use crate::config::flags::SettingFlags;

/// Run the server.
///
/// A setting comes from a flag, else from its variable (RINGBACK_SERVER_ and the flag's name in capitals, with
/// underscores), else from the TOML file (the flag's name), else it has its default.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringback serve --store sqlite:/var/lib/ringback/ringback.db
  ringback serve --config /etc/ringback.toml --print-config
  RINGBACK_SERVER_EGRESS=private ringback serve --listen 0.0.0.0:8080 --behind-proxy")]
pub(crate) struct ServeArgs {
    /// A TOML file of settings; RINGBACK_SERVER_CONFIG names one too.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Show the settings in force and where each comes from, as TOML without secrets, and end.
    #[arg(long)]
    pub(crate) print_config: bool,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}
