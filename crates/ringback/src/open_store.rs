//! Opening a store without standing in other tasks' way.

use std::sync::Arc;

use anyhow::Context as _;
use ringback_store::{Role, SqliteStore};

use crate::config::store::StoreSettings;
use crate::failure::Outcome;

/// Opens the store, and makes it where there is none. A migration can take a while.
pub(crate) async fn open_store(settings: &StoreSettings, role: Role) -> Outcome<Arc<SqliteStore>> {
    let options = settings.options(role)?;
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(options))
        .await
        .context("the store could not be opened")?;
    Ok(Arc::new(opened?))
}
