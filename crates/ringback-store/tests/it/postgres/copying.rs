//! From SQLite to PostgreSQL: everything goes along, and life goes on from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringback_delivery::{AccountId, MessageState};
use ringback_store::{
    Admission, CopyError, Credential, CredentialOutcome, KeySource, MessageFilter, OpenError, PasswordHash,
    PostgresStore, Publishing as _, Reach, ReplayFilter, Role, Scopes, SealingKey, Session, SqliteOptions,
    SqliteStore, Store, Token, Trace, copy_sqlite,
};
use ringback_testbed::Postgres;
use tempfile::TempDir;

use super::{options, own_everything};
use crate::cast::*;
use crate::looking::*;
use crate::sqlite::database;

const THREE: u64 = TWO + 1;

fn source(folder: &TempDir) -> SqliteOptions {
    let key = KeySource::Given(SealingKey::from_bytes([7; 32]));
    SqliteOptions { key, ..SqliteOptions::server(database(folder.path())) }
}

/// A store in which there is something of everything.
async fn fill(store: &dyn Store) {
    for number in [ONE, TWO, THREE] {
        register(store, number).await;
    }
    // Delivered, waiting for another attempt, dead, cancelled, sent again, and never tried.
    for key in 1..=20 {
        accept(store, at(i64::from(key)), named(ONE, key, key)).await;
        accept(store, at(i64::from(key)), ordered(TWO, i64::from(key % 3), "\u{1F4E6}\\\t\n")).await;
    }
    let trace = Trace { id: [1; 16], span: [2; 8], sampled: true };
    accept(store, at(20), traced(THREE, "in a trace", trace)).await;
    let rows = waiting(store, ONE).await;
    let settled = vec![
        delivered(ONE, &rows[0]),
        dead(ONE, &rows[1]),
        retry(ONE, &rows[2], at(500)),
        dead(ONE, &rows[3]),
    ];
    store.record(at(30), settled, Vec::new()).await.unwrap();
    let row = waiting(store, ONE).await[0];
    store.record(at(40), vec![delivered(ONE, &row)], Vec::new()).await.unwrap();
    let row = waiting(store, ONE).await[0];
    store.record(at(40), vec![retry(ONE, &row, at(900))], Vec::new()).await.unwrap();
    store.deregister(at(50), account(TWO)).await.unwrap();
    sweep(store, at(51), TWO, Vec::new()).await;
    register(store, TWO).await;
    accept_many(store, at(52), TWO, 3).await;
    deliver_all(store, at(53), TWO).await;
    let dead = MessageFilter { state: Some(MessageState::Dead), ..of(ONE) };
    let dead = store.search(dead, None, 1).await.unwrap().items[0].id;
    store.replay(at(54), dead).await.unwrap();
    store.pause(at(55), account(THREE)).await.unwrap();
    accept_many(store, at(56), THREE, 5).await;
    store.acknowledge(at(57), account(THREE), 2).await.unwrap();
    let all = ReplayFilter { state: None, since: None, until: None };
    store.begin_replay(at(58), account(TWO), all).await.unwrap();
    for number in [ONE, TWO] {
        store.signing_secrets(at(59), account(number)).await.unwrap();
    }
    store.rotate_signing_secret(at(60), account(ONE), at(9999)).await.unwrap();

    let credential = Credential {
        id: 0,
        name: "one".to_owned(),
        client_id: "client".to_owned(),
        client_secret: [1; 32],
        previous_secret: Some(([3; 32], at(99))),
        username: "user".to_owned(),
        password: PasswordHash::Argon2("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned()),
        previous_password: None,
        scopes: Scopes { publish: true, ..Scopes::default() },
        reach: Reach::Accounts(vec![account(ONE), account(THREE)]),
        created_at: at(0),
        revoked_at: None,
        locked_until: None,
    };
    assert_eq!(store.create_credential(credential).await.unwrap(), CredentialOutcome::Done);
    let credential = store.credential_of_client("client").await.unwrap().unwrap().id;
    store.issue_token([8; 32], Token { credential, expires_at: at(3600) }).await.unwrap();
    store.open_session([9; 32], Session { credential, last_used_at: at(60) }).await.unwrap();
}

/// Everything that a store tells, but for where it keeps its bodies.
async fn told(store: &dyn Store) -> Vec<String> {
    let mut told = Vec::new();
    let accounts = store.accounts(Reach::Every, None, 100).await.unwrap();
    for account in accounts.iter().map(|summary| summary.account) {
        told.extend(told_of(store, account).await);
    }
    told.extend(accounts.iter().map(|summary| format!("{summary:?}")));
    for credential in store.credentials().await.unwrap() {
        let reach = format!("{:?} {:?} {}", credential.reach, credential.scopes, credential.username);
        told.push(format!("{} {} {reach} {:?}", credential.id, credential.name, credential.previous_secret));
    }
    told.push(format!("{:?}", store.token([8; 32]).await.unwrap()));
    told.push(format!("{:?}", store.session([9; 32]).await.unwrap()));
    told.push(format!("{:?}", verified(store).await));
    told
}

async fn told_of(store: &dyn Store, account: AccountId) -> Vec<String> {
    let mut told = vec![format!("{:?}", store.standing(account).await.unwrap())];
    let secret = |text: &ringback_store::Secret| text.expose().to_owned();
    let registration = store.registration(account).await.unwrap();
    told.push(format!("{:?}", registration.map(|one| (secret(&one.url), one.username.as_ref().map(secret)))));
    for signing in store.signing_secrets(at(61), account).await.unwrap() {
        told.push(format!("{:?} {:?} {signing:?}", signing.hmac, signing.ed25519_seed));
    }
    for mut row in waiting(store, account.number()).await {
        row.position = 0;
        told.push(format!("{row:?}"));
    }
    let filter = MessageFilter { with_bodies: true, ..of(account.number()) };
    for page in pages(store, &filter, 7).await {
        for message in page.items {
            let attempts = attempts(store, message.id).await;
            told.push(format!("{message:?} {attempts:?}"));
        }
    }
    told
}

#[tokio::test]
async fn a_copied_store_says_the_same_and_goes_on_from_there() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempfile::tempdir().unwrap());
    let sqlite = SqliteStore::open(source(&folder)).unwrap();
    fill(&sqlite).await;
    let before = told(&sqlite).await;
    let refused = copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}).await;
    assert!(matches!(refused, Err(CopyError::Source(OpenError::InUse { .. }))), "{refused:?}");
    drop(sqlite);

    copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}).await.unwrap();
    let store = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    own_everything(&store).await;
    assert_eq!(told(&store).await, before);

    // The keys still count, the numbers go on, and what waited is delivered with its body.
    let again = store.accept(at(100), vec![named(ONE, 1, 1)]).await.unwrap();
    assert!(
        matches!(again[0], Admission::Duplicate(id, MessageState::Delivered) if id.sequence.0 == 1),
        "{again:?}"
    );
    assert_eq!(accept(&store, at(100), named(ONE, 77, 77)).await.sequence.0, 21);
    replay_all(&store, at(101)).await;
    for number in [ONE, TWO] {
        deliver_all(&store, at(102), number).await;
    }
    let ledger = verified(&store).await;
    assert_eq!(ledger.counts.pending, 6, "of the account on pause");
    retire_all(&store, hour(20), short()).await;
    assert_eq!(verified(&store).await.counts.pending, 6);

    let refused = copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_copy_that_breaks_off_goes_on_where_it_stopped() {
    const MESSAGES: usize = 5000;
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempfile::tempdir().unwrap());
    let sqlite = SqliteStore::open(source(&folder)).unwrap();
    fill(&sqlite).await;
    for _ in 0..MESSAGES / 1000 {
        accept_many(&sqlite, at(70), ONE, 1000).await;
    }
    let before = told(&sqlite).await;
    drop(sqlite);

    // It ends in the middle of the messages.
    let copied = Arc::new(AtomicU64::new(0));
    let (seen, enough) = (copied.clone(), Arc::new(tokio::sync::Notify::new()));
    let reached = enough.clone();
    let copying = copy_sqlite(source(&folder), options(&database, Role::Admin), move |progress| {
        seen.store(progress.copied, Ordering::SeqCst);
        if progress.copied > 1000 {
            reached.notify_one();
        }
    });
    tokio::select! {
        biased;
        () = enough.notified() => {}
        copied = copying => panic!("it was whole at once: {copied:?}"),
    }
    let stopped_at = copied.load(Ordering::SeqCst);
    for role in [Role::Server, Role::Admin] {
        let refused = PostgresStore::connect(options(&database, role)).await;
        assert!(matches!(refused, Err(OpenError::Unsuitable { .. })), "{refused:?}");
    }
    let other = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(source(&other)).unwrap());
    let refused = copy_sqlite(source(&other), options(&database, Role::Admin), |_| {}).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty { .. })), "another source: {refused:?}");

    let first = Arc::new(AtomicU64::new(0));
    let seen = first.clone();
    copy_sqlite(source(&folder), options(&database, Role::Admin), move |progress| {
        let _ = seen.compare_exchange(0, progress.copied, Ordering::SeqCst, Ordering::SeqCst);
        assert!(progress.copied <= progress.of);
    })
    .await
    .unwrap();
    assert!(first.load(Ordering::SeqCst) > stopped_at, "it went on, and did not begin anew");
    let store = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    assert_eq!(told(&store).await, before);
}
