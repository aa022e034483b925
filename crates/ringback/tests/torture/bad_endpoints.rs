//! Endpoints with a vice each, and what every one of them does with a connection. None of them ever takes a message.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Between two bytes of those who are slow.
const PAUSE: Duration = Duration::from_millis(200);

/// The URL of a port where nobody listens.
pub(crate) async fn refused_url() -> String {
    let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vice {
    /// Takes the connection and closes it.
    Dead,
    /// Takes it and does nothing.
    Hangs,
    /// Reads a little now and then.
    ReadsSlowly,
    /// Answers at once, and never comes to an end.
    Drips,
    /// Sends a body that never ends as fast as it is taken, behind a status that is no success.
    EndlessBody,
    /// Sends header fields that never end.
    EndlessFields,
    /// Sends one header field that never ends.
    EndlessField,
    /// Sends one interim response after the other, and never the last.
    EndlessInterim,
    /// Sends something else than HTTP.
    Nonsense,
    /// Speaks anything but TLS where TLS is asked for.
    BrokenTls,
    /// Sends everybody to the clouds' metadata.
    Redirects,
    /// Says that a body is packed which would be a thousand times as large.
    GzipBomb,
}

impl Vice {
    pub(crate) const ALL: [Self; 12] = [
        Self::Dead,
        Self::Hangs,
        Self::ReadsSlowly,
        Self::Drips,
        Self::EndlessBody,
        Self::EndlessFields,
        Self::EndlessField,
        Self::EndlessInterim,
        Self::Nonsense,
        Self::BrokenTls,
        Self::Redirects,
        Self::GzipBomb,
    ];
}

pub(crate) struct Bad {
    pub(crate) url: String,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Bad {
    pub(crate) async fn start(vice: Vice) -> Self {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let scheme = if vice == Vice::BrokenTls { "https" } else { "http" };
        let url = format!("{scheme}://{}/", socket.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let task = tokio::spawn(async move {
            let mut held = JoinSet::new();
            while let Ok((stream, _)) = socket.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                held.spawn(misbehave(vice, stream));
                while held.try_join_next().is_some() {}
            }
        });
        Self { url, connections, task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn misbehave(vice: Vice, mut stream: TcpStream) {
    match vice {
        Vice::Dead => {}
        Vice::Hangs => std::future::pending().await,
        Vice::ReadsSlowly => loop {
            if !matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        },
        Vice::Drips => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".bytes();
            for byte in head.chain(std::iter::repeat(b'.')) {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Vice::EndlessBody => {
            let head = "HTTP/1.1 500 Oh\r\ncontent-length: 9000000000000000000\r\n\r\n";
            for_ever(&mut stream, head, &"x".repeat(64 << 10)).await;
        }
        Vice::EndlessFields => {
            for_ever(&mut stream, "HTTP/1.1 200 OK\r\n", &"x-more: of the same\r\n".repeat(1000)).await;
        }
        Vice::EndlessField => {
            for_ever(&mut stream, "HTTP/1.1 200 OK\r\nx-long: ", &"x".repeat(16 << 10)).await;
        }
        Vice::EndlessInterim => {
            for_ever(&mut stream, "", &"HTTP/1.1 102 Processing\r\n\r\n".repeat(100)).await;
        }
        Vice::Nonsense => {
            read_some(&mut stream).await;
            let _ = stream.write_all(b"\x16\x03\x01\0\xff SSH-2.0-HTTP/9.9 20\0 OK\r\n\r\n").await;
        }
        Vice::BrokenTls => {
            read_some(&mut stream).await;
            // A record that says it is longer than one may be.
            let _ = stream.write_all(&[&[0x16, 3, 3, 0xff, 0xff][..], &[0; 4096]].concat()).await;
            std::future::pending().await
        }
        Vice::Redirects => {
            let answer = "HTTP/1.1 307 Over There\r\nlocation: http://169.254.169.254/latest/\r\n\
                          content-length: 0\r\n\r\n";
            while read_some(&mut stream).await && stream.write_all(answer.as_bytes()).await.is_ok() {}
        }
        Vice::GzipBomb => {
            // The beginning of a stream of zeros; what follows repeats them.
            let packed = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xec, 0xc1][..], &[0; 32 << 10]].concat();
            let head = format!(
                "HTTP/1.1 500 Oh\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                packed.len()
            );
            while read_some(&mut stream).await
                && stream.write_all(&[head.as_bytes(), &packed].concat()).await.is_ok()
            {}
        }
    }
}

/// Reads what there is of a request; whether there was something.
async fn read_some(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16 << 10]).await, Ok(1..))
}

async fn for_ever(stream: &mut TcpStream, first: &str, again: &str) {
    read_some(stream).await;
    let mut next = first;
    while stream.write_all(next.as_bytes()).await.is_ok() {
        next = again;
    }
}
