//! Who may do what.

use std::time::Duration;

use ringback_delivery::Timestamp;
use ringback_store::{
    Credential, CredentialChange, CredentialOutcome, PasswordHash, Reach, Scopes, Session, Store, Token,
};

use crate::cast::*;

pub fn credential(name: &str) -> Credential {
    Credential {
        id: 0,
        name: name.to_owned(),
        client_id: format!("client-{name}"),
        client_secret: [1; 32],
        previous_secret: None,
        username: format!("user-{name}"),
        password: PasswordHash::Keyed([2; 32]),
        previous_password: None,
        scopes: Scopes { callbacks: true, ..Scopes::default() },
        reach: Reach::Accounts(vec![account(ONE)]),
        created_at: at(0),
        revoked_at: None,
        locked_until: None,
    }
}

/// Keeps it, and reads it back with its number.
async fn create(store: &dyn Store, credential: Credential) -> Credential {
    let (client_id, username) = (credential.client_id.clone(), credential.username.clone());
    assert_eq!(store.create_credential(credential).await.unwrap(), CredentialOutcome::Done);
    let created = store.credential_of_client(&client_id).await.unwrap().unwrap();
    let of_user = store.credential_of_user(&username).await.unwrap().unwrap();
    assert_eq!(of_user.id, created.id);
    assert!(store.credential_of_user(&client_id).await.unwrap().is_none());
    created
}

async fn change(
    store: &dyn Store,
    now: Timestamp,
    name: &str,
    change: CredentialChange,
) -> CredentialOutcome {
    store.change_credential(now, name, change).await.unwrap()
}

async fn read(store: &dyn Store, id: i64) -> Credential {
    store.credential(id).await.unwrap().unwrap()
}

pub async fn a_credential_reads_back_as_it_was_kept(store: &dyn Store) {
    let one = credential("one");
    let other = Credential {
        password: PasswordHash::Argon2("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned()),
        previous_secret: Some(([3; 32], at(9))),
        previous_password: Some((PasswordHash::Keyed([4; 32]), at(9))),
        reach: Reach::Every,
        scopes: Scopes { publish: true, operate: true, callbacks: false },
        ..credential("other")
    };
    let (kept, kept_other) = (create(store, one.clone()).await, create(store, other.clone()).await);
    assert!(kept == Credential { id: kept.id, ..one });
    assert!(kept_other == Credential { id: kept_other.id, ..other });
    assert_ne!(kept.id, kept_other.id);
    assert!(read(store, kept.id).await == kept);
    assert!(store.credentials().await.unwrap() == [kept, kept_other]);
    assert!(store.credential(99).await.unwrap().is_none());
    assert!(store.credential_of_client("nobody").await.unwrap().is_none());
}

pub async fn names_client_ids_and_user_names_are_unique(store: &dyn Store) {
    create(store, credential("one")).await;
    let version = store.credentials_version().await.unwrap();
    let takers = [
        Credential { name: "one".to_owned(), ..credential("two") },
        Credential { client_id: "client-one".to_owned(), ..credential("two") },
        Credential { username: "user-one".to_owned(), ..credential("two") },
    ];
    for taker in takers {
        assert_eq!(store.create_credential(taker).await.unwrap(), CredentialOutcome::Taken);
    }
    assert_eq!(store.credentials().await.unwrap().len(), 1);
    assert_eq!(store.credentials_version().await.unwrap(), version);
}

pub async fn a_rotation_keeps_the_secrets_before(store: &dyn Store) {
    let id = create(store, credential("one")).await.id;
    let secret_only =
        CredentialChange::Rotate { client_secret: [5; 32], password: None, overlap_until: at(100) };
    assert_eq!(change(store, at(1), "one", secret_only).await, CredentialOutcome::Done);
    let rotated = read(store, id).await;
    assert_eq!((rotated.client_secret, rotated.previous_secret), ([5; 32], Some(([1; 32], at(100)))));
    assert!(rotated.previous_password.is_none());

    let argon2 = PasswordHash::Argon2("$argon2id$...".to_owned());
    let both = CredentialChange::Rotate {
        client_secret: [6; 32],
        password: Some(argon2.clone()),
        overlap_until: at(200),
    };
    change(store, at(2), "one", both).await;
    let rotated = read(store, id).await;
    assert_eq!((rotated.client_secret, rotated.previous_secret), ([6; 32], Some(([5; 32], at(200)))));
    assert!(rotated.password == argon2);
    assert!(rotated.previous_password == Some((PasswordHash::Keyed([2; 32]), at(200))));
    let nobody = CredentialChange::Rotate { client_secret: [7; 32], password: None, overlap_until: at(0) };
    assert_eq!(change(store, at(3), "nobody", nobody).await, CredentialOutcome::Unknown);
}

pub async fn a_grant_adds_accounts_and_scopes(store: &dyn Store) {
    let id = create(store, credential("one")).await.id;
    let scopes = Scopes { publish: true, ..Scopes::default() };
    let reach = Reach::Accounts(vec![account(TWO), account(ONE)]);
    change(store, at(1), "one", CredentialChange::Grant { reach, scopes }).await;
    let granted = read(store, id).await;
    assert!(granted.reach == Reach::Accounts(vec![account(ONE), account(TWO)]));
    assert_eq!(granted.scopes, Scopes { callbacks: true, publish: true, operate: false });

    change(store, at(2), "one", CredentialChange::Grant { reach: Reach::Every, scopes: Scopes::default() })
        .await;
    let granted = read(store, id).await;
    assert!(granted.reach == Reach::Every);
    assert_eq!(granted.scopes, Scopes { callbacks: true, publish: true, operate: false });
}

pub async fn a_revoked_credential_takes_its_tokens_and_sessions_along(store: &dyn Store) {
    let one = create(store, credential("one")).await.id;
    let two = create(store, credential("two")).await.id;
    for (digest, credential) in [([1; 32], one), ([2; 32], two)] {
        store.issue_token(digest, Token { credential, expires_at: at(3600) }).await.unwrap();
        store.open_session(digest, Session { credential, last_used_at: at(0) }).await.unwrap();
    }
    assert_eq!(change(store, at(1), "one", CredentialChange::Revoke).await, CredentialOutcome::Done);
    assert_eq!(store.token([1; 32]).await.unwrap(), None);
    assert_eq!(store.session([1; 32]).await.unwrap(), None);
    assert!(store.token([2; 32]).await.unwrap().is_some());
    assert!(store.session([2; 32]).await.unwrap().is_some());
    // It stays to be seen, and can't be changed; nor can its name be given anew.
    assert_eq!(read(store, one).await.revoked_at, Some(at(1)));
    assert_eq!(change(store, at(2), "one", CredentialChange::Revoke).await, CredentialOutcome::Unknown);
    assert_eq!(store.create_credential(credential("one")).await.unwrap(), CredentialOutcome::Taken);
}

pub async fn every_change_raises_the_version(store: &dyn Store) {
    let mut last = store.credentials_version().await.unwrap();
    create(store, credential("one")).await;
    let changes = [
        CredentialChange::Unlock,
        CredentialChange::Grant { reach: Reach::Every, scopes: Scopes::default() },
        CredentialChange::Rotate { client_secret: [5; 32], password: None, overlap_until: at(1) },
        CredentialChange::Revoke,
    ];
    for next in changes {
        let version = store.credentials_version().await.unwrap();
        assert!(version > last);
        last = version;
        change(store, at(1), "one", next).await;
    }
    assert!(store.credentials_version().await.unwrap() > last);
}

pub async fn tokens_and_sessions_end_for_their_own_credential_only(store: &dyn Store) {
    let token = Token { credential: 1, expires_at: at(3600) };
    let session = Session { credential: 1, last_used_at: at(0) };
    store.issue_token([1; 32], token).await.unwrap();
    store.open_session([1; 32], session).await.unwrap();
    store.revoke_token([1; 32], 2).await.unwrap();
    store.end_session([1; 32], 2).await.unwrap();
    assert_eq!(store.token([1; 32]).await.unwrap(), Some(token));
    assert_eq!(store.session([1; 32]).await.unwrap(), Some(session));
    store.revoke_token([1; 32], 1).await.unwrap();
    store.end_session([1; 32], 1).await.unwrap();
    assert_eq!(store.token([1; 32]).await.unwrap(), None);
    assert_eq!(store.session([1; 32]).await.unwrap(), None);
}

pub async fn a_session_is_written_once_a_minute_at_most(store: &dyn Store) {
    store.open_session([1; 32], Session { credential: 1, last_used_at: at(0) }).await.unwrap();
    let touched = async |seconds| {
        store.touch_session(at(seconds), [1; 32]).await.unwrap();
        store.session([1; 32]).await.unwrap().unwrap().last_used_at
    };
    assert_eq!(touched(59).await, at(0));
    assert_eq!(touched(60).await, at(60));
    assert_eq!(touched(100).await, at(60));
    assert_eq!(touched(5).await, at(60));
    store.touch_session(at(200), [9; 32]).await.unwrap();
    assert_eq!(store.session([9; 32]).await.unwrap(), None);
}

pub async fn what_ended_long_ago_is_forgotten_as_new_ones_come(store: &dyn Store) {
    const DAY: i64 = 24 * 60 * 60;
    store.issue_token([1; 32], Token { credential: 1, expires_at: at(0) }).await.unwrap();
    store.open_session([1; 32], Session { credential: 1, last_used_at: at(0) }).await.unwrap();
    store.issue_token([2; 32], Token { credential: 1, expires_at: at(DAY) }).await.unwrap();
    store.open_session([2; 32], Session { credential: 1, last_used_at: at(DAY) }).await.unwrap();
    assert!(store.token([1; 32]).await.unwrap().is_some());
    assert!(store.session([1; 32]).await.unwrap().is_some());
    store.issue_token([3; 32], Token { credential: 1, expires_at: at(DAY + 1) }).await.unwrap();
    store.open_session([3; 32], Session { credential: 1, last_used_at: at(DAY + 1) }).await.unwrap();
    assert_eq!(store.token([1; 32]).await.unwrap(), None);
    assert_eq!(store.session([1; 32]).await.unwrap(), None);
    assert!(store.token([2; 32]).await.unwrap().is_some());
    assert!(store.session([2; 32]).await.unwrap().is_some());
}

const LOCK: Duration = Duration::from_secs(300);

pub async fn the_last_of_the_failed_logins_locks_the_user_name(store: &dyn Store) {
    let id = create(store, credential("one")).await.id;
    let user = store.vault().digest("username", "user-one");
    let locked = async |now| store.login_locked(now, id, user).await.unwrap();
    for second in 1..=4 {
        store.login_failed(at(second), id, user, 5, LOCK).await.unwrap();
        assert_eq!(locked(at(second)).await, None);
    }
    store.login_failed(at(5), id, user, 5, LOCK).await.unwrap();
    assert_eq!(locked(at(5)).await, Some(at(305)));
    assert_eq!(store.login_locked(at(5), id + 1, user).await.unwrap(), None);
    assert_eq!(read(store, id).await.locked_until, Some(at(305)));
    // Failing on does not lengthen it, and after it the count is from one.
    store.login_failed(at(6), id, user, 5, LOCK).await.unwrap();
    assert_eq!(locked(at(304)).await, Some(at(305)));
    assert_eq!(locked(at(305)).await, None);
    for second in 306..=309 {
        store.login_failed(at(second), id, user, 5, LOCK).await.unwrap();
        assert_eq!(locked(at(second)).await, None);
    }
    store.login_failed(at(310), id, user, 5, LOCK).await.unwrap();
    assert_eq!(locked(at(310)).await, Some(at(610)));
    change(store, at(311), "one", CredentialChange::Unlock).await;
    assert_eq!(locked(at(311)).await, None);
    assert_eq!(read(store, id).await.locked_until, None);
}

pub async fn a_login_forgets_the_failures_before_it(store: &dyn Store) {
    let failed = async |second| store.login_failed(at(second), 1, [7; 32], 2, LOCK).await.unwrap();
    failed(1).await;
    store.login_succeeded(1, [7; 32]).await.unwrap();
    failed(2).await;
    assert_eq!(store.login_locked(at(2), 1, [7; 32]).await.unwrap(), None);
    failed(3).await;
    assert_eq!(store.login_locked(at(3), 1, [7; 32]).await.unwrap(), Some(at(303)));
}

pub async fn a_flood_of_user_names_never_washes_away_the_real_lock(store: &dyn Store) {
    let id = create(store, credential("one")).await.id;
    let user = store.vault().digest("username", "user-one");
    store.login_failed(at(0), id, user, 2, LOCK).await.unwrap();
    let typed = |n: u32| store.vault().digest("username", &format!("guess {n}"));
    // Every other guess locks at once.
    let flood = (0..1100_u32)
        .map(|n| store.login_failed(at(1), id, typed(n), if n % 2 == 0 { 1 } else { 9 }, LOCK))
        .collect::<Vec<_>>();
    for failure in flood {
        failure.await.unwrap();
    }
    store.login_failed(at(2), id, user, 2, LOCK).await.unwrap();
    assert_eq!(store.login_locked(at(2), id, user).await.unwrap(), Some(at(302)));
    assert_eq!(store.login_locked(at(2), id, typed(0)).await.unwrap(), Some(at(301)));
}
