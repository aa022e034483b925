//! Credentials on a store itself, also beside a running server, which looks for changes several times a second.

use std::sync::Arc;
use std::time::Duration;

use ringback_delivery::{AccountId, Timestamp};
use ringback_server::clock::Clock;
use ringback_server::credentials::{self, Issued, NewCredential};
use ringback_store::{Credential, Reach, Scopes, Secret, Store};
use ringback_wire::api::{ALL_ACCOUNTS, CredentialCreateRequest, CredentialCreated, CredentialView, Scope};

use crate::failure::{Failure, Outcome};

/// Credentials on a store.
pub(super) struct Desk {
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Desk {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, clock: Clock::system() }
    }

    pub(super) async fn create(&self, request: CredentialCreateRequest) -> Outcome<CredentialCreated> {
        let new = NewCredential {
            name: request.name,
            scopes: scopes_of(&request.scopes),
            reach: reach_of(&request.accounts)?,
            username: request.username,
            password: request.password.map(|password| Secret::new(password.expose())),
        };
        Ok(created(credentials::create(&*self.store, self.clock.now(), new).await?))
    }

    pub(super) async fn list(&self) -> Outcome<Vec<CredentialView>> {
        let now = self.clock.now();
        let mut all = credentials::list(&*self.store).await?;
        all.sort_by_key(|credential| (credential.created_at, credential.id));
        Ok(all.into_iter().map(|credential| view(credential, now)).collect())
    }

    pub(super) async fn rotate(&self, name: &str, overlap: Duration) -> Outcome<CredentialCreated> {
        let issued = credentials::rotate(&*self.store, self.clock.now(), name, overlap, None).await?;
        Ok(created(issued))
    }

    pub(super) async fn grant(&self, name: &str, accounts: &[String], scopes: &[Scope]) -> Outcome {
        let (reach, scopes) = (reach_of(accounts)?, scopes_of(scopes));
        Ok(credentials::grant(&*self.store, self.clock.now(), name, reach, scopes).await?)
    }

    pub(super) async fn unlock(&self, name: &str) -> Outcome {
        Ok(credentials::unlock(&*self.store, self.clock.now(), name).await?)
    }

    pub(super) async fn revoke(&self, name: &str) -> Outcome {
        Ok(credentials::revoke(&*self.store, self.clock.now(), name).await?)
    }
}

fn created(issued: Issued) -> CredentialCreated {
    CredentialCreated {
        accounts: accounts_of(&issued.reach),
        scopes: list_of(issued.scopes),
        name: issued.name,
        client_id: issued.client_id,
        client_secret: issued.client_secret.expose().into(),
        username: issued.username,
        password: issued.password.expose().into(),
    }
}

fn view(credential: Credential, now: Timestamp) -> CredentialView {
    CredentialView {
        accounts: accounts_of(&credential.reach),
        scopes: list_of(credential.scopes),
        name: credential.name,
        client_id: credential.client_id,
        username: credential.username,
        created_at: time(credential.created_at),
        revoked_at: credential.revoked_at.map(time),
        locked_until: credential.locked_until.filter(|until| now < *until).map(time),
    }
}

fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().to_string()
}

fn scopes_of(list: &[Scope]) -> Scopes {
    Scopes {
        callbacks: list.contains(&Scope::Callbacks),
        publish: list.contains(&Scope::Publish),
        operate: list.contains(&Scope::Operate),
    }
}

fn list_of(scopes: Scopes) -> Vec<Scope> {
    let has = |scope: &Scope| match scope {
        Scope::Callbacks => scopes.callbacks,
        Scope::Publish => scopes.publish,
        Scope::Operate => scopes.operate,
    };
    Scope::ALL.iter().copied().filter(has).collect()
}

fn reach_of(names: &[String]) -> Outcome<Reach> {
    if names == [ALL_ACCOUNTS] {
        return Ok(Reach::Every);
    }
    let account = |name: &String| {
        name.parse::<AccountId>()
            .map_err(|error| Failure::usage(format_args!("--account {name:?}: {error}, or '*' alone")))
    };
    Ok(Reach::Accounts(names.iter().map(account).collect::<Outcome<_>>()?))
}

fn accounts_of(reach: &Reach) -> Vec<String> {
    match reach {
        Reach::Every => vec![ALL_ACCOUNTS.to_owned()],
        Reach::Accounts(accounts) => accounts.iter().map(AccountId::to_string).collect(),
    }
}
