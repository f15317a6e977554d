//! One request to a command: a core WASI preview 1 module, run once as CGI.

use std::pin::pin;
use std::time::Instant;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::{InstancePre, Store};
use wasmtime_wasi_http::Error;

use super::answer::{Answer, Broken, Reply};
use super::cgi;
use super::failure::Failure;
use super::guest::Guest;
use super::host::{CommandHost, Tenant, bare_context, fence};
use super::pipe::{CHUNKS, Chunk, CutShort, Input, Output};
use super::stdio::LogStream;

/// Serves one request, on a guest thread. Sends exactly one reply.
pub(super) async fn serve(
    guest: &Guest,
    program: &InstancePre<CommandHost>,
    request: Request<Body>,
    deadline: Instant,
    reply: oneshot::Sender<Reply>,
) {
    let (parts, body) = request.into_parts();
    let (feed, input) = mpsc::channel(CHUNKS);
    let (output, chunks) = mpsc::channel(CHUNKS);
    let feeder = AbortOnDropHandle::new(tokio::spawn(pump(body, feed)));
    let mut context = bare_context(&LogStream(guest.spec.log.clone()));
    context
        // What the card's owner set, and what the Hub promises every Space.
        .envs(&guest.spec.environment)
        .envs(&cgi::meta_variables(&parts))
        .stdin(Input::new(input))
        .stdout(Output::new(output));
    let tenancy = match guest.tenancy(deadline).await {
        Ok(tenancy) => tenancy,
        Err(failure) => {
            let _ = reply.send(Err(failure));
            return;
        }
    };
    let mut store = Store::new(
        &guest.house.engine,
        CommandHost::new(tenancy, context.build_p1()),
    );
    // The context's copies of the output's sender go with the store: then the reader sees the end.
    drop(context);
    fence(&mut store);
    let broken = Broken::default();
    let breaks = broken.clone();
    // Owns the store, so that the output ends when the run does.
    let run = async move {
        let result = call(&mut store, program).await;
        let refused = store.data_mut().tenancy().limiter.refused();
        let failure = match result {
            Ok(()) => return None,
            Err(error) => Failure::of_call(error, refused),
        };
        if matches!(failure, Failure::Exit(0)) {
            return None;
        }
        // While the store still holds the output's other end.
        breaks.set();
        guest.spec.log.line(&failure.for_author(guest.timeout));
        Some(failure)
    };
    let answer = read_answer(guest, chunks, reply, &broken);
    let unanswered = match select(Box::pin(run), pin!(answer)).await {
        // The run, and with it the store, is gone before the answer is read on: then the output has its end.
        Either::Left((failure, answer)) => answer
            .await
            .map(|(reply, problem)| (reply, failure.unwrap_or(problem))),
        // What cannot become an answer any more ends the guest, which may not even look at what it writes.
        Either::Right((Some((reply, problem @ Failure::Garbled(_))), _run)) => {
            Some((reply, problem))
        }
        Either::Right((unanswered, run)) => {
            let failure = run.await;
            unanswered.map(|(reply, problem)| (reply, failure.unwrap_or(problem)))
        }
    };
    drop(feeder);
    if let Some((reply, failure)) = unanswered {
        // A visitor who has left takes no answer.
        let _ = reply.send(Err(failure));
    }
}

async fn call(
    store: &mut Store<CommandHost>,
    program: &InstancePre<CommandHost>,
) -> wasmtime::Result<()> {
    let instance = program.instantiate_async(&mut *store).await?;
    let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
    start.call_async(store, ()).await
}

/// Reads the head of the answer and sends the reply, whose body is the rest. Gives the sender back, with the reason,
/// when there is no head.
async fn read_answer(
    guest: &Guest,
    mut chunks: mpsc::Receiver<Bytes>,
    reply: oneshot::Sender<Reply>,
    broken: &Broken,
) -> Option<(oneshot::Sender<Reply>, Failure)> {
    let mut begun = BytesMut::new();
    let (head, body) = loop {
        if let Some((head, body)) = cgi::head_end(&begun) {
            break (head, body);
        }
        if begun.len() > cgi::HEAD {
            let problem = Failure::Garbled(format!("its head is longer than {} bytes", cgi::HEAD));
            guest.spec.log.line(&problem.for_author(guest.timeout));
            return Some((reply, problem));
        }
        match chunks.recv().await {
            Some(chunk) => begun.extend_from_slice(&chunk),
            None if begun.is_empty() => return Some((reply, Failure::Silent)),
            None => {
                let problem = Failure::Garbled("no blank line ends its head".into());
                guest.spec.log.line(&problem.for_author(guest.timeout));
                return Some((reply, problem));
            }
        }
    };
    let rest = begun.split_off(body).freeze();
    match cgi::parse_head(&begun[..head]) {
        Ok(head) => {
            let _ = reply.send(Ok(head.map(|()| stream(rest, chunks, broken.clone()))));
            None
        }
        Err(what) => {
            let problem = Failure::Garbled(what);
            guest.spec.log.line(&problem.for_author(guest.timeout));
            Some((reply, problem))
        }
    }
}

fn stream(first: Bytes, chunks: mpsc::Receiver<Bytes>, broken: Broken) -> Answer {
    let rest = futures_util::stream::unfold(chunks, |mut chunks| async move {
        let chunk = chunks.recv().await?;
        Some((Ok::<_, Error>(Frame::data(chunk)), chunks))
    });
    let first = futures_util::stream::iter((!first.is_empty()).then(|| Ok(Frame::data(first))));
    let body = StreamBody::new(futures_util::StreamExt::chain(first, rest)).boxed_unsync();
    Answer::Streaming(body, broken)
}

/// Feeds a request's body to the guest, as fast as the guest reads it.
async fn pump(mut body: Body, feed: mpsc::Sender<Chunk>) {
    while let Some(frame) = body.frame().await {
        let chunk = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => Ok(data),
            // Trailers.
            Ok(Err(_)) => continue,
            Err(_) => Err(CutShort),
        };
        let over = chunk.is_err();
        // A closed channel is a guest that reads no more.
        if feed.send(chunk).await.is_err() || over {
            return;
        }
    }
}
