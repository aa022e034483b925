//! `ringback serve`: the server, until it is asked to stop.

use std::net::SocketAddr;

use ringback_server::clock::Clock;
use ringback_store::Role;

use crate::args::serve::ServeArgs;
use crate::config::Config;
use crate::config::layers::Layers;
use crate::failure::Outcome;
use crate::open_store::open_store;
use crate::serving::Serving;
use crate::signals::{self, HangUp, Stop};
use crate::{logging, output, process};

/// Serves.
pub(super) async fn run(args: ServeArgs) -> Outcome {
    let layers = Layers::gather(args.config.as_deref(), std::env::vars_os(), &args.settings)?;
    let config = Config::read(&layers)?;
    if args.print_config {
        return output::say(config.show(&layers));
    }
    logging::start(&config.log);
    process::keep_memory_private();
    process::raise_open_files();
    if config.listening.confuses_clients() {
        tracing::warn!(
            "behind-proxy without trusted-proxy: all clients count as one, for limits and for failed log-ins, and the \
             console's cookie is not Secure; name the proxy's address"
        );
    }
    let (mut stop, mut hang_up) = (Stop::catch()?, HangUp::catch()?);
    signals::outlive_file_limits()?;
    let store = open_store(&config.store, Role::Server).await?;
    let serving = Serving::start(&config, store, Clock::system(), "--listen").await?;
    let scheme = |address: SocketAddr, loopback_too: bool| match &config.listening.tls {
        Some(_) if loopback_too || !address.ip().to_canonical().is_loopback() => "https",
        _ => "http",
    };
    let address = serving.address();
    announce(format_args!("ringback is listening on {}://{address}", scheme(address, true)));
    if let Some(address) = serving.admin_address() {
        announce(format_args!("the operators' pages are on {}://{address}", scheme(address, false)));
    }
    loop {
        tokio::select! {
            () = stop.asked() => break,
            () = hang_up.asked() => serving.reload(),
        }
    }
    tracing::info!("asked to stop: what is under way is finished first");
    stop.unless_asked_again(serving.stop()).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Where a server is to be found is no result: it serves whether that can be written or not.
fn announce(text: impl std::fmt::Display) {
    if let Err(failure) = output::say(text) {
        tracing::warn!("{failure}");
    }
}
