//! The ledger: accepted = delivered + pending + dead + cancelled, whatever happened in whatever order (promise 6).
//!
//! Random histories run against the store and against a model of a few lines; at the end both must tell the same, and
//! the rows must agree with the counters.

mod model;
mod play;

use proptest::prelude::*;
use rusqlite::Connection;

use super::number;
use crate::cast::*;
use play::Play;

const ACCOUNTS: u64 = 3;

/// To whom, its ordering key, and its idempotency key with what it stands for.
type Letter = (u64, Option<i64>, Option<(u8, u8)>);

#[derive(Debug, Clone)]
enum Act {
    Accept(Vec<Letter>),
    Record(Vec<(u64, usize, u8)>),
    Register(u64),
    Deregister(u64),
    Pull(u64, bool),
    Pause(u64),
    Resume(u64),
    Acknowledge(u64, u64),
    Sweep(u64, Vec<usize>),
    Hasten(u64),
    Replay(u64, usize),
    Reopen,
}

fn act() -> impl Strategy<Value = Act> {
    let to = || 0..ACCOUNTS;
    let message = (to(), prop::option::of(0..3_i64), prop::option::weighted(0.3, (0..6_u8, 0..2_u8)));
    prop_oneof![
        8 => prop::collection::vec(message, 1..6).prop_map(Act::Accept),
        8 => prop::collection::vec((to(), 0..8_usize, 0..5_u8), 1..5).prop_map(Act::Record),
        3 => to().prop_map(Act::Register),
        2 => to().prop_map(Act::Deregister),
        1 => (to(), any::<bool>()).prop_map(|(to, on)| Act::Pull(to, on)),
        1 => to().prop_map(Act::Pause),
        1 => to().prop_map(Act::Resume),
        2 => (to(), 0..20_u64).prop_map(|(to, through)| Act::Acknowledge(to, through)),
        3 => (to(), prop::collection::vec(0..8_usize, 0..3)).prop_map(|(to, spare)| Act::Sweep(to, spare)),
        1 => to().prop_map(Act::Hasten),
        2 => (to(), 0..20_usize).prop_map(|(to, pick)| Act::Replay(to, pick)),
        1 => Just(Act::Reopen),
    ]
}

/// What `ringback verify` looks for: each of these counts rows that contradict others.
pub fn the_rows_agree(database: &Connection) {
    for contradiction in [
        // accepted = delivered + pending + dead + cancelled, with those whose rows are gone
        "SELECT count(*) FROM account a LEFT JOIN lane l USING (account) WHERE a.last_sequence <>
            (SELECT count(*) FROM pending p WHERE p.account = a.account)
            + coalesce(l.delivered + l.dead + l.cancelled
                + l.dropped_delivered + l.dropped_dead + l.dropped_cancelled, 0)",
        // counters = rows
        "SELECT count(*) FROM account a LEFT JOIN lane l USING (account) WHERE
            coalesce(l.delivered, 0) <>
                (SELECT count(*) FROM message m WHERE m.account = a.account AND m.state = 1)
            OR coalesce(l.dead, 0) <>
                (SELECT count(*) FROM message m WHERE m.account = a.account AND m.state = 2)
            OR coalesce(l.cancelled, 0) <>
                (SELECT count(*) FROM message m WHERE m.account = a.account AND m.state = 3)",
        // what waits and what is pending are the same
        "SELECT count(*) FROM pending p LEFT JOIN message m USING (account, sequence)
            WHERE m.state IS NOT 0 OR m.position <> p.position OR m.attempts <> p.attempts
                OR coalesce(m.turn, m.sequence) <> p.turn OR m.key IS NOT p.key",
        "SELECT count(*) FROM message m LEFT JOIN pending p USING (account, sequence)
            WHERE m.state = 0 AND p.account IS NULL",
        // a message ends once, and an end has a time
        "SELECT count(*) FROM message WHERE (state = 0) <> (finished_at IS NULL)",
        // every message has its own body
        "SELECT count(*) FROM message m LEFT JOIN body b USING (position)
            WHERE b.account IS NOT m.account OR b.sequence IS NOT m.sequence",
        "SELECT count(*) FROM account a WHERE a.last_sequence <>
            (SELECT count(*) FROM message m WHERE m.account = a.account)",
        // attempts are of messages
        "SELECT count(*) FROM attempt t LEFT JOIN message m USING (account, sequence)
            WHERE m.account IS NULL OR t.number > m.attempts",
    ] {
        assert_eq!(number(database, contradiction), 0, "{contradiction}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_history_leaves_a_ledger_that_adds_up(acts in prop::collection::vec(act(), 1..50)) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut play = Play::open(folder.path());
            for act in acts {
                play.act(act).await;
            }
            play.compare().await;
        });
    }
}

#[tokio::test]
async fn a_replay_that_was_acknowledged_is_found_behind_what_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = Play::open(folder.path());
    let plain = |count| Act::Accept(vec![(0, None, None); count]);
    play.act(Act::Register(0)).await;
    play.act(plain(2)).await;
    play.act(Act::Record(vec![(0, 0, 2)])).await;
    play.act(plain(2)).await;
    // The first goes behind the fourth; then everything up to the first is acknowledged.
    play.act(Act::Replay(0, 0)).await;
    play.act(Act::Acknowledge(0, 1)).await;
    assert_eq!(queue(play.store(), ONE).await, [2, 3, 4, 1]);
    play.act(Act::Sweep(0, Vec::new())).await;
    assert_eq!(queue(play.store(), ONE).await, [2, 3, 4]);
    play.compare().await;
}

#[tokio::test]
async fn what_waits_again_is_before_what_comes_after_it_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = Play::open(folder.path());
    let with_keys = |keys: &[Option<i64>]| Act::Accept(keys.iter().map(|key| (0, *key, None)).collect());
    play.act(Act::Register(0)).await;
    play.act(with_keys(&[None, Some(2), Some(2)])).await;
    // The third is dead, and waits again behind the second, which waits still.
    play.act(Act::Record(vec![(0, 2, 2)])).await;
    play.act(Act::Replay(0, 2)).await;
    play.act(with_keys(&[None, Some(2)])).await;
    play.compare().await;
}
