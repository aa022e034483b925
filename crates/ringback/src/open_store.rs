//! Opening a store without standing in other tasks' way.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use ringback_store::{Role, SqliteStore};

use crate::config::store::{InvalidStoreUrl, StoreSettings, StoreUrl};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// Opens the store, and makes it where there is none. A migration can take a while.
pub(crate) async fn open_store(settings: &StoreSettings, role: Role) -> Outcome<Arc<SqliteStore>> {
    let options = settings.options(role)?;
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(options))
        .await
        .context("the store could not be opened")?;
    Ok(Arc::new(opened?))
}

/// The store that `--store` names, for a command that must not make one.
pub(crate) fn existing(url: &str) -> Outcome<StoreUrl> {
    let url: StoreUrl = url
        .parse()
        .map_err(|error: InvalidStoreUrl| Failure::configuration(format_args!("--store: {error}")))?;
    let StoreUrl::Sqlite(path) = &url;
    match path.try_exists() {
        Ok(true) => Ok(url),
        Ok(false) => {
            Err(Failure::new(ExitCode::Store, anyhow!("there is no database at {}", path.display())))
        }
        Err(error) => {
            Err(Failure::new(ExitCode::Store, anyhow!("{} can't be looked at: {error}", path.display())))
        }
    }
}
