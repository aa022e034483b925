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
    let why = attend(&serving, &mut stop, &mut hang_up).await;
    stop.unless_asked_again(serving.stop()).await?;
    tracing::info!("stopped");
    why
}

/// Does what it is asked to, until it is to stop: as it was asked to, or because it can't do its work any more.
async fn attend(serving: &Serving, stop: &mut Stop, hang_up: &mut HangUp) -> Outcome {
    loop {
        tokio::select! {
            () = stop.asked() => {
                tracing::info!("asked to stop: what is under way is finished first");
                return Ok(());
            }
            () = hang_up.asked() => serving.reload(),
            failure = serving.ended() => {
                tracing::error!(%failure, "stopping");
                return Err(failure);
            }
        }
    }
}

/// Where a server is to be found is no result: it serves whether that can be written or not.
fn announce(text: impl std::fmt::Display) {
    if let Err(failure) = output::say(text) {
        tracing::warn!("{failure}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use ringback_delivery::MessageKind;
    use ringback_store::{Content, NewMessage, Registration, Secret};

    use super::*;
    use crate::config::listening::Listening;
    use crate::config::store::{StoreSettings, StoreUrl};
    use crate::exit_code::ExitCode;

    #[tokio::test]
    async fn a_server_that_can_send_nothing_any_more_ends_with_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            listening: Listening { listen: ([127, 0, 0, 1], 0).into(), ..Listening::default() },
            store: StoreSettings::of(StoreUrl::Sqlite(folder.path().join("ringback.db")), None),
            ..Config::default()
        };
        // No schedule can be as long as this: the engine panics as it takes a message in.
        config.delivery.retry_delays = vec![Duration::MAX];
        let store = open_store(&config.store, Role::Server).await.unwrap();
        let clock = Clock::system();
        let serving = Serving::start(&config, store.clone(), clock.clone(), "--listen").await.unwrap();
        let account = "0252012345-00001".parse().unwrap();
        let url = Secret::new("http://127.0.0.1:9/");
        let registration = Registration { url, username: None, password: None };
        store.register(clock.now(), account, registration).await.unwrap();
        let message = NewMessage {
            account,
            kind: MessageKind::FirmwareList,
            key: None,
            idempotency: None,
            content: Content { body: "{}".into(), trace: None },
        };
        store.accept(clock.now(), vec![message]).await.unwrap();
        let (mut stop, mut hang_up) = (Stop::catch().unwrap(), HangUp::catch().unwrap());
        let failure = attend(&serving, &mut stop, &mut hang_up).await.unwrap_err();
        assert_eq!(failure.code(), ExitCode::Internal);
        serving.stop().await;
    }
}
