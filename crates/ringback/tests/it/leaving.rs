//! A node that stops while an endpoint keeps it waiting: the others go on with all that has nothing to do with that.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use http::StatusCode;
use ringback_delivery::AccountId;
use ringback_testbed::{Postgres, looking};
use rustix::process::Signal;
use tempfile::tempdir;

use crate::api::{Api, Secrets, message};
use crate::endpoint::Endpoint;
use crate::program::{Program, printed, run_with};

const KEY: &str = "1212121212121212121212121212121212121212121212121212121212121212";
const NAMES: [&str; 2] = ["one", "two"];
/// Of accounts whose endpoint answers.
const ACCOUNTS: usize = 16;
/// After a stop all of them are served again within this; what it would take otherwise is a renewal (5 s), and the request
/// that hangs before it (15 s).
const SERVED_WITHIN: Duration = Duration::from_secs(2);

fn serve(folder: &Path, store: &str, name: &str) -> Program {
    let args = ["serve", "--listen", "127.0.0.1:0", "--egress", "any", "--store", store, "--node-name", name];
    Program::start_with(folder, &args, &[("RINGBACK_KEY", KEY)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_gives_each_shard_back_though_an_endpoint_keeps_it_waiting_elsewhere() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, folder) = (postgres.database(), tempdir().unwrap());
    let store = database.url();
    let mut nodes = NAMES.map(|name| serve(folder.path(), &store, name));
    let apis = nodes.each_mut().map(|node| Api::new(&node.url()));
    let args = ["credentials", "create", "--store", &store, "--name", "t", "--account", "*"];
    let args = [&args[..], &["--scope", "callbacks,publish", "--json"]].concat();
    let made = run_with(folder.path(), &args, &[("RINGBACK_KEY", KEY)], "");
    let tokens = apis[0].log_in(&serde_json::from_str::<Secrets>(&printed(&made)).unwrap()).await;
    looking::until("two equal shares", async || {
        let shares =
            database.psql("SELECT count(*) FROM ringback.shard WHERE owner IS NOT NULL GROUP BY owner");
        if shares == "512\n512\n" { Ok(()) } else { Err(shares) }
    })
    .await;

    let (hanging, answering) = (Endpoint::start().await, Endpoint::start().await);
    hanging.hold();
    let hung = account(0);
    let accounts: Vec<AccountId> =
        (1..).map(account).filter(|account| account.shard() != hung.shard()).take(ACCOUNTS).collect();
    apis[0].register(&tokens, &hung.to_string(), &hanging.url()).await;
    for account in &accounts {
        apis[0].register(&tokens, &account.to_string(), &answering.url()).await;
    }
    let publish = async |api: &Api, account: AccountId| {
        let (status, answer) = api.publish(&tokens, &message(&account.to_string(), "one")).await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    };
    publish(&apis[0], hung).await;
    hanging.until("a request that hangs", |received| received.len() == 1).await;

    let owner = database.psql(&format!(
        "SELECT n.name FROM ringback.shard s JOIN ringback.node n ON n.node = s.owner WHERE s.shard = {}",
        hung.shard()
    ));
    let stops = NAMES.iter().position(|name| *name == owner.trim()).unwrap();
    let asked = Instant::now();
    nodes[stops].signal(Signal::TERM);
    for account in &accounts {
        publish(&apis[1 - stops], *account).await;
    }
    let of_all = |received: &[crate::endpoint::Received]| {
        received.iter().map(|one| &one.id).collect::<HashSet<_>>().len() == accounts.len()
    };
    answering.until("a delivery for each account", of_all).await;
    let took = asked.elapsed();
    assert!(took < SERVED_WITHIN, "it took {took:?}");
    let left = database.psql("SELECT name, leaving FROM ringback.node ORDER BY leaving");
    assert_eq!(
        left,
        format!("{}|f\n{}|t\n", NAMES[1 - stops], NAMES[stops]),
        "it waits, and says that it leaves"
    );

    // What it waits for is answered, recorded, and not repeated.
    hanging.release();
    assert!(nodes[stops].ended().0.success());
    looking::until("nothing to wait", async || {
        let waits = database.psql("SELECT count(*) FROM ringback.pending");
        if waits == "0\n" { Ok(()) } else { Err(waits) }
    })
    .await;
    assert_eq!((hanging.received().len(), answering.received().len()), (1, accounts.len()));
    assert!(nodes[1 - stops].stop().success());
}

fn account(number: u64) -> AccountId {
    AccountId::from_number(25_201_234_500_001 + number).unwrap()
}
