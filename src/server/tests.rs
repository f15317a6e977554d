use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::stream;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::*;
use crate::config::Config;

struct TestServer {
    address: SocketAddr,
    stop: Stop,
    serving: tokio::task::JoinHandle<()>,
    /// Responses whose bodies were dropped.
    left: Arc<AtomicUsize>,
}

struct OnDrop(Arc<AtomicUsize>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Answers `/echo` with the request's body, `/flood` without end, `/slow` after half a second, `/reassuring` after three
/// signs of life, all else with its facts.
async fn answer(request: Request<Body>, left: Arc<AtomicUsize>) -> Response<Body> {
    let guard = OnDrop(left);
    let client = request.extensions().get::<Client>();
    let Client { peer, link, id } = client.expect("a client").clone();
    match request.uri().path() {
        "/echo" => match request.into_body().collect().await {
            Ok(body) => Response::new(Body::from(body.to_bytes())),
            Err(error) => Response::new(Body::from(format!("{error}"))),
        },
        "/flood" => {
            let piece = Bytes::from(vec![b'x'; 64 << 10]);
            let pieces = stream::repeat_with(move || {
                let _held = &guard;
                Ok::<_, io::Error>(piece.clone())
            });
            Response::new(Body::from_stream(pieces))
        }
        "/reassuring" => {
            for _ in 0..3 {
                link.send_interim();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // Too late: the answer comes first.
            link.send_interim();
            Response::new(Body::from("at last"))
        }
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Response::new(Body::from("at last"))
        }
        _ => {
            let ip = peer.ip.to_str().expect("text");
            Response::new(Body::from(format!("{ip} {}", id.as_str())))
        }
    }
}

use axum::body::Bytes;

async fn start(change: impl FnOnce(&mut ServerConfig)) -> TestServer {
    let mut config = Config::defaults();
    config.server.header_timeout = Duration::from_millis(400);
    config.server.first_byte_timeout = Duration::from_millis(200);
    config.gateway.minimum_body_rate = 100 << 10;
    config.gateway.minimum_body_grace = Duration::from_millis(300);
    change(&mut config.server);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let stop = Stop::default();
    let left = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&left);
    let handler = move |request| answer(request, Arc::clone(&counted));
    let serving = tokio::spawn(serve(listener, &config, handler, stop.clone()));
    TestServer {
        address,
        stop,
        serving,
        left,
    }
}

// === impl TestServer ===

impl TestServer {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connected")
    }

    /// What comes back until the server hangs up, and how long that took.
    async fn talk(&self, words: &str) -> (String, Duration) {
        let mut stream = self.connect().await;
        let began = Instant::now();
        stream.write_all(words.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // A reset is the end as well.
        let _ = stream.read_to_end(&mut answer).await;
        (
            String::from_utf8_lossy(&answer).into_owned(),
            began.elapsed(),
        )
    }
}

#[tokio::test]
async fn every_answer_has_an_id_of_ours() {
    let server = start(|_| {}).await;
    let (answer, _) = server
        .talk("GET / HTTP/1.1\r\nhost: x\r\nx-request-id: mine\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let (_, id) = answer.split_once("x-request-id: ").expect("told");
    assert!(
        answer.ends_with(&format!("127.0.0.1 {}", &id[..16])),
        "{answer}"
    );
}

#[tokio::test]
async fn clients_that_do_not_speak_are_hung_up_on() {
    let server = start(|_| {}).await;
    let (answer, silent) = server.talk("").await;
    assert_eq!(answer, "");
    assert!((150..1000).contains(&silent.as_millis()), "{silent:?}");
    let (_, half) = server.talk("GET / HTTP/1.1\r\nhos").await;
    assert!((350..1500).contains(&half.as_millis()), "{half:?}");
    let (answer, idle) = server.talk("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"));
    assert!((350..1500).contains(&idle.as_millis()), "{idle:?}");
}

#[tokio::test]
async fn headers_past_their_limit_are_refused() {
    let server = start(|config| config.max_header_bytes = 8 << 10).await;
    let long = "x".repeat(9 << 10);
    let (answer, _) = server
        .talk(&format!("GET / HTTP/1.1\r\nhost: x\r\na: {long}\r\n\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_body_that_trickles_ends_and_a_fast_one_does_not() {
    let server = start(|config| config.header_timeout = Duration::from_secs(5)).await;
    let mut stream = server.connect().await;
    let head =
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let began = Instant::now();
    let (mut reader, mut writer) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut answer = String::new();
    let _ = reader.read_to_string(&mut answer).await;
    assert!(answer.contains("too slow"), "{answer}");
    assert!((250..2000).contains(&began.elapsed().as_millis()));
    trickle.abort();

    let body = "y".repeat(300_000);
    let (answer, _) = server
        .talk(&format!(
            "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ))
        .await;
    assert!(answer.ends_with(&body));
}

#[tokio::test]
async fn a_reader_that_stalls_is_cut_off_and_its_response_dropped() {
    let server = start(|_| {}).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("sent");
    // It reads for longer than the grace, then stops.
    let mut piece = vec![0; 1 << 20];
    let until = Instant::now() + Duration::from_millis(600);
    while Instant::now() < until {
        stream.read_exact(&mut piece).await.expect("still served");
    }
    assert_eq!(server.left.load(Ordering::SeqCst), 0);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(server.left.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_holds_most_of_a_full_server_gives_way() {
    let server = start(|config| {
        config.max_connections = 4;
        config.max_connections_per_address = Some(9);
        config.first_byte_timeout = Duration::from_secs(9);
        config.header_timeout = Duration::from_secs(9);
    })
    .await;
    let ask = async |from: u8, path: &str| {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(([127, 0, 0, from], 0).into())
            .expect("loopback");
        let mut stream = socket.connect(server.address).await.expect("connected");
        let words = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(words.as_bytes()).await.expect("sent");
        stream
    };
    let read = async |mut stream: TcpStream| {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    // Before those who hear their answers, one who waits for one.
    let mut floods = Vec::new();
    for _ in 0..3 {
        let mut flood = ask(1, "/flood").await;
        flood.read_exact(&mut [0; 9]).await.expect("begun");
        floods.push(flood);
    }
    let slow = ask(1, "/slow").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    let stranger = ask(2, "/slow").await;
    let slow = read(slow).await;
    assert!(slow.starts_with("HTTP/1.1 503 "), "{slow}");
    assert!(slow.contains("retry-after: 1"), "{slow}");
    // Whoever has as many as any is told at once.
    let more = read(ask(1, "/").await).await;
    assert!(more.starts_with("HTTP/1.1 503 "), "{more}");
    assert!(began.elapsed() < Duration::from_millis(400));
    let second = ask(2, "/slow").await;
    assert!(read(second).await.ends_with("at last"));
    assert!(read(stranger).await.ends_with("at last"));
    let mut rest = tokio::io::sink();
    let cut = tokio::io::copy(&mut floods[0], &mut rest);
    let cut = tokio::time::timeout(Duration::from_secs(5), cut).await;
    cut.expect("a flood is cut off").ok();
}

#[tokio::test]
async fn connections_that_wait_for_a_header_make_room() {
    let server = start(|config| {
        config.max_connections = 1;
        config.max_connections_per_address = Some(9);
        config.first_byte_timeout = Duration::from_secs(9);
        config.header_timeout = Duration::from_secs(9);
    })
    .await;
    let words = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut holder = server.connect().await;
    let ask = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    holder.write_all(ask).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (answer, _) = server.talk(words).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let silent = server.connect().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (answer, waited) = server.talk(words).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"));
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    drop((holder, silent));
}

#[tokio::test]
async fn closing_lets_requests_end_and_takes_no_more() {
    let server = start(|_| {}).await;
    let idle = server.connect().await;
    let address = server.address;
    let slow = tokio::spawn({
        let mut stream = server.connect().await;
        async move {
            stream
                .write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
                .await
                .expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("answered");
            answer
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    server.stop.closing.cancel();
    server.serving.await.expect("ended");
    assert!((300..3000).contains(&began.elapsed().as_millis()));
    assert!(slow.await.expect("ended").ends_with("at last"));
    assert!(TcpStream::connect(address).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn closing_does_not_wait_for_those_who_never_end() {
    let server = start(|config| config.drain_timeout = Duration::from_millis(200)).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("sent");
    let reading = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.closing.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(3), server.serving).await;
    ended.expect("in time").expect("ended");
    reading.await.expect("ended");
}

#[tokio::test]
async fn signs_of_life_come_before_the_answer_and_never_within_it() {
    let server = start(|_| {}).await;
    let words = "GET /reassuring HTTP/1.1\r\nhost: x\r\n\r\n\
                 GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (answer, _) = server.talk(words).await;
    let interim = "HTTP/1.1 102 Processing\r\n\r\n";
    let rest = answer.strip_prefix(&interim.repeat(3)).expect(&answer);
    assert!(rest.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(rest.matches("HTTP/1.1 ").count(), 2, "{answer}");
}

#[tokio::test]
async fn a_link_keeps_the_connections_place_and_the_server() {
    let kept = Arc::new(std::sync::Mutex::new(None));
    let mut config = Config::defaults();
    config.server.max_connections = 1;
    config.server.max_connections_per_address = Some(2);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let stop = Stop::default();
    let keep = Arc::clone(&kept);
    let handler = move |request: Request<Body>| {
        let client = request.extensions().get::<Client>();
        let link = client.map(|client| client.link.clone());
        keep.lock().expect("whole").get_or_insert(link);
        async { Response::new(Body::empty()) }
    };
    let serving = tokio::spawn(serve(listener, &config, handler, stop.clone()));
    let visit = async || {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let words = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(words).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        answer
    };
    assert!(visit().await.starts_with("HTTP/1.1 200 OK"));
    let next = visit().await;
    assert!(next.starts_with("HTTP/1.1 503 "), "the only place is taken");
    stop.closing.cancel();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!serving.is_finished());
    kept.lock().expect("whole").take();
    let ended = tokio::time::timeout(Duration::from_secs(3), serving).await;
    ended.expect("in time").expect("ended");
}
