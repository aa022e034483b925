//! Publishes have a shorter way than other requests. It must make no difference.

use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use ringback_server::api::{self, Front, Limits, Peer};
use ringback_wire::routes::MESSAGES_PATH;

use crate::server::{ACCOUNT, CALLBACKS, OTHER, PUBLISH, Server};

/// The status, what matters of the headers, and the body.
type Seen = (u16, Vec<Option<String>>, String);

/// The status to be answered, the method, headers and the body.
type Case<'a> = (u16, &'a str, Vec<(&'a str, &'a str)>, String);

async fn seen(front: &Front, request: Request<Body>) -> Seen {
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    let response = front.answer(request, |_| Peer { client: here, local: here, secure: false }).await;
    let header = |name| header(response.headers(), name);
    let headers =
        ["content-type", "connection", "retry-after", "allow", "www-authenticate"].map(header).into();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| value.to_str().unwrap().to_owned())
}

fn message(account: &str) -> String {
    format!(r#"{{"accountName":"{account}","type":"firmwareList","firmwareList":[{{"firmwareName":"a"}}]}}"#)
}

#[tokio::test]
async fn a_publish_is_answered_alike_by_the_short_way_and_by_the_router() {
    let server = Server::start().await;
    let publisher = server.user_of("publisher", &[ACCOUNT], PUBLISH).await.bearer;
    let other = server.user_of("other", &[ACCOUNT], CALLBACKS).await.bearer;
    let long = Front::of(api::router(server.state.clone()));
    let short = long.clone().with_publishing(server.state.clone());
    let (json, lines) = (("content-type", "application/json"), ("content-type", "application/x-ndjson"));
    let large = "x".repeat(Limits::default().message_bytes + 1);
    let (publisher, other) = (format!("Bearer {publisher}"), format!("Bearer {other}"));
    let (publisher, other) = (("authorization", &publisher[..]), ("authorization", &other[..]));
    let cases: Vec<Case<'_>> = vec![
        (200, "POST", vec![publisher, json], message(ACCOUNT)),
        (200, "POST", vec![publisher], message(ACCOUNT)),
        (200, "POST", vec![publisher, lines], format!("{}\n{}\n", message(ACCOUNT), message(OTHER))),
        (403, "POST", vec![publisher, json], message(OTHER)),
        (403, "POST", vec![other, json], message(ACCOUNT)),
        (401, "POST", vec![json], message(ACCOUNT)),
        (401, "POST", vec![json], large.clone()),
        (401, "POST", vec![("authorization", "Bearer nobody"), json], message(ACCOUNT)),
        (400, "POST", vec![publisher, json], "{".to_owned()),
        (400, "POST", vec![publisher, json], String::new()),
        (413, "POST", vec![publisher, json], large),
        (415, "POST", vec![publisher, ("content-type", "text/plain")], message(ACCOUNT)),
        (415, "POST", vec![publisher, json, ("content-encoding", "gzip")], message(ACCOUNT)),
        (400, "POST", vec![publisher, json, ("idempotency-key", "")], message(ACCOUNT)),
        (405, "PUT", vec![publisher, json], message(ACCOUNT)),
    ];
    for (status, method, headers, body) in cases {
        let request = || {
            let mut request = Request::builder().method(method).uri(MESSAGES_PATH);
            for (name, value) in &headers {
                request = request.header(*name, *value);
            }
            request.body(Body::from(body.clone())).unwrap()
        };
        let (by_router, directly) = (seen(&long, request()).await, seen(&short, request()).await);
        assert_eq!(by_router, directly);
        let start: String = body.chars().take(60).collect();
        assert_eq!(directly.0, status, "{method} {headers:?} {start}: {}", directly.2);
    }
}
