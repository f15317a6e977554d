//! A connection that has left HTTP: bytes both ways, as they come, until one side has had enough.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::visit_guard::{Passed, VisitGuard};
use super::websocket::Frames;
use crate::server::ConnectionLink;

/// The side of the Space.
pub(super) struct Far {
    pub(super) stream: TcpStream,
    /// What it sent right behind its answer.
    pub(super) early: Bytes,
}

/// How long a tunnel may be silent.
#[derive(Debug, Clone, Copy)]
struct Silence {
    /// While both sides are there.
    idle: Duration,
    /// After one of them has ended.
    half_closed: Duration,
    /// While the server stops.
    closing: Duration,
}

/// A frame that closes a WebSocket because the server restarts (RFC 6455 §5.5.1; 1012 in IANA's registry of its codes).
const SERVICE_RESTART: [u8; 4] = [0x88, 2, 0x03, 0xf4];

/// Of each direction.
const BUFFER: usize = 8 << 10;

/// Starts once the visitor has been told that HTTP is left. `idle` is how long both sides may be silent. It holds on to
/// the stay, and to the connection's place in the server, until it ends.
pub(super) fn start(
    near: OnUpgrade,
    far: Far,
    mut visit_guard: VisitGuard,
    link: Option<ConnectionLink>,
    idle: Duration,
    websocket: bool,
) {
    visit_guard.become_tunnel();
    tokio::spawn(async move {
        // An error is that the visitor left first.
        let Ok(near) = near.await else { return };
        let tunnel = Tunnel {
            up: Direction::new(Bytes::new(), websocket),
            down: Direction::new(far.early, websocket),
            near: TokioIo::new(near),
            far: far.stream,
        };
        let silence = Silence {
            idle,
            half_closed: Duration::from_secs(10),
            closing: Duration::from_secs(1),
        };
        let hurry = async {
            match &link {
                Some(link) => link.cut_off().await,
                None => std::future::pending().await,
            }
        };
        let run = tunnel.run(silence, link.as_ref(), |passed| {
            visit_guard.passed(passed, idle)
        });
        let ended = tokio::select! {
            ended = run => ended,
            () = hurry => return,
        };
        if let Err(error) = ended {
            tracing::debug!(space = %visit_guard.space.id, %error, "a tunnel ended");
        }
    });
}

struct Tunnel<N, F> {
    near: N,
    far: F,
    up: Direction,
    down: Direction,
}

/// From one side to the other.
struct Direction {
    buffer: Box<[u8]>,
    begin: usize,
    end: usize,
    frames: Option<Frames>,
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
struct Moved {
    bytes: u64,
    of_use: bool,
}

// === impl Tunnel ===

impl<N, F> Tunnel<N, F>
where
    N: AsyncRead + AsyncWrite + Unpin,
    F: AsyncRead + AsyncWrite + Unpin,
{
    async fn run(
        mut self,
        silence: Silence,
        link: Option<&ConnectionLink>,
        passed: impl Fn(Passed),
    ) -> io::Result<()> {
        let closing = async {
            match link {
                Some(link) => link.closing().cancelled().await,
                None => std::future::pending().await,
            }
        };
        let mut closing = std::pin::pin!(closing);
        let mut last_moved = Instant::now();
        let mut limit = silence.idle;
        let mut until: Option<Instant> = None;
        let mut alarm: Pin<Box<Sleep>> = Box::pin(tokio::time::sleep(limit));
        std::future::poll_fn(|context| {
            let (mut sent, mut received) = (Moved::default(), Moved::default());
            let up = self
                .up
                .poll(&mut self.near, &mut self.far, context, &mut sent)?;
            let down = self
                .down
                .poll(&mut self.far, &mut self.near, context, &mut received)?;
            let now_passed = Passed {
                up: sent.bytes,
                down: received.bytes,
                asked: sent.of_use,
                answered: received.of_use,
            };
            if now_passed.up > 0 || now_passed.down > 0 {
                last_moved = Instant::now();
            }
            passed(now_passed);
            if up.is_ready() && down.is_ready() {
                return Poll::Ready(Ok(()));
            }
            if up.is_ready() || down.is_ready() {
                limit = limit.min(silence.half_closed);
            }
            if until.is_none() && closing.as_mut().poll(context).is_ready() {
                let drain = link.map(ConnectionLink::drain_timeout).unwrap_or_default();
                until = Some(Instant::now() + drain);
                limit = limit.min(silence.closing);
                if self.down.say_farewell() {
                    context.waker().wake_by_ref();
                }
            }
            let mut due = last_moved + limit;
            if let Some(until) = until {
                due = due.min(until);
            }
            // It is set anew only when it would ring too late, or has rung too soon.
            if alarm.deadline() > due {
                alarm.as_mut().reset(due);
            }
            while alarm.as_mut().poll(context).is_ready() {
                if Instant::now() >= due {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                alarm.as_mut().reset(due);
            }
            Poll::Pending
        })
        .await
    }
}

// === impl Direction ===

impl Direction {
    fn new(early: Bytes, websocket: bool) -> Self {
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
    fn poll(
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
    fn say_farewell(&mut self) -> bool {
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const IDLE: Duration = Duration::from_millis(200);

    const SILENCE: Silence = Silence {
        idle: IDLE,
        half_closed: Duration::from_millis(50),
        closing: Duration::from_millis(50),
    };

    /// A tunnel, and the two ends of what it connects.
    fn tunnel(early: &'static str) -> (Tunnel<DuplexStream, DuplexStream>, [DuplexStream; 2]) {
        let (near, visitor) = duplex(1 << 16);
        let (far, space) = duplex(1 << 16);
        let tunnel = Tunnel {
            near,
            far,
            up: Direction::new(Bytes::new(), true),
            down: Direction::new(early.into(), true),
        };
        (tunnel, [visitor, space])
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_and_an_end_is_passed_on() {
        let (tunnel, [mut visitor, mut space]) = tunnel("early ");
        let talk = async {
            space.write_all(b"word").await.expect("sent");
            let mut received = [0; 10];
            visitor.read_exact(&mut received).await.expect("heard");
            assert_eq!(&received, b"early word");
            visitor.write_all(&[7; 50_000]).await.expect("sent");
            visitor.shutdown().await.expect("shut down");
            let mut received = Vec::new();
            space.read_to_end(&mut received).await.expect("heard");
            assert_eq!(received.len(), 50_000);
            space.write_all(b"last").await.expect("sent");
            drop(space);
            let mut received = String::new();
            visitor.read_to_string(&mut received).await.expect("heard");
            assert_eq!(received, "last");
        };
        let (ended, ()) = tokio::join!(tunnel.run(SILENCE, None, |_| {}), talk);
        ended.expect("both sides ended");
    }

    #[tokio::test]
    async fn a_websocket_is_closed_with_a_word_between_two_frames() {
        let mut direction = Direction::new(Bytes::from_static(&[0x81, 2, b'h']), true);
        assert!(!direction.say_farewell(), "within a frame");
        direction.frames.as_mut().expect("a WebSocket").carry(b"i");
        assert!(direction.say_farewell());
        let (mut near, mut visitor) = duplex(64);
        let mut moved = Moved::default();
        let (mut silent, _space) = duplex(64);
        std::future::poll_fn(|context| direction.poll(&mut silent, &mut near, context, &mut moved))
            .await
            .expect("written");
        let mut received = Vec::new();
        visitor.read_to_end(&mut received).await.expect("heard");
        assert_eq!(received, [0x81, 2, b'h', 0x88, 2, 0x03, 0xf4]);
        let mut plain = Direction::new(Bytes::new(), false);
        assert!(!plain.say_farewell(), "no WebSocket");
    }

    #[tokio::test]
    async fn silence_and_half_closed_tunnels_end() {
        let (silent, _ends) = tunnel("");
        let began = Instant::now();
        assert!(silent.run(SILENCE, None, |_| {}).await.is_err());
        assert!(began.elapsed() >= IDLE);

        let (half, [mut visitor, _space]) = tunnel("");
        let began = Instant::now();
        visitor.shutdown().await.expect("shut down");
        assert!(half.run(SILENCE, None, |_| {}).await.is_err());
        let took = began.elapsed();
        assert!((SILENCE.half_closed..IDLE).contains(&took), "{took:?}");
    }

    #[tokio::test]
    async fn signs_of_life_keep_it_and_are_no_use() {
        let (tunnel, [mut visitor, space]) = tunnel("");
        let uses = Cell::new(0);
        let talk = async {
            for _ in 0..10 {
                tokio::time::sleep(IDLE / 2).await;
                visitor
                    .write_all(&[0x89, 0x80, 0, 0, 0, 0])
                    .await
                    .expect("sent");
            }
            tokio::time::sleep(IDLE / 2).await;
            assert_eq!(uses.get(), 0);
            visitor
                .write_all(&[0x82, 0x82, 0, 0, 0, 0, 1, 2])
                .await
                .expect("sent");
            tokio::time::sleep(IDLE / 2).await;
            drop(visitor);
            drop(space);
        };
        let count = |passed: Passed| {
            let used = passed.asked || passed.answered;
            uses.set(uses.get() + u32::from(used));
        };
        let (ended, ()) = tokio::join!(tunnel.run(SILENCE, None, count), talk);
        ended.expect("both sides left");
        assert_eq!(uses.get(), 1);
    }
}
