//! The system's resolver: names that are never answered take nothing from those that are.

use std::sync::{
    Condvar,
    atomic::{AtomicUsize, Ordering},
};

use super::*;

/// How a name server deals with names that begin with "moody".
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Answers,
    Fails,
    /// Says nothing until the mood is another.
    Silent,
}

/// A name server that knows all names but "none".
struct Server {
    asked: AtomicUsize,
    /// Look-ups that it was silent about.
    silent: AtomicUsize,
    mood: Mutex<Mood>,
    changed: Condvar,
}

impl Server {
    fn ask(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if name.starts_with("moody") {
            let mut mood = self.mood.lock().unwrap_or_else(PoisonError::into_inner);
            if *mood == Mood::Silent {
                self.silent.fetch_add(1, Ordering::SeqCst);
                let waited = self.changed.wait_while(mood, |mood| *mood == Mood::Silent);
                mood = waited.unwrap_or_else(PoisonError::into_inner);
            }
            if *mood == Mood::Fails {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        if name.starts_with("none") { Ok(Vec::new()) } else { Ok(vec![address("127.0.0.1")]) }
    }

    fn turns(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
        self.changed.notify_all();
    }

    async fn until_silent(&self, count: usize) {
        while self.silent.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    }
}

fn resolver(known: usize, unknown: usize) -> (Arc<Server>, SystemResolver) {
    let server = Arc::new(Server {
        asked: AtomicUsize::new(0),
        silent: AtomicUsize::new(0),
        mood: Mutex::new(Mood::Silent),
        changed: Condvar::new(),
    });
    let asked = server.clone();
    (server, SystemResolver::asking(move |name| asked.ask(name), known, unknown))
}

/// Asks, and gives up at once when there is a thread at work on it.
fn give_up(resolver: &SystemResolver, name: String) {
    let resolver = resolver.clone();
    tokio::spawn(async move { tokio::time::timeout(SHORT, resolver.resolve(&name)).await });
}

#[tokio::test]
async fn names_that_are_never_answered_leave_room_for_those_that_were() {
    let (server, resolver) = resolver(1, 2);
    resolver.resolve("good.example").await.expect("it is answered");
    for number in 0..4 {
        give_up(&resolver, format!("moody{number}.example"));
    }
    server.until_silent(2).await;
    for _ in 0..3 {
        resolver.resolve("good.example").await.expect("it has a thread of its own");
    }
    let other = tokio::time::timeout(SHORT, resolver.resolve("other.example")).await;
    assert!(other.is_err(), "one that is not known waits with those that are silent");
    server.turns(Mood::Fails);
    resolver.resolve("other.example").await.expect("there is room again");
}

#[tokio::test]
async fn a_known_name_that_falls_silent_takes_a_place_of_the_known_ones_once() {
    let (server, resolver) = resolver(1, 1);
    server.turns(Mood::Answers);
    for name in ["good.example", "moody.example"] {
        resolver.resolve(name).await.expect("it is answered");
    }
    server.turns(Mood::Silent);
    give_up(&resolver, "moody.example".to_owned());
    server.until_silent(1).await;
    let good = tokio::time::timeout(SHORT, resolver.resolve("good.example")).await;
    assert!(good.is_err(), "the one place is taken, this once");
    server.turns(Mood::Fails);
    resolver.resolve("good.example").await.expect("it is free again");
    server.turns(Mood::Silent);
    give_up(&resolver, "moody.example".to_owned());
    server.until_silent(2).await;
    resolver.resolve("good.example").await.expect("the place is not taken again");
    server.turns(Mood::Fails);
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_all_who_ask_meanwhile() {
    let (server, resolver) = resolver(4, 4);
    let ask = || {
        let resolver = resolver.clone();
        tokio::spawn(async move { resolver.resolve("moody.example").await.map_err(|error| error.kind()) })
    };
    let asking: Vec<_> = (0..8).map(|_| ask()).collect();
    server.until_silent(1).await;
    server.turns(Mood::Fails);
    for answer in asking {
        assert_eq!(answer.await.expect("it ends"), Err(io::ErrorKind::TimedOut));
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_without_addresses_is_an_error() {
    let (_, resolver) = resolver(1, 1);
    let error = resolver.resolve("none.example").await.expect_err("there are none");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
