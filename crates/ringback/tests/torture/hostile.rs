//! Strangers who mean ill, peers and endpoints, cost the well-behaved nothing: their publishes and deliveries go on, and the
//! server's memory stays bounded.

use crate::attacks::{Attack, Siege};
use crate::bad_endpoints::{Bad, Vice};
use crate::memory::Memory;
use crate::neighbours::{GOOD, House, close_enough};
use crate::stage::{account, alone, log_in_as, scale};

const SECONDS: u32 = 1;
/// Noise only ever adds: one round without it is enough.
const ROUNDS: usize = 5;
/// What all of an attack's peers together may cost, in MiB: thousands of connections with their buffers.
const MOST_FOR_PEERS: u64 = 192;
/// What a dozen bad endpoints may cost, with their backlogs.
const MOST_FOR_ENDPOINTS: u64 = 96;
/// Messages that wait for each bad endpoint.
const BACKLOG: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_peers_cost_the_well_behaved_nothing() {
    let _stage = alone().await;
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let house = House::new().await;
    let (server, pid) = (&house.server, house.server.program.pid());
    let theirs = log_in_as("theirs", house.folder.path(), &server.api).await;
    let without = house.measure(SECONDS).await;
    let quiet = Memory::of(pid);
    eprintln!("without: {without:?} {quiet:?}");
    for attack in Attack::ALL {
        let peers = attack.peers() * scale();
        let siege = Siege::lay(attack, peers, server.address, &theirs.bearer).await;
        let mut close = false;
        for _ in 0..ROUNDS {
            let with = house.measure(SECONDS).await;
            let memory = Memory::of(pid);
            eprintln!("{attack:?}, {peers} peers: {with:?} {memory:?} MiB");
            assert_eq!(with.messages, without.messages, "every one was accepted and delivered");
            let most = quiet.resident + MOST_FOR_PEERS * scale() as u64;
            assert!(memory.resident <= most, "{attack:?}: {memory:?}");
            close = close_enough(&without, &with);
            if close {
                break;
            }
        }
        assert!(close, "{attack:?}: the good ones' messages come later");
        let wanted = statuses(attack);
        if !wanted.is_empty() {
            siege.answered().await;
        }
        let answers = siege.lift().await;
        eprintln!("{attack:?} was answered {answers:?}");
        // A credential, or a peer, may have had its share; that is a right answer to all of them.
        let right = |status: &u16| wanted.contains(status) || *status == 429;
        assert!(answers.keys().all(right), "{attack:?}: {answers:?}");
    }
}

/// What each attack may be answered; nothing where it never asks for an answer.
fn statuses(attack: Attack) -> &'static [u16] {
    match attack {
        Attack::HalfOpen | Attack::SlowHeads | Attack::SlowBodies | Attack::NeverRead => &[],
        Attack::HugeBodies | Attack::EndlessChunks => &[413],
        Attack::DeepJson => &[400],
        Attack::GzipBombs => &[415],
        Attack::Pipelines => &[200],
        Attack::EndlessFields => &[431, 400],
        Attack::Noise => &[400, 404],
        Attack::Guesses => &[401],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_endpoints_cost_the_well_behaved_nothing_and_get_nothing() {
    let _stage = alone().await;
    let house = House::new().await;
    let pid = house.server.program.pid();
    let without = house.measure(SECONDS).await;
    let quiet = Memory::of(pid);
    eprintln!("without: {without:?} {quiet:?}");
    let mut bad = Vec::new();
    for (number, vice) in (GOOD..).zip(Vice::ALL) {
        let endpoint = Bad::start(vice).await;
        house.server.register(&account(number), &endpoint.url).await;
        house.pour(number, BACKLOG).await;
        bad.push((number, vice, endpoint));
    }
    let mut rounds = 0;
    loop {
        let with = house.measure(SECONDS * 4).await;
        let memory = Memory::of(pid);
        eprintln!("beside {} bad endpoints: {with:?} {memory:?} MiB", bad.len());
        assert_eq!(with.messages, without.messages * 4, "every one was accepted and delivered");
        assert!(memory.resident <= quiet.resident + MOST_FOR_ENDPOINTS, "{memory:?}");
        if close_enough(&without, &with) {
            break;
        }
        rounds += 1;
        assert!(rounds < ROUNDS, "the good ones' messages come later");
    }
    for (number, vice, endpoint) in &bad {
        let shown = house.server.account(&account(*number)).await;
        let counts = &shown["counts"];
        eprintln!(
            "{vice:?}: {} connections, {} {}",
            endpoint.connections(),
            shown["state"],
            shown["lastError"]
        );
        assert!(endpoint.connections() > 0, "{vice:?} was never called");
        assert_eq!(
            (&counts["pending"], &counts["delivered"]),
            (&BACKLOG.into(), &0.into()),
            "{vice:?}: {shown}"
        );
    }
}
