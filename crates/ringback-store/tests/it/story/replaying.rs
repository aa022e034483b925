//! A person sends a message again.

use std::sync::{Arc, Mutex};

use ringback_delivery::{
    AccountId, LaneRecord, LaneUpdate, MessageId, MessageState, Sequence, Standing, Turn, Waiting,
};
use ringback_store::{
    Admission, CommitListener, Counts, Fresh, ReplayFilter, ReplayJob, Replayed, Store, Swept,
};

use crate::cast::*;
use crate::looking::*;

/// All that is not pending.
pub(super) const ALL: ReplayFilter = ReplayFilter { state: None, since: None, until: None };

pub(super) fn only(state: MessageState) -> ReplayFilter {
    ReplayFilter { state: Some(state), ..ALL }
}

pub async fn a_dead_message_waits_again_at_the_end_of_the_queue(store: &dyn Store) {
    register(store, ONE).await;
    let first = accept(store, at(0), ordered(ONE, 7, "first")).await;
    let second = accept(store, at(0), ordered(ONE, 7, "second")).await;
    for seconds in 1..=2 {
        let row = waiting(store, ONE).await[0];
        store.record(at(seconds), vec![retry(ONE, &row, at(seconds))], Vec::new()).await.unwrap();
    }
    let rows = waiting(store, ONE).await;
    let lanes = vec![LaneUpdate {
        account: account(ONE),
        record: LaneRecord { successes: 41, ..LaneRecord::default() },
    }];
    store.record(at(3), vec![dead(ONE, &rows[0])], lanes).await.unwrap();
    assert_eq!(store.replay(at(50), first).await.unwrap(), Replayed::Queued);

    assert_eq!(queue(store, ONE).await, [2, 1]);
    let again = waiting(store, ONE).await[1];
    let expected = Waiting {
        turn: Turn(3),
        born: at(50),
        attempts: 3,
        charged: 0,
        due: None,
        successes: 41,
        replay: true,
        ..rows[0]
    };
    assert_eq!(again, expected);
    let waits = seen(store, first).await;
    assert_eq!((waits.state, waits.finished_at, waits.death), (MessageState::Pending, None, None));
    assert_eq!((waits.attempts, waits.behind), (3, Some(second)));
    assert_eq!(counts(store, ONE).await, Counts { accepted: 2, pending: 2, ..Counts::default() });
    // What is accepted next goes behind it.
    accept(store, at(51), message(ONE, "next")).await;
    assert_eq!(waiting(store, ONE).await[2].turn, Turn(4));
    verified(store).await;
}

pub async fn a_replayed_message_goes_on_counting_its_attempts(store: &dyn Store) {
    register(store, ONE).await;
    let id = accept(store, at(0), message(ONE, "x")).await;
    deliver_all(store, at(1), ONE).await;
    assert_eq!(store.replay(at(2), id).await.unwrap(), Replayed::Queued);
    assert_eq!(attempts(store, id).await.len(), 1);
    let row = waiting(store, ONE).await[0];
    store.record(at(3), vec![retry(ONE, &row, at(4))], Vec::new()).await.unwrap();
    let row = waiting(store, ONE).await[0];
    store.record(at(4), vec![delivered(ONE, &row)], Vec::new()).await.unwrap();
    let found: Vec<_> =
        attempts(store, id).await.into_iter().map(|attempt| (attempt.number, attempt.outcome)).collect();
    assert_eq!(found, [(1, answered(204)), (2, answered(500)), (3, answered(204))]);
    let message = seen(store, id).await;
    assert_eq!(
        (message.state, message.attempts, message.finished_at),
        (MessageState::Delivered, 3, Some(at(4)))
    );
    assert_eq!(counts(store, ONE).await, Counts { accepted: 1, delivered: 1, ..Counts::default() });
    verified(store).await;
}

pub async fn a_message_can_be_sent_again_more_than_once(store: &dyn Store) {
    register(store, ONE).await;
    let id = accept(store, at(0), message(ONE, "x")).await;
    for round in 1..=4 {
        let row = waiting(store, ONE).await[0];
        assert_eq!((row.turn.0, row.attempts), (round, u32::try_from(round).unwrap() - 1));
        let outcome = if round % 2 == 0 { dead(ONE, &row) } else { delivered(ONE, &row) };
        store.record(at(1), vec![outcome], Vec::new()).await.unwrap();
        assert_eq!(store.replay(at(2), id).await.unwrap(), Replayed::Queued);
        verified(store).await;
    }
}

pub async fn what_can_not_be_sent_again_says_why(store: &dyn Store) {
    register(store, ONE).await;
    let id = accept(store, at(0), message(ONE, "x")).await;
    for other in [
        MessageId { accepted_second: id.accepted_second + 1, ..id },
        MessageId { sequence: Sequence(2), ..id },
        MessageId { account: account(TWO), ..id },
    ] {
        assert_eq!(store.replay(at(1), other).await.unwrap(), Replayed::Unknown);
    }
    // What waits is tried now, and that is all.
    let before = store.standing(account(ONE)).await.unwrap();
    assert_eq!(store.replay(at(1), id).await.unwrap(), Replayed::Pending);
    let after = store.standing(account(ONE)).await.unwrap();
    assert_eq!(after, Standing { releases: before.releases + 1, ..before });
    assert_eq!(waiting(store, ONE).await[0].turn, Turn(1));

    store.set_pull(at(2), account(ONE), true).await.unwrap();
    store.deregister(at(2), account(ONE)).await.unwrap();
    let before = store.standing(account(ONE)).await.unwrap();
    assert_eq!(store.replay(at(3), id).await.unwrap(), Replayed::NotRegistered);
    let filter = only(MessageState::Cancelled);
    assert_eq!(store.begin_replay(at(3), account(ONE), filter).await.unwrap(), ReplayJob::NotRegistered);
    assert_eq!(store.begin_replay(at(3), account(TWO), filter).await.unwrap(), ReplayJob::NotRegistered);
    assert_eq!(store.standing(account(ONE)).await.unwrap(), before);
    assert_eq!(store.replay_step(at(4)).await.unwrap(), Swept::Done);
}

/// What a listener heard, with all that it was told.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Fresh(AccountId, Waiting, String),
    Standing(AccountId, Standing),
}

#[derive(Default)]
struct Ledger(Mutex<Vec<Told>>);

impl Ledger {
    fn at(store: &dyn Store) -> Arc<Self> {
        let ledger = Arc::new(Self::default());
        store.listen(Arc::clone(&ledger) as Arc<dyn CommitListener>);
        ledger
    }

    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl CommitListener for Ledger {
    fn accepted(&self, fresh: Vec<Fresh>) {
        for fresh in fresh {
            let body = text(Some(&fresh.content.body)).to_owned();
            self.0.lock().unwrap().push(Told::Fresh(fresh.account, fresh.waiting, body));
        }
    }

    fn standing_changed(&self, account: AccountId, standing: Standing) {
        self.0.lock().unwrap().push(Told::Standing(account, standing));
    }
}

pub async fn the_listener_hears_of_a_replay_and_then_of_the_release(store: &dyn Store) {
    register(store, ONE).await;
    let id = accept(store, at(0), message(ONE, "the body")).await;
    kill_all(store, at(1), ONE).await;
    let ledger = Ledger::at(store);
    let before = store.standing(account(ONE)).await.unwrap();
    store.replay(at(2), id).await.unwrap();
    let row = waiting(store, ONE).await[0];
    let standing = Standing { releases: before.releases + 1, last_turn: Turn(2), ..before };
    assert_eq!(
        ledger.told(),
        [Told::Fresh(account(ONE), row, "the body".to_owned()), Told::Standing(account(ONE), standing)]
    );
    assert!(row.replay);
    assert_eq!(store.standing(account(ONE)).await.unwrap(), standing);
}

pub async fn the_listener_hears_of_acts_in_the_order_of_their_effects(store: &dyn Store) {
    register(store, ONE).await;
    let id = accept(store, at(0), message(ONE, "x")).await;
    kill_all(store, at(1), ONE).await;
    let ledger = Ledger::at(store);
    // Whether they share a commit or not, and whichever comes first where they don't.
    let (replayed, gone, again, accepted) = tokio::join!(
        store.replay(at(2), id),
        store.deregister(at(2), account(ONE)),
        store.register(at(2), account(ONE), registration("two")),
        store.accept(at(2), vec![message(ONE, "y")]),
    );
    let (gone, again) = (gone.unwrap(), again.unwrap());
    let told = ledger.told();
    let mut turns: Vec<_> = told
        .iter()
        .filter_map(|told| match told {
            Told::Fresh(_, waiting, _) => Some(waiting.turn.0),
            Told::Standing(..) => None,
        })
        .collect();
    let queued =
        [replayed.unwrap() == Replayed::Queued, matches!(accepted.unwrap()[0], Admission::Queued(_))];
    assert_eq!(turns.len(), queued.into_iter().filter(|queued| *queued).count(), "{told:?}");
    turns.sort_unstable();
    let standings: Vec<_> = told
        .iter()
        .filter_map(|told| match told {
            Told::Standing(_, standing) => Some(*standing),
            Told::Fresh(..) => None,
        })
        .collect();
    assert!(
        standings.iter().any(|standing| Some(*standing) == gone) && standings.contains(&again),
        "{told:?}"
    );
    // What waits is what no standing has cancelled.
    sweep_all(store, at(3), ONE).await;
    let cancelled = store.standing(account(ONE)).await.unwrap().cancelled_through;
    let left: Vec<u64> = waiting(store, ONE).await.iter().map(|row| row.turn.0).collect();
    assert_eq!(left, turns.into_iter().filter(|turn| *turn > cancelled.0).collect::<Vec<_>>());
}

pub async fn what_was_cancelled_and_not_swept_is_settled_and_sent_again(store: &dyn Store) {
    register(store, ONE).await;
    let ids = accept_many(store, at(0), ONE, 3).await;
    let flying = waiting(store, ONE).await;
    store.deregister(at(1), account(ONE)).await.unwrap();
    register(store, ONE).await;
    assert_eq!(store.replay(at(2), ids[1]).await.unwrap(), Replayed::Queued);
    assert_eq!(queue(store, ONE).await, [1, 3, 2]);
    assert_eq!(seen(store, ids[1]).await.state, MessageState::Pending);
    // The answer to what was under way comes too late: that life is over.
    store.record(at(3), vec![delivered(ONE, &flying[1])], Vec::new()).await.unwrap();
    assert_eq!(queue(store, ONE).await, [1, 3, 2]);
    sweep_all(store, at(4), ONE).await;
    assert_eq!(queue(store, ONE).await, [2]);
    let expected = Counts { accepted: 3, pending: 1, cancelled: 2, ..Counts::default() };
    assert_eq!(counts(store, ONE).await, expected);
    verified(store).await;
}

pub async fn what_was_acknowledged_and_not_swept_is_settled_and_sent_again(store: &dyn Store) {
    register(store, ONE).await;
    let ids = accept_many(store, at(0), ONE, 3).await;
    store.acknowledge(at(1), account(ONE), 2).await.unwrap();
    assert_eq!(store.replay(at(2), ids[0]).await.unwrap(), Replayed::Queued);
    assert_eq!(seen(store, ids[0]).await.state, MessageState::Pending);
    sweep_all(store, at(3), ONE).await;
    assert_eq!(queue(store, ONE).await, [3, 1]);
    let expected = Counts { accepted: 3, pending: 2, delivered: 1, ..Counts::default() };
    assert_eq!(counts(store, ONE).await, expected);
    verified(store).await;
}

pub async fn a_replay_during_a_pause_is_born_in_it(store: &dyn Store) {
    register(store, ONE).await;
    let id = accept(store, at(0), message(ONE, "x")).await;
    kill_all(store, at(1), ONE).await;
    store.pause(at(10), account(ONE)).await.unwrap();
    store.resume(at(40), account(ONE)).await.unwrap();
    store.pause(at(100), account(ONE)).await.unwrap();
    store.replay(at(500), id).await.unwrap();
    assert_eq!(waiting(store, ONE).await[0].born, at(70));
}

pub async fn a_body_that_was_set_aside_goes_along(store: &dyn Store) {
    register(store, ONE).await;
    let ids = accept_many(store, at(0), ONE, 3).await;
    kill_all(store, at(1), ONE).await;
    accept_many(store, hour(2), ONE, 1).await;
    retire_all(store, hour(2), short()).await;
    let ledger = Ledger::at(store);
    assert_eq!(store.replay(hour(2), ids[1]).await.unwrap(), Replayed::Queued);
    let row = waiting(store, ONE).await[1];
    assert!(
        matches!(&ledger.told()[0], Told::Fresh(_, waiting, body) if *waiting == row && *body == format!("{ONE} 1"))
    );
    let bodies = store.contents(vec![row.position]).await.unwrap();
    assert_eq!(text(bodies[0].as_ref().map(|content| &content.body)), format!("{ONE} 1"));
    verified(store).await;
    // Delivered, it lives as long as any other.
    deliver_all(store, hour(3), ONE).await;
    retire_all(store, hour(3), short()).await;
    assert_eq!(seen(store, ids[1]).await.state, MessageState::Delivered);
    retire_all(store, hour(4), short()).await;
    assert!(store.message(ids[1]).await.unwrap().is_none());
    assert!(store.message(ids[0]).await.unwrap().is_some());
    assert_eq!(store.replay(hour(4), ids[1]).await.unwrap(), Replayed::Unknown);
    verified(store).await;
}
