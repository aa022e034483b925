//! Opening a store without standing in other tasks' way.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use ringback_store::{PostgresStore, Role, SqliteStore, Store};

use crate::config::store::{StoreOptions, StoreSettings, StoreUrl};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// Opens the store, and makes it where there is none. A migration can take a while.
pub(crate) async fn open_store(settings: &StoreSettings, role: Role) -> Outcome<Arc<dyn Store>> {
    open(settings.options(role).await?).await
}

/// Opens a store for a command that must not make one.
pub(crate) async fn open_existing_store(settings: &StoreSettings) -> Outcome<Arc<dyn Store>> {
    must_exist(&settings.url)?;
    let mut options = settings.options(Role::Admin).await?;
    if let StoreOptions::Postgres(options) = &mut options {
        options.makes_store = false;
    }
    open(options).await
}

async fn open(options: StoreOptions) -> Outcome<Arc<dyn Store>> {
    match options {
        StoreOptions::Sqlite(options) => {
            let opened = tokio::task::spawn_blocking(move || SqliteStore::open(options))
                .await
                .context("the store could not be opened")?;
            Ok(Arc::new(opened?))
        }
        StoreOptions::Postgres(options) => Ok(Arc::new(PostgresStore::connect(*options).await?)),
    }
}

/// Refuses an SQLite store that is not there.
pub(crate) fn must_exist(url: &StoreUrl) -> Outcome {
    // Whether a database behind PostgreSQL is there shows when it is opened.
    let StoreUrl::Sqlite(path) = url else { return Ok(()) };
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(Failure::new(ExitCode::Store, anyhow!("there is no database at {}", path.display())))
        }
        Err(error) => {
            Err(Failure::new(ExitCode::Store, anyhow!("{} can't be looked at: {error}", path.display())))
        }
    }
}
