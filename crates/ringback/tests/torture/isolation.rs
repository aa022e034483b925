//! One endpoint's trouble stays its own (promise 4): good endpoints beside bad ones get their messages as soon as
//! without them.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::bad_endpoints::{Bad, Vice, refused_url};
use crate::listener::Listener;
use crate::neighbours::{Figures, GOOD, House, close_enough};
use crate::stage::{Server, account, alone, message, scale};

const SECONDS: u32 = 5;
/// Noise only ever adds: one round without it is enough.
const ROUNDS: usize = 3;
const HANGING: usize = 1000;
const BACKLOG: usize = 2000;
/// One bad endpoint gets 400 messages a second all the while.
const BAD_EVERY: Duration = Duration::from_millis(100);
const BAD_AT_ONCE: usize = 40;
const MIB: usize = 1 << 20;

/// So many connections a dead endpoint may see after so long: five failures put it on hold, then one probe an interval.
fn allowed(since: Duration) -> usize {
    let mut probes = [5, 20, 50, 110, 230].into_iter().map(Duration::from_secs);
    5 + probes.by_ref().take_while(|at| *at <= since).count()
}

/// One round: the good without the bad, and with one of each kind. Gives the figures.
async fn beside_bad_ones() -> (Figures, Figures) {
    let clean = House::new().await;
    let without = clean.measure(SECONDS).await;
    drop(clean);

    let house = House::new().await;
    let bad = [
        Bad::start(Vice::Dead).await,
        Bad::start(Vice::Hangs).await,
        Bad::start(Vice::ReadsSlowly).await,
        Bad::start(Vice::Drips).await,
    ];
    let [dead, hanging, reading, dripping, refusing] = [GOOD, GOOD + 1, GOOD + 2, GOOD + 3, GOOD + 4];
    for (number, bad) in [dead, hanging, reading, dripping].into_iter().zip(&bad) {
        house.server.register(&account(number), &bad.url).await;
    }
    house.server.register(&account(refusing), &refused_url().await).await;
    let begun = Instant::now();
    for number in [dead, refusing, dripping, hanging] {
        house.pour(number, BACKLOG).await;
    }
    // Only what does not fit into the system's buffers is read slowly.
    let mut large = message(&account(reading), "large");
    large["firmwareList"][0]["firmwareName"] = Value::String("x".repeat(MIB - 4096));
    for _ in 0..3 {
        house.server.publish(&large).await;
    }
    let pouring = async {
        let mut tick = tokio::time::interval(BAD_EVERY);
        loop {
            tick.tick().await;
            house.pour(hanging, BAD_AT_ONCE).await;
        }
    };
    let with = tokio::select! {
        with = house.measure(SECONDS) => with,
        () = pouring => unreachable!("it goes on for ever"),
    };
    let (seen, since) = (bad[0].connections(), begun.elapsed());
    eprintln!("the dead endpoint with {BACKLOG} waiting saw {seen} connections in {since:?}");
    assert!((5..=allowed(since)).contains(&seen), "{seen} connections in {since:?}");
    assert_eq!(bad[1].connections(), 1, "a hanging endpoint has one request open");
    let shown = house.server.account(&account(dead)).await;
    assert_eq!((&shown["state"], &shown["counts"]["pending"]), (&"hold".into(), &BACKLOG.into()), "{shown}");
    the_backlog_is_untried(&house.server, dead, seen as u64).await;
    (without, with)
}

/// Waiting behind a dead endpoint uses up no attempts: all but those few that were sent were never tried.
async fn the_backlog_is_untried(server: &Server, number: usize, sent: u64) {
    let (mut attempts, mut messages, mut cursor) = (0, 0, String::new());
    loop {
        let path = format!("/api/ringback/v1/messages?account={}&limit=500{cursor}", account(number));
        let (status, page) = server.api.get(&path, &server.tokens).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        for message in page["messages"].as_array().unwrap() {
            messages += 1;
            attempts += message["attemptCount"].as_u64().unwrap();
        }
        match page["next"].as_str() {
            None => break,
            Some(next) => cursor = format!("&cursor={next}"),
        }
    }
    assert_eq!(messages, BACKLOG);
    // One may be under way.
    assert!((sent - 1..=sent).contains(&attempts), "{attempts} attempts were counted, {sent} were made");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_endpoints_of_every_kind_cost_good_ones_nothing() {
    let _stage = alone().await;
    for _ in 0..ROUNDS {
        let (without, with) = beside_bad_ones().await;
        eprintln!("without bad endpoints {without:?}\nwith one of each kind {with:?}");
        if close_enough(&without, &with) {
            return;
        }
    }
    panic!("the good endpoints' messages come later beside bad ones");
}

async fn beside_a_thousand_hanging() -> (Figures, Figures) {
    let clean = House::new().await;
    let without = clean.measure(SECONDS).await;
    drop(clean);

    let hanging = HANGING * scale();
    let house = House::new().await;
    let bad = Bad::start(Vice::Hangs).await;
    let mut registrations = JoinSet::new();
    for number in GOOD..GOOD + hanging {
        let (api, tokens, url) = (house.server.api.clone(), house.server.tokens.clone(), bad.url.clone());
        registrations.spawn(async move { api.register(&tokens, &account(number), &url).await });
        if registrations.len() >= 32 {
            registrations.join_next().await.unwrap().unwrap();
        }
    }
    registrations.join_all().await;
    // One that was never called before, in the middle of a thousand of which nothing is known either: how long it waits is
    // told here, and promised in simulated time.
    let newcomer = Listener::start().await;
    house.server.register(&account(GOOD + hanging), &newcomer.url("")).await;
    for _ in 0..2 {
        let accounts: Vec<usize> = (GOOD..GOOD + hanging).collect();
        for accounts in accounts.chunks(5000) {
            let lines: Vec<Value> =
                accounts.iter().map(|number| message(&account(*number), "lost")).collect();
            house.server.api.publish_lines(&house.server.tokens, &lines).await;
        }
    }
    house.server.publish(&message(&account(GOOD + hanging), "new here")).await;
    let asked = Instant::now();
    let with = house.measure(SECONDS).await;
    newcomer.until("the newcomer's message", |arrivals| !arrivals.is_empty()).await;
    let waited = newcomer.arrivals()[0].at.saturating_duration_since(asked);
    eprintln!("{} hanging connections; a newcomer waited {waited:?}", bad.connections());
    assert_eq!(bad.connections(), hanging.min(4096), "one for each");
    (without, with)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hanging_endpoints_cost_good_ones_nothing() {
    let _stage = alone().await;
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    for _ in 0..ROUNDS {
        let (without, with) = beside_a_thousand_hanging().await;
        eprintln!("without {without:?}\nbeside hanging endpoints {with:?}");
        if close_enough(&without, &with) {
            return;
        }
    }
    panic!("the good endpoints' messages come later beside hanging ones");
}
