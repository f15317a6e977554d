//! The gateway behind a real server, before instances that are played by scripts.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::{AccountId, InstanceId, RepoName, SpaceId, Visibility};
use crate::journal::JournalLimits;
use crate::routes::{EntrySettings, Nudges, Serving};
use crate::store::{Sealer, Store};

mod duplex;
mod uploads;
mod waking;

/// A server with one Space, `a/b`.
struct House {
    address: SocketAddr,
    space: Arc<Entry>,
    journal: Journal,
    closing: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    nudges: Nudges,
    _folder: tempfile::TempDir,
}

const SOON: Duration = Duration::from_millis(100);

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: streamlit\r\n\r\n";

// === impl House ===

impl House {
    async fn open(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("db").display());
        let store = Store::connect(&url, Sealer::new(&[7; 32])).await;
        let limits = JournalLimits::default();
        let journal = Journal::open(folder.path().join("logs"), limits).expect("a journal");
        let mut config = Config::defaults();
        config.gateway.wake_timeout = Duration::from_secs(5);
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        config.listen = listener.local_addr().expect("bound");
        let (routes, nudges) = RouteTable::new();
        let name: RepoName = "a/b".parse().expect("valid");
        let settings = EntrySettings {
            name: name.clone(),
            owner: AccountId::new(),
            visibility: Visibility::Public,
        };
        let space = routes.put(SpaceId::new(), name.subdomain().expect("short"), settings);
        let auth = Auth::new(store.expect("a database"));
        let metrics = Arc::new(Metrics::new());
        let gateway = Gateway::new(routes, auth, journal.clone(), &config, metrics);
        let stop = crate::server::Stop::default();
        let closing = stop.closing.clone();
        let handler = move |request| {
            let gateway = gateway.clone();
            let address = Address::new(Target::Subdomain("a-b".into()), &request);
            async move { gateway.call(request, address).await }
        };
        let serving = crate::server::serve(listener, &config, handler, stop);
        Self {
            address: config.listen,
            space,
            journal,
            closing,
            serving: tokio::spawn(serving),
            nudges,
            _folder: folder,
        }
    }

    /// Opens a house whose Space answers with these words and closes.
    async fn saying(words: &'static str) -> Self {
        let house = Self::open(|_| {}).await;
        house.route(instance(words).await);
        house
    }

    fn route(&self, address: SocketAddr) -> Arc<Serving> {
        let serving = self
            .space
            .serving(InstanceId::new(), Upstream::Tcp(address));
        self.space.set(Route::Serving(Arc::clone(&serving)));
        serving
    }

    async fn send(&self, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        let text = format!("{head}host: a-b.localhost:7860\r\n\r\n");
        stream.write_all(text.as_bytes()).await.expect("sent");
        stream
    }

    /// All that comes back.
    async fn ask(&self, head: &str) -> String {
        let mut stream = self.send(&format!("{head}connection: close\r\n")).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(10 * Duration::from_secs(1), async {
            // A reset is the end as well.
            let _ = stream.read_to_end(&mut answer).await;
        });
        read.await.expect("no hang");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// An instance that answers each connection's first request with these words, and leaves when the other side does.
async fn instance(words: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                read_until(&mut stream, "\r\n\r\n").await;
                stream.write_all(words.as_bytes()).await.ok()?;
                if !words.starts_with("HTTP/1.1 101") && !words.contains("event-stream") {
                    return Some(());
                }
                // A tunnel says back what it is told; a stream ends with its reader.
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer).await.ok()?;
                Some(())
            });
        }
    });
    address
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !read.ends_with(end.as_bytes()) {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                break;
            }
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(5), reading).await;
    let text = String::from_utf8_lossy(&read).into_owned();
    assert!(done.is_ok(), "only {text:?} came");
    text
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_gateway_and_the_author_is_told() {
    let long: &'static str =
        format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20)).leak();
    for words in [
        "",
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconte",
        long,
        SWITCHING,
    ] {
        let house = House::saying(words).await;
        for kind in ["*/*", "text/html"] {
            let answer = house
                .ask(&format!("GET / HTTP/1.1\r\naccept: {kind}\r\n"))
                .await;
            assert!(
                answer.starts_with("HTTP/1.1 502 "),
                "{words:.40?}: {answer:.200}"
            );
            assert_eq!(answer.contains("<!doctype html>"), kind == "text/html");
        }
        house.journal.flush();
        let output = house.journal.run(house.space.id).tail(10);
        assert_eq!(output.len(), 1, "once in a while: {output:?}");
        assert!(
            output[0].text.starts_with("A visitor's request failed: "),
            "{output:?}"
        );
    }
    let house = House::open(|_| {}).await;
    house.route(([127, 0, 0, 1], 1).into());
    let answer = house.ask("GET / HTTP/1.1\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off_for_the_visitor() {
    let house =
        House::saying("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    let answer = house.ask("GET / HTTP/1.1\r\n").await;
    assert!(!answer.ends_with("\r\n0\r\n\r\n"), "{answer}");
    house.journal.flush();
    assert_eq!(house.journal.run(house.space.id).tail(10).len(), 1);
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_not_the_spaces_fault() {
    let house = House::open(|_| {}).await;
    house.route(instance(HELLO).await);
    let mut visitor = house
        .send("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n")
        .await;
    visitor.write_all(b"nonsense\r\n").await.expect("sent");
    let mut answer = String::new();
    let _ = visitor.read_to_string(&mut answer).await;
    house.journal.flush();
    assert_eq!(house.journal.run(house.space.id).tail(10), []);
}

#[tokio::test]
async fn trailers_reach_who_takes_them() {
    let house = House::saying(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n",
    )
    .await;
    let takes = house.ask("GET / HTTP/1.1\r\nte: trailers\r\n").await;
    assert!(takes.ends_with("0\r\nx-sum: 7\r\n\r\n"), "{takes}");
    let house_again = house.ask("GET / HTTP/1.1\r\n").await;
    assert!(!house_again.contains("x-sum"), "{house_again}");
}

const OPEN: &str = "GET /_stcore/stream HTTP/1.1\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-version: 13\r\nsec-websocket-key: x\r\nsec-websocket-protocol: streamlit, xsrf\r\n";

#[tokio::test]
async fn a_websocket_passes_through_and_is_use_when_it_carries_something() {
    let house = House::open(|_| {}).await;
    let serving = house.route(instance(SWITCHING).await);
    let mut visitor = house.send(OPEN).await;
    let head = read_until(&mut visitor, "\r\n\r\n").await.to_lowercase();
    for line in [
        "http/1.1 101 switching protocols\r\n",
        "\r\nconnection: upgrade\r\n",
        "\r\nupgrade: websocket\r\n",
        "\r\nsec-websocket-accept: x\r\n",
        "\r\nsec-websocket-protocol: streamlit\r\n",
    ] {
        assert!(head.contains(line), "no {line:?} in {head}");
    }
    visitor.write_all(b"\x81\x05hello").await.expect("sent");
    assert_eq!(
        read_until(&mut visitor, "hello").await,
        "\u{fffd}\u{5}hello"
    );
    assert_eq!(serving.visits(), 1);
    // The place of those who only want an answer is not taken.
    drop(visitor);
    tokio::time::sleep(SOON).await;
    assert_eq!(serving.visits(), 0);
}

#[tokio::test]
async fn what_is_said_in_a_tunnel_to_an_instance_that_is_away_wakes_it() {
    let mut house = House::open(|_| {}).await;
    house.route(instance(SWITCHING).await);
    let mut visitor = house.send(OPEN).await;
    read_until(&mut visitor, "\r\n\r\n").await;
    house.space.set(Route::Asleep);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    visitor.write_all(b"\x89\x00").await.expect("sent");
    tokio::time::sleep(SOON).await;
    assert!(house.nudges.try_recv().is_err());
    visitor.write_all(b"\x81\x05hello").await.expect("sent");
    tokio::time::sleep(SOON).await;
    assert_eq!(house.nudges.try_recv(), Ok(house.space.id));
}

#[tokio::test]
async fn a_declined_websocket_is_an_answer_like_any_other() {
    let house = House::saying("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
    let mut visitor = house.send(OPEN).await;
    let answer = read_until(&mut visitor, "no").await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
}

#[tokio::test]
async fn a_tunnel_ends_with_the_server() {
    let house = House::open(|config| config.server.drain_timeout = Duration::from_secs(60)).await;
    house.route(instance(SWITCHING).await);
    let mut visitor = house.send(OPEN).await;
    read_until(&mut visitor, "\r\n\r\n").await;
    house.closing.cancel();
    tokio::time::sleep(SOON).await;
    assert!(!house.serving.is_finished(), "it may say a last word");
    let ended = tokio::time::timeout(Duration::from_secs(3), house.serving).await;
    ended.expect("silence is the end").expect("ended");
    let mut rest = Vec::new();
    let _ = visitor.read_to_end(&mut rest).await;
    assert_eq!(
        rest,
        [0x88, 2, 0x03, 0xf4],
        "closed with 1012, and nothing else"
    );
}

#[tokio::test]
async fn an_event_stream_is_not_held_back_and_is_use_when_it_carries_something() {
    const EVENTS: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n: hi\n\n";
    let house = House::open(|config| config.gateway.concurrency_per_space = 1).await;
    let serving = house.route(instance(EVENTS).await);
    // Two at once, though only one request may be under way: they are among those who stay.
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = house.send("GET /queue/data HTTP/1.1\r\n").await;
        read_until(&mut stream, ": hi\n\n\r\n").await;
        streams.push(stream);
    }
    let later = serving.last_used() + 60_000;
    assert_eq!((serving.visits(), serving.active(later)), (2, 0));
    drop(streams);
    tokio::time::sleep(SOON).await;
    assert_eq!(serving.visits(), 0);
}
