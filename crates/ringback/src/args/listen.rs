//! `ringback listen`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clap::Args;

use super::connection::ConnectionArgs;
use super::dev::LISTENER_PORT;
use crate::span::span;

/// Listen for callbacks and print them.
///
/// Signatures are verified with the account's signing key: the one in RINGBACK_SIGNING_SECRET (whsec_… or whpk_…,
/// several separated by spaces), else the one that the server gives for --account or --register (and is asked for again
/// when it was rotated). What is not right gets 401. What --pull passes on is signed with the account's key (which is
/// asked for again when it gets 401 or 403). Without a key nothing is verified, and it says so. It ends once a callback
/// can't be printed (where the reader of a pipe has left, without an error); that one is not acknowledged, and comes
/// again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  RINGBACK_SIGNING_SECRET=whsec_… ringback listen --port 9000
  ringback listen --account 0242078689-00001 --status 500 --profile dev
  ringback listen --pull 0242078689-00001 --forward http://127.0.0.1:3000/callbacks --profile dev
  ringback listen --register 0242078689-00001 --public-url https://example.com/callbacks --environment staging")]
pub(crate) struct ListenArgs {
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = LISTENER_PORT)]
    pub(crate) port: u16,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) address: IpAddr,
    /// Print one JSON document on a line for each callback.
    #[arg(long)]
    pub(crate) json: bool,
    /// Pass callbacks on to this URL, their bytes and headers as they came, and its answer back.
    #[arg(long, value_name = "URL")]
    pub(crate) forward: Option<String>,
    /// Answer with this status, to try out retries [default: 204].
    #[arg(long, value_name = "CODE", conflicts_with_all = ["forward", "pull"], value_parser = status)]
    pub(crate) status: Option<http::StatusCode>,
    /// Keep each answer back for so long, such as 20s.
    #[arg(long, value_name = "TIME", conflicts_with = "pull", value_parser = span)]
    pub(crate) delay: Option<Duration>,
    /// Verify with this account's signing key, which the server gives.
    #[arg(long, value_name = "ACCOUNT", conflicts_with_all = ["register", "pull"])]
    pub(crate) account: Option<String>,
    /// Register --public-url for this account at the start, and take it out again at the end.
    #[arg(long, value_name = "ACCOUNT", requires = "public_url", conflicts_with = "pull")]
    pub(crate) register: Option<String>,
    /// The URL under which the server reaches this listener.
    #[arg(long, value_name = "URL", requires = "register", conflicts_with = "pull")]
    pub(crate) public_url: Option<String>,
    /// Displace the registration that there is; it is put back at the end. A server that can't do that needs its
    /// password, which is asked for first (or read from the first line of stdin).
    #[arg(long, requires = "register", conflicts_with = "pull")]
    pub(crate) replace: bool,
    /// Read this account's messages from the server instead, without an open port: switches pull on, acknowledges
    /// what was printed (and passed on, with --forward), and takes up where it left off.
    #[arg(long, value_name = "ACCOUNT", conflicts_with_all = ["port", "address"])]
    pub(crate) pull: Option<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

fn status(text: &str) -> Result<http::StatusCode, String> {
    let wrong = || "must be a status from 200 to 599".to_owned();
    let code: u16 = text.parse().map_err(|_| wrong())?;
    if (200..600).contains(&code) {
        http::StatusCode::from_u16(code).map_err(|_| wrong())
    } else {
        Err(wrong())
    }
}
