//! Opening a database: from its address to a store that works.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use super::connector::Connector;
use super::days::Days;
use super::doubts::Doubts;
use super::ear::Ear;
use super::fault::Fault;
use super::heard::Heard;
use super::hints::Hints;
use super::opening::Openings;
use super::options::PostgresOptions;
use super::pool::{Maker, Pool};
use super::tenure::Tenure;
use super::writer::{Desk, Writer};
use super::{PostgresStore, copying, lease, migrate};
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
    if copying::is_under_way(&link).await.map_err(unreachable)? {
        return Err(unsuitable("a copy into it is not whole: run ringback store copy again".to_owned()));
    }
    let (vault, mark) = migrate::bring_up_to_date(&link, &options).await?;
    let opened_at = lease::now(&link).await.map_err(unreachable)?;
    drop(link);

    let mark = OnceLock::from(mark);
    let maker = Arc::new(Maker { connector: Arc::clone(&connector), mark, openings: Openings::here() });
    let commits = Arc::<AtomicU64>::default();
    let pool =
        Pool::new(Arc::clone(&maker), options.connections, Arc::clone(&commits)).map_err(unsuitable)?;
    let pool = Arc::new(pool);
    let wants_hints = options.notify && options.role == Role::Server && !connector.is_pooled();
    let hints = Arc::new(Hints::new(connector, wants_hints));
    let (days, tenure, ear) = (Arc::<Days>::default(), Arc::<Tenure>::default(), Arc::<Ear>::default());
    let heard = Arc::<Heard>::default();
    let doubts = Arc::new(Doubts::start(Arc::clone(&pool), Arc::clone(&ear)));
    let writer = Writer::start(Desk {
        maker,
        days: Arc::clone(&days),
        tenure: Arc::clone(&tenure),
        ear: Arc::clone(&ear),
        doubts: Arc::clone(&doubts),
        hints: Arc::clone(&hints),
        heard: Arc::clone(&heard),
        commits: Arc::clone(&commits),
        limits: options.limits,
    });
    Ok(PostgresStore {
        vault: Arc::new(vault),
        pool,
        writer,
        days,
        tenure,
        ear,
        doubts,
        cursor: Default::default(),
        drops: Default::default(),
        hints,
        heard,
        horizon: Default::default(),
        commits,
        opened_at,
        node_name: options.node_name,
        lease_term: options.lease_term,
    })
}
