//! `ringback credentials …`: on a store, or through a server's API; the same words for both.

mod by_api;
mod by_store;
mod place;

use ringback_wire::api::{CredentialCreateRequest, CredentialCreated, CredentialView};
use serde::Serialize;

use super::stdin;
use crate::args::credentials::{CreateArgs, CredentialsCommand, GrantArgs, ListArgs, RotateArgs};
use crate::failure::Outcome;
use crate::output;
use crate::table::Table;
use place::Place;

pub(super) async fn run(command: CredentialsCommand) -> Outcome {
    match command {
        CredentialsCommand::Create(args) => create(args).await,
        CredentialsCommand::List(args) => list(args).await,
        CredentialsCommand::Rotate(args) => rotate(args).await,
        CredentialsCommand::Grant(args) => grant(args).await,
        CredentialsCommand::Unlock(args) => {
            Place::find(&args.place).await?.unlock(&args.name).await?;
            output::say(format_args!("unlocked: the user of {} can log in again", args.name))
        }
        CredentialsCommand::Revoke(args) => {
            Place::find(&args.place).await?.revoke(&args.name).await?;
            output::say(format_args!("revoked: {}, its tokens and its sessions have ended", args.name))
        }
    }
}

async fn create(args: CreateArgs) -> Outcome {
    let password = if args.password_stdin { Some(stdin::secret().await?) } else { None };
    let place = Place::find_or_make(&args.place).await?;
    let request = CredentialCreateRequest {
        name: args.name,
        accounts: args.accounts,
        scopes: args.scopes,
        username: args.username,
        password,
    };
    show_secrets(&place.create(request).await?, args.json)
}

async fn rotate(args: RotateArgs) -> Outcome {
    let place = Place::find(&args.place).await?;
    show_secrets(&place.rotate(&args.name, args.overlap).await?, args.json)
}

async fn grant(args: GrantArgs) -> Outcome {
    let place = Place::find(&args.place).await?;
    place.grant(&args.name, args.accounts, args.scopes).await?;
    output::say(format_args!("granted: {} has what was asked for", args.name))
}

async fn list(args: ListArgs) -> Outcome {
    let credentials = Place::find(&args.place).await?.list().await?;
    if args.json {
        return output::say_json(&credentials);
    }
    if credentials.is_empty() {
        output::note("there are no credentials");
        return Ok(());
    }
    let mut table = Table::new(&["NAME", "CLIENT ID", "USERNAME", "ACCOUNTS", "SCOPES", "CREATED", "STATE"]);
    for one in credentials {
        let state = state(&one);
        let scopes: Vec<_> = one.scopes.iter().map(|scope| scope.as_str()).collect();
        table.row([
            one.name,
            one.client_id,
            one.username,
            one.accounts.join(" "),
            scopes.join(" "),
            one.created_at,
            state,
        ]);
    }
    output::say(table)
}

fn state(credential: &CredentialView) -> String {
    match (&credential.revoked_at, &credential.locked_until) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(until)) => format!("locked until {until}"),
        (None, None) => "active".to_owned(),
    }
}

/// What a script reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Secrets<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    username: &'a str,
    password: &'a str,
}

/// Prints the secrets. Where that fails nobody will ever know them.
fn show_secrets(created: &CredentialCreated, json: bool) -> Outcome {
    print_secrets(created, json).map_err(|failure| {
        let name = &created.name;
        failure.and(format_args!(
            "the credential {name} is in force, but its secrets are lost: `ringback credentials rotate {name}` makes new ones"
        ))
    })
}

fn print_secrets(created: &CredentialCreated, json: bool) -> Outcome {
    let CredentialCreated { name, client_id, client_secret, username, password, .. } = created;
    let (client_secret, password) = (client_secret.expose(), password.expose());
    if json {
        return output::say_json(&Secrets { client_id, client_secret, username, password });
    }
    let scopes: Vec<_> = created.scopes.iter().map(|scope| scope.as_str()).collect();
    output::say(format_args!(
        "The credential {name}, for {}, to {}. Keep these: they are shown this once.\n\n  \
         RINGBACK_CLIENT_ID={client_id}\n  RINGBACK_CLIENT_SECRET={client_secret}\n  \
         RINGBACK_USERNAME={username}\n  RINGBACK_PASSWORD={password}",
        created.accounts.join(", "),
        scopes.join(", "),
    ))
}
