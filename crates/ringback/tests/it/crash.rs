//! A server that is killed in the middle of its work loses nothing that it answered for, and repeats little.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use tempfile::tempdir;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::api::{Api, Tokens, message, text};
use crate::credentials::create;
use crate::endpoint::Endpoint;
use crate::program::Program;

const ACCOUNT: &str = "0242078689-00001";
const MESSAGES: usize = 2000;
const AT_ONCE: usize = 32;
/// It is killed when so many are accepted.
const KILLED_AFTER: usize = 1000;
/// For an answer to get from the endpoint to the server's writer.
const UNDER_WAY: Duration = Duration::from_millis(50);

/// A publish that was answered 202.
struct Accepted {
    number: usize,
    id: String,
    took: Duration,
}

/// Publishes each of the messages once; gives those that were answered 202. `accepted` counts them, and `enough` is told
/// when it reaches [`KILLED_AFTER`].
async fn publish(
    api: &Api,
    tokens: &Tokens,
    numbers: impl IntoIterator<Item = usize>,
    enough: Arc<Notify>,
) -> Vec<Accepted> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let count = Arc::new(AtomicUsize::new(0));
    let mut publishes = JoinSet::new();
    for number in numbers {
        let place = places.clone().acquire_owned().await.unwrap();
        let (api, tokens, count, enough) = (api.clone(), tokens.clone(), count.clone(), enough.clone());
        publishes.spawn(async move {
            let begun = Instant::now();
            let answered = api.publish(&tokens, &message(ACCOUNT, &format!("m{number}"))).await;
            drop(place);
            let (status, answer) = answered.ok()?;
            if status != StatusCode::ACCEPTED {
                return None;
            }
            let took = begun.elapsed();
            // A head without its body is an answer too, but one that names no id: the second time it does.
            let id = answer["id"].as_str()?.to_owned();
            if count.fetch_add(1, Ordering::SeqCst) + 1 == KILLED_AFTER {
                enough.notify_one();
            }
            Some(Accepted { number, id, took })
        });
    }
    publishes.join_all().await.into_iter().flatten().collect()
}

fn serve(folder: &Path) -> Program {
    Program::start(folder, &["serve", "--listen", "127.0.0.1:0", "--egress", "any", "--log", "warn"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_delivers_after_its_restart_all_that_it_had_accepted() {
    let folder = tempdir().unwrap();
    let endpoint = Endpoint::start().await;
    let mut server = serve(folder.path());
    let api = Api::new(&server.url());
    let tokens = api.log_in(&create(folder.path(), "t", ACCOUNT, "callbacks,publish")).await;
    api.register(&tokens, ACCOUNT, &endpoint.url()).await;

    let enough = Arc::new(Notify::new());
    let publishing = {
        let (api, tokens, enough) = (api.clone(), tokens.clone(), enough.clone());
        tokio::spawn(async move { publish(&api, &tokens, 0..MESSAGES, enough).await })
    };
    enough.notified().await;
    let killed = Instant::now();
    server.kill();
    let before = publishing.await.unwrap();
    assert!((KILLED_AFTER..MESSAGES).contains(&before.len()), "{} were accepted", before.len());

    let restarted = Instant::now();
    // The tokens are good for the next life too, and so is an idempotency key for what got no answer.
    let mut server = serve(folder.path());
    let api = Api::new(&server.url());
    let answered: HashSet<usize> = before.iter().map(|accepted| accepted.number).collect();
    let unanswered = (0..MESSAGES).filter(|number| !answered.contains(number));
    let after = publish(&api, &tokens, unanswered, Arc::default()).await;
    let ids: BTreeSet<String> = before.iter().chain(&after).map(|accepted| accepted.id.clone()).collect();
    assert_eq!(ids.len(), MESSAGES, "each is accepted, once");

    let mut missing = ids.clone();
    let mut looked_at = 0;
    endpoint
        .until("the delivery of everything that was accepted", |received| {
            for callback in &received[looked_at..] {
                missing.remove(&callback.id);
            }
            looked_at = received.len();
            missing.is_empty()
        })
        .await;
    // What is under way is finished, so that late duplicates are seen too.
    assert!(server.stop().success());

    let mut times: HashMap<String, Vec<Instant>> = HashMap::new();
    for callback in endpoint.received() {
        assert!(ids.contains(&callback.id), "{} was delivered and not accepted", callback.id);
        times.entry(callback.id).or_default().push(callback.at);
    }
    // The bound on duplicates. A crash may repeat the attempts whose outcome was not committed: those that were open, of
    // which an endpoint has 32 at most, and those that were answered and waited for their commit. An outcome waits for the
    // batch before its own, which waits for the commit that is under way, and then for its own: three rounds of the writer
    // at most, while each publish waits for one or two, the last one before the kill too, as that is what it followed. So
    // what was received longer before the kill than three publishes can take is committed, and not repeated.
    let slowest = before.iter().map(|accepted| accepted.took).max().unwrap();
    let uncommitted = slowest * 3 + UNDER_WAY;
    let fresh = times.values().filter(|at| at[0] < killed && killed - at[0] <= uncommitted).count();
    let duplicates: Vec<_> = times.values().filter(|at| at.len() > 1).collect();
    let oldest =
        duplicates.iter().map(|at| killed.saturating_duration_since(at[0])).max().unwrap_or_default();
    eprintln!(
        "{} duplicates, the oldest received {oldest:?} before the kill; the slowest publish took {slowest:?}",
        duplicates.len()
    );
    assert!(duplicates.iter().all(|at| at.len() == 2), "one crash repeats an attempt once");
    assert!(duplicates.iter().all(|at| at[0] < restarted), "without a crash nothing is repeated");
    assert!(oldest <= uncommitted, "an outcome was not committed within {uncommitted:?}");
    assert!(duplicates.len() <= fresh + AT_ONCE, "{} duplicates, {fresh} were fresh", duplicates.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_published_again_after_a_crash_is_the_same_message() {
    let folder = tempdir().unwrap();
    let endpoint = Endpoint::start().await;
    let mut server = serve(folder.path());
    let api = Api::new(&server.url());
    let tokens = api.log_in(&create(folder.path(), "t", ACCOUNT, "callbacks,publish")).await;
    api.register(&tokens, ACCOUNT, &endpoint.url()).await;
    let message = message(ACCOUNT, "once");
    let (status, first) = api.publish(&tokens, &message).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED);
    server.kill();
    let mut server = serve(folder.path());
    let (status, again) = Api::new(&server.url()).publish(&tokens, &message).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(text(&again["status"]), "duplicate");
    assert_eq!((&again["id"], &again["sequence"]), (&first["id"], &first["sequence"]));
    assert!(server.stop().success());
}
