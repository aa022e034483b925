//! Which server to talk to, and as whom: the options of every command that does.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which server. None is a default: where nothing is named, that is an error.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ConnectionArgs {
    /// The server's root URL; RINGBACK_URL names one too. Who asks is said by RINGBACK_CLIENT_ID,
    /// RINGBACK_CLIENT_SECRET, RINGBACK_USERNAME and RINGBACK_PASSWORD.
    #[arg(long, value_name = "URL", group = "server")]
    pub(crate) url: Option<String>,
    /// ThingSpace, instead of a URL.
    #[arg(long, value_name = "NAME", group = "server")]
    pub(crate) environment: Option<Environment>,
    /// Server and secrets of this name, from $XDG_CONFIG_HOME/ringback/profiles.toml; `dev` also from
    /// ringback-data/credentials.toml.
    #[arg(long, value_name = "NAME", group = "server")]
    pub(crate) profile: Option<String>,
    /// Another file of profiles, such as FOLDER/credentials.toml of `dev --data FOLDER`.
    #[arg(long, value_name = "FILE", requires = "profile", conflicts_with_all = ["url", "environment"])]
    pub(crate) profiles: Option<PathBuf>,
    /// A file of certificates, in PEM, of authorities that the server's may be from, beside the public ones. A profile names
    /// one as ca-file; RINGBACK_CA_FILE does for a server that is not from a profile.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// A server that everybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Environment {
    /// ThingSpace, <https://thingspace.verizon.com>.
    Production,
    /// ThingSpace's staging, <https://staging.thingspace.verizon.com>.
    Staging,
}

impl From<Environment> for ringback_client::Environment {
    fn from(environment: Environment) -> Self {
        match environment {
            Environment::Production => Self::Production,
            Environment::Staging => Self::Staging,
        }
    }
}
