//! An account says where its messages go.

use std::time::Duration;

use ringback_delivery::{Sequence, Standing, Turn};
use ringback_store::{Registration, Restored, Secret, Store};

use crate::cast::*;
use crate::looking::sweep;

pub async fn a_registration_is_kept_and_replaced_in_place(store: &dyn Store) {
    let one = account(ONE);
    assert_eq!(store.registration(one).await.unwrap(), None);
    let standing = store.register(at(0), one, registration("first")).await.unwrap();
    assert_eq!((standing.generation, standing.registered, standing.releases), (1, true, 1));
    assert_eq!(store.registration(one).await.unwrap(), Some(registration("first")));
    accept(store, at(1), message(ONE, "x")).await;

    let bare = Registration { url: Secret::new("http://x"), username: None, password: None };
    let standing = store.register(at(2), one, bare.clone()).await.unwrap();
    assert_eq!((standing.generation, standing.releases, standing.reinstatements), (2, 2, 2));
    assert_eq!(standing.cancelled_through, Turn(0));
    assert_eq!(store.registration(one).await.unwrap(), Some(bare));
    assert_eq!(queue(store, ONE).await, [1]);
    assert_eq!(store.registration(account(TWO)).await.unwrap(), None);
}

pub async fn every_change_of_standing_is_heard_with_what_was_answered(store: &dyn Store) {
    let one = account(ONE);
    let ear = Ear::at(store);
    let mut answered: Vec<Standing> = Vec::new();
    answered.push(store.register(at(0), one, registration("a")).await.unwrap());
    answered.push(store.pause(at(1), one).await.unwrap());
    answered.push(store.resume(at(2), one).await.unwrap());
    answered.push(store.release(at(3), one).await.unwrap());
    answered.push(store.set_pull(at(4), one, true).await.unwrap());
    answered.push(store.acknowledge(at(5), one, 1).await.unwrap());
    answered.push(store.deregister(at(6), one).await.unwrap().unwrap());
    let told: Vec<_> = answered.iter().map(|standing| Heard::Standing(one, *standing)).collect();
    assert_eq!(ear.heard(), told);
    assert_eq!(store.standing(one).await.unwrap(), answered[6]);

    store.register(at(7), one, registration("a")).await.unwrap();
    store.register(at(7), one, registration("b")).await.unwrap();
    ear.heard();
    store.restore_registration(at(8), one).await.unwrap();
    assert_eq!(ear.heard(), [Heard::Standing(one, store.standing(one).await.unwrap())]);
}

pub async fn a_deregistration_cancels_what_was_accepted_before_it_only(store: &dyn Store) {
    register(store, ONE).await;
    accept(store, at(1), message(ONE, "before")).await;
    let standing = store.deregister(at(2), account(ONE)).await.unwrap().unwrap();
    assert_eq!((standing.generation, standing.registered), (2, false));
    assert_eq!(standing.cancelled_through, Turn(1));
    assert_eq!(store.registration(account(ONE)).await.unwrap(), None);
    assert!(store.endpoint(at(2), account(ONE)).await.unwrap().is_none());

    register(store, ONE).await;
    accept(store, at(3), message(ONE, "after")).await;
    sweep(store, at(4), ONE, Vec::new()).await;
    assert_eq!(queue(store, ONE).await, [2]);
}

pub async fn deregistering_what_is_not_registered_changes_nothing_and_is_heard(store: &dyn Store) {
    let one = account(ONE);
    let ear = Ear::at(store);
    assert_eq!(store.deregister(at(0), one).await.unwrap(), None);
    assert_eq!(store.standing(one).await.unwrap(), Standing::default());
    store.register(at(1), one, registration("a")).await.unwrap();
    let standing = store.deregister(at(2), one).await.unwrap().unwrap();
    ear.heard();
    assert_eq!(store.deregister(at(3), one).await.unwrap(), None);
    assert_eq!(store.standing(one).await.unwrap(), standing);
    // The first time may have been answered to nobody.
    assert_eq!(ear.heard(), [Heard::Standing(one, standing)]);
}

pub async fn the_replaced_registration_can_be_restored_until_something_changes(store: &dyn Store) {
    let one = account(ONE);
    assert_eq!(store.restore_registration(at(0), one).await.unwrap(), Restored::NothingToRestore);
    store.register(at(1), one, registration("first")).await.unwrap();
    assert_eq!(store.restore_registration(at(2), one).await.unwrap(), Restored::NothingToRestore);

    store.register(at(3), one, registration("mistaken")).await.unwrap();
    let before = store.pause(at(4), one).await.unwrap();
    assert_eq!(store.restore_registration(at(5), one).await.unwrap(), Restored::Restored);
    assert_eq!(store.registration(one).await.unwrap(), Some(registration("first")));
    let after = store.standing(one).await.unwrap();
    assert_eq!(
        after,
        Standing {
            generation: before.generation + 1,
            releases: before.releases + 1,
            reinstatements: before.reinstatements + 1,
            ..before
        }
    );
    // A restoration replaces too, so it can be taken back.
    assert_eq!(store.restore_registration(at(6), one).await.unwrap(), Restored::Restored);
    assert_eq!(store.registration(one).await.unwrap(), Some(registration("mistaken")));

    store.deregister(at(7), one).await.unwrap();
    assert_eq!(store.restore_registration(at(8), one).await.unwrap(), Restored::NothingToRestore);
    store.register(at(9), one, registration("anew")).await.unwrap();
    assert_eq!(store.restore_registration(at(10), one).await.unwrap(), Restored::NothingToRestore);
}

pub async fn a_pause_stops_the_lane_clock(store: &dyn Store) {
    let one = account(ONE);
    register(store, ONE).await;
    let standing = store.pause(at(10), one).await.unwrap();
    assert!(!standing.sends());
    // A second pause begins no second one, and what comes meanwhile is as old as the pause.
    store.pause(at(20), one).await.unwrap();
    accept(store, at(30), message(ONE, "x")).await;
    assert_eq!(waiting(store, ONE).await[0].born, at(10));
    let standing = store.resume(at(40), one).await.unwrap();
    assert_eq!((standing.pause.total, standing.pause.since), (Duration::from_secs(30), None));
    accept(store, at(50), message(ONE, "y")).await;
    assert_eq!(waiting(store, ONE).await[1].born, at(20));
    assert_eq!(store.standing(one).await.unwrap().pause, standing.pause);
}

pub async fn a_release_is_no_reinstatement_but_a_resume_is(store: &dyn Store) {
    let one = account(ONE);
    let start = store.register(at(0), one, registration("a")).await.unwrap();
    let released = store.release(at(1), one).await.unwrap();
    assert_eq!(released, Standing { releases: start.releases + 1, ..start });
    let resumed = store.resume(at(2), one).await.unwrap();
    assert_eq!(
        resumed,
        Standing { releases: start.releases + 2, reinstatements: start.reinstatements + 1, ..start }
    );
}

pub async fn an_acknowledgement_never_goes_back_nor_beyond_the_last(store: &dyn Store) {
    let one = account(ONE);
    register(store, ONE).await;
    for _ in 0..3 {
        accept(store, at(0), message(ONE, "x")).await;
    }
    let through = async |number| store.acknowledge(at(1), one, number).await.unwrap().acknowledged_through;
    assert_eq!(through(2).await, Sequence(2));
    assert_eq!(through(1).await, Sequence(2));
    assert_eq!(through(99).await, Sequence(3));
    accept(store, at(2), message(ONE, "later")).await;
    sweep(store, at(3), ONE, Vec::new()).await;
    assert_eq!(queue(store, ONE).await, [4]);
}

pub async fn an_endpoint_comes_with_what_was_cancelled_and_a_signing_secret(store: &dyn Store) {
    let one = account(ONE);
    assert!(store.endpoint(at(0), one).await.unwrap().is_none());
    store.register(at(0), one, registration("a")).await.unwrap();
    let endpoint = store.endpoint(at(1), one).await.unwrap().unwrap();
    assert_eq!((endpoint.cancelled_through, &endpoint.registration), (Turn(0), &registration("a")));
    assert_eq!(endpoint.signing, store.signing_secrets(at(1), one).await.unwrap());
    assert_eq!(endpoint.signing.len(), 1);
    assert_ne!(endpoint.signing[0].hmac, endpoint.signing[0].ed25519_seed);

    // A replacement is signed with the same secret.
    store.register(at(2), one, registration("b")).await.unwrap();
    let replaced = store.endpoint(at(3), one).await.unwrap().unwrap();
    assert_eq!((replaced.cancelled_through, &replaced.registration), (Turn(0), &registration("b")));
    assert_eq!(replaced.signing, endpoint.signing);

    accept(store, at(4), message(ONE, "cancelled")).await;
    store.deregister(at(5), one).await.unwrap();
    assert!(store.endpoint(at(6), one).await.unwrap().is_none());
    store.register(at(7), one, registration("c")).await.unwrap();
    assert_eq!(store.endpoint(at(8), one).await.unwrap().unwrap().cancelled_through, Turn(1));
}

pub async fn the_endpoints_of_many_are_those_of_each(store: &dyn Store) {
    let (one, two, three) = (account(ONE), account(TWO), account(THREE));
    store.register(at(0), one, registration("a")).await.unwrap();
    store.register(at(0), three, registration("c")).await.unwrap();
    // One has its secrets, a retired one among them; the other's is made now.
    store.signing_secrets(at(0), one).await.unwrap();
    store.rotate_signing_secret(at(1), one, at(100)).await.unwrap();
    let (found, again) = tokio::join!(
        store.endpoints(at(2), vec![three, two, one, three]),
        store.endpoints(at(2), vec![one, two, three])
    );
    let found = found.unwrap();
    let urls: Vec<_> = found
        .iter()
        .map(|found| found.as_ref().map(|endpoint| endpoint.registration.url.expose().to_owned()))
        .collect();
    let url = |name| Some(registration(name).url.expose().to_owned());
    assert_eq!(urls, [url("c"), None, url("a"), url("c")]);
    for (account, endpoint) in [(three, &found[0]), (one, &found[2])] {
        let secrets = store.signing_secrets(at(2), account).await.unwrap();
        assert_eq!(endpoint.as_ref().unwrap().signing, secrets);
    }
    assert_eq!(found[2].as_ref().unwrap().signing.len(), 2);
    let again: Vec<_> = again.unwrap().into_iter().flatten().map(|endpoint| endpoint.signing).collect();
    assert_eq!(again, [found[2].clone().unwrap().signing, found[0].clone().unwrap().signing]);
    assert!(store.endpoints(at(2), Vec::new()).await.unwrap().is_empty());
}

pub async fn a_rotated_signing_secret_signs_on_until_its_overlap_ends(store: &dyn Store) {
    let one = account(ONE);
    let first = store.signing_secrets(at(0), one).await.unwrap().remove(0);
    let ear = Ear::at(store);
    store.register(at(0), one, registration("a")).await.unwrap();
    ear.heard();
    let both = store.rotate_signing_secret(at(1), one, at(100)).await.unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!((both[0].retires_at, both[1].retires_at), (None, Some(at(100))));
    assert_eq!(both[1].hmac, first.hmac);
    assert_ne!(both[0].hmac, first.hmac);
    // Who keeps the endpoint in memory is told to read it anew.
    assert_eq!(ear.heard(), [Heard::Standing(one, store.standing(one).await.unwrap())]);

    let three = store.rotate_signing_secret(at(2), one, at(50)).await.unwrap();
    assert_eq!(
        three.iter().map(|secret| secret.retires_at).collect::<Vec<_>>(),
        [None, Some(at(50)), Some(at(100))]
    );
    assert_eq!(store.signing_secrets(at(99), one).await.unwrap(), [three[0].clone(), three[2].clone()]);
    assert_eq!(store.signing_secrets(at(100), one).await.unwrap(), [three[0].clone()]);
}

pub async fn first_use_by_many_makes_one_signing_secret(store: &dyn Store) {
    let one = account(ONE);
    let (a, b, c) = tokio::join!(
        store.signing_secrets(at(0), one),
        store.signing_secrets(at(0), one),
        store.signing_secrets(at(0), one)
    );
    let secret = a.unwrap();
    assert_eq!(secret.len(), 1);
    assert_eq!(b.unwrap(), secret);
    assert_eq!(c.unwrap(), secret);
}
