//! Just enough HTTP: read a small body whole, answer with a small body whole.

use std::io::{Read, Write};
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

/// A long, patient drawing has some ten thousand points.
const LONGEST_BODY: u64 = 512 * 1024;

pub fn body(request: IncomingRequest) -> Option<Vec<u8>> {
    let body = request.consume().ok()?;
    let mut stream = body.stream().ok()?.take(LONGEST_BODY + 1);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LONGEST_BODY).then_some(bytes)
}

pub struct Answer {
    pub status: u16,
    content_type: &'static str,
    body: String,
}

impl Answer {
    pub fn file(content_type: &'static str, text: &str) -> Answer {
        Answer { status: 200, content_type, body: text.to_owned() }
    }

    pub fn json(body: String) -> Answer {
        Answer { status: 200, content_type: "application/json", body }
    }

    pub fn problem(status: u16, message: &str) -> Answer {
        let body = serde_json::json!({ "error": message }).to_string();
        Answer { status, content_type: "application/json", body }
    }

    pub fn send(self, out: ResponseOutparam) {
        let headers = Fields::new();
        let content_type = format!("{}; charset=utf-8", self.content_type);
        let length = self.body.len().to_string();
        // Below a path prefix the page has no origin of its own, so its own requests count as foreign.
        for (name, value) in [
            ("content-type", content_type.as_str()),
            ("content-length", &length),
            ("cache-control", "no-cache"),
            ("access-control-allow-origin", "*"),
        ] {
            let _ = headers.append(name, value.as_bytes());
        }
        let response = OutgoingResponse::new(headers);
        let _ = response.set_status_code(self.status);
        let Ok(body) = response.body() else { return };
        ResponseOutparam::set(out, Ok(response));
        if let Ok(mut stream) = body.write() {
            // A reader that went away is nobody's fault.
            let _ = stream.write_all(self.body.as_bytes()).is_ok() && stream.blocking_flush().is_ok();
        }
        let _ = OutgoingBody::finish(body, None);
    }
}
