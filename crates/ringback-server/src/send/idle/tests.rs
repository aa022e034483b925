use futures_util::FutureExt as _;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);
const CLOSED: u32 = 99;

impl Connected for u32 {
    fn is_closed(&self) -> bool {
        *self == CLOSED
    }
}

fn idle(most: usize, at_once: usize) -> Idle<u32> {
    Idle::start(most, at_once, PATIENCE)
}

fn origin(name: &str) -> Arc<str> {
    name.into()
}

/// Opens a request to the endpoint.
async fn open(idle: &Idle<u32>, name: &str) -> (Option<u32>, Open<u32>) {
    idle.take(&origin(name)).await
}

/// Requests to these with these connections, which are kept in this order.
async fn used(idle: &Idle<u32>, connections: &[(&str, u32)]) {
    let mut opened = Vec::new();
    for (name, _) in connections {
        opened.push(open(idle, name).await.1);
    }
    for (open, (_, connection)) in opened.into_iter().zip(connections) {
        open.keep(*connection);
    }
}

/// All that are kept.
async fn all(idle: &Idle<u32>, name: &str) -> Vec<u32> {
    let mut all = Vec::new();
    while let (Some(connection), _) = open(idle, name).await {
        all.push(connection);
    }
    all
}

fn nothing_is_left(idle: &Idle<u32>) -> bool {
    let kept = lock(&idle.0);
    kept.by_origin.is_empty() && kept.by_age.is_empty()
}

#[tokio::test]
async fn an_endpoint_gets_its_own_connections_those_kept_last_first() {
    let idle = idle(10, 10);
    used(&idle, &[("a", 1), ("b", 2)]).await;
    let opened = (open(&idle, "a").await, open(&idle, "a").await, open(&idle, "b").await);
    assert_eq!((opened.0.0, opened.1.0, opened.2.0), (Some(1), None, Some(2)));
    opened.0.1.keep(1);
    opened.1.1.keep(3);
    assert_eq!((all(&idle, "a").await, all(&idle, "c").await), (vec![3, 1], vec![]));
    drop(opened.2);
    assert!(nothing_is_left(&idle));
}

#[tokio::test]
async fn those_kept_longest_ago_make_room_whatever_their_endpoint() {
    let idle = idle(3, 10);
    used(&idle, &[("a", 1), ("b", 2), ("a", 3), ("c", 4), ("d", 5)]).await;
    let mut left = Vec::new();
    for name in ["a", "b", "c", "d"] {
        left.push(all(&idle, name).await);
    }
    assert_eq!(left, [vec![3], vec![], vec![4], vec![5]]);
    assert!(nothing_is_left(&idle));
}

#[tokio::test]
async fn what_the_other_side_has_closed_is_passed_over() {
    let idle = idle(10, 10);
    used(&idle, &[("a", 1), ("a", CLOSED), ("a", CLOSED)]).await;
    assert_eq!(all(&idle, "a").await, [1]);
    assert!(nothing_is_left(&idle));
}

#[tokio::test]
async fn those_that_waited_for_too_long_are_closed() {
    let idle = idle(10, 10);
    let (mut kept, begun, a) = (lock(&idle.0), Instant::now(), origin("a"));
    kept.take(&a, begun);
    kept.take(&a, begun);
    kept.keep(&a, 1, begun, Some(Duration::ZERO), begun);
    kept.keep(&a, 2, begun, Some(Duration::ZERO), begun + PATIENCE / 2);
    assert!(kept.expire(begun + PATIENCE - Duration::from_secs(1)).is_empty());
    assert_eq!(kept.expire(begun + PATIENCE), [1]);
    assert_eq!(kept.take(&a, begun + PATIENCE * 2).0, None, "too old, and not found by the task yet");
    kept.closed(&a, begun + PATIENCE * 2, begun + PATIENCE * 2);
    assert!(kept.by_origin.is_empty() && kept.by_age.is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_many_are_in_use_a_request_waits_for_the_next_that_comes_free() {
    let (idle, a) = (idle(10, 2), origin("a"));
    let (first, second) = (open(&idle, "a").await.1, open(&idle, "a").await.1);
    let mut waiting = [Box::pin(idle.take(&a)), Box::pin(idle.take(&a))];
    assert!(waiting.iter_mut().all(|waits| waits.now_or_never().is_none()));
    first.keep(1);
    let (got, third) = waiting[0].as_mut().now_or_never().unwrap();
    assert_eq!(got, Some(1));
    drop(second);
    let (got, fourth) = waiting[1].as_mut().now_or_never().unwrap();
    assert_eq!(got, None, "one was closed: another may be opened");
    drop((third, fourth));
    assert!(nothing_is_left(&idle));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_those_that_have_been_out_for_long() {
    let idle = idle(10, 2);
    let slow = (open(&idle, "a").await.1, open(&idle, "a").await.1);
    tokio::time::advance(LONG).await;
    let began = Instant::now();
    let (first, second) = (open(&idle, "a").await, open(&idle, "a").await);
    assert_eq!((first.0, second.0, began.elapsed()), (None, None, Duration::ZERO));
    // What is over late takes no place from those that count.
    drop(slow);
    assert!(Box::pin(open(&idle, "a")).now_or_never().is_none());
    drop((first, second));
    assert!(open(&idle, "a").now_or_never().is_some());
    assert!(nothing_is_left(&idle));
}

#[tokio::test(start_paused = true)]
async fn none_waits_for_long_and_who_gave_up_waiting_gets_nothing() {
    let idle = idle(10, 1);
    let first = open(&idle, "a").await.1;
    let began = Instant::now();
    let (got, second) = open(&idle, "a").await;
    assert_eq!((got, began.elapsed()), (None, FREE_WITHIN));
    // The second waits no more, but for its own connection.
    first.keep(1);
    assert_eq!(open(&idle, "a").await.0, Some(1));
    drop(second);
    assert!(nothing_is_left(&idle));
}

#[tokio::test(start_paused = true)]
async fn those_that_are_over_soon_leave_the_slow_ones_to_grow_old() {
    let idle = idle(10, 3);
    let _slow = (open(&idle, "a").await, open(&idle, "a").await);
    tokio::time::advance(LONG / 2).await;
    for _ in 0..2 {
        open(&idle, "a").await.1.keep(1);
    }
    tokio::time::advance(LONG / 2).await;
    let mut next = Vec::new();
    for _ in 0..3 {
        next.push(open(&idle, "a").now_or_never().expect("the slow ones don't count any more"));
    }
}

/// So many answers that took so long each.
async fn answered_in(idle: &Idle<u32>, times: u32, took: Duration) {
    for _ in 0..times {
        let open = open(idle, "a").await.1;
        tokio::time::advance(took).await;
        open.keep(1);
    }
}

/// An endpoint with one connection, which is in use, whose answers take so many times as long as they did.
async fn slower_than_it_was(times: u32) -> (Idle<u32>, Open<u32>) {
    let idle = idle(10, 1);
    answered_in(&idle, 1, Duration::from_millis(1)).await;
    answered_in(&idle, 50, times * Duration::from_millis(1)).await;
    let (connection, first) = open(&idle, "a").await;
    assert_eq!(connection, Some(1));
    (idle, first)
}

#[tokio::test(start_paused = true)]
async fn where_requests_wait_for_one_another_already_the_next_waits_longer() {
    for (slower, waited) in [(1, FREE_WITHIN), (5, LONG)] {
        let (idle, _first) = slower_than_it_was(slower).await;
        let began = Instant::now();
        let second = open(&idle, "a").await;
        assert_eq!((second.0, began.elapsed()), (None, waited));
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_free_while_the_next_waits_longer_is_its_own() {
    let (idle, first) = slower_than_it_was(5).await;
    let a = origin("a");
    let mut second = Box::pin(idle.take(&a));
    assert!(second.as_mut().now_or_never().is_none());
    tokio::time::advance(FREE_WITHIN).await;
    assert!(second.as_mut().now_or_never().is_none(), "it waits longer");
    first.keep(1);
    assert_eq!(second.as_mut().now_or_never().unwrap().0, Some(1));
}

#[tokio::test]
async fn a_connection_that_was_not_needed_is_kept_and_says_nothing_of_its_endpoint() {
    let idle = idle(10, 10);
    let a = origin("a");
    let (_, open) = idle.take(&a).await;
    open.give_back(1);
    assert!(!lock(&idle.0).by_origin[&a].promptness.has_answered());
    assert_eq!(all(&idle, "a").await, [1]);
    assert!(nothing_is_left(&idle));
}
