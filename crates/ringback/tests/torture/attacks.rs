//! Peers that mean a server ill, by the dozen or by the thousand, from a few addresses that nobody else uses.
//!
//! A siege goes on until it is lifted: who is thrown out comes again. What the server answers is counted.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Where they come from, in turn: a server takes only so many connections of one client.
const FROM: [[u8; 4]; 4] = [[127, 0, 0, 66], [127, 0, 0, 67], [127, 0, 0, 68], [127, 0, 0, 69]];
/// Between two bytes of the slow ones, and before one that was thrown out comes again.
const PAUSE: Duration = Duration::from_millis(200);
/// Between two requests of the others: they are to be many, and leave the machine to those who measure.
const BREATH: Duration = Duration::from_millis(20);
/// For all of them to have come.
const PATIENCE: Duration = Duration::from_secs(30);
const PUBLISH: &str =
    "POST /api/ringback/v1/messages HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

/// What they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    /// Connect, and say nothing.
    HalfOpen,
    /// Send the head of a request a byte at a time.
    SlowHeads,
    /// Send the body of a publish a byte at a time, with a good token.
    SlowBodies,
    /// Ask for a hundred long answers, and never read.
    NeverRead,
    /// Announce a body of a tebibyte, and begin to send it.
    HugeBodies,
    /// Send a chunked body that never ends.
    EndlessChunks,
    /// Publish a message of a hundred thousand brackets.
    DeepJson,
    /// Publish a message of which they say that it is packed.
    GzipBombs,
    /// Send a thousand requests before they read an answer.
    Pipelines,
    /// Send a head with header fields that never end.
    EndlessFields,
    /// Send what is no HTTP: noise, a TLS greeting, the preface of HTTP/2.
    Noise,
    /// Try client secrets.
    Guesses,
}

impl Attack {
    pub(crate) const ALL: [Self; 12] = [
        Self::HalfOpen,
        Self::SlowHeads,
        Self::SlowBodies,
        Self::NeverRead,
        Self::HugeBodies,
        Self::EndlessChunks,
        Self::DeepJson,
        Self::GzipBombs,
        Self::Pipelines,
        Self::EndlessFields,
        Self::Noise,
        Self::Guesses,
    ];

    /// How many do it at once. Those who only wait are many.
    pub(crate) fn peers(self) -> usize {
        match self {
            Self::HalfOpen => 3000,
            Self::SlowHeads | Self::SlowBodies => 500,
            Self::NeverRead => 16,
            _ => 8,
        }
    }
}

/// Those who do it, until they are told to stop.
pub(crate) struct Siege {
    tasks: JoinSet<()>,
    seen: Arc<Seen>,
}

struct Seen {
    /// How many have connected for the first time.
    come: watch::Sender<usize>,
    /// How often each status was answered.
    answers: watch::Sender<BTreeMap<u16, usize>>,
}

impl Siege {
    /// Lays it with so many peers; returns when every one of them has connected.
    pub(crate) async fn lay(attack: Attack, peers: usize, server: SocketAddr, bearer: &str) -> Self {
        let siege = Self::begin(attack, peers, server, bearer);
        let mut come = siege.seen.come.subscribe();
        let all = tokio::time::timeout(PATIENCE, come.wait_for(|come| *come >= peers)).await.map(drop);
        assert!(all.is_ok(), "{attack:?}: {} of {peers} could connect", *siege.seen.come.borrow());
        siege
    }

    /// The same without waiting for them.
    pub(crate) fn begin(attack: Attack, peers: usize, server: SocketAddr, bearer: &str) -> Self {
        let seen = Arc::new(Seen { come: watch::Sender::new(0), answers: watch::Sender::default() });
        let mut tasks = JoinSet::new();
        for from in FROM.into_iter().cycle().take(peers) {
            tasks.spawn(besiege(attack, server, from.into(), bearer.to_owned(), seen.clone()));
        }
        Self { tasks, seen }
    }

    /// Waits for the first answer to any of them.
    pub(crate) async fn answered(&self) {
        let mut answers = self.seen.answers.subscribe();
        let one = tokio::time::timeout(PATIENCE, answers.wait_for(|answers| !answers.is_empty())).await;
        assert!(one.is_ok(), "none of them was answered");
    }

    /// Ends it; gives how often each status was answered.
    pub(crate) async fn lift(mut self) -> BTreeMap<u16, usize> {
        self.tasks.shutdown().await;
        self.seen.answers.borrow().clone()
    }
}

async fn besiege(attack: Attack, server: SocketAddr, from: IpAddr, bearer: String, seen: Arc<Seen>) {
    let mut first = true;
    loop {
        if let Ok(mut stream) = connect(from, server).await {
            if std::mem::take(&mut first) {
                seen.come.send_modify(|come| *come += 1);
            }
            // An error is the end of the connection, whoever ended it.
            let _ = attack_over(attack, &mut stream, &bearer, &seen).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn connect(from: IpAddr, server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    // What they don't read is soon more than fits.
    socket.set_recv_buffer_size(4096)?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(server).await
}

async fn attack_over(
    attack: Attack,
    stream: &mut TcpStream,
    bearer: &str,
    seen: &Seen,
) -> std::io::Result<()> {
    let publish = format!("{PUBLISH}authorization: Bearer {bearer}\r\n");
    match attack {
        Attack::HalfOpen => {
            let _end = stream.read(&mut [0; 64]).await?;
        }
        Attack::SlowHeads => slowly(stream, "GET /healthz HTTP/1.1\r\nx-slow: ", "x").await?,
        Attack::SlowBodies => {
            slowly(stream, &format!("{publish}content-length: 1000000\r\n\r\n"), " ").await?;
        }
        Attack::NeverRead => {
            let ask = format!(
                "GET /api/ringback/v1/messages?limit=500 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\r\n"
            );
            stream.write_all(ask.repeat(100).as_bytes()).await?;
            std::future::pending::<()>().await;
        }
        Attack::HugeBodies => {
            stream.write_all(format!("{publish}content-length: 1099511627776\r\n\r\n").as_bytes()).await?;
            pour(stream, &[b' '; 256 << 10], seen).await?;
        }
        Attack::EndlessChunks => {
            stream.write_all(format!("{publish}transfer-encoding: chunked\r\n\r\n").as_bytes()).await?;
            pour(stream, format!("40000\r\n{}\r\n", " ".repeat(0x40000)).as_bytes(), seen).await?;
        }
        Attack::DeepJson => loop {
            let deep = "[".repeat(100_000);
            let head = format!("{publish}content-length: {}\r\n\r\n", deep.len());
            stream.write_all((head + &deep).as_bytes()).await?;
            answer(stream, seen).await?;
        },
        Attack::GzipBombs => loop {
            let packed = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xec, 0xc1][..], &[0; 1000]].concat();
            let head = format!("{publish}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len());
            stream.write_all(&[head.as_bytes(), &packed].concat()).await?;
            answer(stream, seen).await?;
        },
        Attack::Pipelines => {
            stream.write_all("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000).as_bytes()).await?;
            answer(stream, seen).await?;
        }
        Attack::EndlessFields => {
            stream.write_all(b"GET /healthz HTTP/1.1\r\n").await?;
            pour(stream, "x-more: of the same\r\n".repeat(100).as_bytes(), seen).await?;
        }
        Attack::Noise => {
            let noise: [&[u8]; 4] = [
                b"\0\xff\r\n\r\n",
                b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"GET / HTTP/1.1\r\nhost: \xff\xfe\r\n\xc3\x28: \xa0\xa1\r\n\r\n",
            ];
            stream.write_all(noise[fastrand::usize(..noise.len())]).await?;
            answer(stream, seen).await?;
        }
        Attack::Guesses => loop {
            let form = "grant_type=client_credentials";
            let head = format!(
                "POST /api/ts/v1/oauth2/token HTTP/1.1\r\nhost: x\r\nauthorization: Basic Z3Vlc3M6Z3Vlc3M=\r\n\
                 content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
                form.len()
            );
            stream.write_all(head.as_bytes()).await?;
            answer(stream, seen).await?;
        },
    }
    Ok(())
}

/// Sends the first part whole and then a byte at a time, until the server has had enough.
async fn slowly(stream: &mut TcpStream, first: &str, then: &str) -> std::io::Result<()> {
    stream.write_all(first.as_bytes()).await?;
    loop {
        tokio::time::sleep(PAUSE).await;
        stream.write_all(then.as_bytes()).await?;
    }
}

/// Sends again and again until there is an answer or the end.
async fn pour(stream: &mut TcpStream, more: &[u8], seen: &Seen) -> std::io::Result<()> {
    let (mut reading, mut writing) = stream.split();
    let mut answer = vec![0; 4096];
    let pouring = async {
        loop {
            if let Err(error) = writing.write_all(more).await {
                return error;
            }
            tokio::time::sleep(BREATH).await;
        }
    };
    tokio::select! {
        read = reading.read(&mut answer) => {
            seen.answered(&answer[..read?]);
            Ok(())
        }
        error = pouring => Err(error),
    }
}

/// Reads what there is of an answer, and counts its status.
async fn answer(stream: &mut TcpStream, seen: &Seen) -> std::io::Result<()> {
    let mut bytes = vec![0; 16 << 10];
    let read = stream.read(&mut bytes).await?;
    if read == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    seen.answered(&bytes[..read]);
    tokio::time::sleep(BREATH).await;
    Ok(())
}

impl Seen {
    fn answered(&self, bytes: &[u8]) {
        let status = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        if let Some(status) = status {
            self.answers.send_modify(|answers| *answers.entry(status).or_default() += 1);
        }
    }
}
