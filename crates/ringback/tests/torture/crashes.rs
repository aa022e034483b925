//! The plug is pulled again and again, under load; what was promised holds through all of it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use ringback_store::{SqliteOptions, SqliteStore};
use tempfile::tempdir;
use tokio::sync::watch;

use crate::api::Api;
use crate::books::{Books, Kill};
use crate::listener::Listener;
use crate::program::Program;
use crate::publishers::{Lives, publish, register, turn_over};
use crate::stage::{SERVE, account, alone, log_in, scale, seed};

/// Kills in a run of every day.
const KILLS: usize = 12;
const ACCOUNTS: usize = 6;
const PUBLISHERS: usize = 4;
/// The longest that a life lasts before its end.
const LONGEST_LIFE: u64 = 900;
/// One in so many messages is refused when it first comes.
const REFUSED: u8 = 20;

/// Refuses some messages when they come for the first time.
pub(crate) async fn moody_listener(seed: u64) -> Listener {
    let moods = Mutex::new((Rng::with_seed(seed), HashSet::new()));
    Listener::answering(move |arrival| {
        let (rng, known) = &mut *moods.lock().unwrap();
        if known.insert(arrival.id.clone()) && rng.u8(..REFUSED) == 0 {
            if rng.bool() { 500 } else { 503 }
        } else {
            204
        }
    })
    .await
}

/// Starts and kills the server, so many times; gives the moments. The last start is left to the story.
async fn kill_again_and_again(
    folder: &Path,
    lives: &watch::Sender<Vec<Api>>,
    kills: usize,
    rng: &mut Rng,
) -> Vec<Kill> {
    let mut done = Vec::new();
    for _ in 0..kills {
        let begun = Instant::now();
        let mut server = Program::start(folder, &SERVE);
        let life = Duration::from_millis(rng.u64(..LONGEST_LIFE));
        // One in four may be killed before it listens.
        if rng.u8(..4) > 0 {
            lives.send_replace(vec![Api::new(&server.url())]);
            tokio::time::sleep(life).await;
        } else {
            tokio::time::sleep(life.saturating_sub(begun.elapsed())).await;
        }
        let at = Instant::now();
        server.kill();
        done.push(Kill { at, gone: Instant::now(), writes_late: false });
        lives.send_replace(Vec::new());
        let (_, printed) = server.ended();
        let faults: Vec<_> = printed.iter().filter(|line| is_fault(line)).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
    done
}

pub(crate) fn is_fault(line: &str) -> bool {
    line.contains("panicked") || line.contains("\"ERROR\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_moment_the_plug_is_pulled_nothing_accepted_is_lost_and_little_is_repeated() {
    let _stage = alone().await;
    let mut rng = Rng::with_seed(seed());
    let folder = tempdir().unwrap();
    let listener = Arc::new(moody_listener(rng.u64(..)).await);
    let (sender, apis) = watch::channel(Vec::new());
    let over = Arc::new(AtomicBool::new(false));

    // The first life makes the credential and the registrations, and ends well.
    let mut server = Program::start(folder.path(), &SERVE);
    let first = Api::new(&server.url());
    let tokens = log_in(folder.path(), &first).await;
    let mut lives = Lives::new(apis, tokens, over.clone());
    sender.send_replace(vec![first]);
    for number in 0..ACCOUNTS {
        register(&mut lives, number, &listener.url(&account(number))).await;
    }
    sender.send_replace(Vec::new());
    assert!(server.stop().success());

    let mut publishers = tokio::task::JoinSet::new();
    for publisher in 0..PUBLISHERS {
        publishers.spawn(publish(lives.clone(), publisher, ACCOUNTS, rng.fork()));
    }
    let operator =
        tokio::spawn(turn_over(lives.clone(), listener.clone(), ACCOUNTS, Duration::ZERO, rng.fork()));
    let kills = kill_again_and_again(folder.path(), &sender, KILLS * scale(), &mut rng).await;

    let mut server = Program::start(folder.path(), &SERVE);
    let api = Api::new(&server.url());
    sender.send_replace(vec![api]);
    over.store(true, Ordering::SeqCst);
    let published = publishers.join_all().await;
    let fences = operator.await.unwrap();
    let books = Books::new(published, kills, fences);

    books.until_all_arrived(&listener, &mut lives, ACCOUNTS).await;
    // What is under way is finished, so that late duplicates are seen too.
    assert!(server.stop().success());
    books.check(&listener.arrivals(), Duration::ZERO);
    let store = SqliteStore::open(SqliteOptions::admin(folder.path().join("ringback.db"))).unwrap();
    books.check_the_store(&store, ACCOUNTS, ACCOUNTS - 1).await;
}
