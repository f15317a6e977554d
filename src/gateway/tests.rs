use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::*;
use crate::routes::*;
use crate::upstream::Serve;
use axum::body::Bytes;

struct Fake;
impl Serve for Fake {
    fn call(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
        async move {
            match request.uri().path() {
                "/echo" => Response::new(request.into_body()),
                "/read" => match request.into_body().collect().await {
                    Ok(b) => Response::new(Body::from(format!("{}", b.to_bytes().len()))),
                    Err(e) => Response::new(Body::from(format!("error {e}"))),
                },
                "/stream" => {
                    let s = stream::iter(0..4).then(|n| async move {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        Ok::<_, std::io::Error>(Bytes::from(format!("line {n}\n")))
                    });
                    Response::new(Body::from_stream(s))
                }
                "/sleep" => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    Response::new(Body::from("slept"))
                }
                _ => {
                    let mut text = format!("{} {}\n", request.method(), request.uri());
                    for (n, v) in request.headers() {
                        text += &format!("{n}: {}\n", v.to_str().unwrap());
                    }
                    let mut r = Response::new(Body::from(text));
                    r.headers_mut().append(
                        "set-cookie",
                        HeaderValue::from_static("a=b; Domain=localhost"),
                    );
                    r
                }
            }
        }
        .boxed()
    }
}

struct Bench {
    port: u16,
    entry: Arc<Entry>,
    serving: Arc<Serving>,
    nudges: Nudges,
    _f: tempfile::TempDir,
    table: RouteTable,
}

async fn start(change: impl FnOnce(&mut Config)) -> Bench {
    let f = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", f.path().join("d.db").display());
    let store = crate::store::Store::connect(&url, crate::store::Sealer::new(&[1; 32]))
        .await
        .unwrap();
    let mut config = Config::defaults();
    change(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    config.listen = listener.local_addr().unwrap();
    let (table, nudges) = RouteTable::new();
    let name: SpaceName = "ada/demo".parse().unwrap();
    let entry = table.put(
        SpaceId::new(),
        name.subdomain().unwrap(),
        EntrySettings {
            name: name.clone(),
            owner: AccountId::new(),
            visibility: Visibility::Public,
        },
    );
    let serving = entry.serving(InstanceId::new(), Upstream::Service(Arc::new(Fake)));
    entry.set(Route::Serving(Arc::clone(&serving)));
    let gateway = Gateway::new(
        table.clone(),
        Auth::new(store),
        &config,
        Arc::new(Metrics::new()),
    );
    let handler = move |request: Request<Body>| {
        let gateway = gateway.clone();
        async move {
            match gateway.host_of(&request) {
                Host::Space(label) => gateway.call(request, Target::Subdomain(label)).await,
                Host::Control => {
                    let path = request.uri().path().to_owned();
                    let rest = path.strip_prefix("/run/").unwrap();
                    let mut parts = rest.splitn(3, '/');
                    let name = format!("{}/{}", parts.next().unwrap(), parts.next().unwrap())
                        .parse()
                        .unwrap();
                    gateway
                        .call(
                            request,
                            Target::Path {
                                name,
                                rest: parts.next().map(str::to_owned),
                            },
                        )
                        .await
                }
                Host::Unknown => gateway.unknown_host(&request),
            }
        }
    };
    tokio::spawn(crate::server::serve(
        listener,
        &config,
        handler,
        CancellationToken::new(),
    ));
    Bench {
        port: config.listen.port(),
        entry,
        serving,
        nudges,
        _f: f,
        table,
    }
}

impl Bench {
    async fn talk(&self, words: &str) -> String {
        let mut s = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        s.write_all(words.as_bytes()).await.unwrap();
        let mut v = vec![];
        let _ = s.read_to_end(&mut v).await;
        String::from_utf8_lossy(&v).into_owned()
    }
    async fn get(&self, path: &str, extra: &str) -> String {
        self.talk(&format!(
            "GET {path} HTTP/1.1\r\nhost: ada-demo.localhost\r\nconnection: close\r\n{extra}\r\n"
        ))
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all() {
    let b = start(|c| {
        c.gateway.body_bytes = 1000;
        c.gateway.wake_timeout = Duration::from_millis(700);
        c.gateway.concurrency_per_space = 2;
        c.gateway.queue_per_space = 1;
    })
    .await;
    println!(
        "{}",
        b.get(
            "/x?y=%2f..",
            "cookie: glasshouse_a=1; b=2\r\nx-forwarded-for: 1.1.1.1\r\n"
        )
        .await
    );
    println!("{}", b.talk("GET /run/ada/demo/sub//x%2f?q=1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncookie: x=y\r\n\r\n").await);
    println!(
        "{}",
        b.talk("GET /run/ada/demo?q=1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await
    );
    println!("{}", b.talk("OPTIONS /run/ada/demo/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\naccess-control-request-method: PUT\r\n\r\n").await);
    println!(
        "{}",
        b.talk("GET / HTTP/1.1\r\nhost: evil\r\nconnection: close\r\n\r\n")
            .await
    );
    println!(
        "{}",
        b.talk("GET / HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await
    );
    println!("{}", b.talk("GET / HTTP/1.1\r\nhost: no-pe.localhost\r\naccept: text/html\r\nconnection: close\r\n\r\n").await.len());
    println!("{}", b.talk("POST /read HTTP/1.1\r\nhost: ada-demo.localhost\r\ncontent-length: 5000\r\nconnection: close\r\n\r\nxx").await);
    let chunk = "7d0\r\n".to_owned() + &"x".repeat(2000) + "\r\n0\r\n\r\n";
    println!("{}", b.talk(&format!("POST /read HTTP/1.1\r\nhost: ada-demo.localhost\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{chunk}")).await);
    println!("{}", b.talk("POST /read HTTP/1.1\r\nhost: ada-demo.localhost\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\nconnection: close\r\n\r\n0\r\n\r\n").await);
    println!("{}", b.talk("POST /read HTTP/1.1\r\nhost: ada-demo.localhost\r\ncontent-length: +3\r\nconnection: close\r\n\r\n0\r\n\r\n").await);
    println!("{}", b.talk("POST /read HTTP/1.1\r\nhost: ada-demo.localhost\r\ncontent-length: 3\r\ncontent-length: 5\r\nconnection: close\r\n\r\n0\r\n\r\n").await);
    let began = Instant::now();
    let s = b.get("/stream", "");
    tokio::pin!(s);
    let _ = tokio::time::timeout(Duration::from_millis(300), &mut s).await;
    assert_eq!(b.serving.visits(), 1);
    println!("{}", s.await);
    assert_eq!(b.serving.visits(), 0);
    println!("{:?}", began.elapsed());
    // concurrency
    let r = futures_util::future::join_all((0..5).map(|_| b.get("/sleep", ""))).await;
    println!("{:?}", r.iter().map(|r| &r[9..12]).collect::<Vec<_>>());
    // asleep
    b.entry.set(Route::Asleep);
    let began = Instant::now();
    println!("{} {:?}", b.get("/", "").await, began.elapsed());
    println!("{}", b.get("/", "accept: text/html\r\n").await);
    assert!(b.entry.is_wanted());
    let (r, ()) = tokio::join!(b.get("/", ""), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        b.entry.set(Route::Serving(b.serving.clone()))
    });
    println!("{r}");
    // visitor leaves
    {
        let mut s = TcpStream::connect(("127.0.0.1", b.port)).await.unwrap();
        s.write_all(b"GET /stream HTTP/1.1\r\nhost: ada-demo.localhost\r\n\r\n")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(b.serving.visits(), 1);
    }
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(b.serving.visits(), 0);
    {
        let mut s = TcpStream::connect(("127.0.0.1", b.port)).await.unwrap();
        s.write_all(b"GET /sleep HTTP/1.1\r\nhost: ada-demo.localhost\r\n\r\n")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(b.serving.visits(), 1);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(b.serving.visits(), 0, "left before the head");
    println!(
        "{}",
        b.talk("HEAD / HTTP/1.1\r\nhost: ada-demo.localhost\r\nconnection: close\r\n\r\n")
            .await
    );
    println!("{}", b.talk("GET http://ada-demo.localhost/abs?x HTTP/1.1\r\nhost: ada-demo.localhost\r\nconnection: close\r\n\r\n").await);
    // tcp upstream
    let up = b.port;
    let serving = b
        .entry
        .serving(InstanceId::new(), Upstream::Tcp(([127, 0, 0, 1], 1).into()));
    b.entry.set(Route::Serving(serving));
    println!("{}", b.get("/", "").await);
    let l = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let a = l.local_addr().unwrap();
    tokio::spawn(crate::server::serve(
        l,
        &Config::defaults(),
        |r: Request<Body>| async move { Fake.call(r).await },
        CancellationToken::new(),
    ));
    let serving = b.entry.serving(InstanceId::new(), Upstream::Tcp(a));
    b.entry.set(Route::Serving(serving.clone()));
    println!("{}", b.get("/hi", "").await);
    println!("{}", b.get("/stream", "").await);
    println!("{}", b.talk("POST /echo HTTP/1.1\r\nhost: ada-demo.localhost\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await);
    {
        let mut s = TcpStream::connect(("127.0.0.1", b.port)).await.unwrap();
        s.write_all(b"GET /stream HTTP/1.1\r\nhost: ada-demo.localhost\r\n\r\n")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(serving.visits(), 0);
    let _ = (up, &b.nudges, &b.table);
    let _: (Mutex<()>, AtomicUsize) = (Mutex::new(()), AtomicUsize::new(0));
    let _ = Ordering::SeqCst;
}
