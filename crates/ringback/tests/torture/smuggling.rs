//! Requests that two readers could take apart differently: none of them gets a second request past the server, and each
//! connection that carried one is closed.

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use tempfile::tempdir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::listener::Listener;
use crate::stage::{Server, account, alone, message};

/// A connection that says nothing for so long says nothing more.
const SILENCE: Duration = Duration::from_secs(2);

/// How a request that carries another ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// Refused with 400 before anything is done, and the connection is closed.
    Refused,
    /// Read in the one way that the standard gives it, or found wrong while its body is read: one answer, that nothing was
    /// published.
    OneRequest,
}

/// Sends bytes and gives all that is answered, until the connection is closed or silent.
async fn exchange(server: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server).await.unwrap();
    // The server may close before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    // A reset is an end, too.
    while let Ok(Ok(1..)) = tokio::time::timeout(SILENCE, stream.read_buf(&mut answer)).await {}
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_smuggled_past_another() {
    let _stage = alone().await;
    let (folder, listener) = (tempdir().unwrap(), Listener::start().await);
    let server = Server::first(folder.path(), &[]).await;
    server.register(&account(0), &listener.url("")).await;
    let bearer = &server.tokens.bearer;
    let body = message(&account(0), "smuggled").to_string();
    let hidden = format!(
        "POST /api/ringback/v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let all = hidden.len();
    let chunk = format!("{all:x}");
    // Each is the rest of a publish behind some of its fields; {hidden} is a whole one.
    let shapes: Vec<(&str, String, Ends)> = vec![
        (
            "both lengths, the chunked one empty",
            format!("content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}", all + 5),
            Ends::OneRequest,
        ),
        (
            "both lengths, the other way round",
            format!(
                "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n{chunk}\r\n{hidden}\r\n0\r\n\r\n"
            ),
            Ends::OneRequest,
        ),
        (
            "two lengths that differ",
            format!("content-length: 0\r\ncontent-length: {all}\r\n\r\n{hidden}"),
            Ends::Refused,
        ),
        ("two lengths in one field", format!("content-length: 0, {all}\r\n\r\n{hidden}"), Ends::Refused),
        ("a length with a sign", format!("content-length: +{all}\r\n\r\n{hidden}"), Ends::Refused),
        ("a negative length", format!("content-length: -1\r\n\r\n{hidden}"), Ends::Refused),
        ("a length in hexadecimal", format!("content-length: 0x0\r\n\r\n{hidden}"), Ends::Refused),
        (
            "a length that overflows",
            format!("content-length: 18446744073709551616\r\n\r\n{hidden}"),
            Ends::Refused,
        ),
        ("an empty length", format!("content-length:\r\n\r\n{hidden}"), Ends::Refused),
        ("an unknown coding", format!("transfer-encoding: xchunked\r\n\r\n{hidden}"), Ends::Refused),
        (
            "chunked not last",
            format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
            Ends::Refused,
        ),
        (
            "a space before the colon",
            format!("transfer-encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
            Ends::Refused,
        ),
        (
            "a folded field",
            format!("x-a: b\r\n transfer-encoding: chunked\r\ncontent-length: {all}\r\n\r\n{hidden}"),
            Ends::Refused,
        ),
        ("a field behind white space", format!(" content-length: {all}\r\n\r\n{hidden}"), Ends::Refused),
        ("a bare CR in a field", format!("x-a: b\rcontent-length: {all}\r\n\r\n{hidden}"), Ends::Refused),
        ("a NUL in a field", format!("x-a: \0\r\ncontent-length: {all}\r\n\r\n{hidden}"), Ends::Refused),
        (
            "a chunk's size that overflows",
            format!("transfer-encoding: chunked\r\n\r\n10000000000000000\r\n{hidden}"),
            Ends::OneRequest,
        ),
        (
            "a chunk's size with a sign",
            format!("transfer-encoding: chunked\r\n\r\n+0\r\n\r\n{hidden}"),
            Ends::OneRequest,
        ),
        (
            "a chunk's size that is none",
            format!("transfer-encoding: chunked\r\n\r\nzz\r\n{hidden}"),
            Ends::OneRequest,
        ),
        (
            "a chunk longer than it says",
            format!("transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n{hidden}"),
            Ends::OneRequest,
        ),
        (
            "a chunk that ends in a bare LF",
            format!("transfer-encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n{hidden}"),
            Ends::OneRequest,
        ),
        (
            "a chunk's extension that hides a line",
            format!("transfer-encoding: chunked\r\n\r\n1;a=\n{hidden}\r\na\r\n0\r\n\r\n"),
            Ends::OneRequest,
        ),
        (
            "an endless extension",
            format!("transfer-encoding: chunked\r\n\r\n1;{}\r\na\r\n0\r\n\r\n{hidden}", "x".repeat(64 << 10)),
            Ends::OneRequest,
        ),
        (
            "an upgrade",
            format!("connection: upgrade\r\nupgrade: h2c\r\ncontent-length: {all}\r\n\r\n{hidden}"),
            Ends::OneRequest,
        ),
        ("a length that says it all", format!("content-length: {all}\r\n\r\n{hidden}"), Ends::OneRequest),
        (
            "one chunk that says it all",
            format!("transfer-encoding: chunked\r\n\r\n{chunk}\r\n{hidden}\r\n0\r\n\r\n"),
            Ends::OneRequest,
        ),
        (
            "chunks with extensions and a trailer",
            format!(
                "transfer-encoding: chunked\r\n\r\n{chunk};a=b;c=\"d\"\r\n{hidden}\r\n0\r\nx-t: 1\r\n\r\n"
            ),
            Ends::OneRequest,
        ),
    ];
    let mut asking = JoinSet::new();
    for (what, rest, ends) in shapes {
        let request = format!(
            "POST /api/ringback/v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\
             content-type: application/json\r\n{rest}"
        );
        let address = server.address;
        asking.spawn(async move { (what, ends, exchange(address, request.as_bytes()).await) });
    }
    let mut wrong = Vec::new();
    for (what, ends, answer) in asking.join_all().await {
        let answers = answer.matches("HTTP/1.1 ").count();
        let right = match ends {
            Ends::Refused => answers == 1 && answer.starts_with("HTTP/1.1 400 "),
            Ends::OneRequest => answers <= 1 && !answer.starts_with("HTTP/1.1 2"),
        };
        eprintln!("{what}: {:?}", answer.lines().next().unwrap_or("closed"));
        if !right {
            wrong.push(format!("{what} ({ends:?}): {answer}"));
        }
    }
    let path = format!("/api/ringback/v1/messages?account={}", account(0));
    let (status, page) = server.api.get(&path, &server.tokens).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(page["messages"], serde_json::json!([]), "something was smuggled");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // The hidden request is a good one: sent by itself it is taken.
    let alone = exchange(server.address, hidden.as_bytes()).await;
    assert!(alone.starts_with("HTTP/1.1 202 "), "{alone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_utf_8_or_not_http_is_refused_and_harms_nothing() {
    let _stage = alone().await;
    let folder = tempdir().unwrap();
    let server = Server::first(folder.path(), &[]).await;
    let bearer = &server.tokens.bearer;
    let ask = |line: &[u8], fields: &[u8], body: &[u8]| {
        let length = format!("content-length: {}\r\nconnection: close\r\n", body.len());
        [
            line,
            b" HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ",
            bearer.as_bytes(),
            b"\r\n",
            fields,
            length.as_bytes(),
            b"\r\n",
            body,
        ]
        .concat()
    };
    let publish = b"POST /api/ringback/v1/messages";
    let json = b"content-type: application/json\r\n";
    for (request, statuses) in [
        (ask(b"GET /api/ringback/v1/accounts/%ff%fe", b"", b""), &["400", "404"][..]),
        (ask(b"GET /api/ringback/v1/messages/%c3%28", b"", b""), &["400", "404"]),
        (ask(b"GET /api/ringback/v1/messages?account=%ff", b"", b""), &["400"]),
        (ask(b"GET /api/ringback/v1/messages?cursor=%f0%28%8c%bc", b"", b""), &["400"]),
        (ask(b"GET /\xff\xfe", b"", b""), &["400", "404"]),
        (ask(publish, json, b"{\"accountName\":\"\xff\xfe\"}"), &["400"]),
        (ask(publish, json, b"\xef\xbb\xbf{}"), &["400"]),
        (ask(publish, b"content-type: application/x-ndjson\r\n", b"\xff\n{}\n"), &["200"]),
        (ask(publish, b"content-type: application/json\r\nidempotency-key: \xff\r\n", b"{}"), &["400"]),
        (ask(publish, b"content-type: \xff/\xfe\r\n", b"{}"), &["415"]),
        (ask(b"POST /api/m2m/v1/session/login", json, b"{\"username\":\"\xc3\x28\",\"password\":\"x\"}"), &["400"]),
        (b"POST /api/ts/v1/oauth2/token HTTP/1.1\r\nhost: x\r\nauthorization: Basic /////w==\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(), &["401"]),
        (b"GET /healthz HTTP/1.1\r\nhost: x\r\nauthorization: \xff\xfe\r\nconnection: close\r\n\r\n".to_vec(), &["200"]),
        (b"GET /healthz HTTP/9.9\r\n\r\n".to_vec(), &["400", "505"]),
        (b"GET  /healthz  HTTP/1.1\r\n\r\n".to_vec(), &["400"]),
        (b"G\0T /healthz HTTP/1.1\r\n\r\n".to_vec(), &["400"]),
    ] {
        let answer = exchange(server.address, &request).await;
        let status = answer.get(9..12).unwrap_or_default();
        assert!(statuses.contains(&status), "{}: {answer}", String::from_utf8_lossy(&request));
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
}
