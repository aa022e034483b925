//! Where each lane's messages go now, and the fence that a deregistration or a replacement closes.
//!
//! A cell is made when a lane is read that has something to send, or when messages of an account are about to be sent, and it
//! goes with the lane. From then on the store updates it after each commit that changes the account's standing, before that change is
//! answered. An attempt takes the endpoint from the cell and looks once more before it starts: if the cell has moved on, it
//! begins again with what is there now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ringback_delivery::{AccountId, Standing, Turn};
use ringback_store::{Endpoint, Secret, Store, StoreError};
use ringback_wire::signature::{Ed25519Key, HmacKey, SigningKey};

use crate::clock::Clock;
use crate::send::CallbackUrl;

use super::attempt::Signing;

/// An endpoint made ready for sending.
pub(super) struct ReadyEndpoint {
    pub(super) url: Arc<CallbackUrl>,
    pub(super) username: Secret,
    pub(super) password: Secret,
    pub(super) key: SigningKey,
    /// Nothing up to this place in the queue goes here: its account has cancelled it.
    pub(super) cancelled_through: Turn,
    /// From when on a signing secret in `key` is not to be used any more, in milliseconds; the endpoint is read anew then.
    good_until: Option<ringback_delivery::Timestamp>,
}

#[derive(Default)]
struct Cell {
    /// Grows with each change that the cell hears of.
    version: u64,
    /// What the store told last, since the cell was made.
    standing: Option<Standing>,
    endpoint: Option<Arc<ReadyEndpoint>>,
}

impl Cell {
    fn closed(&self) -> bool {
        self.standing.is_some_and(|standing| !standing.sends())
    }
}

/// An endpoint as an attempt took it; whether it is still in force is asked of its cell.
pub(super) struct Taken {
    pub(super) endpoint: Arc<ReadyEndpoint>,
    cell: Arc<Mutex<Cell>>,
    version: u64,
}

impl Taken {
    /// Whether nothing has changed since it was taken: the last look before an attempt starts.
    pub(super) fn is_current(&self) -> bool {
        let cell = lock(&self.cell);
        cell.version == self.version && !cell.closed()
    }
}

/// All cells.
#[derive(Default)]
pub(super) struct Endpoints {
    cells: Mutex<HashMap<AccountId, Arc<Mutex<Cell>>>>,
}

impl Endpoints {
    /// The store tells of a change: on its thread, before the change is answered.
    pub(super) fn changed(&self, account: AccountId, standing: Standing) {
        let cell = lock(&self.cells).get(&account).cloned();
        if let Some(cell) = cell {
            let mut cell = lock(&cell);
            cell.version += 1;
            cell.standing = Some(standing);
            cell.endpoint = None;
        }
    }

    /// What is known of an account may be stale: it is read anew.
    pub(super) fn doubted(&self, account: AccountId) {
        let cell = lock(&self.cells).get(&account).cloned();
        if let Some(cell) = cell {
            let mut cell = lock(&cell);
            cell.version += 1;
            cell.standing = None;
            cell.endpoint = None;
        }
    }

    /// The lane left memory.
    pub(super) fn forget(&self, account: AccountId) {
        lock(&self.cells).remove(&account);
    }

    /// Of some accounts nothing more is heard: what is known of them is forgotten.
    pub(super) fn forget_all(&self, of: impl Fn(AccountId) -> bool) {
        lock(&self.cells).retain(|account, _| !of(*account));
    }

    /// Whether an attempt would find an endpoint, or that there is none, without the store; but where a secret has retired.
    pub(super) fn know(&self, account: AccountId) -> bool {
        let cell = lock(&self.cells).get(&account).cloned();
        cell.is_some_and(|cell| {
            let cell = lock(&cell);
            cell.endpoint.is_some() || cell.closed()
        })
    }

    /// Reads the endpoints of these accounts, if they are not known yet, all at once. An attempt reads for itself what could
    /// not be read here.
    pub(super) async fn look_up(
        &self,
        store: &dyn Store,
        clock: &Clock,
        signing: Signing,
        accounts: Vec<AccountId>,
    ) {
        let (accounts, asked): (Vec<AccountId>, Vec<Asked>) =
            accounts.into_iter().filter_map(|account| Some((account, self.ask(account)?))).unzip();
        if accounts.is_empty() {
            return;
        }
        let found = match store.endpoints(clock.now(), accounts.clone()).await {
            Ok(found) => found,
            // One that is damaged must not cost the others theirs.
            Err(StoreError::Damaged(_)) if accounts.len() > 1 => {
                let mut found = Vec::with_capacity(accounts.len());
                for account in accounts {
                    found.push(store.endpoint(clock.now(), account).await.ok().flatten());
                }
                found
            }
            Err(error) => {
                tracing::debug!(%error, "endpoints could not be read ahead");
                return;
            }
        };
        for (Asked { cell, version }, read) in asked.into_iter().zip(found) {
            let Some(ready) = read.and_then(|read| make_ready(&read, signing)) else { continue };
            let mut held = lock(&cell);
            if held.version == version {
                held.endpoint = Some(Arc::new(ready));
            }
        }
    }

    /// An account's cell, in place before the store is read, so that no change is missed between the two; none if the
    /// endpoint is known, or nothing is to be sent there.
    fn ask(&self, account: AccountId) -> Option<Asked> {
        let cell = lock(&self.cells).entry(account).or_default().clone();
        let held = lock(&cell);
        let wanted = held.endpoint.is_none() && !held.closed();
        let version = held.version;
        drop(held);
        wanted.then_some(Asked { cell, version })
    }

    /// The endpoint in force, read from the store if need be; `None` when there is nowhere to send.
    pub(super) async fn take(
        &self,
        store: &dyn Store,
        clock: &Clock,
        signing: Signing,
        account: AccountId,
    ) -> Result<Option<Taken>, StoreError> {
        // In place before the store is read, so that no change is missed between the two.
        let cell = lock(&self.cells).entry(account).or_default().clone();
        loop {
            let version = {
                let held = lock(&cell);
                if held.closed() {
                    return Ok(None);
                }
                let good = |endpoint: &Arc<ReadyEndpoint>| {
                    endpoint.good_until.is_none_or(|until| until > clock.now())
                };
                if let Some(endpoint) = held.endpoint.clone().filter(good) {
                    return Ok(Some(Taken { endpoint, cell: cell.clone(), version: held.version }));
                }
                held.version
            };
            let Some(read) = store.endpoint(clock.now(), account).await? else { return Ok(None) };
            let Some(ready) = make_ready(&read, signing) else {
                return Err(StoreError::Damaged("a registration can't be used".into()));
            };
            let mut held = lock(&cell);
            if held.version == version {
                held.endpoint = Some(Arc::new(ready));
            }
        }
    }
}

/// A cell for which the store is asked, with its version before.
struct Asked {
    cell: Arc<Mutex<Cell>>,
    version: u64,
}

pub(super) fn make_ready(read: &Endpoint, signing: Signing) -> Option<ReadyEndpoint> {
    let mut keys = read.signing.iter().filter_map(|secret| {
        let ed25519 =
            matches!(signing, Signing::HmacAndEd25519).then(|| Ed25519Key::from_seed(&secret.ed25519_seed));
        Some(SigningKey::new(HmacKey::from_bytes(&secret.hmac).ok()?, ed25519))
    });
    let present = keys.next()?;
    let none = || Secret::new(String::new());
    Some(ReadyEndpoint {
        url: Arc::new(CallbackUrl::parse(read.registration.url.expose()).ok()?),
        username: read.registration.username.clone().unwrap_or_else(none),
        password: read.registration.password.clone().unwrap_or_else(none),
        key: present.with_previous(keys.collect()),
        cancelled_through: read.cancelled_through,
        good_until: read.signing.iter().filter_map(|secret| secret.retires_at).min(),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
