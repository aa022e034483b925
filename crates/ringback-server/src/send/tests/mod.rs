//! The tests of this module, against servers on this machine and resolvers that say what a test wants.

mod connecting;
mod encrypted;
mod looking_up;
mod policy;
mod precheck;
mod proxied;
mod responding;
mod server;
mod trusting;
mod urls;

use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;

use super::*;

/// Short enough for a test that waits for it, and long enough for one that doesn't.
const SHORT: Duration = Duration::from_millis(200);

fn url(text: &str) -> Arc<CallbackUrl> {
    Arc::new(CallbackUrl::parse(text).expect("a callback URL"))
}

fn post(text: &str) -> OutgoingCallback {
    OutgoingCallback {
        account: None,
        url: url(text),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
    }
}

/// Settings that allow this machine, and wait for longer than any test should take.
fn settings() -> SenderSettings {
    SenderSettings { policy: Arc::new(EgressPolicy::new(EgressMode::Any)), ..SenderSettings::default() }
}

fn sender(settings: SenderSettings) -> Sender {
    Sender::new(settings).expect("a sender")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn networks(texts: &[&str]) -> Vec<ipnet::IpNet> {
    texts.iter().map(|text| text.parse().expect("a network")).collect()
}

/// A resolver that gives one answer after the other, and the last one for ever.
struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Answers {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.iter().map(|text| address(text)).collect());
        Arc::new(Self(Mutex::new(answers.collect())))
    }
}

impl Resolve for Answers {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        let answer = answer.filter(|addresses| !addresses.is_empty());
        Box::pin(async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// A resolver that never answers.
struct Silence;

impl Resolve for Silence {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        Box::pin(std::future::pending())
    }
}
