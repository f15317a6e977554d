//! One of a tunnel's two directions.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gateway::forward::websocket_frames::Frames;

/// A frame that closes a WebSocket because the server restarts (RFC 6455 §5.5.1; 1012 in IANA's registry of its codes).
const SERVICE_RESTART: [u8; 4] = [0x88, 2, 0x03, 0xf4];

/// Of each direction.
const BUFFER: usize = 8 << 10;

/// From one side to the other.
pub(super) struct Direction {
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
    pub(super) frames: Option<Frames>,
    unflushed: bool,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Flowing,
    /// Nothing more comes; the other side is to be told when it has the rest.
    Ending,
    Ended,
}

/// What a look at a direction came to.
#[derive(Default)]
pub(super) struct Moved {
    pub(super) bytes: u64,
    pub(super) of_use: bool,
}

// === impl Direction ===

impl Direction {
    pub(super) fn new(early: Bytes, websocket: bool) -> Self {
        let mut buffer = vec![0; BUFFER.max(early.len())];
        buffer[..early.len()].copy_from_slice(&early);
        let mut frames = websocket.then(Frames::default);
        if let Some(frames) = &mut frames {
            frames.carry(&early);
        }
        Self {
            buffer: buffer.into(),
            begin: 0,
            end: early.len(),
            frames,
            unflushed: false,
            stage: Stage::Flowing,
        }
    }

    /// Moves what can be moved. Ready when the source has ended and the other side knows.
    pub(super) fn poll(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
        moved: &mut Moved,
    ) -> Poll<io::Result<()>> {
        while self.stage != Stage::Ended {
            if self.begin < self.end {
                let rest = &self.buffer[self.begin..self.end];
                let written = ready!(Pin::new(&mut *to).poll_write(context, rest))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.begin += written;
                self.unflushed = true;
                moved.bytes += written as u64;
            } else if self.stage == Stage::Ending {
                ready!(Pin::new(&mut *to).poll_shutdown(context))?;
                self.stage = Stage::Ended;
            } else {
                let mut free = ReadBuf::new(&mut self.buffer);
                if Pin::new(&mut *from)
                    .poll_read(context, &mut free)?
                    .is_pending()
                {
                    if self.unflushed {
                        ready!(Pin::new(&mut *to).poll_flush(context))?;
                        self.unflushed = false;
                    }
                    return Poll::Pending;
                }
                (self.begin, self.end) = (0, free.filled().len());
                moved.of_use |= self.is_of_use();
                if self.end == 0 {
                    self.stage = Stage::Ending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Between two frames, lets a closing one be the last. `false` where there is no such place right now: then the end
    /// comes without a word.
    pub(super) fn say_farewell(&mut self) -> bool {
        let between = self.frames.as_ref().is_some_and(Frames::is_between);
        let room = self.buffer.len() - self.end >= SERVICE_RESTART.len();
        if !between || self.stage != Stage::Flowing || (self.begin < self.end && !room) {
            return false;
        }
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
        let end = self.end + SERVICE_RESTART.len();
        self.buffer[self.end..end].copy_from_slice(&SERVICE_RESTART);
        self.end = end;
        self.stage = Stage::Ending;
        true
    }

    fn is_of_use(&mut self) -> bool {
        let bytes = &self.buffer[..self.end];
        match &mut self.frames {
            Some(frames) => frames.carry(bytes),
            None => !bytes.is_empty(),
        }
    }
}
