//! A listener's gaps, with a clock that is moved by hand.

use std::time::Duration;

use futures_util::StreamExt as _;
use http::StatusCode;
use ringback_listener::{Check, Gap, GapSettings, Listener, ManualClock};

use crate::cast::{ACCOUNT, NOW, Post, diarist};

fn gap(first: u64, last: u64) -> Gap {
    Gap { account: ACCOUNT.into(), first, last }
}

#[tokio::test]
async fn a_number_that_does_not_come_for_a_minute_is_told() {
    let (listener, _, clock) = diarist(Check::unverified());
    let gaps = listener.gaps();
    let waiting = tokio::spawn(async move { gaps.next().await });
    for sequence in [1, 4] {
        assert_eq!(Post::ping().sequence(sequence).to(&listener).await, StatusCode::NO_CONTENT);
    }
    clock.advance(Duration::from_secs(59));
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    assert_eq!(listener.position(ACCOUNT), Some(1));
    clock.advance(Duration::from_secs(1));
    assert_eq!(waiting.await.unwrap(), gap(2, 3));
}

#[tokio::test]
async fn a_message_whose_handler_fails_is_missing_until_it_succeeds() {
    let clock = ManualClock::at(NOW);
    let failing = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let fails = std::sync::Arc::clone(&failing);
    let listener = Listener::builder(Check::unverified())
        .clock(clock.clone())
        .gaps(GapSettings { wait: Duration::from_secs(5), ..GapSettings::default() })
        .resume(ACCOUNT, 10)
        .handle(move |callback: ringback_listener::Callback| {
            let fails = callback.sequence == Some(11) && fails.load(std::sync::atomic::Ordering::SeqCst);
            async move { if fails { Err("not today") } else { Ok(()) } }
        });
    Post::ping().sequence(11).to(&listener).await;
    Post::ping().sequence(12).to(&listener).await;
    clock.advance(Duration::from_secs(5));
    assert_eq!(listener.gaps().next().await, gap(11, 11));
    assert_eq!(listener.position(ACCOUNT), Some(10));
    failing.store(false, std::sync::atomic::Ordering::SeqCst);
    Post::ping().sequence(11).to(&listener).await;
    assert_eq!(listener.position(ACCOUNT), Some(12));
}

#[tokio::test]
async fn gaps_come_as_a_stream_and_settling_closes_them() {
    let (listener, _, clock) = diarist(Check::unverified());
    for sequence in [1, 3, 5] {
        Post::ping().sequence(sequence).to(&listener).await;
    }
    clock.advance(Duration::from_secs(60));
    let told: Vec<Gap> = listener.gaps().into_stream().take(2).collect().await;
    assert_eq!(told, [gap(2, 2), gap(4, 4)]);
    listener.settle(ACCOUNT, 2, 4);
    assert_eq!(listener.position(ACCOUNT), Some(5));
}

#[tokio::test]
async fn a_number_of_an_account_that_can_not_be_is_not_watched() {
    let (listener, diary, _) = diarist(Check::unverified());
    let post = Post::new(r#"{"accountName":"everybody","type":"ping"}"#).sequence(3);
    post.to(&listener).await;
    post.to(&listener).await;
    assert_eq!(diary.len(), 2, "nor are its duplicates");
    assert_eq!(listener.position("everybody"), None);
}

#[tokio::test]
async fn a_duplicate_of_what_an_earlier_process_handled_counts_as_come() {
    let store = std::sync::Arc::new(ringback_listener::MemoryStore::new());
    let process = || {
        let store = std::sync::Arc::clone(&store);
        Listener::builder(Check::unverified()).store(store).resume(ACCOUNT, 10).handle(async |_| ())
    };
    Post::ping().sequence(11).to(&process()).await;
    let next = process();
    assert_eq!(next.position(ACCOUNT), Some(10));
    Post::ping().sequence(11).to(&next).await;
    assert_eq!(next.position(ACCOUNT), Some(11));
}
