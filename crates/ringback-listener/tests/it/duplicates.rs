//! One call for each message, however often and however closely it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::StatusCode;
use proptest::prelude::*;
use ringback_listener::{
    BoxError, Callback, Check, DEFAULT_REMEMBER_FOR, DeliveryKey, Listener, MemoryStore, SeenStore, headers,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cast::{Post, diarist, ping_body};

const OK: StatusCode = StatusCode::NO_CONTENT;
const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

type Call = (Callback, oneshot::Sender<Result<(), &'static str>>);

/// A listener whose handler's calls come out of a channel, and end as they are told; a dropped one panics.
fn held() -> (Listener, UnboundedReceiver<Call>) {
    let (calls, called) = unbounded_channel();
    let listener = Listener::new(Check::unverified(), move |callback| {
        let (end, ended) = oneshot::channel();
        calls.send((callback, end)).unwrap();
        async move { ended.await.expect("told how to end") }
    });
    (listener, called)
}

fn begin(listener: &Listener, post: Post) -> JoinHandle<StatusCode> {
    let listener = listener.clone();
    tokio::spawn(async move { post.to(&listener).await })
}

/// Lets everything that can go on go on. The runtime has one thread, so that this is enough.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn duplicates_that_come_meanwhile_wait_for_the_first_and_get_its_success() {
    let (listener, mut called) = held();
    let post = Post::ping().id("msg_1");
    let answers: Vec<_> = (0..5).map(|_| begin(&listener, post.clone())).collect();
    let (_, end) = called.recv().await.unwrap();
    settle().await;
    assert!(answers.iter().all(|answer| !answer.is_finished()));
    assert!(called.try_recv().is_err(), "there is one call");
    end.send(Ok(())).unwrap();
    for answer in answers {
        assert_eq!(answer.await.unwrap(), OK);
    }
    assert_eq!(post.to(&listener).await, OK);
    assert!(called.try_recv().is_err(), "it was handled once");
}

#[tokio::test]
async fn duplicates_that_come_meanwhile_get_the_firsts_failure_and_the_next_is_handled() {
    let (listener, mut called) = held();
    let post = Post::ping().id("msg_1");
    let answers = [begin(&listener, post.clone()), begin(&listener, post.clone())];
    let (_, end) = called.recv().await.unwrap();
    settle().await;
    assert!(called.try_recv().is_err(), "there is one call");
    end.send(Err("not today")).unwrap();
    for answer in answers {
        assert_eq!(answer.await.unwrap(), FAILED);
    }
    assert!(called.try_recv().is_err());
    let again = begin(&listener, post.clone());
    called.recv().await.unwrap().1.send(Ok(())).unwrap();
    assert_eq!(again.await.unwrap(), OK);
}

#[tokio::test]
async fn a_panic_fails_those_who_wait_too() {
    let (listener, mut called) = held();
    let post = Post::ping().id("msg_1");
    let answers = [begin(&listener, post.clone()), begin(&listener, post.clone())];
    let (_, end) = called.recv().await.unwrap();
    settle().await;
    drop(end);
    for answer in answers {
        assert_eq!(answer.await.unwrap(), FAILED);
    }
}

#[tokio::test]
async fn different_messages_are_handled_side_by_side() {
    let (listener, mut called) = held();
    let answers = [begin(&listener, Post::ping().id("msg_1")), begin(&listener, Post::ping().id("msg_2"))];
    let (first, second) = (called.recv().await.unwrap(), called.recv().await.unwrap());
    second.1.send(Ok(())).unwrap();
    first.1.send(Ok(())).unwrap();
    for answer in answers {
        assert_eq!(answer.await.unwrap(), OK);
    }
}

#[tokio::test]
async fn a_handler_runs_to_its_end_when_the_sender_has_gone() {
    let (listener, mut called) = held();
    let post = Post::ping().id("msg_1");
    let gone = begin(&listener, post.clone());
    let (_, end) = called.recv().await.unwrap();
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let retry = begin(&listener, post);
    settle().await;
    assert!(!retry.is_finished(), "it waits for the call that is under way");
    end.send(Ok(())).unwrap();
    assert_eq!(retry.await.unwrap(), OK);
    assert!(called.try_recv().is_err());
}

#[tokio::test]
async fn a_replay_is_another_delivery() {
    let (listener, diary, _) = diarist(Check::unverified());
    for post in [Post::ping().id("msg_1"), Post::ping().id("msg_1").replay()] {
        assert_eq!(post.to(&listener).await, OK);
        assert_eq!(post.to(&listener).await, OK);
    }
    let replays: Vec<bool> = diary.pages().iter().map(|callback| callback.replay).collect();
    assert_eq!(replays, [false, true]);
}

#[tokio::test]
async fn another_attempt_is_a_duplicate_and_another_accounts_message_is_not() {
    let (listener, diary, _) = diarist(Check::unverified());
    Post::ping().id("msg_1").header(headers::RINGBACK_ATTEMPT, 1).to(&listener).await;
    Post::ping().id("msg_1").header(headers::RINGBACK_ATTEMPT, 2).to(&listener).await;
    assert_eq!(diary.len(), 1);
    Post::new(ping_body().replace("-00001", "-00002")).id("msg_1").to(&listener).await;
    assert_eq!(diary.len(), 2);
}

#[tokio::test]
async fn without_an_id_every_callback_is_handled() {
    let (listener, diary, _) = diarist(Check::unverified());
    for _ in 0..3 {
        assert_eq!(Post::ping().to(&listener).await, OK);
    }
    assert_eq!(diary.len(), 3);
}

#[tokio::test]
async fn what_is_forgotten_is_handled_again() {
    let (listener, diary, clock) = diarist(Check::unverified());
    let post = Post::ping().id("msg_1");
    post.to(&listener).await;
    clock.advance(DEFAULT_REMEMBER_FOR - Duration::from_nanos(1));
    post.to(&listener).await;
    assert_eq!(diary.len(), 1);
    clock.advance(Duration::from_nanos(1));
    post.to(&listener).await;
    assert_eq!(diary.len(), 2);
}

/// A store that can be out of order, on either side.
#[derive(Default)]
struct Shaky {
    reading_fails: AtomicBool,
    writing_fails: AtomicBool,
    memory: MemoryStore,
}

impl SeenStore for Shaky {
    async fn is_handled(&self, key: &DeliveryKey) -> Result<bool, BoxError> {
        match self.reading_fails.load(Ordering::SeqCst) {
            true => Err("out of order".into()),
            false => self.memory.is_handled(key).await,
        }
    }

    async fn remember(&self, key: &DeliveryKey) -> Result<(), BoxError> {
        match self.writing_fails.load(Ordering::SeqCst) {
            true => Err("disk full".into()),
            false => self.memory.remember(key).await,
        }
    }
}

#[tokio::test]
async fn a_store_that_can_not_be_asked_is_503_and_one_that_can_not_remember_is_not() {
    let store = Arc::new(Shaky::default());
    let diary = crate::cast::Diary::default();
    let pen = diary.clone();
    let listener = Listener::builder(Check::unverified()).store(Arc::clone(&store)).handle(move |callback| {
        pen.write(callback);
        async {}
    });
    let post = Post::ping().id("msg_1");
    store.reading_fails.store(true, Ordering::SeqCst);
    assert_eq!(post.to(&listener).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(diary.len(), 0);
    store.reading_fails.store(false, Ordering::SeqCst);
    store.writing_fails.store(true, Ordering::SeqCst);
    assert_eq!(post.to(&listener).await, OK);
    assert_eq!(post.to(&listener).await, OK);
    assert_eq!(diary.len(), 2, "handled twice rather than never");
    store.writing_fails.store(false, Ordering::SeqCst);
    assert_eq!(post.to(&listener).await, OK);
    assert_eq!(post.to(&listener).await, OK);
    assert_eq!(diary.len(), 3);
}

#[tokio::test]
async fn a_store_outlives_its_listener() {
    let store = Arc::new(MemoryStore::new());
    let post = Post::ping().id("msg_1");
    let first = Listener::builder(Check::unverified()).store(Arc::clone(&store)).handle(async |_| ());
    assert_eq!(post.to(&first).await, OK);
    drop(first);
    let second =
        Listener::builder(Check::unverified()).store(store).handle(|_| async { Err("handled again") });
    assert_eq!(post.to(&second).await, OK);
}

proptest! {
    /// However attempts of three messages follow each other, and whichever of them fail: a message is handled until it
    /// succeeds, then never again, and what is answered is what became of it.
    #[test]
    fn a_message_is_handled_until_it_succeeds(attempts in proptest::collection::vec((0_usize..3, any::<bool>()), 0..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (listener, mut called) = held();
            let mut done = [false; 3];
            for (message, succeeds) in attempts {
                let answer = begin(&listener, Post::ping().id(&format!("msg_{message}")));
                settle().await;
                if let Ok((_, end)) = called.try_recv() {
                    prop_assert!(!done[message], "it was handled again");
                    end.send(if succeeds { Ok(()) } else { Err("not today") }).unwrap();
                    done[message] = succeeds;
                } else {
                    prop_assert!(done[message], "it was not handled");
                }
                prop_assert_eq!(answer.await.unwrap(), if done[message] { OK } else { FAILED });
            }
            Ok(())
        })?;
    }
}
