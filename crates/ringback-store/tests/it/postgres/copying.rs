//! From SQLite to PostgreSQL: everything goes along, and life goes on from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringback_delivery::{AccountId, MessageState};
use ringback_store::{
    Admission, Copied, CopyError, Credential, CredentialChange, CredentialOutcome, Credentials as _,
    KeySource, MessageFilter, OpenError, PasswordHash, PostgresOptions, PostgresStore, Publishing as _,
    Reach, Registrations as _, ReplayFilter, Resealing as _, Role, Scopes, SealingKey, Session,
    SqliteOptions, SqliteStore, Store, Token, Trace, copy_sqlite,
};
use ringback_testbed::{Database, Postgres};
use tempfile::TempDir;

use super::{SOMEBODY_WAITS, options, own_everything};
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

    // Whoever did not hear that it became whole may ask again, until the source is another.
    let copied = copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}).await.unwrap();
    assert_eq!(copied, Copied::Before);
    let sqlite = SqliteStore::open(source(&folder)).unwrap();
    accept_many(&sqlite, at(200), ONE, 1).await;
    drop(sqlite);
    let refused = copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty { .. })), "{refused:?}");
}

/// Nothing opens it.
async fn must_be_closed(database: &Database<'_>) {
    for role in [Role::Server, Role::Admin] {
        let refused = PostgresStore::connect(options(database, role)).await;
        assert!(matches!(refused, Err(OpenError::Unsuitable { .. })), "{refused:?}");
    }
}

/// Begins a copy, which ends in the middle of the messages; says how many rows were there.
async fn broken_off(folder: &TempDir, database: &Database<'_>) -> u64 {
    let copied = Arc::new(AtomicU64::new(0));
    let (seen, enough) = (copied.clone(), Arc::new(tokio::sync::Notify::new()));
    let reached = enough.clone();
    let copying = copy_sqlite(source(folder), options(database, Role::Admin), move |progress| {
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
    copied.load(Ordering::SeqCst)
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

    let stopped_at = broken_off(&folder, &database).await;
    must_be_closed(&database).await;
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

#[tokio::test]
async fn a_copy_begins_anew_when_the_source_was_used_meanwhile() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempfile::tempdir().unwrap());
    let sqlite = SqliteStore::open(source(&folder)).unwrap();
    fill(&sqlite).await;
    for _ in 0..5 {
        accept_many(&sqlite, at(70), ONE, 1000).await;
    }
    drop(sqlite);
    broken_off(&folder, &database).await;

    // Stages that were copied before, and one that was not; the numbers of messages are as they were.
    let sqlite = SqliteStore::open(source(&folder)).unwrap();
    let elsewhere = ringback_store::Registration {
        url: ringback_store::Secret::new("https://elsewhere.example.com/"),
        username: None,
        password: None,
    };
    sqlite.register(at(80), account(ONE), elsewhere).await.unwrap();
    sqlite.rotate_signing_secret(at(80), account(ONE), at(9999)).await.unwrap();
    sqlite.pause(at(80), account(TWO)).await.unwrap();
    let revoked = sqlite.change_credential(at(80), "one", CredentialChange::Revoke).await.unwrap();
    assert_eq!(revoked, CredentialOutcome::Done);
    // Another key seals it now.
    let new = SealingKey::from_bytes([8; 32]);
    sqlite.begin_key_rotation(new.clone()).await.unwrap();
    let mut after = None;
    while let Some(next) = sqlite.reseal_step(after).await.unwrap().next {
        after = Some(next);
    }
    assert!(sqlite.end_key_rotation().await.unwrap());
    let before = told(&sqlite).await;
    drop(sqlite);

    let from = SqliteOptions { key: KeySource::Given(new.clone()), ..source(&folder) };
    let keyed = |role| PostgresOptions { key: new.clone(), ..options(&database, role) };
    let copied = copy_sqlite(from, keyed(Role::Admin), |_| {}).await.unwrap();
    assert!(matches!(copied, Copied::Now { anew: true, .. }), "{copied:?}");
    let store = PostgresStore::connect(keyed(Role::Server)).await.unwrap();
    assert_eq!(told(&store).await, before);
    assert!(store.credential_of_client("client").await.unwrap().unwrap().revoked_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_ends_where_a_command_changes_the_source_beside_it() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempfile::tempdir().unwrap());
    let sqlite = SqliteStore::open(source(&folder)).unwrap();
    fill(&sqlite).await;
    drop(sqlite);
    drop(PostgresStore::connect(options(&database, Role::Server)).await.unwrap());
    let session = super::Session::begin(&database).await;
    session.run("LOCK TABLE ringback.credential IN SHARE MODE").await;

    // It is there before the copy begins, and has written already.
    let admin = SqliteStore::open(SqliteOptions { role: Role::Admin, ..source(&folder) }).unwrap();
    admin.pause(at(79), account(ONE)).await.unwrap();
    let copying = tokio::spawn(copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}));
    // Its credentials are read.
    database.until(SOMEBODY_WAITS).await;
    admin.change_credential(at(80), "one", CredentialChange::Revoke).await.unwrap();
    session.end().await;
    let copied = copying.await.unwrap();
    assert!(matches!(copied, Err(CopyError::Changed)), "{copied:?}");
    must_be_closed(&database).await;

    let copied = copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}).await.unwrap();
    assert!(matches!(copied, Copied::Now { anew: true, .. }), "{copied:?}");
    let store = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    assert!(store.credential_of_client("client").await.unwrap().unwrap().revoked_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_breaks_off_behind_its_last_row_is_not_open_and_goes_on() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempfile::tempdir().unwrap());
    let sqlite = SqliteStore::open(source(&folder)).unwrap();
    fill(&sqlite).await;
    let before = told(&sqlite).await;
    drop(sqlite);
    drop(PostgresStore::connect(options(&database, Role::Server)).await.unwrap());
    let session = super::Session::begin(&database).await;
    // As rows come this is in nobody's way, but what looks at the whole table waits.
    session.run("LOCK TABLE ringback.lane IN SHARE UPDATE EXCLUSIVE MODE").await;
    let copying = tokio::spawn(copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}));
    database.until(SOMEBODY_WAITS).await;
    copying.abort();
    assert!(copying.await.is_err_and(|error| error.is_cancelled()));
    must_be_closed(&database).await;
    session.end().await;

    let copied = copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}).await.unwrap();
    assert!(matches!(copied, Copied::Now { anew: false, .. }), "{copied:?}");
    let store = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    assert_eq!(told(&store).await, before);
}

#[tokio::test]
async fn a_copy_that_is_not_as_its_source_stays_closed() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempfile::tempdir().unwrap());
    let sqlite = SqliteStore::open(source(&folder)).unwrap();
    fill(&sqlite).await;
    for _ in 0..5 {
        accept_many(&sqlite, at(70), ONE, 1000).await;
    }
    drop(sqlite);
    broken_off(&folder, &database).await;
    database.psql(&format!("DELETE FROM ringback.kept WHERE account = {ONE} AND sequence = 1"));
    for _ in 0..2 {
        let copied = copy_sqlite(source(&folder), options(&database, Role::Admin), |_| {}).await;
        assert!(matches!(copied, Err(CopyError::Differs(_))), "{copied:?}");
        must_be_closed(&database).await;
    }
}
