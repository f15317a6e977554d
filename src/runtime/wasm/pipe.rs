//! A command's standard input and output as bounded channels, so that neither side holds more than a few chunks.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// Chunks that wait on either side.
pub(super) const CHUNKS: usize = 4;
/// Most bytes in a chunk that a guest writes.
const CHUNK: usize = 64 << 10;

/// A piece of the input, or the news that no more will come although there should be more.
pub(super) type Chunk = Result<Bytes, CutShort>;

/// The visitor's upload broke off.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the request's body broke off")]
pub(super) struct CutShort;

/// The guest's end of its input.
#[derive(Clone)]
pub(super) struct Input(Arc<Mutex<Incoming>>);

struct Incoming {
    chunks: mpsc::Receiver<Chunk>,
    rest: Bytes,
    ended: bool,
    broken: bool,
}

/// The guest's end of its output.
#[derive(Clone)]
pub(super) struct Output(mpsc::Sender<Bytes>);

// === impl Input ===

impl Input {
    pub(super) fn new(chunks: mpsc::Receiver<Chunk>) -> Self {
        Self(Arc::new(Mutex::new(Incoming {
            chunks,
            rest: Bytes::new(),
            ended: false,
            broken: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock()
    }

    fn poll_chunk(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut incoming = self.lock();
        if incoming.ended || incoming.broken || !incoming.rest.is_empty() {
            return Poll::Ready(());
        }
        incoming.chunks.poll_recv(context).map(|chunk| match chunk {
            Some(Ok(chunk)) => incoming.rest = chunk,
            Some(Err(CutShort)) => incoming.broken = true,
            None => incoming.ended = true,
        })
    }
}

impl IsTerminal for Input {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Input {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        // Only worlds that no guest here is offered read through this.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        std::future::poll_fn(|context| self.poll_chunk(context)).await;
    }
}

impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut incoming = self.lock();
        if incoming.rest.is_empty() && !incoming.broken {
            match incoming.chunks.try_recv() {
                Ok(Ok(chunk)) => incoming.rest = chunk,
                Ok(Err(CutShort)) => incoming.broken = true,
                Err(mpsc::error::TryRecvError::Empty) if !incoming.ended => return Ok(Bytes::new()),
                Err(_) => return Err(StreamError::Closed),
            }
        }
        if incoming.broken {
            return Err(StreamError::LastOperationFailed(CutShort.into()));
        }
        let size = size.min(incoming.rest.len());
        Ok(incoming.rest.split_to(size))
    }
}

// === impl Output ===

impl Output {
    pub(super) fn new(chunks: mpsc::Sender<Bytes>) -> Self {
        Self(chunks)
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only worlds that no guest here is offered write through this.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        // A closed channel is ready too: the next write says that it is closed.
        let _ = self.0.reserve().await;
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.try_send(bytes).map_err(|_| StreamError::Closed)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.0.is_closed() {
            return Err(StreamError::Closed);
        }
        Ok(if self.0.capacity() > 0 { CHUNK } else { 0 })
    }
}
