//! Particular stories: what a dead endpoint costs, and what it costs the others.

use std::collections::BTreeMap;
use std::time::Duration;

use ringback_delivery::{AccountId, MessageState, OrderingKey, Sequence, Settings};

use crate::endpoint::Behaviour;
use crate::random::Random;
use crate::scene::Scene;
use crate::world::World;

fn account(number: u64) -> AccountId {
    AccountId::from_number(number).unwrap()
}

/// A calm world in which everyone is registered.
fn world(accounts: u64) -> World {
    let mut world = World::new(Scene::calm(Settings::default(), accounts), Random::new(7), false);
    world.stormy = false;
    world.witness.logging = true;
    for account in world.accounts() {
        world.register(account);
    }
    world.run_for(Duration::from_secs(1));
    world
}

/// From acceptance to the attempt's beginning, at most, for these accounts' first attempts.
fn longest_wait(world: &World, of: impl Fn(AccountId) -> bool) -> Duration {
    let firsts =
        world.witness.log.iter().filter(|(_, account, waiting)| of(*account) && waiting.attempts == 1);
    firsts.map(|(at, _, waiting)| at.since(waiting.accepted_at)).max().unwrap()
}

#[test]
fn a_thousand_hanging_endpoints_cost_the_others_nothing() {
    let mut world = world(1010);
    let well = |account: AccountId| account.number() > 1000;
    for number in 1..=1000 {
        world.endpoints.get_mut(&account(number)).unwrap().behaviour = Behaviour::Hangs;
    }
    for round in 0..140 {
        if round == 20 {
            // The first message to each had to wait for its turn among a thousand that are not known either.
            world.witness.log.clear();
        }
        for account in world.accounts() {
            if well(account) || world.random.chance(20) {
                world.accept(account, None);
            }
        }
        world.run_for(Duration::from_millis(250));
    }
    assert!(longest_wait(&world, |account| !well(account)) > Duration::from_secs(5), "they do hang");
    let wait = longest_wait(&world, well);
    assert!(wait < Duration::from_millis(50), "a message to an endpoint that is well waited for {wait:?}");
}

#[test]
fn an_endpoint_that_was_never_called_does_not_wait_behind_a_thousand_that_hang() {
    const HANGING: u64 = 1000;
    const NEWCOMERS: u64 = 480;
    let mut world = world(HANGING + NEWCOMERS);
    for number in 1..=HANGING {
        world.endpoints.get_mut(&account(number)).unwrap().behaviour = Behaviour::Hangs;
        // All at once, so that they are tried again at once too.
        world.accept(account(number), None);
    }
    for newcomer in HANGING + 1..=HANGING + NEWCOMERS {
        world.accept(account(newcomer), None);
        world.run_for(Duration::from_millis(250));
    }
    let longest = |first: u64, last: u64| {
        longest_wait(&world, |account| (HANGING + first..=HANGING + last).contains(&account.number()))
    };
    // Nothing was known of any of them at first.
    let at_first = longest(1, 4);
    assert!(at_first < Duration::from_millis(150), "one waited for {at_first:?} at first");
    let later = longest(5, NEWCOMERS);
    assert!(later < Duration::from_millis(50), "one waited for {later:?} behind those known to hang");
    let tried = world.witness.log.iter().filter(|(_, account, _)| account.number() <= HANGING).count();
    assert!(tried > 5 * HANGING as usize, "they were tried {tried} times");
}

#[test]
fn a_dead_endpoint_with_a_long_queue_costs_one_probe_an_interval_and_no_attempts() {
    let mut world = world(1);
    let dead = account(1);
    world.endpoints.get_mut(&dead).unwrap().behaviour = Behaviour::Refuses;
    for number in 0..2_000 {
        world.accept(dead, Some(OrderingKey(number % 50)));
    }
    world.run_for(Duration::from_secs(3600));
    let (arrivals, commands) = (world.witness.log.len(), world.witness.commands);
    world.run_for(Duration::from_secs(10 * 3600));
    let probes = world.witness.log.len() - arrivals;
    let commands = world.witness.commands - commands;
    assert!((10 * 12 - 1..=10 * 12 + 1).contains(&probes), "{probes} probes in ten hours");
    assert!(commands < 10 * probes as u64, "{commands} commands for {probes} probes");
    let rows = world.store.account(dead);
    assert_eq!(rows.pending.len(), 2_000);
    assert!(rows.pending.values().all(|row| row.charged == 0), "waiting uses up no attempts");

    let mut tried: BTreeMap<OrderingKey, u32> = BTreeMap::new();
    for (_, _, waiting) in &world.witness.log[arrivals..] {
        *tried.entry(waiting.key.unwrap()).or_default() += 1;
    }
    assert!(tried.len() >= 8, "probes take the heads of different keys in turn: {tried:?}");

    world.endpoints.get_mut(&dead).unwrap().behaviour = Behaviour::Well;
    world.run_for(Duration::from_secs(300 + 60));
    assert_eq!(
        world.store.account(dead).delivered,
        2_000,
        "it is worked off at once when the endpoint is back"
    );
}

#[test]
fn messages_that_an_endpoint_refuses_do_not_hold_up_the_others() {
    let mut world = world(1);
    let picky = account(1);
    for number in 0..4_000_u64 {
        if number % 3 == 0 {
            let endpoint = world.endpoints.get_mut(&picky).unwrap();
            endpoint.poison.insert(Sequence(number + 1), Behaviour::Status(500));
        }
        world.accept(picky, None);
    }
    world.run_for(Duration::from_secs(120));
    let rows = world.store.account(picky);
    let left: Vec<Sequence> =
        rows.pending.values().map(|row| row.sequence).filter(|it| it.0 % 3 != 1).collect();
    assert!(left.is_empty(), "{} that it would take are not delivered", left.len());
    world.run_for(Duration::from_secs(8 * 24 * 3600));
    let rows = world.store.account(picky);
    assert!(rows.pending.is_empty());
    assert!(rows.messages.iter().all(|message| message.state != MessageState::Cancelled));
}
