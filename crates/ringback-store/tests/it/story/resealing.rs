//! The sealing key is changed while accounts come and go.

use ringback_store::{Resealed, Restored, Rotation, SealingKey, Store};

use crate::cast::*;

/// More accounts than one step takes.
const MANY: u64 = 450;

/// Walks once through all accounts; says how many values were sealed anew.
pub async fn walk(store: &dyn Store) -> usize {
    let (mut values, mut after) = (0, None);
    loop {
        let Resealed { values: step, next } = store.reseal_step(after).await.unwrap();
        values += step;
        match next {
            Some(next) => after = Some(next),
            None => return values,
        }
    }
}

pub async fn a_rotation_reseals_everything_while_it_is_used(store: &dyn Store) {
    let one = account(ONE);
    let digest = store.vault().digest("token", "abc");
    store.register(at(0), one, registration("first")).await.unwrap();
    store.register(at(1), one, registration("second")).await.unwrap();
    let mut secrets = store.rotate_signing_secret(at(1), one, at(100)).await.unwrap();
    for number in 1..=MANY {
        store.register(at(2), account(number), registration("many")).await.unwrap();
    }

    let old = store.vault().present_key();
    let new = SealingKey::generate().unwrap();
    assert_eq!(store.begin_key_rotation(new.clone()).await.unwrap(), Rotation::Begun);
    assert!(store.vault().present_key() == new && new != old);
    // Between its steps accounts are registered, read and restored.
    store.register(at(3), account(TWO), registration("meanwhile")).await.unwrap();
    assert_eq!(store.registration(one).await.unwrap(), Some(registration("second")));
    let step = store.reseal_step(None).await.unwrap();
    assert!(step.values > 0 && step.next.is_some(), "{step:?}");
    assert_eq!(store.restore_registration(at(4), one).await.unwrap(), Restored::Restored);
    assert!(walk(store).await > 0);
    assert_eq!(walk(store).await, 0, "what is sealed anew stays so");
    assert!(store.end_key_rotation().await.unwrap());
    assert!(!store.end_key_rotation().await.unwrap());

    assert_eq!(store.registration(one).await.unwrap(), Some(registration("first")));
    assert_eq!(store.registration(account(TWO)).await.unwrap(), Some(registration("meanwhile")));
    assert_eq!(store.registration(account(MANY)).await.unwrap(), Some(registration("many")));
    secrets.retain(|secret| secret.retires_at.is_none_or(|at| at > self::at(50)));
    assert_eq!(store.signing_secrets(at(50), one).await.unwrap(), secrets);
    // What was replaced was sealed anew too.
    assert_eq!(store.restore_registration(at(5), one).await.unwrap(), Restored::Restored);
    assert_eq!(store.registration(one).await.unwrap(), Some(registration("second")));
    assert_eq!(store.vault().digest("token", "abc"), digest, "no token and no password is touched");
}

pub async fn a_rotation_waits_for_the_one_before_it(store: &dyn Store) {
    let present = store.vault().present_key();
    assert_eq!(store.begin_key_rotation(present).await.unwrap(), Rotation::Present);
    let (new, newer) = (SealingKey::generate().unwrap(), SealingKey::generate().unwrap());
    assert_eq!(store.begin_key_rotation(new.clone()).await.unwrap(), Rotation::Begun);
    assert_eq!(store.begin_key_rotation(newer.clone()).await.unwrap(), Rotation::UnderWay);
    assert_eq!(store.begin_key_rotation(new.clone()).await.unwrap(), Rotation::UnderWay);
    assert!(store.vault().present_key() == new);
    assert!(store.end_key_rotation().await.unwrap());
    assert_eq!(store.begin_key_rotation(newer).await.unwrap(), Rotation::Begun);
}
