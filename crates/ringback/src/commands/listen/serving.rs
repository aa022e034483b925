//! Listening on a port.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use ringback_client::{Client, error_code};
use ringback_listener::Check;

use super::registering::Registered;
use super::{Printer, came_of};
use crate::args::listen::ListenArgs;
use crate::failure::{Failure, Outcome, both};
use crate::listener::{Forward, KeySource, Listener, Taking, printing_meanwhile};
use crate::signals::Stop;
use crate::target::Target;
use crate::{output, signing_keys};

/// Listens until it is asked to stop.
pub(super) async fn run(args: &ListenArgs) -> Outcome {
    let mut stop = Stop::catch()?;
    let forward = args.forward.as_deref().map(Forward::to).transpose()?;
    let listener = Listener::bind(SocketAddr::new(args.address, args.port), "--port").await?;
    let client = Target::find_if_named(&args.connection)?.map(Target::client).transpose()?;
    let account = args.register.as_ref().or(args.account.as_ref());
    if let (Some(_), None) = (account, &client) {
        return Err(Failure::configuration(
            "no server is named for the account: give --url, --environment, --profile or RINGBACK_URL",
        ));
    }
    let signed = signature(account.map(String::as_str), client.as_ref()).await?;
    // A server that does not sign shows the password that was registered: one that nobody else knows.
    let registering = args.register.as_ref().zip(args.public_url.as_ref()).zip(client.as_ref());
    let login = match (&signed, registering) {
        (None, Some(_)) => Some(("ringback-listen".to_owned(), uuid::Uuid::new_v4().simple().to_string())),
        _ => None,
    };
    let check = match (&signed, &login) {
        (Some(check), _) => check.clone(),
        (None, Some((name, password))) => Check::credentials(name.as_str(), password.as_str())
            .map_err(|error| Failure::from(anyhow::Error::new(error)))?,
        (None, None) => Check::unverified(),
    };
    output::note(format_args!("listening on http://{} (any path)", listener.address()));
    match (&signed, &login) {
        (Some(_), _) => {}
        (None, Some(_)) => output::note(
            "signatures are not verified, as this server signs nothing: the registration's user name and password are",
        ),
        (None, None) if account.is_some() => {
            output::note("signatures are not verified, as this server signs nothing");
        }
        (None, None) => output::note(format_args!(
            "signatures are not verified: {} is not set, and no --account of a server is given",
            signing_keys::VARIABLE
        )),
    }
    // Keys of the environment are all that there are.
    let keys = match (account, &client) {
        (Some(account), Some(client)) if signed.is_some() && signing_keys::of_environment().is_empty() => {
            Some(KeySource { client: client.clone(), account: account.clone() })
        }
        _ => None,
    };
    let taking = Taking {
        check,
        keys,
        by_password: login.is_some(),
        forward,
        status: args.status.unwrap_or(StatusCode::NO_CONTENT),
        delay: args.delay.unwrap_or(Duration::ZERO),
    };
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let (mut receipts, serving) = listener.serve(taking, async { drop(ended.await) });
    let registered = match registering {
        Some(((account, url), client)) => {
            Some(Registered::put(client, account, url, args.replace, login).await?)
        }
        None => None,
    };

    let mut printer = Printer::new(args);
    let printed = loop {
        tokio::select! {
            () = stop.asked() => break Ok(()),
            handed = receipts.recv() => match handed.map(|handed| handed.print(|receipt| printer.print(receipt))) {
                Some(Ok(())) => {}
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        }
    };
    let mut undone = Ok(());
    stop.unless_insisted_upon(async {
        // While the registration is still in force, callbacks come.
        if let Some(registered) = registered {
            let print = |receipt: &_| printer.print(receipt);
            undone = printing_meanwhile(&mut receipts, print, registered.take_back()).await;
        }
        drop(end);
        // Whoever waits to hand a callback on is told 503, and sends it again.
        drop(receipts);
        drop(serving.await);
    })
    .await?;
    both(came_of(printed), undone)
}

/// The check of signatures, where there is a key for them.
async fn signature(account: Option<&str>, client: Option<&Client>) -> Outcome<Option<Check>> {
    let keys = signing_keys::of_environment();
    if !keys.is_empty() {
        return signing_keys::check(&keys).map(Some);
    }
    let (Some(account), Some(client)) = (account, client) else { return Ok(None) };
    match signing_keys::of_account(client, account).await {
        Ok(keys) => signing_keys::check(&keys).map(Some),
        Err(error) if is_of_another_api(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a server says, in whatever way, that it has no signing keys: ThingSpace has no such route. Ringback's own
/// refusals have its codes.
fn is_of_another_api(error: &ringback_client::Error) -> bool {
    let own = [error_code::NOT_FOUND, error_code::SCOPE_INSUFFICIENT, error_code::ACCESS_TOKEN_INVALID];
    error.status_code().is_some_and(|status| status.is_client_error())
        && !own.iter().any(|code| error.has_code(code))
}
