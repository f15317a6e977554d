//! What was asked: path, query parameters, headers, body.

use wasip2::http::types::{Fields, IncomingRequest};
use wasip2::io::streams::StreamError;

pub struct Request {
    incoming: IncomingRequest,
    headers: Fields,
    path: String,
    query: String,
}

impl Request {
    pub fn new(incoming: IncomingRequest) -> Request {
        let target = incoming.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let path = if path.is_empty() { "/" } else { path };
        Request {
            path: path.to_owned(),
            query: query.to_owned(),
            headers: incoming.headers(),
            incoming,
        }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| percent_decode(value))
    }

    pub fn number(&self, name: &str, default: u64) -> u64 {
        self.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        self.headers.entries()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name).into_iter().next()?;
        String::from_utf8(value).ok()
    }

    /// Hands over the body piece by piece, as it arrives, until `take` says false.
    pub fn each_chunk(self, mut take: impl FnMut(&[u8]) -> bool) {
        let Request { incoming, headers, .. } = self;
        drop(headers);
        let Ok(body) = incoming.consume() else { return };
        let Ok(stream) = body.stream() else { return };
        loop {
            match stream.blocking_read(64 * 1024) {
                Ok(chunk) if !take(&chunk) => break,
                Ok(_) => {}
                Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => break,
            }
        }
    }
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
