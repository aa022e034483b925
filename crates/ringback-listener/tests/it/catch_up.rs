//! Reading back what did not come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringback_listener::MessageState::{Cancelled, Dead, Delivered, Pending};
use ringback_listener::{
    Callback, CatchUp, CatchUpError, Check, Found, Gap, Listener, MessageState, ReadError,
};

use crate::cast::{ACCOUNT, Post, diarist};
use crate::fake_source::FakeSource;

#[tokio::test]
async fn pending_dead_and_cancelled_messages_are_handled_with_their_state() {
    let (listener, diary, _) = diarist(Check::signature([crate::cast::KEY]).unwrap());
    let source = FakeSource::with([(1, Delivered), (2, Dead), (3, Cancelled), (4, Pending)]);
    let sum = listener.catch_up(&mut CatchUp::new(&source, ACCOUNT)).await.unwrap();
    assert_eq!((sum.handled, sum.dead, sum.cancelled, sum.delivered, sum.gone), (3, 1, 1, 1, 0));
    let seen: Vec<(Option<u64>, Option<MessageState>)> =
        diary.pages().iter().map(|callback| (callback.sequence, callback.state)).collect();
    assert_eq!(seen, [(Some(2), Some(Dead)), (Some(3), Some(Cancelled)), (Some(4), Some(Pending))]);
    assert_eq!(listener.position(ACCOUNT), Some(4));
}

#[tokio::test]
async fn what_came_before_is_not_handled_again_and_what_comes_afterwards_neither() {
    let (listener, diary, _) = diarist(Check::unverified());
    let source = FakeSource::with([(1, Delivered), (2, Pending), (3, Delivered)]);
    Post::ping().sequence(1).to(&listener).await;
    let sum = listener.catch_up(&mut CatchUp::new(&source, ACCOUNT).include_delivered()).await.unwrap();
    assert_eq!((sum.handled, sum.delivered), (3, 0));
    Post::ping().sequence(2).to(&listener).await;
    assert_eq!(diary.ids(), ["msg_1", "msg_2", "msg_3"]);
}

#[tokio::test]
async fn a_gap_is_read_back_alone_and_closed() {
    let (listener, diary, clock) = diarist(Check::unverified());
    let source = FakeSource::with((1..=9).map(|sequence| (sequence, Dead)));
    for sequence in [2, 6] {
        Post::ping().sequence(sequence).to(&listener).await;
    }
    clock.advance(Duration::from_secs(60));
    let gap = listener.gaps().next().await;
    listener.catch_up(&mut CatchUp::gap(&source, &gap)).await.unwrap();
    assert_eq!(diary.ids(), ["msg_2", "msg_6", "msg_3", "msg_4", "msg_5"]);
    assert_eq!(*source.asked.lock().unwrap(), [(2, 3)]);
    assert_eq!(listener.position(ACCOUNT), Some(6));
}

#[tokio::test]
async fn numbers_that_are_not_kept_are_told_as_gone() {
    let source = FakeSource { last: 12, ..FakeSource::with([(4, Dead), (8, Dead)]) };
    let mut reading = CatchUp::new(&source, ACCOUNT).after(1).page_limit(2);
    let mut found = Vec::new();
    while let Some(one) = reading.next().await.unwrap() {
        found.push(match one {
            Found::Message(missed) => (missed.sequence, missed.sequence),
            Found::Gone { first, last } => (first, last),
            _ => unreachable!(),
        });
    }
    assert_eq!(found, [(2, 3), (4, 4), (5, 7), (8, 8)]);
    let empty = FakeSource { last: 12, ..FakeSource::default() };
    let mut reading = CatchUp::gap(&empty, &Gap { account: ACCOUNT.into(), first: 3, last: 5 });
    assert!(matches!(reading.next().await.unwrap(), Some(Found::Gone { first: 3, last: 5 })));
    assert!(reading.next().await.unwrap().is_none());
    let (listener, ..) = diarist(Check::unverified());
    let sum = listener.catch_up(&mut CatchUp::new(&empty, ACCOUNT)).await.unwrap();
    assert_eq!(sum.gone, 12);
    assert_eq!(listener.position(ACCOUNT), Some(12));
}

#[tokio::test]
async fn a_message_whose_handler_failed_is_given_again() {
    let failing = Arc::new(AtomicBool::new(true));
    let fails = Arc::clone(&failing);
    let listener = Listener::new(Check::unverified(), move |callback: Callback| {
        let fails = callback.sequence == Some(2) && fails.load(Ordering::SeqCst);
        async move { if fails { Err("not today") } else { Ok(()) } }
    });
    let source = FakeSource::with([(1, Pending), (2, Pending), (3, Pending)]);
    let mut reading = CatchUp::new(&source, ACCOUNT).acknowledge();
    let error = listener.catch_up(&mut reading).await.unwrap_err();
    assert!(matches!(error, CatchUpError::Handle { sequence: 2, .. }), "{error}");
    assert_eq!(reading.position(), 1);
    assert!(source.acknowledged.lock().unwrap().is_empty());
    failing.store(false, Ordering::SeqCst);
    assert_eq!(listener.catch_up(&mut reading).await.unwrap().handled, 2);
    assert_eq!(*source.acknowledged.lock().unwrap(), [3]);
}

#[tokio::test]
async fn what_was_handled_is_acknowledged_page_by_page() {
    let (listener, ..) = diarist(Check::unverified());
    let source = FakeSource::with((1..=5).map(|sequence| (sequence, Pending)));
    let mut reading = CatchUp::new(&source, ACCOUNT).acknowledge().page_limit(2);
    listener.catch_up(&mut reading).await.unwrap();
    assert_eq!(*source.acknowledged.lock().unwrap(), [2, 4, 5]);
    listener.catch_up(&mut reading).await.unwrap();
    assert_eq!(*source.acknowledged.lock().unwrap(), [2, 4, 5]);
}

#[tokio::test]
async fn nothing_is_acknowledged_unless_it_is_asked_for() {
    let (listener, ..) = diarist(Check::unverified());
    let source = FakeSource::with([(1, Pending)]);
    listener.catch_up(&mut CatchUp::new(&source, ACCOUNT)).await.unwrap();
    assert!(source.acknowledged.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error_and_the_place_is_kept() {
    let (listener, diary, _) = diarist(Check::unverified());
    let source = FakeSource::with([(1, Pending), (2, Pending)]);
    source.is_away(true);
    let mut reading = CatchUp::new(&source, ACCOUNT);
    let error = listener.catch_up(&mut reading).await.unwrap_err();
    assert!(matches!(error, CatchUpError::Read(ReadError::Source(_))), "{error}");
    source.is_away(false);
    listener.catch_up(&mut reading).await.unwrap();
    assert_eq!(diary.len(), 2);
}

/// Answers with the same page, whatever it is asked for.
struct Stuck;

impl ringback_listener::PullSource for Stuck {
    type Error = crate::fake_source::Away;

    async fn page(
        &self,
        _: &str,
        _: u64,
        limit: u32,
        _: Option<Duration>,
    ) -> Result<ringback_wire::api::CatchUpPage, Self::Error> {
        Ok(FakeSource::with([(1, Dead)]).page_after(0, limit))
    }

    async fn acknowledge(&self, _: &str, _: u64) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[tokio::test]
async fn a_server_that_repeats_itself_is_an_error_and_not_a_loop() {
    let (listener, ..) = diarist(Check::unverified());
    let error = listener.catch_up(&mut CatchUp::new(Stuck, ACCOUNT)).await.unwrap_err();
    assert!(matches!(error, CatchUpError::Read(ReadError::Disorder { after: 1, sequence: 1 })), "{error}");
}

#[tokio::test]
async fn catching_up_that_is_dropped_goes_on_before_what_was_not_handled() {
    let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
    let listener = Listener::new(Check::unverified(), move |_| {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        calls.send(end).unwrap();
        ended
    });
    let source = FakeSource::with([(1, Pending)]);
    let mut reading = CatchUp::new(&source, ACCOUNT).acknowledge();
    let end = tokio::select! {
        biased;
        _ = listener.catch_up(&mut reading) => panic!("it is being handled"),
        end = called.recv() => end.unwrap(),
    };
    assert_eq!(reading.position(), 0);
    drop(end);
    listener.idle().await;
    // The call that went on has failed, so that there is another one.
    let (sum, ()) = tokio::join!(listener.catch_up(&mut reading), async {
        assert!(source.acknowledged.lock().unwrap().is_empty());
        called.recv().await.unwrap().send(()).unwrap();
    });
    assert_eq!(sum.unwrap().handled, 1);
    assert_eq!(*source.acknowledged.lock().unwrap(), [1]);
}

#[tokio::test]
async fn what_is_being_handled_is_waited_for() {
    let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
    let listener = Listener::new(Check::unverified(), move |_| {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        calls.send(end).unwrap();
        ended
    });
    let source = FakeSource::with([(1, Pending)]);
    let mut reading = CatchUp::new(&source, ACCOUNT);
    let post = Post::ping().sequence(1);
    let pushed = tokio::spawn({
        let listener = listener.clone();
        async move { post.to(&listener).await }
    });
    let end = called.recv().await.unwrap();
    let (sum, ()) = tokio::join!(listener.catch_up(&mut reading), async { end.send(()).unwrap() });
    assert_eq!(sum.unwrap().handled, 1);
    assert_eq!(pushed.await.unwrap(), http::StatusCode::NO_CONTENT);
    assert!(called.try_recv().is_err());
}
