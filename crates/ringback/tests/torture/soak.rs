//! Everything at once, for long: load, crashes, hostile peers, endpoints that fail, an operator who changes things. It ends
//! with `ringback verify` and with the outside listener's own count: nothing is lost.
//!
//! `RINGBACK_SOAK_SECONDS` says how long (`./test --soak MINUTES` sets it), `RINGBACK_TORTURE_SEED` repeats the choices.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use ringback_store::{SqliteOptions, SqliteStore};
use tempfile::tempdir;
use tokio::sync::watch;

use crate::api::Api;
use crate::attacks::{Attack, Siege};
use crate::bad_endpoints::{Bad, Vice};
use crate::books::{Books, Kill};
use crate::crashes::{is_fault, moody_listener};
use crate::listener::Listener;
use crate::memory::Memory;
use crate::program::{Program, printed, run};
use crate::publishers::{Lives, publish, register, turn_over};
use crate::stage::{SERVE, account, address, alone, log_in, seed};

/// As long as this where nothing else is said.
const SECONDS: u64 = 8;
/// The last two of them move and leave: see [`turn_over`].
const ACCOUNTS: usize = 10;
/// Those whose endpoint fails now and then: the first ones.
const FICKLE: usize = 6;
const PUBLISHERS: usize = 6;
/// Each publisher's: a hundred messages a second in all at most, so that it is the mixture that is hard, not the load.
const BREATH: Duration = Duration::from_millis(60);
/// How long a life of the server lasts, in milliseconds.
const LIFE: std::ops::Range<u64> = 1_000..6_000;
/// One life in so many ends in good order.
const IN_ORDER: u8 = 4;
/// How long an endpoint fails, or does well again, in milliseconds.
const MOOD: std::ops::Range<u64> = 300..2_500;
/// How long an attack lasts, in milliseconds.
const ATTACK: std::ops::Range<u64> = 500..3_000;
/// An attack's peers are so many times fewer than where the attacks are measured.
const FEWER: usize = 8;
/// What the server may take at most, in MiB.
const MOST_MEMORY: u64 = 512;

fn seconds() -> u64 {
    std::env::var("RINGBACK_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS)
}

/// What became of the server's lives.
#[derive(Default)]
struct Story {
    kills: Vec<Kill>,
    stopped: usize,
    peak: u64,
}

/// Starts and ends the server until the time is over. The last start is left to the caller.
async fn live_and_die(
    folder: &Path,
    lives: &watch::Sender<Vec<Api>>,
    until: Instant,
    rng: &mut Rng,
) -> Story {
    let mut story = Story::default();
    while Instant::now() < until {
        let mut server = Program::start(folder, &SERVE);
        lives.send_replace(vec![Api::new(&server.url())]);
        tokio::time::sleep(Duration::from_millis(rng.u64(LIFE))).await;
        story.peak = story.peak.max(Memory::of(server.pid()).peak);
        let at = Instant::now();
        let printed = if rng.u8(..IN_ORDER) == 0 {
            // It says no more than it has to: what is asked meanwhile gets no answer, and is asked again.
            server.signal(rustix::process::Signal::TERM);
            let (status, printed) = server.ended();
            assert!(status.success(), "{status}: {printed:?}");
            story.stopped += 1;
            printed
        } else {
            server.kill();
            server.ended().1
        };
        // A stop records all that it can; an attempt that outlives its grace counts as cut off.
        story.kills.push(Kill { at, gone: Instant::now(), writes_late: false });
        lives.send_replace(Vec::new());
        let faults: Vec<_> = printed.iter().filter(|line| is_fault(line)).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
    story
}

/// Gives one account after the other a bad endpoint, and its good one again.
async fn change_moods(mut lives: Lives, listener: Arc<Listener>, mut rng: Rng) -> usize {
    let mut bad: Vec<Option<Bad>> = (0..FICKLE).map(|_| None).collect();
    let mut changes = 0;
    while !lives.over.load(Ordering::SeqCst) {
        let number = rng.usize(..FICKLE);
        let next = match &bad[number] {
            Some(_) => None,
            None => Some(Bad::start(Vice::ALL[rng.usize(..Vice::ALL.len())]).await),
        };
        let url = next.as_ref().map_or_else(|| listener.url(&account(number)), |bad| bad.url.clone());
        register(&mut lives, number, &url).await;
        bad[number] = next;
        changes += 1;
        tokio::time::sleep(Duration::from_millis(rng.u64(MOOD))).await;
    }
    for number in 0..FICKLE {
        register(&mut lives, number, &listener.url(&account(number))).await;
    }
    changes
}

/// Lays one siege after the other to whichever life of the server there is.
async fn attack(mut lives: Lives, mut rng: Rng) -> usize {
    let mut attacks = 0;
    while !lives.over.load(Ordering::SeqCst) {
        let api = lives.next().await;
        let attack = Attack::ALL[rng.usize(..Attack::ALL.len())];
        let peers = attack.peers().div_ceil(FEWER);
        let siege = Siege::begin(attack, peers, address(api.url()), &lives.tokens.bearer);
        tokio::time::sleep(Duration::from_millis(rng.u64(ATTACK))).await;
        siege.lift().await;
        attacks += 1;
    }
    attacks
}

#[tokio::test(flavor = "multi_thread")]
async fn a_soak_loses_nothing() {
    let _stage = alone().await;
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let mut rng = Rng::with_seed(seed());
    let until = Instant::now() + Duration::from_secs(seconds());
    let folder = tempdir().unwrap();
    let listener = Arc::new(moody_listener(rng.u64(..)).await);
    let (sender, apis) = watch::channel(Vec::new());
    let over = Arc::new(AtomicBool::new(false));

    // The first life makes the credential and the registrations.
    let mut server = Program::start(folder.path(), &SERVE);
    let first = Api::new(&server.url());
    let tokens = log_in(folder.path(), &first).await;
    let mut lives = Lives::new(apis, tokens, over.clone());
    lives.breath = BREATH;
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
    let moods = tokio::spawn(change_moods(lives.clone(), listener.clone(), rng.fork()));
    let attackers = tokio::spawn(attack(lives.clone(), rng.fork()));
    let story = live_and_die(folder.path(), &sender, until, &mut rng).await;

    let mut server = Program::start(folder.path(), &SERVE);
    let api = Api::new(&server.url());
    sender.send_replace(vec![api]);
    over.store(true, Ordering::SeqCst);
    let published = publishers.join_all().await;
    let (fences, changes, attacks) =
        (operator.await.unwrap(), moods.await.unwrap(), attackers.await.unwrap());
    eprintln!(
        "{} s: {} kills, {} stops, {changes} changes of endpoints, {attacks} attacks; {} MiB at most",
        seconds(),
        story.kills.len() - story.stopped,
        story.stopped,
        story.peak
    );
    assert!(story.peak <= MOST_MEMORY, "{} MiB", story.peak);
    let books = Books::new(published, story.kills, fences).with_attempts_unseen();
    books.until_all_arrived(&listener, &mut lives, ACCOUNTS).await;
    // What is under way is finished, so that late duplicates are seen too.
    assert!(server.stop().success());
    let database = folder.path().join("ringback.db");
    eprintln!("{} MiB of database", std::fs::metadata(&database).unwrap().len() >> 20);
    eprintln!("{}", printed(&run(folder.path(), &["verify", "--store", "sqlite:ringback.db"])));
    books.check(&listener.arrivals(), Duration::ZERO);
    let store = SqliteStore::open(SqliteOptions::admin(&database)).unwrap();
    books.check_the_store(&store, ACCOUNTS, ACCOUNTS - 1).await;
}
