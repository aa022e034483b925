//! A small HTTP server whose every answer a test decides, and which remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ringback_client::{Client, ClientBuilder, Credentials, Environment};
use ringback_wire::routes::{LOGIN_PATH, TOKEN_PATH};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const ACCOUNT: &str = "0242078689-00001";
pub(crate) const CLIENT_SECRET: &str = "client-secret-hush";
pub(crate) const PASSWORD: &str = "password-hush";

/// What a server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query, as they came.
    pub(crate) path: String,
    /// By lower-case name.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What a server answers.
pub(crate) enum Reply {
    /// A whole response, with its length.
    Whole { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// These bytes, and the connection is closed.
    Raw(Vec<u8>),
    /// These bytes, and then nothing, on an open connection.
    Stuck(Vec<u8>),
}

impl Reply {
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Whole { status, headers, body: body.into().into_bytes() }
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        Self::json(status, format!(r#"{{"errorCode":"{code}","errorMessage":"what is wrong"}}"#))
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::Whole { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Whole { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

type Handler = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// A server, until it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers by `handler`, which is given the request, and how many had the same method and path before.
    pub(crate) async fn start(handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (remembered, handler): (_, Arc<Handler>) = (Arc::clone(&seen), Arc::new(handler));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handler), Arc::clone(&remembered)));
            }
        });
        Self { url, seen, task }
    }

    /// Gives out tokens (`access-0`, `access-1`, …; `session-0`, …) and answers the rest by `handler`.
    pub(crate) async fn with_tokens(handler: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(move |seen, before| good_tokens(seen, before).unwrap_or_else(|| handler(seen, before)))
            .await
    }

    /// Everything that it was asked, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("the lock").clone()
    }

    /// What it was asked but for tokens.
    pub(crate) fn calls(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path != TOKEN_PATH && seen.path != LOGIN_PATH).collect()
    }

    /// How often it was asked for this path.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.path == path).count()
    }

    /// Settings of a client for it, with all credentials.
    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder().environment(Environment::url(&self.url)).credentials(credentials()).no_proxy()
    }

    /// A client for it, with all credentials.
    pub(crate) fn client(&self) -> Client {
        self.builder().build().expect("a client")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new().client("client-id", CLIENT_SECRET).user("user", PASSWORD)
}

pub(crate) fn good_tokens(seen: &Seen, before: usize) -> Option<Reply> {
    match seen.path.as_str() {
        TOKEN_PATH => Some(token(&format!("access-{before}"), 3600)),
        LOGIN_PATH => Some(Reply::json(200, format!(r#"{{"sessionToken":"session-{before}"}}"#))),
        _ => None,
    }
}

pub(crate) fn token(token: &str, expires_in: u64) -> Reply {
    Reply::json(
        200,
        format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{expires_in}}}"#),
    )
}

pub(crate) async fn serve<S>(mut stream: S, handler: Arc<Handler>, remembered: Arc<Mutex<Vec<Seen>>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(request) = read(&mut stream).await else { return };
    let reply = {
        let mut remembered = remembered.lock().expect("the lock");
        let before = remembered.iter().filter(|known| known.line() == request.line()).count();
        let reply = handler(&request, before);
        remembered.push(request);
        reply
    };
    let (bytes, stuck) = match reply {
        Reply::Raw(bytes) => (bytes, false),
        Reply::Stuck(bytes) => (bytes, true),
        Reply::Whole { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n");
            if status != 204 {
                head.push_str(&format!("content-length: {}\r\n", body.len()));
            }
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            ([head.into_bytes(), body].concat(), false)
        }
    };
    // A client that has hung up is none of the server's business.
    let _ = stream.write_all(&bytes).await;
    let _ = stream.flush().await;
    if stuck {
        std::future::pending::<()>().await;
    }
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen { method, path, headers, body })
}
