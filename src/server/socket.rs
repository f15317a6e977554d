//! A client's socket that does not wait forever to be read.
//!
//! Only here can a slow reader be seen: while the kernel's buffer is full, nobody asks the response for more.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use super::link::Interim;
use super::minimum_rate::{MinimumRate, StallTimer};

pub(super) struct Socket {
    /// There until the drop.
    stream: Option<TcpStream>,
    patience: StallTimer,
    /// The client has more to say, and a last word of ours may be on its way to it.
    worth_a_word: bool,
    interim: Interim,
    /// What is left to be written of an interim response.
    unsaid: &'static [u8],
    returns: Arc<Mutex<Option<TcpStream>>>,
}

/// Where a dropped socket can be found again.
pub(super) struct Returned(Arc<Mutex<Option<TcpStream>>>);

const PROCESSING: &[u8] = b"HTTP/1.1 102 Processing\r\n\r\n";

/// How long a client may go on sending after we have said our last word.
const LINGER: Duration = Duration::from_secs(2);

// === impl Returned ===

impl Returned {
    /// As [`linger`], if the socket is worth it.
    pub(super) async fn linger(self) {
        let stream = self.0.lock().take();
        if let Some(stream) = stream {
            linger(stream).await;
        }
    }
}

/// Takes leave: closing while the client still sends would make its system throw away our last answer unread, and that answer
/// may be the 413 or 431 that says why.
pub(super) async fn linger(mut stream: TcpStream) {
    let leave = async {
        let mut unread = [0; 4096];
        stream.shutdown().await?;
        while stream.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // In time or not, there is nothing more to do for it.
    let _ = tokio::time::timeout(LINGER, leave).await;
}

// === impl Socket ===

impl Socket {
    pub(super) fn new(stream: TcpStream, pace: MinimumRate, interim: Interim) -> (Self, Returned) {
        let returns = Arc::new(Mutex::new(None));
        let socket = Self {
            stream: Some(stream),
            patience: StallTimer::new(pace),
            worth_a_word: true,
            interim,
            unsaid: &[],
            returns: Arc::clone(&returns),
        };
        (socket, Returned(returns))
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        let stream = self.stream.as_mut().map(Pin::new);
        stream.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Ready when no interim response stands half-written before what is written next.
    fn poll_said(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsaid.is_empty() {
            let unsaid = self.unsaid;
            let written = self.stream()?.poll_write(context, unsaid);
            let written = ready!(self.judge(written, context))?;
            self.unsaid = &unsaid[written..];
        }
        Poll::Ready(Ok(()))
    }

    /// As above, before something of a response is written: then it is too late for an interim one.
    fn poll_final(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.interim.take();
        if self.unsaid.len() == PROCESSING.len() {
            self.unsaid = &[];
        }
        self.poll_said(context)
    }

    /// Accounts for one attempt to write.
    fn judge(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.patience.moved(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => {
                self.worth_a_word = false;
                Poll::Ready(Err(error))
            }
            Poll::Pending => {
                let too_slow = ready!(self.patience.poll_wait(context));
                self.worth_a_word = false;
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, too_slow)))
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.worth_a_word {
            *self.returns.lock() = self.stream.take();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(self.stream()?.poll_read(context, buffer))?;
        if buffer.filled().len() == before {
            self.worth_a_word = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_final(context))?;
        let written = self.stream()?.poll_write(context, bytes);
        self.judge(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_final(context))?;
        let written = self.stream()?.poll_write_vectored(context, pieces);
        self.judge(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Called whenever the server has nothing more to write for now, also while a request waits for its answer.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unsaid.is_empty() && self.interim.take() {
            self.unsaid = PROCESSING;
        }
        ready!(self.poll_said(context))?;
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
