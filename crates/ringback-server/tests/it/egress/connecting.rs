//! The corpus, at registration through the API, and at connection through the sender.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use ringback_delivery::{Failure, Outcome};
use ringback_server::send::{
    CallbackUrl, EgressPolicy, OutgoingCallback, SendReport, Sender, SenderSettings,
};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::corpus::{Entry, MODES, entries};
use super::dns::{Dns, addresses};
use super::house::{House, sender_settings};

/// Registrations under way at once: they share the store's commits.
const AT_ONCE: usize = 32;

/// The verdict that a registration was answered with, and what it said.
fn verdict(status: u16, said: &str) -> &'static str {
    match status {
        200 => "ok",
        400 => class(said).unwrap_or("invalid"),
        _ => "something else",
    }
}

/// The class that a sentence of refusal names.
fn class(sentence: &str) -> Option<&'static str> {
    const SENTENCES: [(&str, &str); 5] = [
        ("a private address; --egress private or --allow-network would", "private"),
        ("a loopback address; --egress any or --allow-network would", "loopback"),
        ("a link-local address; only --allow-network would", "link-local"),
        ("a cloud metadata address; only --allow-network would", "metadata"),
        ("a special-purpose address", "special"),
    ];
    SENTENCES.into_iter().find(|(words, _)| sentence.contains(words)).map(|(_, class)| class)
}

#[tokio::test]
async fn each_line_of_the_corpus_gets_its_verdict_at_registration() {
    let mut wrong = Vec::new();
    for (column, mode) in MODES.into_iter().enumerate() {
        let house = Arc::new(House::start(EgressPolicy::new(mode).allow_http(true)).await);
        let mut asking: JoinSet<Option<String>> = JoinSet::new();
        for (number, Entry { url, verdicts }) in (0..).zip(entries(None)) {
            let house = house.clone();
            asking.spawn(async move {
                let answer = house.register(number, &url).await;
                let body = answer.json();
                let said = body["errorMessage"].as_str().unwrap_or_default();
                if answer.status == 400 {
                    assert_eq!(body["errorCode"], "INPUT_INVALID.CallbackUrl.Invalid");
                }
                let got = verdict(answer.status.as_u16(), said);
                (got != verdicts[column]).then(|| {
                    format!(
                        "{mode} {url:?}: wanted {}, got {got}: {} {said}",
                        verdicts[column], answer.status
                    )
                })
            });
            if asking.len() >= AT_ONCE {
                wrong.extend(asking.join_next().await.unwrap().unwrap());
            }
        }
        wrong.extend(asking.join_all().await.into_iter().flatten());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a sender says that may go no further than this machine: it is bound to a loopback address, from which the system
/// reaches no other. What the policy passes ends there as "no connection".
async fn connected(sender: &Sender, url: &str) -> &'static str {
    let Ok(url) = CallbackUrl::parse(url) else { return "invalid" };
    let callback = OutgoingCallback {
        account: None,
        url: Arc::new(url),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
    };
    match sender.send(callback).await {
        SendReport { outcome: Outcome::Failed(Failure::Policy), error, .. } => {
            class(&error.unwrap()).unwrap_or("something else")
        }
        // A name that means nothing to the DNS server of the tests passes as far as it goes.
        SendReport { outcome: Outcome::Failed(Failure::Connect | Failure::Resolve), .. } => "ok",
        SendReport { outcome, .. } => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn each_line_of_the_corpus_gets_its_verdict_at_connection() {
    let dns = Dns::start().await;
    // As it stands in every hosts file.
    for name in ["localhost", "localhost.", "app.localhost", "a.b.localhost", ".localhost"] {
        dns.say(name.trim_matches('.'), &[addresses(&["127.0.0.1", "::1"])]);
    }
    // Nobody listens on a port that is only bound.
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("0.0.0.0:0".parse().unwrap()).unwrap();
    let port = bound.local_addr().unwrap().port();
    let mut wrong = Vec::new();
    for (column, mode) in MODES.into_iter().enumerate() {
        let policy = EgressPolicy::new(mode).allow_http(true);
        let source_address = Some(IpAddr::from([127, 0, 0, 1]));
        let sender = Sender::new(SenderSettings { source_address, ..sender_settings(policy, &dns) }).unwrap();
        for Entry { url, verdicts } in entries(Some(port)) {
            let got = connected(&sender, &url).await;
            if got != verdicts[column] {
                wrong.push(format!("{mode} {url:?}: wanted {}, got {got}", verdicts[column]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
