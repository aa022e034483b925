//! Registering the listener for as long as it runs.
//!
//! Nothing is displaced that can't be put back: without `--replace` an existing registration is an error, and with it a
//! server that can't restore one is told the old URL again, with the password that was asked for *before*. At the end
//! only what this listener registered is taken out: whoever registered something else since keeps it.

use std::io::IsTerminal as _;

use anyhow::{Context as _, anyhow};
use ringback_client::{Client, SoftwareManagementCallbacksV1};
use ringback_wire::Secret;
use ringback_wire::v1::{CallbackService, FotaV1CallbackRegistrationRequest, RegisteredCallbacks};

use crate::commands::stdin;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::output;

/// A registration that is to be taken out again.
pub(super) struct Registered {
    client: Client,
    account: String,
    url: String,
    at_the_end: AtTheEnd,
}

/// What to do at the end.
enum AtTheEnd {
    /// It was registered already, by whoever it was: leave it.
    Leave,
    /// There was none: deregister.
    Deregister,
    /// The server keeps the one that was replaced: have it brought back.
    Restore,
    /// It does not: register it again.
    RegisterAgain(FotaV1CallbackRegistrationRequest),
}

impl Registered {
    /// Registers the URL. `login` is what its callbacks are to bear.
    pub(super) async fn put(
        client: &Client,
        account: &str,
        url: &str,
        replace: bool,
        login: Option<(String, String)>,
    ) -> Outcome<Self> {
        let callbacks = client.software_management_callbacks_v1();
        let existing = existing(&callbacks, account).await?;
        let at_the_end = match existing {
            None => AtTheEnd::Deregister,
            Some(old) if old.url.as_deref() == Some(url) && login.is_none() => AtTheEnd::Leave,
            Some(old) if !replace => {
                return Err(Failure::new(
                    ExitCode::Refused,
                    anyhow!(
                        "{account} has a registration, {}: --replace displaces it, and puts it back at the end",
                        old.url.unwrap_or_default()
                    ),
                ));
            }
            Some(old) => put_back(client, account, old).await?,
        };
        if !matches!(at_the_end, AtTheEnd::Leave) {
            let (username, password) = login.unzip();
            let password = password.map(Secret::from);
            callbacks.register_callback(account, &request(url.to_owned(), username, password)).await?;
        }
        output::note(match &at_the_end {
            AtTheEnd::Leave => format!("callbacks of {account} go to {url} already, and will"),
            AtTheEnd::Deregister => format!("registered: callbacks of {account} go to {url} until this ends"),
            AtTheEnd::Restore | AtTheEnd::RegisterAgain(_) => {
                format!(
                    "registered: callbacks of {account} go to {url}; the registration before is put back at the end"
                )
            }
        });
        Ok(Self { client: client.clone(), account: account.to_owned(), url: url.to_owned(), at_the_end })
    }

    /// Takes it out, if it is still there.
    pub(super) async fn take_back(self) -> Outcome {
        let Self { client, account, url, at_the_end } = self;
        let callbacks = client.software_management_callbacks_v1();
        if matches!(at_the_end, AtTheEnd::Leave) {
            return Ok(());
        }
        let now = existing(&callbacks, &account).await?;
        if now.as_ref().and_then(|now| now.url.as_deref()) != Some(url.as_str()) {
            output::note(format_args!("{account} was registered otherwise meanwhile, and is left as it is"));
            return Ok(());
        }
        match at_the_end {
            AtTheEnd::Leave => {}
            AtTheEnd::Deregister => {
                callbacks.deregister_callback(&account, CallbackService::Fota).await?;
                output::note(format_args!("deregistered: {account} gets no more callbacks"));
            }
            AtTheEnd::Restore => {
                client.accounts().restore_registration(&account).await?;
                output::note(format_args!("the registration of {account} from before is in force again"));
            }
            AtTheEnd::RegisterAgain(old) => {
                callbacks.register_callback(&account, &old).await?;
                output::note(format_args!("callbacks of {account} go to {} again", old.url));
            }
        }
        Ok(())
    }
}

async fn existing(
    callbacks: &SoftwareManagementCallbacksV1,
    account: &str,
) -> Outcome<Option<RegisteredCallbacks>> {
    let all = callbacks.list_registered_callbacks(account).await?.into_result();
    // There is one for each service; one that does not say which is of the only one.
    let ours = |one: &RegisteredCallbacks| {
        one.name.as_deref().is_none_or(|name| name == CallbackService::Fota.as_str())
    };
    Ok(all.into_iter().find(ours))
}

fn request(
    url: String,
    username: Option<String>,
    password: Option<Secret>,
) -> FotaV1CallbackRegistrationRequest {
    FotaV1CallbackRegistrationRequest {
        name: CallbackService::Fota.as_str().to_owned(),
        url,
        username,
        password,
    }
}

/// How an existing registration is put back.
async fn put_back(client: &Client, account: &str, old: RegisteredCallbacks) -> Outcome<AtTheEnd> {
    // Ringback keeps what is replaced; only Ringback knows accounts by themselves.
    match client.accounts().show(account).await {
        Ok(_) => return Ok(AtTheEnd::Restore),
        Err(error) if error.status_code().is_some_and(|status| status.is_client_error()) => {}
        Err(error) => return Err(error.into()),
    }
    let url = old.url.unwrap_or_default();
    let password = match old.password {
        Some(password) => Some(password),
        None => ask(account, &url, old.username.as_deref()).await?,
    };
    Ok(AtTheEnd::RegisterAgain(request(url, old.username, password)))
}

/// Asks a person, without showing what is typed, or reads the first line of stdin. Nothing means that it has none.
async fn ask(account: &str, url: &str, username: Option<&str>) -> Outcome<Option<Secret>> {
    let user = username.map(|name| format!(", user name {name}")).unwrap_or_default();
    let question = format!(
        "This server does not bring back what is replaced. The password of {account}'s registration ({url}{user}), \
         empty for none: "
    );
    let line = if std::io::stdin().is_terminal() {
        tokio::task::spawn_blocking(move || {
            let terminal = console::Term::stderr();
            terminal.write_str(&question)?;
            terminal.read_secure_line()
        })
        .await
        .context("the password can't be asked for")?
        .context("the password can't be asked for")?
    } else {
        stdin::line()
            .await?
            .ok_or_else(|| Failure::usage(format_args!("{question}give it on the first line of stdin")))?
    };
    Ok(Some(line).filter(|line| !line.is_empty()).map(Secret::from))
}
