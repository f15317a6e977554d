//! One request to a component: `wasi:http/incoming-handler@0.2`.

use std::pin::pin;
use std::time::Instant;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView};

use super::answer::{Answer, Broken, Reply};
use super::failure::Failure;
use super::guest::Guest;
use super::host::{HttpHost, Tenant};

/// An answer up to this many bytes, complete when the guest returns, is handed over in one piece.
const WHOLE: usize = 256 << 10;

/// Serves one request, on a guest thread. Sends exactly one reply, as soon as there is a head.
pub(super) async fn serve(
    guest: &Guest,
    program: &ProxyPre<HttpHost>,
    request: Request<Body>,
    deadline: Instant,
    reply: oneshot::Sender<Reply>,
) {
    let mut reply = Some(reply);
    let mut instance = match guest.take_idle() {
        Some(instance) => instance,
        None => match guest.instantiate(program, deadline).await {
            Ok(instance) => instance,
            Err(failure) => {
                answer(&mut reply, Err(failure));
                return;
            }
        },
    };
    let broken = Broken::default();
    let store = &mut instance.store;
    store.data_mut().tenancy().deadline = deadline;
    store.set_epoch_deadline(1);
    let (head, mut answered) = oneshot::channel();
    let request = request.map(|body| body.map_err(|_| Error::ConnectionTerminated));
    let incoming = store
        .data_mut()
        .http()
        .new_incoming_request(Scheme::Http, request);
    let arguments = incoming.and_then(|request| {
        let outparam = store.data_mut().http().new_response_outparam(head)?;
        Ok((request, outparam))
    });
    let (incoming, outparam) = match arguments {
        Ok(arguments) => arguments,
        Err(error) => {
            answer(&mut reply, Err(Failure::Ours(error)));
            return;
        }
    };
    let handler = instance.proxy.wasi_http_incoming_handler();
    let result = {
        let mut call = pin!(handler.call_handle(&mut *store, incoming, outparam));
        std::future::poll_fn(|context| {
            let polled = call.as_mut().poll(context);
            // The head is set by the guest itself, so it can only have come with this poll.
            if polled.is_pending()
                && let Ok(head) = answered.try_recv()
            {
                let head = head.map_err(Failure::Code);
                answer(
                    &mut reply,
                    head.map(|head| head.map(|body| Answer::Streaming(body, broken.clone()))),
                );
            }
            polled
        })
        .await
    };
    match result {
        Ok(()) => {
            let outcome = match answered.try_recv() {
                Ok(Ok(head)) => collect(head),
                Ok(Err(code)) => Err(Failure::Code(code)),
                Err(_) => Err(Failure::Silent),
            };
            if reply.is_some() {
                let hand_over = move || answer(&mut reply, outcome);
                guest.group.hand_over(hand_over);
            }
            guest.give_back(instance);
        }
        Err(error) => {
            // While the store still holds the body's other end.
            broken.set();
            let refused = store.data_mut().tenancy().limiter.refused();
            let failure = Failure::of_call(error, refused);
            guest.spec.log.line(&failure.for_author(guest.timeout));
            answer(&mut reply, Err(failure));
        }
    }
}

/// Sends the one reply. A visitor who has left takes none.
fn answer(reply: &mut Option<oneshot::Sender<Reply>>, outcome: Reply) {
    if let Some(reply) = reply.take() {
        let _ = reply.send(outcome);
    }
}

/// Takes what is already there of an answer whose guest has returned; the whole of it, as a rule.
fn collect(head: Response<WasiBody>) -> Reply {
    let (parts, mut body) = head.into_parts();
    let mut whole = Bytes::new();
    let mut more = BytesMut::new();
    let answer = loop {
        match body.frame().now_or_never() {
            Some(None) => break Answer::Whole(join(whole, more)),
            Some(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if whole.is_empty() => whole = data,
                Ok(data) => more.extend_from_slice(&data),
                // Trailers: nobody downstream waits for them.
                Err(_) => {}
            },
            Some(Some(Err(error))) => return Err(Failure::Garbled(error.to_string())),
            None => break Answer::Begun(join(whole, more), body),
        }
        if whole.len() + more.len() > WHOLE {
            break Answer::Begun(join(whole, more), body);
        }
    };
    Ok(Response::from_parts(parts, answer))
}

fn join(first: Bytes, rest: BytesMut) -> Bytes {
    if rest.is_empty() {
        return first;
    }
    let mut joined = BytesMut::with_capacity(first.len() + rest.len());
    joined.extend_from_slice(&first);
    joined.extend_from_slice(&rest);
    joined.freeze()
}
