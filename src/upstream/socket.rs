//! The socket to an instance.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream that can be told that more is expected at once.
///
/// Many apps write an answer's head and its body apart and leave Nagle's algorithm (RFC 9293 §3.7.4) on: the body then
/// waits until the head is acknowledged, which Linux puts off for 40 ms.
pub(super) struct Socket {
    stream: TcpStream,
    expects: Expects,
}

/// Tells a [`Socket`] to acknowledge what has come, the next time it has to wait.
#[derive(Clone, Default)]
pub(super) struct Expects(Arc<AtomicBool>);

// === impl Expects ===

impl Expects {
    pub(super) fn more(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

// === impl Socket ===

impl Socket {
    pub(super) fn new(stream: TcpStream) -> (Self, Expects) {
        let expects = Expects::default();
        let socket = Self {
            stream,
            expects: expects.clone(),
        };
        (socket, expects)
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn acknowledge(&self) {
        // A matter of speed alone.
        #[cfg(target_os = "linux")]
        let _ = self.stream.set_quickack(true);
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() && self.expects.0.swap(false, Ordering::Relaxed) {
            self.acknowledge();
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}
