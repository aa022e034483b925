//! `ringback listen`.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;

use super::dev::LISTENER_PORT;

/// Listen for callbacks and print them.
///
/// With the account's signing key in RINGBACK_SIGNING_SECRET (whsec_… or whpk_…, several separated by spaces) each
/// signature is verified, and what is not right gets 401; without one nothing is verified.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  RINGBACK_SIGNING_SECRET=whsec_… ringback listen --port 9000")]
pub(crate) struct ListenArgs {
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = LISTENER_PORT)]
    pub(crate) port: u16,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) address: IpAddr,
    /// Print one JSON document for each callback.
    #[arg(long)]
    pub(crate) json: bool,
}
