//! One HTTP/1.1 connection of the load generator, thin enough not to be what is measured: a request's bytes are written
//! as they are, and of the answer no more is read than its status and its body.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The largest answer, in bytes.
const MOST: usize = 64 << 20;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A connection that is kept.
pub(super) struct Exchange {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
}

impl Exchange {
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and waits for its answer, which must say how long it is.
    pub(super) async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut head = None;
        loop {
            if head.is_none() {
                head = Head::find(&self.buffer)?;
            }
            if let Some(Head { status, body_at, length }) = head
                && self.buffer.len() >= body_at + length
            {
                return Ok(Answer { status, body: &self.buffer[body_at..body_at + length] });
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends a request without a body.
    pub(super) async fn get(&mut self, path: &str) -> io::Result<Answer<'_>> {
        self.ask(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes()).await
    }
}

#[derive(Clone, Copy)]
struct Head {
    status: u16,
    body_at: usize,
    length: usize,
}

impl Head {
    fn find(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = memchr::memmem::find(bytes, HEAD_END) else { return Ok(None) };
        let malformed = || io::Error::from(io::ErrorKind::InvalidData);
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| malformed())?;
        let status = text.get(9..12).and_then(|digits| digits.parse().ok()).ok_or_else(malformed)?;
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let length = length.filter(|length| *length <= MOST).ok_or_else(malformed)?;
        Ok(Some(Self { status, body_at: end + HEAD_END.len(), length }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_answers_status_and_length_are_read_once_its_head_is_whole() {
        let bytes = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\nhello";
        assert!(Head::find(&bytes[..30]).unwrap().is_none());
        let head = Head::find(bytes).unwrap().unwrap();
        assert_eq!((head.status, &bytes[head.body_at..][..head.length]), (202, &b"hello"[..]));
        assert!(Head::find(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
