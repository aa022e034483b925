//! Nothing that a stranger writes becomes a header field or a request line: not towards endpoints, and not in answers.

use std::sync::{Arc, Mutex};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::stage::{Server, account, alone, message};

/// What would show, if it became a field.
const INJECTED: &str = "x-injected";
/// Ways to end a line, for readers of all kinds.
const BREAKS: [&str; 6] = ["\r\n", "\n", "\r", "\0", "\u{2028}", "\u{10d}\u{10a}"];

/// Keeps the bytes of all requests, and answers each with 204.
struct Recorder {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    async fn start() -> Self {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = heads.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = socket.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    // Messages are small: a request comes whole, or its body is at least begun behind its head.
                    while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                        if body.len() >= length.unwrap().parse().unwrap() {
                            kept.lock().unwrap().push(head.to_owned());
                            bytes.clear();
                            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                        }
                    }
                });
            }
        });
        Self { url, heads }
    }
}

async fn register(server: &Server, number: usize, registration: &Value) -> (StatusCode, Value) {
    let path = format!("/api/fota/v1/callbacks/{}", account(number));
    server.api.post(&path, &server.tokens, registration).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_given_becomes_a_field_of_a_callback() {
    let _stage = alone().await;
    let (folder, recorder) = (tempdir().unwrap(), Recorder::start().await);
    let server = Server::first(folder.path(), &[]).await;
    let (mut number, mut sent) = (0, 0);
    for end in BREAKS {
        let evil = format!("a{end}{INJECTED}: 1{end}{end}b");
        // In a URL it is refused, or percent-encoded by its owner and left so.
        for url in [
            format!("{}/{evil}", recorder.url),
            format!("{}/?{evil}", recorder.url),
            format!("{}{end}{INJECTED}: 1/", recorder.url),
            format!("{evil}{}", recorder.url),
        ] {
            let (status, answer) = register(&server, number, &json!({"name": "Fota", "url": url})).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{url:?}: {answer}");
        }
        // Everywhere else it goes into the body, where it is escaped, or it is refused.
        let registration = json!({
            "name": "Fota",
            "url": format!("{}/%0d%0a{INJECTED}:%201%0a?%0d%0a{INJECTED}:1", recorder.url),
            "username": evil,
            "password": evil,
        });
        let (status, answer) = register(&server, number, &registration).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let mut published = message(&account(number), &evil);
        published["participantName"] = json!(evil);
        published[&evil] = json!(evil);
        server.publish(&published).await;
        sent += 1;
        for key in ["orderingKey", "idempotencyKey"] {
            let mut keyed = published.clone();
            keyed[key] = json!(evil);
            let (status, answer) = server.api.publish(&server.tokens, &keyed).await.unwrap();
            let taken = status == StatusCode::ACCEPTED;
            assert!(taken || status == StatusCode::BAD_REQUEST, "{answer}");
            assert!(!(taken && evil.contains(char::is_control)), "{key}: {evil:?} was taken");
            sent += usize::from(taken);
        }
        let delivered = |shown: &Value| shown["counts"]["pending"] == 0;
        server.account_until(&account(number), "delivered", delivered).await;
        number += 1;
    }
    let heads = recorder.heads.lock().unwrap().clone();
    assert_eq!(heads.len(), sent);
    for head in &heads {
        let mut lines = head.split('\n');
        let target = format!("POST /%0d%0a{INJECTED}:%201%0a?%0d%0a{INJECTED}:1 HTTP/1.1\r");
        assert_eq!(lines.next(), Some(target.as_str()));
        let mut names: Vec<&str> = lines.map(|line| line.split(':').next().unwrap()).collect();
        names.sort_unstable();
        let wanted = [
            "content-length",
            "content-type",
            "host",
            "ringback-attempt",
            "ringback-sequence",
            "user-agent",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp",
        ];
        assert_eq!(names, wanted, "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_asked_becomes_a_field_of_an_answer() {
    let _stage = alone().await;
    let folder = tempdir().unwrap();
    let server = Server::first(folder.path(), &[]).await;
    let evil = format!("%0d%0a{INJECTED}:%201%0d%0a%0d%0a");
    let account = account(0);
    for (method, path) in [
        (Method::GET, format!("/{evil}")),
        (Method::GET, format!("/api/fota/v1/callbacks/{evil}")),
        (Method::DELETE, format!("/api/fota/v1/callbacks/{account}/name/{evil}")),
        (Method::GET, format!("/api/ringback/v1/messages/{evil}")),
        (Method::GET, format!("/api/ringback/v1/messages?account={evil}")),
        (Method::GET, format!("/api/ringback/v1/messages?{evil}=1")),
        (Method::GET, format!("/api/ringback/v1/messages?cursor={evil}")),
        (Method::GET, format!("/api/ringback/v1/accounts/{evil}")),
        (Method::GET, format!("/api/ringback/v1/accounts/{account}/messages?after={evil}")),
        (Method::DELETE, format!("/api/ringback/v1/credentials/{evil}")),
    ] {
        let answer = raw(&server, &method, &path).await;
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 40"), "{path}: {head}");
        assert!(!head.to_lowercase().contains(INJECTED), "{path}: {head}");
    }
}

async fn raw(server: &Server, method: &Method, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\nvz-m2m-token: {}\r\n\r\n",
        server.tokens.bearer, server.tokens.session
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
