//! Requests to instances that are played by scripts, byte by byte.

mod bodies;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// An instance that plays one scene for each connection, the last one over and over.
struct Instance {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

/// What it does on a connection, once for each request.
#[derive(Clone, Copy)]
enum Scene {
    /// Answers with this, and goes on.
    Says(&'static str),
    /// Answers with this, and closes.
    SaysLast(&'static str),
    /// Reads a request and closes.
    Closes,
    /// Answers one request and closes when it has been idle for so long.
    ClosesAfter(&'static str, Duration),
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

// === impl Instance ===

impl Instance {
    async fn play(scenes: &'static [Scene]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let scene = scenes[number.min(scenes.len() - 1)];
                tokio::spawn(act(stream, scene));
            }
        });
        Self {
            address,
            connections,
        }
    }

    async fn call(&self, pool: &Arc<Pool>, request: Request<Body>) -> Result<String, CallError> {
        let response = call(pool, self.address, request).await?;
        Ok(text(response).await)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Nobody here is waited for so long.
const PATIENCE: Duration = Duration::from_secs(20);

async fn call(
    pool: &Arc<Pool>,
    address: SocketAddr,
    request: Request<Body>,
) -> Result<Response<Body>, CallError> {
    super::call(pool, address, request, PATIENCE).await
}

async fn act(mut stream: TcpStream, scene: Scene) {
    while read_request(&mut stream).await.is_some() {
        match scene {
            Scene::Closes => return,
            Scene::Says(words) => stream.write_all(words.as_bytes()).await.unwrap_or(()),
            Scene::SaysLast(words) => {
                return stream.write_all(words.as_bytes()).await.unwrap_or(());
            }
            Scene::ClosesAfter(words, pause) => {
                stream.write_all(words.as_bytes()).await.unwrap_or(());
                return tokio::time::sleep(pause).await;
            }
        }
    }
}

/// A header, and the body that its `content-length` promises.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let head = String::from_utf8_lossy(&read).to_lowercase();
        if let Some((head, body)) = head.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(head.to_owned());
            }
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

async fn text(response: Response<Body>) -> String {
    match response.into_body().collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(error) => format!("broke off: {error}"),
    }
}

fn get() -> Request<Body> {
    let request = Request::get("/").header("host", "a-b.localhost");
    request.body(Body::empty()).expect("a request")
}

fn post(body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("/").header("host", "a-b.localhost");
    request.body(body.into()).expect("a request")
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let instance = Instance::play(&[Scene::Says(HELLO)]).await;
    let pool = Arc::default();
    for _ in 0..3 {
        assert_eq!(
            instance.call(&pool, get()).await.expect("answered"),
            "hello"
        );
        assert_eq!(
            instance.call(&pool, post("x")).await.expect("answered"),
            "hello"
        );
    }
    assert_eq!((instance.connections(), pool.len()), (1, 1));
    pool.close();
    assert_eq!(pool.len(), 0);
    // Another instance at the same address has a pool of its own.
    let other = Arc::default();
    instance.call(&other, get()).await.expect("answered");
    assert_eq!(instance.connections(), 2);
}

#[tokio::test]
async fn long_bodies_give_their_connection_back_at_their_end() {
    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
    let long: &'static str = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n{}",
        "x".repeat(3_000_000)
    )
    .leak();
    let scenes = vec![Scene::Says(long)].leak();
    let instance = Instance::play(scenes).await;
    let pool = Arc::default();
    for _ in 0..2 {
        let body = instance.call(&pool, get()).await.expect("answered");
        assert_eq!(body.len(), 3_000_000);
    }
    assert_eq!((instance.connections(), pool.len()), (1, 1));
    // Whoever leaves in the midst of it takes the connection along.
    let response = call(&pool, instance.address, get())
        .await
        .expect("answered");
    drop(response);
    assert_eq!(pool.len(), 0);

    let instance = Instance::play(&[Scene::Says(CHUNKED)]).await;
    let pool = Arc::default();
    for _ in 0..2 {
        assert_eq!(
            instance.call(&pool, get()).await.expect("answered"),
            "abcdef"
        );
    }
    assert_eq!(instance.connections(), 1);
}

#[tokio::test]
async fn heads_without_bodies_are_whole() {
    const NOT_MODIFIED: &str =
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\netag: \"x\"\r\n\r\n";
    const EARLY: &str =
        "HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let instance = Instance::play(&[Scene::Says(NOT_MODIFIED)]).await;
    let pool = Arc::default();
    for _ in 0..2 {
        let mut head = get();
        *head.method_mut() = http::Method::HEAD;
        let response = call(&pool, instance.address, head).await.expect("answered");
        assert_eq!(response.headers()["content-length"], "5");
        assert_eq!(text(response).await, "");
        let response = call(&pool, instance.address, get())
            .await
            .expect("answered");
        assert_eq!(text(response).await, "");
    }
    assert_eq!(instance.connections(), 1);
    let instance = Instance::play(&[Scene::Says(EARLY)]).await;
    let response = call(&Arc::default(), instance.address, get())
        .await
        .expect("answered");
    assert_eq!(response.status(), 204);
}

#[tokio::test]
async fn a_stale_connection_is_not_the_visitors_trouble() {
    const SOON: Duration = Duration::from_millis(50);
    let instance = Instance::play(&[Scene::ClosesAfter(HELLO, SOON), Scene::Says(HELLO)]).await;
    let pool = Arc::default();
    instance.call(&pool, get()).await.expect("answered");
    tokio::time::sleep(2 * SOON).await;
    // It was closed while it waited: seen before anything is sent, so that any request may take a new one.
    let answer = instance.call(&pool, post("once")).await;
    assert_eq!(answer.expect("answered"), "hello");
    assert_eq!(instance.connections(), 2);
}

#[tokio::test]
async fn what_may_be_repeated_is_sent_again_once() {
    // Each connection answers once and closes at the second request.
    async fn instance() -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    for number in 0..2 {
                        read_request(&mut stream).await?;
                        counter.fetch_add(1, Ordering::SeqCst);
                        if number == 0 {
                            stream.write_all(HELLO.as_bytes()).await.ok()?;
                        }
                    }
                    Some(())
                });
            }
        });
        (address, requests)
    }
    let (address, requests) = instance().await;
    let pool = Arc::default();
    for _ in 0..2 {
        let response = call(&pool, address, get()).await.expect("answered");
        assert_eq!(text(response).await, "hello");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    // The application may have acted on this one.
    let (address, requests) = instance().await;
    let pool = Arc::default();
    call(&pool, address, get()).await.expect("answered");
    let failed = call(&pool, address, post("buy")).await;
    assert!(matches!(failed, Err(CallError::Http(_))));
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_is_not_http_is_an_error_and_never_a_hang() {
    let big: &'static str = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20)).leak();
    let many: &'static str = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(50_000)).leak();
    let scenes: [Scene; 8] = [
        Scene::Closes,
        Scene::SaysLast("garbage\r\n\r\n"),
        Scene::SaysLast("\0\u{1}\u{2}"),
        Scene::SaysLast("HTTP/1.1 200 OK\r\ncontent-le"),
        Scene::SaysLast("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!"),
        Scene::SaysLast("HTTP/1.1 200 OK\r\nx y: z\r\n\r\n"),
        Scene::Says(big),
        Scene::Says(many),
    ];
    for (number, scene) in scenes.into_iter().enumerate() {
        let instance = Instance::play(vec![scene].leak()).await;
        let answer = tokio::time::timeout(Duration::from_secs(5), async {
            instance.call(&Arc::default(), get()).await
        });
        let answer = answer.await.expect("no hang");
        assert!(
            matches!(answer, Err(CallError::Http(_))),
            "{number}: {answer:?}"
        );
    }
    let nobody = ([127, 0, 0, 1], 1).into();
    let refused = call(&Arc::default(), nobody, get()).await;
    assert!(matches!(refused, Err(CallError::Connect(_))));
}

#[tokio::test]
async fn http_is_left_when_both_agree() {
    const SWITCHING: &str =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nfirst";
    let instance = Instance::play(&[Scene::SaysLast(SWITCHING)]).await;
    let mut request = get();
    let headers = request.headers_mut();
    headers.insert("upgrade", "x".parse().expect("a value"));
    headers.insert("connection", "upgrade".parse().expect("a value"));
    match upgrade(&Arc::default(), instance.address, request, PATIENCE).await {
        Ok(Upgrade::Switched(head, mut stream, early)) => {
            let mut rest = early.to_vec();
            stream.read_to_end(&mut rest).await.expect("read");
            assert_eq!((head.status().as_u16(), &*rest), (101, &b"first"[..]));
        }
        _ => panic!("not switched"),
    }
    let instance = Instance::play(&[Scene::Says(HELLO)]).await;
    let pool = Arc::default();
    match upgrade(&pool, instance.address, get(), PATIENCE).await {
        Ok(Upgrade::Declined(response)) => assert_eq!(text(response).await, "hello"),
        _ => panic!("not declined"),
    }
    // A `101` that nobody asked for is not passed on, and leaves no connection behind.
    let instance = Instance::play(&[Scene::SaysLast(SWITCHING)]).await;
    let answer = call(&Arc::default(), instance.address, get()).await;
    assert!(answer.is_ok_and(|response| response.status() == 101));
}
