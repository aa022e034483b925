//! A back-up beside a running server, and a server on what was restored from it.

use std::path::Path;
use std::time::Duration;

use ringback_server::clock::Clock;

use crate::credentials::create;
use crate::house::{ACCOUNT, House, serve};
use crate::program::{failure, printed, run, run_with};
use crate::receiver::Receiver;

fn back_up(folder: &Path, to: &str) -> std::process::Output {
    run(folder, &["store", "backup", "--store", "sqlite:ringback.db", "--to", to])
}

#[tokio::test]
async fn what_was_pending_in_a_back_up_is_sent_again_after_the_restore_under_the_same_id() {
    let mut house = House::start();
    let receiver = Receiver::answering(400).await;
    house.register(&receiver.url());
    let pending = house.publish("in the back-up");
    receiver.requests(1).await;
    printed(&back_up(house.folder(), "backup.db"));
    let after = house.publish("after the back-up");
    receiver.requests(2).await;
    assert!(house.server.stop().success());

    // As the guide says: the copy in the place of the database, and the key that was kept apart beside it.
    let restored = tempfile::tempdir().unwrap();
    for (from, to) in [("backup.db", "ringback.db"), ("ringback.db.key", "ringback.db.key")] {
        std::fs::copy(house.folder().join(from), restored.path().join(to)).unwrap();
    }
    let told = printed(&run(restored.path(), &["verify", "--store", "sqlite:ringback.db"]));
    assert!(told.contains("accepted:  1") && told.contains("All is right"), "{told}");

    receiver.answer(200);
    let (_server, url) = serve(restored.path(), "127.0.0.1:0");
    let mut variables = house.variables();
    variables.retain(|(name, _)| *name != "RINGBACK_URL");
    variables.push(("RINGBACK_URL", &url));
    // The credential and the registration came along; the retry that is due later is asked for now.
    printed(&run_with(restored.path(), &["messages", "replay", &pending], &variables, ""));
    let sent = receiver.requests(3).await.pop().unwrap();
    assert_eq!(sent.header("webhook-id"), pending);
    assert_eq!(sent.header("ringback-sequence"), "1");

    // What came after the back-up is gone. Its number is given out again, with another id.
    let lost = run_with(restored.path(), &["messages", "show", &after], &variables, "");
    assert_eq!(failure(&lost).0, 5);
    the_next_second().await;
    let message = crate::api::message(ACCOUNT, "after the restore").to_string();
    printed(&run_with(restored.path(), &["messages", "publish", "--json"], &variables, &message));
    let next = receiver.requests(4).await.pop().unwrap();
    assert_eq!(next.header("ringback-sequence"), "2");
    assert_ne!(next.header("webhook-id"), after);
}

/// An id says the second of its acceptance, and no real restore is done within the same one.
async fn the_next_second() {
    let now = Clock::system().now().as_millis();
    let left = 1000 - now.rem_euclid(1000);
    tokio::time::sleep(Duration::from_millis(left.unsigned_abs())).await;
}

#[test]
fn a_back_up_replaces_no_file_and_makes_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = failure(&back_up(folder.path(), "backup.db"));
    assert_eq!(code, 8, "{said}");
    create(folder.path(), "acme", ACCOUNT, "callbacks");
    printed(&back_up(folder.path(), "backup.db"));
    let (code, said) = failure(&back_up(folder.path(), "backup.db"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("backup.db is there already"), "{said}");
}
