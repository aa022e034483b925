//! A connection that does not keep its thread: an endpoint that sends without end (interim responses, fields, a body) has
//! its connection's task give way after each portion, so that others, and the dispatcher, are never late for it.
//!
//! What counts is what comes over the wire: it is under TLS, where an endpoint could make thousands of records of a few bytes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop,
};

/// What is read at once at most, and who has read so much gives way before more: a good endpoint's answer fits in.
const PORTION: usize = 8 << 10;

/// More steps than tokio gives a task in one turn, 128.
const BUDGET: usize = 256;

/// See the module.
pub(super) struct Fair<S> {
    stream: S,
    /// What is left of the portion; it is whole again once there was nothing to read.
    left: usize,
}

impl<S> Fair<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, left: PORTION }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Fair<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = std::mem::replace(&mut this.left, PORTION);
        if left == 0 {
            give_way(cx);
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
        this.left = left.saturating_sub(read);
        Poll::Ready(Ok(()))
    }
}

/// Has the task end its turn. TLS, which has something to give still, would ask again at once: so tokio's budget of the turn
/// is used up, and nothing more is read in it.
fn give_way(cx: &mut Context<'_>) {
    for _ in 0..BUDGET {
        match coop::poll_proceed(cx) {
            Poll::Ready(step) => step.made_progress(),
            // It has had the task woken.
            Poll::Pending => return,
        }
    }
    cx.waker().wake_by_ref();
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

    /// A little, then nothing for a moment, and so on.
    struct Pieces(bool);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.0 = !self.0;
            if !self.0 {
                return Poll::Pending;
            }
            buffer.put_slice(&[b'x'; PORTION - 1]);
            Poll::Ready(Ok(()))
        }
    }

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
            for _ in 0..2 {
                assert_eq!(read(&mut endless, PORTION / 2), Some(PORTION / 2));
            }
            assert_eq!(read(&mut endless, PORTION / 2), None, "in smaller pieces it is no more");
        }
        let mut little = Fair::new(Pieces(false));
        for _ in 0..10 {
            assert_eq!(read(&mut little, 1 << 20), Some(PORTION - 1));
            assert_eq!(read(&mut little, 1 << 20), None, "there is nothing more");
        }
    }
}
