//! A request's body on its way.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::task::AtomicWaker;
use http::{HeaderMap, Request, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Sleep;

/// How long an application that does not know `Expect` is waited for (RFC 9110 §10.1.1 wants no end of it).
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// What is known of an upload from outside; `None` where nothing is to be uploaded.
pub(super) struct Progress(Option<Arc<Shared>>);

struct Shared {
    ended: AtomicBool,
    wanted: AtomicBool,
    waker: AtomicWaker,
}

/// The body of a request. It is not begun before the application wants it, if the visitor asked for that.
struct Upload {
    body: Body,
    progress: Arc<Shared>,
    patience: Option<Pin<Box<Sleep>>>,
}

// === impl Progress ===

impl Progress {
    /// Puts itself between a request and its body.
    pub(super) fn watch(request: &mut Request<Body>) -> Self {
        if request.body().is_end_stream() {
            return Self(None);
        }
        let waits = expects_continue(request.headers());
        let progress = Arc::new(Shared {
            ended: AtomicBool::new(false),
            wanted: AtomicBool::new(!waits),
            waker: AtomicWaker::new(),
        });
        let upload = Upload {
            body: std::mem::take(request.body_mut()),
            progress: Arc::clone(&progress),
            patience: waits.then(|| Box::pin(tokio::time::sleep(CONTINUE_TIMEOUT))),
        };
        *request.body_mut() = Body::new(upload);
        if waits {
            let progress = Arc::clone(&progress);
            hyper::ext::on_informational(request, move |interim| {
                if interim.status() == StatusCode::CONTINUE {
                    progress.wanted.store(true, Ordering::Release);
                    progress.waker.wake();
                }
            });
        }
        Self(Some(progress))
    }

    /// Whether the upload goes on though the answer has begun.
    pub(super) fn is_under_way(&self) -> bool {
        self.0.as_ref().is_some_and(|upload| {
            upload.wanted.load(Ordering::Acquire) && !upload.ended.load(Ordering::Acquire)
        })
    }
}

fn expects_continue(headers: &HeaderMap) -> bool {
    let expect = headers.get(header::EXPECT);
    expect.is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

// === impl Upload ===

impl Upload {
    /// Ready when the application wants the body, or has been waited for long enough.
    fn poll_wanted(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(patience) = &mut self.patience else {
            return Poll::Ready(());
        };
        let shared = &self.progress;
        shared.waker.register(context.waker());
        if !shared.wanted.load(Ordering::Acquire) {
            ready!(patience.as_mut().poll(context));
            shared.wanted.store(true, Ordering::Release);
        }
        self.patience = None;
        Poll::Ready(())
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        ready!(self.poll_wanted(context));
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.progress.ended.store(true, Ordering::Release);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
