//! Names at registration: refused only if they are known to lead to refused addresses and nowhere else.

use std::time::{Duration, Instant};

use ringback_server::send::{EgressMode, EgressPolicy};
use ringback_testbed::looking;

use super::dns::{Said, addresses};
use super::house::House;

const INVALID_URL: &str = "INPUT_INVALID.CallbackUrl.Invalid";
/// The bound of a look-up at registration, and as much again for a busy machine.
const BOUND: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_name_that_leads_only_to_refused_addresses_is_refused_with_their_class_and_the_setting() {
    let house = House::start(EgressPolicy::new(EgressMode::Public)).await;
    for (found, said) in [
        (&["10.1.2.3"][..], "a private address; --egress private or --allow-network would allow it"),
        (&["192.168.7.7", "172.16.9.9", "fd12::9"], "a private address"),
        (&["127.4.5.6"], "a loopback address; --egress any or --allow-network would allow it"),
        (&["::1"], "a loopback address"),
        (&["169.254.7.8"], "a link-local address; only --allow-network would allow it"),
        (&["169.254.169.254"], "a cloud metadata address; only --allow-network would allow it"),
        (&["fd00:ec2::254"], "a cloud metadata address"),
        (&["::ffff:10.1.2.3"], "a private address"),
        (&["64:ff9b::a01:203"], "a private address"),
        (&["0.0.0.0"], "a special-purpose address"),
        (&["::ffff:0.0.0.0", "255.255.255.255"], "a special-purpose address"),
    ] {
        house.dns.say("inside.example", &[addresses(found)]);
        let answer = house.register(0, "https://inside.example/").await;
        let message = answer.error(400, INVALID_URL);
        assert!(message.contains(said), "{found:?}: {message}");
        assert!(found.iter().all(|address| !message.contains(address)), "an address is told: {message}");
    }
}

#[tokio::test]
async fn a_chain_of_aliases_is_judged_by_where_it_ends() {
    let house = House::start(EgressPolicy::new(EgressMode::Public)).await;
    house.dns.say("hook.example", &[Said::Alias("cdn.example")]);
    house.dns.say("cdn.example", &[Said::Alias("db.internal")]);
    house.dns.say("db.internal", &[addresses(&["10.20.30.40"])]);
    let message = house.register(0, "https://hook.example/").await.error(400, INVALID_URL);
    assert!(message.contains("a private address"), "{message}");
    assert!(
        !message.contains("internal") && !message.contains("10.20"),
        "what it leads to is told: {message}"
    );
    house.dns.say("db.internal", &[addresses(&["93.184.216.34"])]);
    house.register(0, "https://hook.example/").await.ok();
}

#[tokio::test]
async fn a_name_with_one_address_that_may_be_called_is_taken() {
    let house = House::start(EgressPolicy::new(EgressMode::Public)).await;
    house.dns.say("both.example", &[addresses(&["10.0.0.1", "127.0.0.1", "93.184.216.34"])]);
    house.register(0, "https://both.example/").await.ok();
    house.dns.say("six.example", &[addresses(&["10.0.0.1", "2606:4700::1"])]);
    house.register(0, "https://six.example/").await.ok();
}

#[tokio::test]
async fn a_name_that_can_not_be_resolved_now_is_taken_within_the_bound() {
    let house = House::start(EgressPolicy::new(EgressMode::Public)).await;
    house.dns.say("failing.example", &[Said::Failure]);
    house.dns.say("garbage.example", &[Said::Garbage]);
    house.dns.say("nothing.example", &[addresses(&[])]);
    house.dns.say("loop.example", &[Said::Alias("pool.example")]);
    house.dns.say("pool.example", &[Said::Alias("loop.example")]);
    house.dns.say("silent.example", &[Said::Silence]);
    for name in ["unknown", "failing", "garbage", "nothing", "loop"] {
        house.register(0, &format!("https://{name}.example/")).await.ok();
    }
    let asked = Instant::now();
    house.register(0, "https://silent.example/").await.ok();
    let took = asked.elapsed();
    assert!((BOUND..BOUND * 2).contains(&took), "{took:?}");
}

#[tokio::test]
async fn names_that_are_never_answered_hold_up_no_other_registration() {
    const SILENT: u64 = 64;
    let house = std::sync::Arc::new(House::start(EgressPolicy::new(EgressMode::Public)).await);
    house.dns.say("silent.example", &[Said::Silence]);
    house.dns.say("good.example", &[addresses(&["93.184.216.34"])]);
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..SILENT {
        let house = house.clone();
        waiting.spawn(async move { house.register(number, "https://silent.example/").await.ok() });
    }
    let look = async || match house.dns.asked("silent.example") {
        asked if asked >= SILENT as usize => Ok(()),
        asked => Err(format!("it was asked for {asked} times")),
    };
    looking::until("the name to be asked for", look).await;
    house.register(SILENT, "https://good.example/").await.ok();
    assert_eq!(waiting.try_join_next().map(|_| ()), None, "the others wait for their time all the while");
    waiting.join_all().await;
}
