//! A Space's guests as an upstream: the gateway's side of a request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_task::Task;
use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::WaitForCancellationFutureOwned;
use wasmtime_wasi_http::WasiBody;

use super::answer::{Answer, Broken, Reply};
use super::failure::Failure;
use super::guest::Guest;
use super::programs::Program;
use super::{command, component};
use crate::upstream::Serve;

/// How long the head of an answer waits for the first bytes of its body.
const HEAD_PATIENCE: Duration = Duration::from_millis(50);

/// A Space's guests, answering.
pub(super) struct GuestService {
    pub(super) guest: Arc<Guest>,
}

impl Serve for GuestService {
    fn call(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
        Box::pin(self.answer(request))
    }
}

// === impl GuestService ===

impl GuestService {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let guest = &self.guest;
        let deadline = Instant::now() + guest.timeout;
        match self.reply(request, deadline).await {
            Ok((task, response)) => {
                let (head, answer) = response.into_parts();
                let body = match answer {
                    Answer::Whole(bytes) => {
                        task.detach();
                        Body::new(Full::new(bytes))
                    }
                    Answer::Begun(first, rest) => {
                        task.detach();
                        let whole = Broken::default();
                        Body::new(self.stream(Some(first), rest, None, whole, deadline))
                    }
                    Answer::Streaming(body, broken) => {
                        let body = self.stream(None, body, Some(task), broken, deadline);
                        return Box::pin(self.begin(Response::from_parts(head, body))).await;
                    }
                };
                Response::from_parts(head, body)
            }
            Err(failure) => {
                if let Failure::Load(error) | Failure::Ours(error) = &failure {
                    let space = &guest.spec.name;
                    tracing::error!(%space, "a guest of {space} could not be served: {error:#}");
                }
                failure.response(guest.timeout)
            }
        }
    }

    /// Waits for a first sign of the body, but not for long: of a guest that breaks right after its head, the truth can
    /// still be told.
    async fn begin(&self, response: Response<StreamedBody>) -> Response<Body> {
        let (head, mut body) = response.into_parts();
        let first = timeout(HEAD_PATIENCE, body.frame()).await;
        let broken = body.broken.is_set();
        let failure = match first {
            Err(_) => return Response::from_parts(head, Body::new(body)),
            Ok(None) => return Response::from_parts(head, Body::empty()),
            Ok(Some(Ok(frame))) if !broken => {
                body.first = frame.into_data().ok();
                return Response::from_parts(head, Body::new(body));
            }
            Ok(Some(Ok(_) | Err(CutOff::Broken))) => Failure::Silent,
            Ok(Some(Err(CutOff::Deadline))) => self.past_the_deadline(),
            Ok(Some(Err(CutOff::Stopped))) => Failure::Stopped,
            Ok(Some(Err(error @ CutOff::TooLarge))) => Failure::Garbled(error.to_string()),
        };
        failure.response(self.guest.timeout)
    }

    /// Runs the guest until its answer has a head. Dropping the future, or the task, ends the guest.
    async fn reply(
        &self,
        request: Request<Body>,
        deadline: Instant,
    ) -> Result<(Task<()>, Response<Answer>), Failure> {
        let guest = Arc::clone(&self.guest);
        let until = tokio::time::Instant::from_std(deadline);
        let (reply, replied) = oneshot::channel();
        let live = Arc::clone(&guest.live).try_acquire_owned();
        let live = match live {
            Ok(live) => live,
            Err(_) => timeout_at(until, Arc::clone(&guest.live).acquire_owned())
                .await
                .map_err(|_| Failure::Full)?
                .map_err(|_| Failure::Full)?,
        };
        let task = self.guest.group.spawn(async move {
            // However the visitor fares, no guest outlives its deadline or its Space.
            tokio::select! {
                biased;
                () = run(&guest, request, deadline, reply) => {}
                () = sleep_until(until) => {}
                () = guest.stopped.cancelled() => {}
            }
            drop(live);
        });
        let outcome = tokio::select! {
            biased;
            outcome = timeout_at(until, replied) => outcome,
            () = self.guest.stopped.cancelled() => return Err(Failure::Stopped),
        };
        match outcome {
            Ok(Ok(reply)) => Ok((task, reply?)),
            Ok(Err(_)) if self.guest.stopped.is_cancelled() => Err(Failure::Stopped),
            Ok(Err(_)) if Instant::now() >= deadline => Err(self.past_the_deadline()),
            // The sender went without a word: the guest's task panicked, which is ours.
            Ok(Err(_)) => Err(Failure::Ours(wasmtime::format_err!(
                "the guest's task was lost"
            ))),
            Err(_) => Err(self.past_the_deadline()),
        }
    }

    fn past_the_deadline(&self) -> Failure {
        let guest = &self.guest;
        guest
            .spec
            .log
            .line(&Failure::Deadline.for_author(guest.timeout));
        Failure::Deadline
    }

    fn stream(
        &self,
        first: Option<Bytes>,
        rest: WasiBody,
        task: Option<Task<()>>,
        broken: Broken,
        deadline: Instant,
    ) -> StreamedBody {
        StreamedBody {
            first: first.filter(|first| !first.is_empty()),
            rest,
            task,
            broken,
            deadline: Box::pin(sleep_until(tokio::time::Instant::from_std(deadline))),
            stopped: Box::pin(self.guest.stopped.clone().cancelled_owned()),
            left: self.guest.house.settings.response_bytes,
        }
    }
}

/// Loads the program if need be and serves one request with it.
async fn run(
    guest: &Guest,
    request: Request<Body>,
    deadline: Instant,
    reply: oneshot::Sender<Reply>,
) {
    match guest.program() {
        Ok(program) => match &*program {
            Program::Http(program) => {
                component::serve(guest, program, request, deadline, reply).await;
            }
            Program::Command(program) => {
                Box::pin(command::serve(guest, program, request, deadline, reply)).await;
            }
        },
        Err(failure) => {
            // A visitor who has left takes no answer.
            let _ = reply.send(Err(failure));
        }
    }
}

/// A body that its guest may still be writing. Its drop, before the end, ends the guest.
struct StreamedBody {
    first: Option<Bytes>,
    /// Before `rest`, so that it drops first: a guest told that nobody reads might go on all the same.
    task: Option<Task<()>>,
    rest: WasiBody,
    broken: Broken,
    deadline: Pin<Box<Sleep>>,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    left: u64,
}

/// Why a body ended early. The connection is closed, so the visitor's client sees that something is missing.
#[derive(Debug, thiserror::Error)]
enum CutOff {
    #[error("the Space ran past its request deadline")]
    Deadline,
    #[error("the Space was stopped")]
    Stopped,
    #[error("the answer is larger than the server allows")]
    TooLarge,
    #[error("the Space stopped in the middle of its answer")]
    Broken,
}

impl http_body::Body for StreamedBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let polled = Pin::new(&mut this.rest).poll_frame(context);
        let Poll::Ready(frame) = polled else {
            let cut_off = if this.stopped.as_mut().poll(context).is_ready() {
                CutOff::Stopped
            } else {
                ready!(this.deadline.as_mut().poll(context));
                CutOff::Deadline
            };
            this.task = None;
            return Poll::Ready(Some(Err(cut_off)));
        };
        Poll::Ready(match frame {
            None if this.broken.is_set() => Some(Err(CutOff::Broken)),
            None => {
                // The answer is whole: let the guest come to its own end.
                if let Some(task) = this.task.take() {
                    task.detach();
                }
                None
            }
            Some(Err(_)) => Some(Err(CutOff::Broken)),
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                if let Some(left) = this.left.checked_sub(bytes) {
                    this.left = left;
                    Some(Ok(frame))
                } else {
                    this.task = None;
                    Some(Err(CutOff::TooLarge))
                }
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }
}
