//! A connection that does not keep its thread: an endpoint that sends without end (interim responses, fields, a body) has
//! its connection's task give way after each portion, so that others, and the dispatcher, are never late for it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is read at once at most: a good endpoint's answer fits in.
const PORTION: usize = 8 << 10;
/// Who has read so much of a portion gives way before the next one.
const MUCH: usize = PORTION / 2;

/// See the module.
pub(super) struct Fair<S> {
    stream: S,
    gives_way: bool,
}

impl<S> Fair<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, gives_way: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Fair<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.gives_way) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = if buffer.remaining() <= PORTION {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
            buffer.filled().len() - before
        } else {
            let mut portion = ReadBuf::new(buffer.initialize_unfilled_to(PORTION));
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut portion))?;
            let read = portion.filled().len();
            buffer.advance(read);
            read
        };
        this.gives_way = read >= MUCH;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Fair<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::task::Waker;

    use super::*;

    fn read(from: &mut Fair<impl AsyncRead + Unpin>, room: usize) -> Option<usize> {
        let mut bytes = vec![0; room];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(from).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer) {
            Poll::Ready(outcome) => {
                outcome.unwrap();
                Some(buffer.filled().len())
            }
            Poll::Pending => None,
        }
    }

    #[test]
    fn who_sends_without_end_has_a_portion_at_a_time_and_who_sends_little_never_waits() {
        let mut endless = Fair::new(tokio::io::repeat(b'x'));
        for _ in 0..3 {
            assert_eq!(read(&mut endless, 1 << 20), Some(PORTION));
            assert_eq!(read(&mut endless, 1 << 20), None);
        }
        for _ in 0..3 {
            assert_eq!(read(&mut endless, MUCH - 1), Some(MUCH - 1));
        }
    }
}
