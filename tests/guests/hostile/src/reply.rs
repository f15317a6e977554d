//! Answering: a head at once, then bytes that are flushed as they are written.

use std::io::Write;
use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::OutputStream;

pub struct Reply {
    // Declared before the body: a body may only go once its stream is gone.
    stream: OutputStream,
    body: OutgoingBody,
}

impl Reply {
    pub fn start(out: ResponseOutparam, status: u16, content_type: &str) -> Reply {
        Reply::start_with(out, status, content_type, &[])
    }

    pub fn start_with(
        out: ResponseOutparam,
        status: u16,
        content_type: &str,
        more: &[(String, String)],
    ) -> Reply {
        let headers = Fields::new();
        headers.append("content-type", content_type.as_bytes()).expect("content-type is allowed");
        for (name, value) in more {
            headers.append(name, value.as_bytes()).expect("the header is allowed");
        }
        let response = OutgoingResponse::new(headers);
        response.set_status_code(status).expect("the status is a status");
        let body = response.body().expect("the body is asked for once");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the stream is asked for once");
        Reply { stream, body }
    }

    pub fn with_first_bytes(out: ResponseOutparam) -> Reply {
        let mut reply = Reply::start(out, 200, "text/plain");
        reply.write(b"first bytes\n");
        reply
    }

    pub fn text(out: ResponseOutparam, status: u16, text: &str) {
        let mut reply = Reply::start(out, status, "text/plain");
        reply.write(text.as_bytes());
        reply.finish();
    }

    /// Whether anybody still listens.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok() && self.stream.blocking_flush().is_ok()
    }

    pub fn finish(self) {
        drop(self.stream);
        let _ = OutgoingBody::finish(self.body, None);
    }
}
