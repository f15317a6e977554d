//! Bodies that take their time.

use std::net::IpAddr;
use std::time::Instant;

use super::*;

/// An instance that answers requests of that method as soon as they begin, and others never.
async fn answering(method: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut begun = [0; 4];
                stream.read_exact(&mut begun).await.ok()?;
                if method.as_bytes().starts_with(&begun[..3]) {
                    stream.write_all(HELLO.as_bytes()).await.ok()?;
                }
                let mut rest = tokio::io::sink();
                tokio::io::copy(&mut stream, &mut rest).await.ok()
            });
        }
    });
    address
}

#[tokio::test]
async fn who_is_slow_keeps_a_place_only_until_somebody_waits_for_it() {
    let house = House::open(|config| {
        config.gateway.concurrency_per_space = 1;
        config.server.trusted_proxies = vec![IpAddr::from([127, 0, 0, 1])];
    })
    .await;
    house.route(answering("GET").await);
    let head = "POST / HTTP/1.1\r\ncontent-length: 100000\r\nx-forwarded-for: 192.0.2.1\r\n";
    let mut slow = house.send(head).await;
    slow.write_all(&[b'x'; 40_000]).await.expect("sent");
    // Nobody minds.
    let silent = tokio::time::timeout(Duration::from_secs(4), slow.read_u8()).await;
    assert!(silent.is_err(), "{silent:?}");
    let began = Instant::now();
    let head = "GET / HTTP/1.1\r\nx-forwarded-for: 192.0.2.2\r\n";
    assert!(house.ask(head).await.starts_with("HTTP/1.1 200 "));
    assert!(began.elapsed() < Duration::from_secs(2));
    let mut answer = String::new();
    let _ = slow.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("while others were waiting"), "{answer}");
}

#[tokio::test]
async fn half_of_a_conversation_is_passed_on_before_it_ends() {
    let house = House::open(|_| {}).await;
    house.route(answering("POST").await);
    let began = Instant::now();
    let mut visitor = house
        .send("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n")
        .await;
    visitor.write_all(b"2\r\nhi\r\n").await.expect("sent");
    let answer = read_until(&mut visitor, "hello").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(3));
}
