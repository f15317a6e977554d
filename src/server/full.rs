//! What clients are told for whom there is no connection any more.

use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use tokio::net::TcpStream;

use super::connection_limit::Refusal;
use super::socket::linger;

/// Why a connection gives way.
const FULL: &str =
    "This server is full and closed one of your network's connections; try again in a moment.\n";

/// Tells a client that there is no connection for it, and takes leave.
pub(super) async fn refuse(stream: TcpStream, refusal: Refusal) {
    let (status, words) = match refusal {
        Refusal::Address => (
            "429 Too Many Requests",
            "Your address has too many connections; close some of them.\n",
        ),
        Refusal::Server => ("503 Service Unavailable", FULL),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nretry-after: 1\r\nconnection: close\r\n\
        content-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\r\n{words}",
        words.len()
    );
    // A new socket takes it at once, or the client is not there.
    let _ = stream.try_write(answer.as_bytes());
    linger(stream).await;
}

/// The answer to a request whose connection has to go before there was one.
pub(super) fn gave_way() -> Response<Body> {
    let mut response = Response::new(Body::from(FULL));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, text);
    response
}
