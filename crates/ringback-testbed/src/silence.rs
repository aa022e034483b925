//! An address where nobody answers, not even to the first packet: as of a machine that is off.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How long nothing is heard where nobody answers; this machine would answer at once.
const SILENT_FOR: Duration = Duration::from_millis(300);

/// A port of this machine whose queue is full: what else wants to connect is not answered.
pub struct Silence {
    port: u16,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Silence {
    /// Falls at once.
    pub async fn fall() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        // Nobody takes anyone out of it.
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(connected) = tokio::time::timeout(SILENT_FOR, TcpStream::connect(address)).await {
            queue.push(connected.unwrap());
        }
        Self { port: address.port(), _listener: listener, _queue: queue }
    }

    /// Where nobody answers, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}
