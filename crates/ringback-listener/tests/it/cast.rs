//! Who takes part: an account, its key, a sender of requests, and handlers that can be held and watched.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use ringback_listener::{Callback, Check, Listener, ManualClock, headers};
use ringback_wire::signature::SigningKey;
use serde_json::json;
use tower::ServiceExt as _;

pub(crate) const ACCOUNT: &str = "0242078689-00001";
pub(crate) const NOW: i64 = 1_522_598_580;
pub(crate) const KEY: &str = "whsec_bmV3IGtleSBuZXcga2V5IG5ldyBrZXku";
pub(crate) const OTHER_KEY: &str = "whsec_b2xkIGtleSBvbGQga2V5IG9sZCBrZXku";

pub(crate) fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub(crate) fn ping_body() -> String {
    json!({"accountName": ACCOUNT, "type": "ping", "username": "fota-user", "password": "fota-pass"})
        .to_string()
}

/// A POST with the fields that are set.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) body: String,
    headers: Vec<(&'static str, String)>,
}

impl Post {
    pub(crate) fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), headers: Vec::new() }
    }

    pub(crate) fn ping() -> Self {
        Self::new(ping_body())
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn id(self, id: &str) -> Self {
        self.header(headers::WEBHOOK_ID, id)
    }

    pub(crate) fn sequence(self, sequence: u64) -> Self {
        self.id(&format!("msg_{sequence}")).header(headers::RINGBACK_SEQUENCE, sequence)
    }

    pub(crate) fn replay(self) -> Self {
        self.header(headers::RINGBACK_REPLAY, headers::REPLAY_VALUE)
    }

    pub(crate) fn signed(self, id: &str, key: &SigningKey, at: i64) -> Self {
        let signature = key.sign(id, at, self.body.as_bytes());
        self.id(id).header(headers::WEBHOOK_TIMESTAMP, at).header(headers::WEBHOOK_SIGNATURE, signature)
    }

    pub(crate) fn pairs(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    pub(crate) fn request(&self) -> Request<Body> {
        let mut request = Request::post("/callbacks");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(Body::from(self.body.clone())).unwrap()
    }

    pub(crate) async fn to(&self, listener: &Listener) -> StatusCode {
        send(listener, self.request()).await.0
    }
}

/// Status and text of the answer.
pub(crate) async fn send(listener: &Listener, request: Request<Body>) -> (StatusCode, String) {
    let response = listener.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// What a handler was called with.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<Callback>>>);

impl Diary {
    pub(crate) fn write(&self, callback: Callback) {
        self.0.lock().unwrap().push(callback);
    }

    pub(crate) fn pages(&self) -> Vec<Callback> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.pages().into_iter().map(|callback| callback.id.unwrap_or_default()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// A listener that writes into a diary, with a clock that stands at [`NOW`].
pub(crate) fn diarist(check: Check) -> (Listener, Diary, ManualClock) {
    let (diary, clock) = (Diary::default(), ManualClock::at(NOW));
    let pen = diary.clone();
    let listener = Listener::builder(check).clock(clock.clone()).handle(move |callback| {
        pen.write(callback);
        async {}
    });
    (listener, diary, clock)
}
