//! An endpoint that says exactly what a test wants it to say, byte for byte.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

/// What an endpoint does after it has read a request.
#[derive(Clone, Copy)]
pub(super) enum Then {
    /// Reads the next request from the same connection.
    KeepOpen,
    /// Closes the connection.
    Close,
    /// Reads the next request, and closes the connection without an answer to it.
    CloseOnTheNext,
    /// Sends these bytes, again and again.
    Repeat(&'static [u8]),
    /// Says nothing more, and reports the connection's end.
    Wait,
}

/// What an endpoint saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Connected(SocketAddr),
    /// The head and the body of a request, as they came.
    Request(String),
    Ended,
}

pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    seen: mpsc::UnboundedReceiver<Seen>,
    task: JoinHandle<()>,
}

impl Endpoint {
    /// Answers each request with `answer`, and then does as told.
    pub(super) async fn start(answer: &'static str, then: Then) -> Self {
        Self::start_on("127.0.0.1:0", answer, then).await
    }

    pub(super) async fn start_on(address: &str, answer: &'static str, then: Then) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, seen) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let _ = tell.send(Seen::Connected(peer));
                tokio::spawn(serve(stream, answer, then, tell.clone()));
            }
        });
        Self { address, seen, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(super) fn url_by_name(&self) -> String {
        format!("http://endpoint.example:{}/hook", self.address.port())
    }

    /// The next thing that it saw.
    pub(super) async fn saw(&mut self) -> Seen {
        self.seen.recv().await.expect("the endpoint runs")
    }

    /// The next request that it saw.
    pub(super) async fn request(&mut self) -> String {
        loop {
            if let Seen::Request(request) = self.saw().await {
                return request;
            }
        }
    }

    /// All that it has seen so far.
    pub(super) fn seen(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.seen.try_recv().ok()).collect()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, answer: &str, then: Then, tell: mpsc::UnboundedSender<Seen>) {
    while let Some(request) = read_request(&mut stream).await {
        let _ = tell.send(Seen::Request(request));
        let _ = stream.write_all(answer.as_bytes()).await;
        match then {
            Then::KeepOpen => {}
            Then::Close => break,
            Then::CloseOnTheNext => {
                if let Some(request) = read_request(&mut stream).await {
                    let _ = tell.send(Seen::Request(request));
                }
                break;
            }
            Then::Repeat(bytes) => while stream.write_all(bytes).await.is_ok() {},
            Then::Wait => while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {},
        }
    }
    let _ = tell.send(Seen::Ended);
}

/// Reads a head and as many bytes as its content-length says; nothing at the end of the connection.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
