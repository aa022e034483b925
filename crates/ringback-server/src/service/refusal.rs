//! Answering a client that has too many connections, without spending much on it.

use std::time::Duration;

use ringback_wire::error_code;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long the client may take to read the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Connections that are open at an address, the refused ones among them, past which those are closed without a word.
const MOST_OPEN: usize = 16_384;
/// How much of the request is read, so that closing does not throw the answer away.
const MOST_READ: usize = 64 << 10;

/// Tells the client, where it speaks plain HTTP; else only closes: a handshake is what a flood would want.
pub(super) fn too_many(mut stream: TcpStream, encrypted: bool, connections: &mut JoinSet<()>) {
    tracing::debug!("a client has too many connections");
    if encrypted || connections.len() >= MOST_OPEN {
        return;
    }
    connections.spawn(async move {
        let _ = tokio::time::timeout(PATIENCE, async {
            stream.write_all(answer().as_bytes()).await?;
            stream.shutdown().await?;
            let mut read = 0;
            let mut buffer = [0; 4096];
            while read < MOST_READ {
                match stream.read(&mut buffer).await? {
                    0 => break,
                    more => read += more,
                }
            }
            std::io::Result::Ok(())
        })
        .await;
    });
}

fn answer() -> String {
    let body = format!(
        r#"{{"errorCode":"{}","errorMessage":"too many connections of one client at once"}}"#,
        error_code::TOO_MANY_REQUESTS
    );
    format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 5\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}
