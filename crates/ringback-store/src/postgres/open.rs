//! Opening a database: from its address to a store that works.

use std::sync::{Arc, OnceLock};

use super::connector::Connector;
use super::fault::Fault;
use super::hints::Hints;
use super::options::PostgresOptions;
use super::pool::{Maker, Pool};
use super::{PostgresStore, lease, migrate};
use crate::{OpenError, Role};

pub(super) async fn open(options: PostgresOptions) -> Result<PostgresStore, OpenError> {
    let store = options.to_string();
    let unsuitable = |reason: String| OpenError::Unsuitable { store: store.clone(), reason };
    let unreachable = |fault: Fault| OpenError::Unreachable {
        store: store.clone(),
        reason: fault.into_error().to_string(),
    };
    let connector = Arc::new(Connector::new(&options).map_err(unsuitable)?);
    let link = connector.connect(None).await.map_err(unreachable)?;
    let (vault, mark) = migrate::bring_up_to_date(&link, &options).await?;
    let opened_at = lease::now(&link).await.map_err(unreachable)?;
    drop(link);

    let mark = OnceLock::from(mark);
    let maker = Arc::new(Maker { connector: Arc::clone(&connector), mark });
    let pool = Arc::new(Pool::new(Arc::clone(&maker), options.connections).map_err(unsuitable)?);
    let wants_hints = options.notify && options.role == Role::Server;
    let hints = Hints::new(connector, wants_hints);
    Ok(PostgresStore {
        vault: Arc::new(vault),
        pool,
        tenure: Arc::default(),
        cursor: Default::default(),
        hints,
        opened_at,
        node_name: options.node_name,
        lease_term: options.lease_term,
    })
}
