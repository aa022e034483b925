//! A line to a server that can be cut, stalled and restored.

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
    /// Connections break, and new ones are closed at once.
    Cut,
}

/// See the module.
pub struct Proxy {
    port: u16,
    line: watch::Sender<Line>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A line to a port of this machine, open.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = watch::Sender::new(Line::Open);
        let seen = line.subscribe();
        let task = tokio::spawn(async move {
            loop {
                // Out of files, for example: the next one may do.
                let Ok((client, _)) = listener.accept().await else { continue };
                tokio::spawn(connect(client, SocketAddr::from(([127, 0, 0, 1], target)), seen.clone()));
            }
        });
        Self { port, line, task }
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Breaks all connections, and new ones.
    pub fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    /// Lets nothing through, and breaks nothing.
    pub fn stall(&self) {
        self.line.send_replace(Line::Stalled);
    }

    /// Lets everything through again.
    pub fn restore(&self) {
        self.line.send_replace(Line::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn connect(client: TcpStream, target: SocketAddr, mut line: watch::Receiver<Line>) {
    let (there, back) = (line.clone(), line.clone());
    let carrying = async {
        let server = TcpStream::connect(target).await?;
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::try_join!(carry(from_client, to_server, there), carry(from_server, to_client, back))
    };
    tokio::select! {
        _ = carrying => {}
        _ = line.wait_for(|line| *line == Line::Cut) => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut line: watch::Receiver<Line>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        if line.wait_for(|line| *line != Line::Stalled).await.is_err() {
            return Ok(());
        }
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
    }
}
