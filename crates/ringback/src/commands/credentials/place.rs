//! Where credentials are changed: in a store or through an API.

use std::time::Duration;

use ringback_store::Role;
use ringback_wire::api::{CredentialCreateRequest, CredentialCreated, CredentialView, Scope};

use super::by_api::Api;
use super::by_store::Desk;
use crate::args::credentials::PlaceArgs;
use crate::config::store::StoreSettings;
use crate::failure::Outcome;
use crate::open_store::{must_exist, open_existing_store, open_store};
use crate::{output, target};

/// Where credentials are changed.
pub(super) enum Place {
    Store(Desk),
    Api(Box<Api>),
}

fn store(args: &PlaceArgs) -> Outcome<Option<StoreSettings>> {
    let named = |url: &String| StoreSettings::named("--store", url, args.key_file.clone());
    args.store.as_ref().map(named).transpose()
}

impl Place {
    /// What the options name; a store has to be there.
    pub(super) async fn find(args: &PlaceArgs) -> Outcome<Self> {
        match store(args)? {
            Some(settings) => Ok(Self::Store(Desk::new(open_existing_store(&settings).await?))),
            None => Self::api(args),
        }
    }

    /// The same, and a store that is not there is made, which is said.
    pub(super) async fn find_or_make(args: &PlaceArgs) -> Outcome<Self> {
        let Some(settings) = store(args)? else { return Self::api(args) };
        let is_new = must_exist(&settings.url).is_err();
        let desk = Desk::new(open_store(&settings, Role::Admin).await?);
        if is_new {
            output::note(format_args!("there was no store at {}: a new one was made", settings.url));
        }
        Ok(Self::Store(desk))
    }

    fn api(args: &PlaceArgs) -> Outcome<Self> {
        Ok(Self::Api(Box::new(Api::new(&target::client(&args.connection)?))))
    }

    pub(super) async fn create(&self, request: CredentialCreateRequest) -> Outcome<CredentialCreated> {
        match self {
            Self::Store(desk) => desk.create(request).await,
            Self::Api(api) => api.create(request).await,
        }
    }

    pub(super) async fn list(&self) -> Outcome<Vec<CredentialView>> {
        match self {
            Self::Store(desk) => desk.list().await,
            Self::Api(api) => api.list().await,
        }
    }

    pub(super) async fn rotate(&self, name: &str, overlap: Duration) -> Outcome<CredentialCreated> {
        match self {
            Self::Store(desk) => desk.rotate(name, overlap).await,
            Self::Api(api) => api.rotate(name, overlap).await,
        }
    }

    pub(super) async fn grant(&self, name: &str, accounts: Vec<String>, scopes: Vec<Scope>) -> Outcome {
        match self {
            Self::Store(desk) => desk.grant(name, &accounts, &scopes).await,
            Self::Api(api) => api.grant(name, &accounts, &scopes).await,
        }
    }

    pub(super) async fn unlock(&self, name: &str) -> Outcome {
        match self {
            Self::Store(desk) => desk.unlock(name).await,
            Self::Api(api) => api.unlock(name).await,
        }
    }

    pub(super) async fn revoke(&self, name: &str) -> Outcome {
        match self {
            Self::Store(desk) => desk.revoke(name).await,
            Self::Api(api) => api.revoke(name).await,
        }
    }
}
