//! The store of a scenario, and what is in it before a server starts: a credential, registered accounts, a backlog.
//!
//! Without `--store` each scenario has a database of its own in a new folder under the working directory, so on the disk
//! that is to be measured; the folder goes with the stage. A store that is given must be empty at first, serves one
//! scenario after another, and is left as it is afterwards.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use ringback_delivery::{AccountId, MessageKind, OrderingKey};
use ringback_server::clock::Clock;
use ringback_server::credentials::{self, NewCredential};
use ringback_store::{NewMessage, Reach, Registration, Role, Scopes, Secret, Store};
use ringback_wire::publish::parse_published;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::message::{PASSWORD, Template, USER_NAME};
use crate::config::store::StoreSettings;
use crate::failure::{Failure, Outcome};
use crate::open_store::open_store;

/// Registrations that are under way at once, so that many share a commit.
const TOGETHER: usize = 1024;
/// Messages of a backlog that are handed over at once.
const CHUNK: u64 = 2048;
/// The first account's number.
const FIRST_ACCOUNT: u64 = 2_420_000_000_000;

/// The account with this number among those of a run.
pub(super) fn account(number: u64) -> AccountId {
    // Far below the bound of accounts' numbers for any run there is.
    AccountId::from_number(FIRST_ACCOUNT + number).unwrap_or_else(|| unreachable!("a run has fewer accounts"))
}

/// What the load generator shows the server.
pub(super) struct Secrets {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) username: String,
    pub(super) password: String,
}

/// A store that is ready for a server.
pub(super) struct Stage {
    settings: StoreSettings,
    url: String,
    key_file: Option<String>,
    pub(super) nodes: usize,
    folder: PathBuf,
    pub(super) secrets: Secrets,
    /// Goes with the stage, where the store is not one that was given.
    _own: Option<TempDir>,
}

/// The store that was given.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) url: String,
    pub(super) key_file: Option<PathBuf>,
    /// Servers that use it at once.
    pub(super) nodes: usize,
    /// How many stages it has been.
    pub(super) stages: Cell<u32>,
}

impl Stage {
    /// A store with a credential for all accounts.
    pub(super) async fn set(given: Option<&Given>) -> Outcome<Self> {
        let (url, key_file, nodes, own) = match given {
            Some(given) => (given.url.clone(), given.key_file.clone(), given.nodes, None),
            None => {
                let own = tempfile::Builder::new().prefix("ringback-bench-").tempdir_in(".");
                let own = own.context("no folder can be made here for the benchmark's store")?;
                (format!("sqlite:{}", own.path().join("bench.db").display()), None, 1, Some(own))
            }
        };
        let settings = StoreSettings::named("--store", &url, key_file.clone())?;
        let store = open(&settings).await?;
        let before = given.map_or(0, |given| given.stages.replace(given.stages.get() + 1));
        let secrets = credential(&*store, before).await?;
        Ok(Self {
            settings,
            url,
            key_file: key_file.map(|path| path.display().to_string()),
            nodes,
            folder: own.as_ref().map_or_else(|| PathBuf::from("."), |own| own.path().to_owned()),
            secrets,
            _own: own,
        })
    }

    pub(super) fn store_url(&self) -> &str {
        &self.url
    }

    pub(super) fn key_file(&self) -> Option<&str> {
        self.key_file.as_deref()
    }

    /// A folder on the disk that is measured.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Registers accounts `numbers`, each with the URL that is made for it. No server may run.
    pub(super) async fn register(
        &self,
        numbers: std::ops::Range<u64>,
        url: impl Fn(u64) -> String,
    ) -> Outcome {
        let store = open(&self.settings).await?;
        let clock = Clock::system();
        let mut under_way = JoinSet::new();
        for number in numbers {
            if under_way.len() >= TOGETHER
                && let Some(registered) = under_way.join_next().await
            {
                registered.context("a registration ended badly")??;
            }
            let (store, now) = (store.clone(), clock.now());
            let registration = Registration {
                url: Secret::new(url(number)),
                username: Some(Secret::new(USER_NAME)),
                password: Some(Secret::new(PASSWORD)),
            };
            under_way.spawn(async move { store.register(now, account(number), registration).await });
        }
        while let Some(registered) = under_way.join_next().await {
            registered.context("a registration ended badly")??;
        }
        Ok(())
    }

    /// Accepts so many messages of the accounts `0..accounts` in turn, with marks from `first` on. No server may run.
    pub(super) async fn fill(&self, messages: u64, accounts: u64, first: u64) -> Outcome {
        let store = open(&self.settings).await?;
        let clock = Clock::system();
        let template = Template::new();
        for from in (0..messages).step_by(CHUNK as usize) {
            let chunk = (from..messages.min(from + CHUNK))
                .map(|number| new_message(&template, account(number % accounts), first + number))
                .collect::<Outcome<Vec<_>>>()?;
            store.accept(clock.now(), chunk).await?;
        }
        Ok(())
    }

    /// Bytes that the store takes on its disk.
    pub(super) async fn size(&self) -> Outcome<u64> {
        Ok(open(&self.settings).await?.size().await?.bytes)
    }
}

async fn open(settings: &StoreSettings) -> Outcome<Arc<dyn Store>> {
    open_store(settings, Role::Server).await
}

/// One that differs from those of the stages `before`; without one the store must be nobody's.
async fn credential(store: &dyn Store, before: u32) -> Outcome<Secrets> {
    if before == 0 && !store.credentials().await?.is_empty() {
        return Err(Failure::usage(
            "--store: the benchmark wants an empty store, and this one has credentials",
        ));
    }
    let new = NewCredential {
        name: format!("bench {}", before + 1),
        scopes: Scopes { callbacks: true, publish: true, operate: true },
        reach: Reach::Every,
        username: None,
        password: None,
    };
    let issued = credentials::create(store, Clock::system().now(), new).await?;
    Ok(Secrets {
        client_id: issued.client_id,
        client_secret: issued.client_secret.expose().to_owned(),
        username: issued.username,
        password: issued.password.expose().to_owned(),
    })
}

fn new_message(template: &Template, account: AccountId, mark: u64) -> Outcome<NewMessage> {
    let mut text = Vec::with_capacity(template.len());
    template.write(&mut text, account, mark);
    let published =
        parse_published(&text).map_err(|error| anyhow!("the benchmark's message is wrong: {error}"))?;
    Ok(NewMessage {
        account,
        kind: MessageKind::UpgradeFinished,
        // Each is of an upgrade of its own, as in what is published.
        key: Some(OrderingKey(i64::try_from(mark).unwrap_or(i64::MAX))),
        idempotency: None,
        content: published.body.into(),
    })
}
