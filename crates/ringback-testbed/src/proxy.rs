//! A line to a server that can be cut, stalled, robbed of its answers, and restored.

use std::net::SocketAddr;

use tokio::io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const BUFFER_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Open,
    /// Connections stand, new ones too, and nothing gets through: as behind a firewall that lost its memory.
    Stalled,
    /// What clients send gets through, and no answer: as when the way back breaks first.
    Unanswered,
    /// Connections break, and new ones are closed at once.
    Cut,
}

/// What goes on at the line.
#[derive(Debug, Clone, Copy)]
struct State {
    line: Line,
    /// A connection breaks at the next cut, however soon the line is restored.
    cuts: u64,
}

/// See the module.
pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A line to a port of this machine, open.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = watch::Sender::new(State { line: Line::Open, cuts: 0 });
        let seen = state.subscribe();
        let task = tokio::spawn(async move {
            loop {
                // Out of files, for example: the next one may do.
                let Ok((client, _)) = listener.accept().await else { continue };
                tokio::spawn(connect(client, SocketAddr::from(([127, 0, 0, 1], target)), seen.clone()));
            }
        });
        Self { port, state, task }
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Breaks all connections, and new ones.
    pub fn cut(&self) {
        self.state.send_modify(|state| *state = State { line: Line::Cut, cuts: state.cuts + 1 });
    }

    /// Lets nothing through, and breaks nothing.
    pub fn stall(&self) {
        self.turn(Line::Stalled);
    }

    /// Lets through what clients send, and loses what the server answers. It is to be cut before it is restored: what has
    /// lost an answer would go on in its middle.
    pub fn lose_answers(&self) {
        self.turn(Line::Unanswered);
    }

    /// Lets everything through again.
    pub fn restore(&self) {
        self.turn(Line::Open);
    }

    fn turn(&self, line: Line) {
        self.state.send_modify(|state| state.line = line);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn connect(client: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    let begun = *state.borrow();
    let (there, back) = (state.clone(), state.clone());
    let carrying = async {
        let server = TcpStream::connect(target).await?;
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::try_join!(
            carry(Way::There, from_client, to_server, there),
            carry(Way::Back, from_server, to_client, back)
        )
    };
    tokio::select! {
        _ = carrying => {}
        _ = state.wait_for(|state| state.line == Line::Cut || state.cuts > begun.cuts) => {}
    }
}

/// Which way bytes go: to the server, or back from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

async fn carry(
    way: Way,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        let now = state.wait_for(|state| state.line != Line::Stalled).await.map(|state| state.line);
        let Ok(line) = now else { return Ok(()) };
        if read == 0 {
            return to.shutdown().await;
        }
        if way == Way::Back && line == Line::Unanswered {
            continue;
        }
        to.write_all(&buffer[..read]).await?;
    }
}
