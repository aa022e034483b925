//! Accounts as they stand, held, released and restored.

use std::time::Duration;

use ringback_delivery::{Failure, Health, Outcome, Trouble, Verdict};
use ringback_store::{Registration, Registrations as _, Secret};
use serde_json::{Value, json};

use crate::cast::{ACCOUNTS, Cast, of};
use crate::server::{ACCOUNT, CALLBACKS, OPERATE, OTHER};

fn names(page: &Value) -> Vec<&str> {
    page["accounts"].as_array().unwrap().iter().map(|account| account["account"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_account_is_shown_with_its_registration_but_never_its_password() {
    let cast = Cast::meet().await;
    let answer = cast.get(&cast.owner, &of(ACCOUNT, "")).await;
    assert_eq!(
        answer.ok(),
        json!({
            "account": ACCOUNT,
            "registration": {
                "service": "Fota", "url": "https://10.0.0.1/", "username": "fota-user",
                "registeredAt": "2026-01-01T00:00:00Z",
            },
            "pull": false,
            "state": "active",
            "lane": "open, nothing pending",
            "counts": {"accepted": 0, "delivered": 0, "pending": 0, "dead": 0, "cancelled": 0},
        })
    );
}

#[tokio::test]
async fn an_accounts_counts_its_oldest_pending_message_and_its_last_error_are_shown() {
    let cast = Cast::meet().await;
    for _ in 0..4 {
        cast.publish(ACCOUNT).await;
        cast.server.advance(Duration::from_secs(10));
    }
    cast.delivered(ACCOUNT, 1).await;
    cast.dead(ACCOUNT, 2).await;
    let due = cast.server.clock.now().after(Duration::from_secs(5));
    let retry = Verdict::Retry { due, charged: 1, successes: 1 };
    cast.settle(ACCOUNT, 3, Outcome::Failed(Failure::Connect), retry).await;
    let shown = cast.get(&cast.owner, &of(ACCOUNT, "")).await.ok();
    assert_eq!(
        shown["counts"],
        json!({"accepted": 4, "delivered": 1, "pending": 2, "dead": 1, "cancelled": 0})
    );
    assert_eq!(shown["oldestPendingAt"], "2026-01-01T00:00:20Z");
    assert_eq!(shown["lastError"], "nobody is there");
    assert_eq!(shown["lane"], "open, 2 messages pending, the oldest for 20 s");
}

#[tokio::test]
async fn a_lane_says_in_a_sentence_what_holds_it() {
    let cast = Cast::meet().await;
    let now = cast.server.clock.now();
    let hold = Health::Hold {
        since: now,
        failed_probes: 5,
        probe_at: now.after(Duration::from_secs(180)),
        trouble: Trouble::Failure(Failure::Connect),
    };
    cast.lane(ACCOUNT, |record| record.health = hold).await;
    let shown = cast.account(ACCOUNT).await;
    assert_eq!(shown["state"], "hold");
    assert_eq!(
        shown["lane"],
        "on hold since 2026-01-01T00:00:00Z: no connection could be made; next probe in 3 min; nothing pending"
    );
    assert_eq!(shown["lastError"], "no connection could be made");
    cast.lane(ACCOUNT, |record| record.health = Health::Suspended { since: now }).await;
    let shown = cast.account(ACCOUNT).await;
    assert_eq!(shown["state"], "suspended");
    assert!(shown["lane"].as_str().unwrap().contains("answered 410"), "{shown}");
    // What a resume has released is open, before the lane has been visited.
    let resumed = cast.post(&cast.operator, &of(ACCOUNT, "/resume")).await.ok();
    assert_eq!(resumed["state"], "active");
}

#[tokio::test]
async fn an_operator_pauses_and_resumes_an_account() {
    let cast = Cast::meet().await;
    cast.publish(ACCOUNT).await;
    let paused = cast.post(&cast.operator, &of(ACCOUNT, "/pause")).await.ok();
    assert_eq!(paused["state"], "paused");
    assert!(paused["lane"].as_str().unwrap().starts_with("paused since 2026-01-01T00:00:00Z"), "{paused}");
    assert_eq!(cast.post(&cast.operator, &of(ACCOUNT, "/pause")).await.ok(), paused);
    let resumed = cast.post(&cast.operator, &of(ACCOUNT, "/resume")).await.ok();
    assert_eq!(resumed["state"], "active");
    let narrow = cast.server.bearer("narrow", &[ACCOUNT], OPERATE).await;
    assert_eq!(cast.post(&narrow, &of(ACCOUNT, "/pause")).await.ok()["state"], "paused");
}

#[tokio::test]
async fn a_replaced_registration_is_restored_if_nothing_changed_since() {
    let cast = Cast::meet().await;
    let restore = of(ACCOUNT, "/registration/restore");
    cast.post(&cast.owner, &restore).await.error(409, "REQUEST_FAILED.Registration.NotRestorable");
    let mistake = Registration { url: Secret::new("https://10.9.9.9/"), username: None, password: None };
    let now = cast.server.clock.now();
    cast.server.store.register(now, ACCOUNT.parse().unwrap(), mistake).await.unwrap();
    assert_eq!(cast.account(ACCOUNT).await["registration"]["url"], "https://10.9.9.9/");
    let restored = cast.post(&cast.owner, &restore).await.ok();
    assert_eq!(restored["registration"]["url"], "https://10.0.0.1/");
    assert_eq!(restored["registration"]["username"], "fota-user");
    cast.server.store.deregister(now, ACCOUNT.parse().unwrap()).await.unwrap();
    cast.post(&cast.owner, &restore).await.error(409, "REQUEST_FAILED.Registration.NotRestorable");
}

#[tokio::test]
async fn a_list_holds_the_credentials_accounts_by_number_and_in_pages() {
    let cast = Cast::meet().await;
    let named = ["0000000042-00007", ACCOUNT, OTHER, "9999999999-99999"];
    let bearer = cast.server.bearer("four", &named, CALLBACKS).await;
    cast.server.register(OTHER).await;
    let whole = cast.get(&bearer, ACCOUNTS).await.ok();
    assert_eq!(names(&whole), ["0000000042-00007", OTHER, ACCOUNT, "9999999999-99999"]);
    assert_eq!(whole.get("next"), None);
    assert_eq!(whole["accounts"][0]["state"], "unregistered");
    assert_eq!(whole["accounts"][2]["registration"]["url"], "https://10.0.0.1/");
    let first = cast.get(&bearer, &format!("{ACCOUNTS}?limit=3")).await.ok();
    assert_eq!(names(&first), ["0000000042-00007", OTHER, ACCOUNT]);
    let next = first["next"].as_str().unwrap();
    let second = cast.get(&bearer, &format!("{ACCOUNTS}?limit=3&cursor={next}")).await.ok();
    assert_eq!((names(&second), second.get("next")), (vec!["9999999999-99999"], None));
}

#[tokio::test]
async fn a_list_of_all_accounts_holds_those_that_a_credential_names_or_something_was_done_for() {
    let cast = Cast::meet().await;
    for account in [OTHER, "0000000042-00007"] {
        cast.server.register(account).await;
    }
    cast.server.bearer("names one more", &[ACCOUNT, "9999999999-99999"], CALLBACKS).await;
    let first = cast.get(&cast.operator, &format!("{ACCOUNTS}?limit=2")).await.ok();
    assert_eq!(names(&first), ["0000000042-00007", OTHER]);
    let next = first["next"].as_str().unwrap();
    let second = cast.get(&cast.operator, &format!("{ACCOUNTS}?cursor={next}")).await.ok();
    assert_eq!((names(&second), second.get("next")), (vec![ACCOUNT, "9999999999-99999"], None));
    assert_eq!(second["accounts"][1]["state"], "unregistered");
    // The same cursor shows nobody what is not theirs.
    let others = cast.get(&cast.owner, &format!("{ACCOUNTS}?cursor={next}")).await.ok();
    assert_eq!(names(&others), [ACCOUNT]);
}

#[tokio::test]
async fn what_is_wrong_with_a_lists_query_is_named() {
    let cast = Cast::meet().await;
    for query in ["limit=501", "cursor=x", "page=2"] {
        let answer = cast.get(&cast.operator, &format!("{ACCOUNTS}?{query}")).await;
        answer.error(400, "INPUT_INVALID.Parameter.Invalid");
    }
}
