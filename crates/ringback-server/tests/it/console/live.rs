//! What happens, as it happens.

use ringback_testbed::looking;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Browser;
use crate::cast::Cast;
use crate::server::{ACCOUNT, CALLBACKS, OTHER, PATIENCE};

/// A stream of events that goes on.
struct Stream {
    connection: TcpStream,
    text: String,
}

impl Stream {
    async fn open(browser: &Browser<'_>, query: &str) -> Self {
        let mut connection = TcpStream::connect(browser.server.address()).await.unwrap();
        let request = format!(
            "GET /console/live/events{query} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n",
            browser.cookie
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        Self { connection, text: String::new() }
    }

    /// Reads until this has come.
    async fn until(&mut self, awaited: &str) {
        let reading = async {
            let mut buffer = [0; 4096];
            while !self.text.contains(awaited) {
                let read = self.connection.read(&mut buffer).await.unwrap();
                assert!(read > 0, "the stream ended without {awaited}: {}", self.text);
                self.text.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .unwrap_or_else(|_| panic!("no {awaited}: {}", self.text));
    }
}

#[tokio::test]
async fn what_is_accepted_and_what_comes_of_it_is_told_within_reach() {
    let cast = Cast::meet().await;
    cast.server.register(OTHER).await;
    let operator = Browser::operator(&cast).await;
    let tenant = Browser::of(&cast.server, "tenant", &[ACCOUNT], CALLBACKS).await;
    let (mut all, mut own) = (Stream::open(&operator, "").await, Stream::open(&tenant, "").await);
    let mut filtered = Stream::open(&operator, &format!("?account={OTHER}&what=accepted")).await;
    for stream in [&mut all, &mut own, &mut filtered] {
        stream.until("event: begun").await;
        assert!(stream.text.contains("content-type: text/event-stream"), "{}", stream.text);
        assert!(
            stream.text.contains("cache-control: no-store")
                || stream.text.contains("cache-control: no-cache")
        );
    }
    cast.publish(ACCOUNT).await;
    cast.publish(OTHER).await;
    cast.publish(ACCOUNT).await;
    let told = |account: &str, sequence: u64| {
        format!("\"what\":\"accepted\",\"account\":\"{account}\",\"sequence\":{sequence}")
    };
    all.until(&told(OTHER, 1)).await;
    all.until(&told(ACCOUNT, 2)).await;
    own.until(&told(ACCOUNT, 2)).await;
    assert!(own.text.contains(&told(ACCOUNT, 1)) && !own.text.contains(OTHER), "{}", own.text);
    filtered.until(&told(OTHER, 1)).await;
    assert!(!filtered.text.contains(ACCOUNT), "{}", filtered.text);
}

#[tokio::test]
async fn one_credential_has_so_many_streams_and_no_more() {
    let cast = Cast::meet().await;
    let browser = Browser::operator(&cast).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = Stream::open(&browser, "").await;
        stream.until("event: begun").await;
        streams.push(stream);
    }
    assert_eq!(browser.get("/console/live/events").await.status, 429);
    // Another credential is not in their way.
    let tenant = Browser::of(&cast.server, "tenant", &[ACCOUNT], CALLBACKS).await;
    Stream::open(&tenant, "").await.until("event: begun").await;
    drop(streams);
    // The server notices within a heartbeat that they are gone, and tells nobody.
    let open = async || {
        let mut stream = Stream::open(&browser, "").await;
        stream.until("HTTP/1.1 ").await;
        if stream.text.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(stream.text) }
    };
    looking::within(PATIENCE, "room for a stream", open).await;
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let cast = Cast::meet().await;
    let browser = Browser::operator(&cast).await;
    let mut stream = Stream::open(&browser, "").await;
    stream.until("event: begun").await;
    browser.post("/console/logout", &[]).await;
    stream.until("event: ended").await;
}
