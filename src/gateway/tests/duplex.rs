//! A service in this process that leaves HTTP.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::upstream::{Serve, Upgrade};

/// Says back what it is told.
struct Echo {
    upgrades: bool,
}

impl Serve for Echo {
    fn call(&self, _request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
        async { Response::new(Body::from("plain")) }.boxed()
    }

    fn upgrades(&self) -> bool {
        self.upgrades
    }

    fn upgrade(&self, request: Request<Body>) -> BoxFuture<'_, Upgrade> {
        assert_eq!(request.headers()["upgrade"], "websocket");
        assert_eq!(request.headers()["sec-websocket-key"], "x");
        let (ours, theirs) = tokio::io::duplex(64);
        tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(theirs);
            tokio::io::copy(&mut reader, &mut writer).await
        });
        async {
            let mut head = Response::new(());
            *head.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let accept = HeaderValue::from_static("y");
            head.headers_mut().insert("sec-websocket-accept", accept);
            Upgrade::Switched(head, Box::new(ours), "early".into())
        }
        .boxed()
    }
}

async fn house(upgrades: bool) -> (House, Arc<Serving>) {
    let house = House::open(|_| {}).await;
    let service = Upstream::Service(Arc::new(Echo { upgrades }));
    let serving = house.space.serving(InstanceId::new(), service);
    house.space.set(Route::Serving(Arc::clone(&serving)));
    (house, serving)
}

#[tokio::test]
async fn a_tunnel_leads_to_a_service_in_this_process() {
    let (house, serving) = house(true).await;
    let mut visitor = house.send(OPEN).await;
    let head = read_until(&mut visitor, "\r\n\r\nearly")
        .await
        .to_lowercase();
    for line in [
        "http/1.1 101 switching protocols\r\n",
        "\r\nupgrade: websocket\r\n",
        "\r\nsec-websocket-accept: y\r\n",
    ] {
        assert!(head.contains(line), "no {line:?} in {head}");
    }
    visitor.write_all(&[b'x'; 10_000]).await.expect("sent");
    let mut echo = vec![0; 10_000];
    visitor.read_exact(&mut echo).await.expect("said back");
    assert!(echo.iter().all(|byte| *byte == b'x'));
    assert_eq!(serving.visits(), 1);
    drop(visitor);
    tokio::time::sleep(SOON).await;
    assert_eq!(serving.visits(), 0, "its end is passed on");
    let answer = house.ask("GET / HTTP/1.1\r\n").await;
    assert!(answer.ends_with("plain"), "{answer}");
}

#[tokio::test]
async fn a_service_without_tunnels_says_so() {
    let (house, _) = house(false).await;
    let mut visitor = house.send(OPEN).await;
    let answer = read_until(&mut visitor, "events.\"}").await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
}
