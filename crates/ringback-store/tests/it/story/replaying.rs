//! What a person sends again: one message, or many of an account in steps.

use std::sync::{Arc, Mutex};

use ringback_delivery::{
    AccountId, Death, LaneRecord, LaneUpdate, MessageId, MessageState, Sequence, Standing, Timestamp, Turn,
    Waiting,
};
use ringback_store::{
    Admission, CommitListener, Counts, Fresh, ReplayCount, ReplayFilter, ReplayJob, Replayed, Store, Swept,
};

use crate::cast::*;
use crate::looking::*;

/// All that is not pending.
const ALL: ReplayFilter = ReplayFilter { state: None, since: None, until: None };

fn only(state: MessageState) -> ReplayFilter {
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

/// Ten messages: dead, delivered, pending, and so on; the pending ones are 3, 6 and 9.
async fn mixed(store: &dyn Store) {
    register(store, ONE).await;
    for second in 0..10 {
        accept_many(store, at(second), ONE, 1).await;
    }
    let rows = waiting(store, ONE).await;
    let mut outcomes = Vec::new();
    for row in &rows {
        match row.sequence.0 % 3 {
            1 => outcomes.push(dead(ONE, row)),
            2 => outcomes.push(delivered(ONE, row)),
            _ => {}
        }
    }
    store.record(at(20), outcomes, Vec::new()).await.unwrap();
}

pub async fn an_accounts_replay_sends_what_was_asked_for_the_oldest_first(store: &dyn Store) {
    mixed(store).await;
    let times = |since, until| ReplayFilter { since: Some(at(since)), until: Some(at(until)), ..ALL };
    for (filter, numbers) in [
        (ALL, vec![1, 2, 4, 5, 7, 8, 10]),
        (only(MessageState::Dead), vec![1, 4, 7, 10]),
        (only(MessageState::Delivered), vec![2, 5, 8]),
        (only(MessageState::Cancelled), vec![]),
        (only(MessageState::Pending), vec![]),
        (times(3, 7), vec![4, 5, 7]),
    ] {
        let before = waiting(store, ONE).await;
        let standing = store.standing(account(ONE)).await.unwrap();
        let count = numbers.len() as u64;
        assert_eq!(store.count_replay(account(ONE), filter).await.unwrap(), ReplayCount::exactly(count));
        assert_eq!(store.begin_replay(at(30), account(ONE), filter).await.unwrap(), kept(count));
        let released = Standing { releases: standing.releases + 1, ..standing };
        assert_eq!(store.standing(account(ONE)).await.unwrap(), released);
        replay_all(store, at(31)).await;
        let rows = waiting(store, ONE).await;
        let (old, new) = rows.split_at(before.len());
        assert_eq!(old, before);
        assert_eq!(new.iter().map(|row| row.sequence.0).collect::<Vec<_>>(), numbers);
        assert!(new.iter().all(|row| row.replay && row.born == at(31)));
        assert!(rows.is_sorted_by_key(|row| row.turn));
        verified(store).await;
        // Back to what they were.
        let mut outcomes = Vec::new();
        for row in new {
            let is_dead = row.sequence.0 % 3 == 1;
            outcomes.push(if is_dead { dead(ONE, row) } else { delivered(ONE, row) });
        }
        store.record(at(20), outcomes, Vec::new()).await.unwrap();
    }
    assert_eq!(store.count_replay(account(TWO), ALL).await.unwrap(), ReplayCount::exactly(0));
}

pub async fn an_accounts_replay_goes_in_steps_and_one_at_a_time(store: &dyn Store) {
    register(store, ONE).await;
    for _ in 0..3 {
        accept_many(store, at(0), ONE, 500).await;
    }
    kill_all(store, at(1), ONE).await;
    let begun = store.begin_replay(at(2), account(ONE), ALL).await.unwrap();
    assert_eq!(begun, kept(1500));
    assert_eq!(store.begin_replay(at(2), account(ONE), ALL).await.unwrap(), ReplayJob::Busy);
    assert_eq!(store.replay_step(at(3)).await.unwrap(), Swept::More);
    let first = counts(store, ONE).await.pending;
    assert!(first > 0 && first <= 500, "{first} in a step");
    replay_all(store, at(3)).await;
    assert_eq!(counts(store, ONE).await.pending, 1500);
    assert_eq!(store.replay_step(at(4)).await.unwrap(), Swept::Done);
    // The next one may come.
    kill_all(store, at(5), ONE).await;
    let begun = store.begin_replay(at(6), account(ONE), ALL).await.unwrap();
    assert_eq!(begun, kept(1500));
    verified(store).await;
}

/// What was looked at before it begins is bounded; what a person asked for is looked at further.
pub async fn a_replay_of_a_great_many_begins_without_counting_them_all(store: &dyn Store) {
    const MANY: usize = 10_250;
    register(store, ONE).await;
    for _ in 0..MANY / 1025 {
        accept_many(store, at(0), ONE, 1025).await;
    }
    deliver_all(store, at(1), ONE).await;
    let delivered = only(MessageState::Delivered);
    let counted = store.count_replay(account(ONE), delivered).await.unwrap();
    assert_eq!(counted, ReplayCount::exactly(MANY as u64));
    let begun = store.begin_replay(at(2), account(ONE), delivered).await.unwrap();
    assert_eq!(begun, ReplayJob::Kept(ReplayCount { messages: 10_000, at_least: true }));
}

pub async fn a_replay_sends_each_message_once_whatever_becomes_of_it_meanwhile(store: &dyn Store) {
    register(store, ONE).await;
    for _ in 0..2 {
        accept_many(store, at(0), ONE, 500).await;
    }
    kill_all(store, at(1), ONE).await;
    let ids = accept_many(store, at(2), ONE, 100).await;
    assert_eq!(store.begin_replay(at(10), account(ONE), ALL).await.unwrap(), kept(1000));
    let mut sent = Vec::new();
    for second in 11.. {
        let swept = store.replay_step(at(second)).await.unwrap();
        // All that waits comes to an end at once, what waited as the replay began too; what is accepted now is not
        // part of it either.
        while let rows = waiting(store, ONE).await
            && !rows.is_empty()
        {
            sent.extend(rows.iter().filter(|row| row.replay).map(|row| row.sequence.0));
            let outcomes = rows.iter().map(|row| dead(ONE, row)).collect();
            store.record(at(second), outcomes, Vec::new()).await.unwrap();
        }
        accept_many(store, at(second), ONE, 10).await;
        if swept == Swept::Done {
            break;
        }
    }
    assert_eq!(sent, (1..=1000).collect::<Vec<_>>());
    assert_eq!(seen(store, ids[0]).await.death, Some(Death::Attempts));
    verified(store).await;
}

pub async fn a_replay_leaves_alone_what_was_acknowledged_since_it_began(store: &dyn Store) {
    register(store, ONE).await;
    let ids = accept_many(store, at(0), ONE, 3).await;
    kill_all(store, at(1), ONE).await;
    accept_many(store, at(2), ONE, 2).await;
    // The fourth was acknowledged before, and has not been swept; the first was sent again since, and is pending.
    store.acknowledge(at(3), account(ONE), 4).await.unwrap();
    store.replay(at(3), ids[0]).await.unwrap();
    assert_eq!(store.begin_replay(at(4), account(ONE), ALL).await.unwrap(), kept(3));
    // That one is acknowledged too now, and the fifth.
    store.acknowledge(at(5), account(ONE), 4).await.unwrap();
    assert_eq!(seen(store, ids[0]).await.state, MessageState::Delivered);
    store.acknowledge(at(5), account(ONE), 5).await.unwrap();
    replay_all(store, at(6)).await;
    sweep_all(store, at(7), ONE).await;
    assert_eq!(queue(store, ONE).await, [2, 3, 4]);
    verified(store).await;
}

pub async fn a_replay_of_the_cancelled_finds_them_swept_or_not(store: &dyn Store) {
    register(store, ONE).await;
    for _ in 0..3 {
        accept_many(store, at(0), ONE, 400).await;
    }
    store.deregister(at(1), account(ONE)).await.unwrap();
    register(store, ONE).await;
    let filter = only(MessageState::Cancelled);
    assert_eq!(store.begin_replay(at(2), account(ONE), filter).await.unwrap(), kept(1200));
    // The sweep and the replay go on side by side.
    loop {
        sweep(store, at(3), ONE, Vec::new()).await;
        if store.replay_step(at(3)).await.unwrap() == Swept::Done {
            break;
        }
    }
    sweep_all(store, at(4), ONE).await;
    assert_eq!(counts(store, ONE).await, Counts { accepted: 1200, pending: 1200, ..Counts::default() });
    verified(store).await;
}

pub async fn a_deregistration_ends_the_accounts_replay(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    for number in [ONE, TWO] {
        for _ in 0..2 {
            accept_many(store, at(0), number, 400).await;
        }
        kill_all(store, at(1), number).await;
        let begun = store.begin_replay(at(2), account(number), ALL).await.unwrap();
        assert_eq!(begun, kept(800));
    }
    store.replay_step(at(3)).await.unwrap();
    store.deregister(at(4), account(ONE)).await.unwrap();
    register(store, ONE).await;
    replay_all(store, at(5)).await;
    sweep_all(store, at(6), ONE).await;
    assert_eq!(queue(store, ONE).await, [0; 0]);
    assert_eq!(counts(store, TWO).await.pending, 800);
    verified(store).await;
    // And another one may begin.
    let begun = store.begin_replay(at(7), account(ONE), ALL).await.unwrap();
    assert_eq!(begun, kept(800));
}

pub async fn replays_of_different_accounts_take_turns(store: &dyn Store) {
    for number in [ONE, TWO] {
        register(store, number).await;
        for _ in 0..4 {
            accept_many(store, at(0), number, 500).await;
        }
        kill_all(store, at(1), number).await;
    }
    store.begin_replay(at(2), account(ONE), ALL).await.unwrap();
    store.replay_step(at(3)).await.unwrap();
    store.begin_replay(at(4), account(TWO), ALL).await.unwrap();
    store.replay_step(at(5)).await.unwrap();
    store.replay_step(at(5)).await.unwrap();
    for number in [ONE, TWO] {
        let pending = counts(store, number).await.pending;
        assert!(pending > 0 && pending < 2000, "{number}: {pending}");
    }
    replay_all(store, at(6)).await;
    for number in [ONE, TWO] {
        assert_eq!(counts(store, number).await.pending, 2000);
    }
}

pub async fn a_step_of_large_bodies_is_a_short_one(store: &dyn Store) {
    register(store, ONE).await;
    let large = "x".repeat(1024 * 1024);
    let messages = (0..20).map(|_| message(ONE, &large)).collect();
    accept_all(store, at(0), messages).await;
    kill_all(store, at(1), ONE).await;
    store.begin_replay(at(2), account(ONE), ALL).await.unwrap();
    assert!(replay_all(store, at(3)).await > 2);
    assert_eq!(queue(store, ONE).await, (1..=20).collect::<Vec<_>>());
}

/// Both ends of a filter, to the millisecond.
pub async fn a_replay_counts_from_its_beginning_to_before_its_end(store: &dyn Store) {
    register(store, ONE).await;
    let moment = |millis: i64| Timestamp::from_millis(at(0).as_millis() + millis);
    for millis in 0..4 {
        accept_many(store, moment(millis), ONE, 1).await;
    }
    kill_all(store, at(1), ONE).await;
    let count = async |since: Option<i64>, until: Option<i64>| {
        let filter = ReplayFilter { state: None, since: since.map(moment), until: until.map(moment) };
        store.count_replay(account(ONE), filter).await.unwrap().messages
    };
    assert_eq!(count(Some(1), Some(3)).await, 2);
    assert_eq!(count(Some(1), None).await, 3);
    assert_eq!(count(None, Some(3)).await, 3);
    assert_eq!(count(Some(3), Some(1)).await, 0);
}
