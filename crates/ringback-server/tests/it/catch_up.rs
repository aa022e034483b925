//! An account reading its own messages back, and waiting for the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringback_server::api::{Limits, PlaceLimits};
use ringback_server::clock::Clock;
use ringback_server::credentials::{self, NewCredential};
use ringback_server::service::{Service, ServiceSettings};
use ringback_store::Reach;
use ringback_store::sqlite::{self, SqliteOptions, SqliteStore};
use ringback_testbed::looking;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::cast::{Cast, of};
use crate::client::{Answer, Ask, Http};
use crate::server::{ACCOUNT, CALLBACKS, OTHER, PATIENCE, Settings, basic};

impl Cast {
    async fn read_on(&self, query: &str) -> Answer {
        self.get(&self.owner, &of(ACCOUNT, &format!("/messages?{query}"))).await
    }

    /// Waits until so many requests wait for messages.
    async fn until_waiting(&self, count: usize) {
        let look = async || match self.server.state.waiting() {
            waiting if waiting == count => Ok(()),
            waiting => Err(format!("{waiting} wait")),
        };
        looking::within(PATIENCE, format!("{count} to wait"), look).await;
    }
}

fn numbers(page: &Value) -> Vec<u64> {
    page["messages"].as_array().unwrap().iter().map(|item| item["sequence"].as_u64().unwrap()).collect()
}

/// One place, and no reading that a wake-up did not bring about.
fn one_place() -> Settings {
    let limits = Limits {
        polls: PlaceLimits { in_all: 1, each: 1 },
        poll_reread: Duration::from_secs(3600),
        // Who asks until it has the place must not be refused for asking often.
        requests_per_second: usize::MAX,
        ..Limits::default()
    };
    Settings { limits, ..Settings::default() }
}

#[tokio::test]
async fn messages_behind_a_number_are_read_in_sequence_with_their_bodies() {
    let cast = Cast::meet().await;
    let first = cast.publish_with(ACCOUNT, &json!({"extra": 1.50})).await;
    cast.publish(ACCOUNT).await;
    cast.publish(ACCOUNT).await;
    cast.delivered(ACCOUNT, 1).await;
    let page = cast.read_on("").await.ok();
    assert_eq!((&page["first"], &page["last"], numbers(&page)), (&json!(1), &json!(3), vec![1, 2, 3]));
    let item = &page["messages"][0];
    assert_eq!((&item["id"], &item["state"]), (&json!(first), &json!("delivered")));
    assert_eq!((&item["message"]["accountName"], &item["message"]["extra"]), (&json!(ACCOUNT), &json!(1.5)));
    assert_eq!((item["message"].get("username"), item["message"].get("password")), (None, None));
    assert_eq!(numbers(&cast.read_on("after=1&limit=1").await.ok()), [2]);
    assert_eq!(numbers(&cast.read_on("after=3").await.ok()), [0; 0]);
    assert_eq!(numbers(&cast.read_on("after=9223372036854775807").await.ok()), [0; 0]);
}

#[tokio::test]
async fn an_account_without_messages_reads_that_there_are_none() {
    let cast = Cast::meet().await;
    assert_eq!(cast.read_on("").await.ok(), json!({"first": 1, "messages": [], "last": 0}));
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes_too() {
    let limits = Limits { catch_up_bytes: 600, ..Limits::default() };
    let cast = Cast::meet_with(Settings { limits, ..Settings::default() }).await;
    for _ in 0..3 {
        cast.publish_with(ACCOUNT, &json!({"extra": "x".repeat(400)})).await;
    }
    let page = cast.read_on("").await.ok();
    assert_eq!((numbers(&page), &page["last"]), (vec![1], &json!(3)));
}

#[tokio::test]
async fn who_waits_is_woken_by_each_publish() {
    let cast = Cast::meet_with(one_place()).await;
    for after in 0..20 {
        let query = format!("after={after}&wait=60");
        let both = async { tokio::join!(cast.read_on(&query), cast.publish(ACCOUNT)) };
        let (page, _) = tokio::time::timeout(PATIENCE, both).await.expect("it is woken");
        assert_eq!(numbers(&page.ok()), [after + 1]);
    }
    // And one of which it is certain that it waited already.
    let both = async {
        tokio::join!(cast.read_on("after=20&wait=60"), async {
            cast.until_waiting(1).await;
            cast.publish(ACCOUNT).await;
        })
    };
    let (page, ()) = tokio::time::timeout(PATIENCE, both).await.expect("it is woken");
    assert_eq!(numbers(&page.ok()), [21]);
}

#[tokio::test]
async fn anothers_message_wakes_nobody_else() {
    let cast = Cast::meet_with(one_place()).await;
    cast.server.register(OTHER).await;
    let (page, ()) = tokio::join!(cast.read_on("wait=60"), async {
        cast.until_waiting(1).await;
        cast.publish(OTHER).await;
        assert_eq!(cast.server.state.waiting(), 1);
        cast.publish(ACCOUNT).await;
    });
    let page = page.ok();
    assert_eq!(page["messages"][0]["message"]["accountName"], ACCOUNT);
}

#[tokio::test]
async fn what_nobody_tells_is_found_within_a_second() {
    use ringback_store::Dispatching as _;

    let cast = Cast::meet().await;
    // As if another node had accepted it: nobody here hears of it.
    cast.server.store.listen(Arc::new(Deaf));
    let (page, ()) = tokio::join!(cast.read_on("wait=60"), async {
        cast.publish(ACCOUNT).await;
    });
    assert_eq!(numbers(&page.ok()), [1]);
}

struct Deaf;

impl ringback_store::CommitListener for Deaf {
    fn accepted(&self, _fresh: Vec<ringback_store::Fresh>) {}

    fn standing_changed(
        &self,
        _account: ringback_delivery::AccountId,
        _standing: ringback_delivery::Standing,
    ) {
    }
}

#[tokio::test]
async fn a_wait_in_vain_ends_with_an_empty_page() {
    let cast = Cast::meet_with(one_place()).await;
    let began = Instant::now();
    let page = cast.read_on("wait=1").await.ok();
    assert_eq!(page, json!({"first": 1, "messages": [], "last": 0}));
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn what_is_there_is_given_without_a_place_to_wait() {
    let cast = Cast::meet_with(one_place()).await;
    cast.publish(ACCOUNT).await;
    let (waited, ()) = tokio::join!(cast.read_on("after=1&wait=60"), async {
        cast.until_waiting(1).await;
        assert_eq!(numbers(&cast.read_on("wait=60").await.ok()), [1]);
        let refused = cast.read_on("after=1&wait=60").await;
        refused.error(429, "REQUEST_FAILED.TooManyRequests");
        assert!(refused.header("retry-after").is_some());
        cast.publish(ACCOUNT).await;
    });
    assert_eq!(numbers(&waited.ok()), [2]);
}

#[tokio::test]
async fn one_account_does_not_take_the_places_of_another() {
    let limits = Limits {
        polls: PlaceLimits { in_all: 10, each: 1 },
        poll_reread: Duration::from_secs(3600),
        ..Limits::default()
    };
    let cast = Cast::meet_with(Settings { limits, ..Settings::default() }).await;
    let other = cast.server.bearer("other", &[OTHER], CALLBACKS).await;
    let ((), page) = tokio::join!(
        async {
            cast.until_waiting(1).await;
            cast.get(&other, &of(OTHER, "/messages?wait=1")).await.ok();
            cast.publish(ACCOUNT).await;
        },
        cast.read_on("wait=60")
    );
    assert_eq!(numbers(&page.ok()), [1]);
}

#[tokio::test]
async fn a_client_that_goes_frees_its_place() {
    let cast = Cast::meet_with(one_place()).await;
    let mut client = tokio::net::TcpStream::connect(cast.server.address()).await.unwrap();
    let request = format!(
        "GET {}?wait=60 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        of(ACCOUNT, "/messages"),
        cast.owner
    );
    client.write_all(request.as_bytes()).await.unwrap();
    cast.until_waiting(1).await;
    drop(client);
    cast.until_waiting(0).await;
}

#[tokio::test]
async fn who_waits_is_answered_when_the_service_stops() {
    // A whole service, to see it passed on; its only place is taken by whoever waits.
    let folder = tempfile::tempdir().unwrap();
    let limits = sqlite::Limits { free_space_reserve: 0, ..sqlite::Limits::default() };
    let options = SqliteOptions { limits, ..SqliteOptions::server(folder.path().join("ringback.db")) };
    let store = Arc::new(SqliteStore::open(options).unwrap());
    let new = NewCredential {
        name: "owner".to_owned(),
        scopes: CALLBACKS,
        reach: Reach::Every,
        username: None,
        password: None,
    };
    let clock = Clock::system();
    let issued = credentials::create(&*store, clock.now(), new).await.unwrap();
    let settings = ServiceSettings { limits: one_place().limits, ..ServiceSettings::default() };
    let service = Service::start(settings, store, clock).await.unwrap();
    let root = format!("http://{}", service.local_addr());
    let http = Http::new();
    let token = Ask::new(&http, "POST", format!("{root}/api/ts/v1/oauth2/token"))
        .header("authorization", &basic(&issued.client_id, issued.client_secret.expose()))
        .body("application/x-www-form-urlencoded", "grant_type=client_credentials");
    let token = token.send().await.ok()["access_token"].as_str().unwrap().to_owned();
    let ask = move |wait: u64| {
        Ask::new(&http, "GET", format!("{root}{}", of(ACCOUNT, &format!("/messages?wait={wait}"))))
            .bearer(&token)
            .send()
    };
    // Until one of them has the place for a minute, it may be the other's for a second.
    let long = ask.clone();
    let poll = tokio::spawn(async move {
        loop {
            let answer = long(60).await;
            if answer.status != 429 {
                return answer;
            }
        }
    });
    let refused = async { while ask(1).await.status != 429 {} };
    tokio::time::timeout(PATIENCE, refused).await.expect("one waits in time");

    let began = Instant::now();
    service.stop(Duration::from_secs(50)).await;
    assert!(began.elapsed() < PATIENCE);
    assert_eq!(numbers(&poll.await.unwrap().ok()), [0; 0]);
}

#[tokio::test]
async fn anothers_messages_are_404_like_those_of_nobody() {
    let cast = Cast::meet().await;
    cast.server.register(OTHER).await;
    cast.publish(OTHER).await;
    let others = cast.get(&cast.owner, &of(OTHER, "/messages?after=0")).await;
    others.error(404, "REQUEST_FAILED.NotFound");
    let nobodys = cast.get(&cast.owner, &of("9999999999-99999", "/messages?after=0")).await;
    assert_eq!((others.status, others.body), (nobodys.status, nobodys.body));
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_named() {
    let cast = Cast::meet().await;
    for (query, named) in [
        ("wait=61", "wait must be a whole number from 0 to 60"),
        ("after=-1", "after must be"),
        ("after=9223372036854775808", "after must be"),
        ("limit=0", "limit must be a whole number from 1 to 1000"),
        ("since=1", "there is no parameter since: this address takes after, limit, wait"),
    ] {
        let message = cast.read_on(query).await.error(400, "INPUT_INVALID.Parameter.Invalid");
        assert!(message.starts_with(named), "{query}: {message}");
    }
}
