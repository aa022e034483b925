//! Opening a database: from a path to a store that runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::options::{Role, SqliteOptions};
use super::readers::Readers;
use super::writer::{Connected, Writer};
use super::{SqliteStore, connection, create, identity, key_file, keys, lock, migrate};
use crate::{OpenError, Vault};

pub(super) fn open(options: SqliteOptions) -> Result<SqliteStore, OpenError> {
    let path = whole(&options.path);
    let lock = match options.role {
        Role::Server => Some(lock::ServerLock::take(&path)?),
        Role::Admin => None,
    };
    if !path.exists() {
        create::create(&path, &options.key)?;
    }
    identity::refuse_foreign(&path)?;
    let mut writer = connection::writer(&path).map_err(|error| identity::refusal(&path, &error))?;
    identity::refuse_unusable(&path, &writer)?;
    migrate::bring_up_to_date(&mut writer, &path, options.role, &migrate::runner())?;

    let key = key_file::of_existing(&options.key, &path)?;
    let mark = identity::mark(&writer).map_err(|error| identity::refusal(&path, &error))?;
    let records = keys::records(&writer).map_err(|error| identity::refusal(&path, &error))?;
    let vault = Arc::new(Vault::open(&key, &records)?);
    let connected = Connected::new(writer).map_err(|error| identity::refusal(&path, &error))?;
    let unwritable =
        |error: std::io::Error| OpenError::Unwritable { path: path.clone(), reason: error.to_string() };
    let readers = Arc::new(Readers::start(path.clone()).map_err(unwritable)?);
    let writer = Writer::start(path.clone(), mark, options.limits, options.role, connected, lock)
        .map_err(unwritable)?;
    Ok(SqliteStore { vault, readers, writer })
}

/// The path without links, so that two spellings of it share one lock.
fn whole(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
