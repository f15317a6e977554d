//! How containers reach the hosts that their cards list, and no other: by a proxy of ours on their own network.
//!
//! A container whose card does not ask for the internet stands on a network that leads nowhere. HTTP clients find the
//! proxy in `HTTPS_PROXY` and its like; what does not ask it reaches nothing. It tunnels (`CONNECT`) and forwards plain
//! HTTP (RFC 9110 §9.3.6, RFC 9112 §3.2.2), each as [`EgressPolicy`] allows, and says what it denies in the run log.
//! Several containers of one Space may stand on its network, with cards of different versions: the address a connection
//! comes from says which one's.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::net::strip_hop_by_hop;
use crate::runtime::egress::{Denied, Destination, EgressPolicy, PATIENCE};

/// Connections to the proxy of one network that are served at once, and as many from it.
pub(super) const CONNECTIONS: usize = 64;

/// A container may ask before this server has read its address from the engine.
const STARTING: Duration = Duration::from_secs(10);

/// From accept to a whole header.
const HEADER: Duration = Duration::from_secs(10);

type Body = UnsyncBoxBody<Bytes, hyper::Error>;
type Policies = Arc<Mutex<HashMap<IpAddr, Arc<EgressPolicy>>>>;

/// The proxies by address.
#[derive(Default)]
pub(super) struct Proxies(Mutex<HashMap<SocketAddr, Weak<Proxy>>>);

/// The proxy of one network, for as long as somebody holds it.
pub(super) struct Proxy {
    policies: Policies,
    /// Somebody was admitted.
    news: Arc<Notify>,
    _serving: AbortOnDropHandle<()>,
}

/// What one container may reach; its drop is the end of that.
pub(super) struct Lease {
    proxy: Arc<Proxy>,
    from: IpAddr,
    policy: Arc<EgressPolicy>,
}

// === impl Proxies ===

impl Proxies {
    /// The proxy at that address, opened if nobody has it open.
    ///
    /// # Errors
    /// When it cannot be listened on.
    pub(super) async fn open(&self, address: SocketAddr) -> std::io::Result<Arc<Proxy>> {
        let known = || self.0.lock().get(&address).and_then(Weak::upgrade);
        if let Some(proxy) = known() {
            return Ok(proxy);
        }
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            // Somebody else has opened it meanwhile, or one is about to have closed it.
            Err(_) => match known() {
                Some(proxy) => return Ok(proxy),
                None => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    TcpListener::bind(address).await?
                }
            },
        };
        let (policies, news) = (Policies::default(), Arc::new(Notify::new()));
        let serving = tokio::spawn(serve(listener, Arc::clone(&policies), Arc::clone(&news)));
        let proxy = Arc::new(Proxy {
            policies,
            news,
            _serving: AbortOnDropHandle::new(serving),
        });
        let mut open = self.0.lock();
        open.retain(|_, proxy| proxy.strong_count() > 0);
        open.insert(address, Arc::downgrade(&proxy));
        Ok(proxy)
    }
}

// === impl Proxy ===

impl Proxy {
    /// Lets connections from that address reach what the policy allows.
    pub(super) fn admit(self: &Arc<Self>, from: IpAddr, policy: EgressPolicy) -> Lease {
        let policy = Arc::new(policy);
        self.policies.lock().insert(from, Arc::clone(&policy));
        self.news.notify_waiters();
        Lease {
            proxy: Arc::clone(self),
            from,
            policy,
        }
    }
}

// === impl Lease ===

impl Drop for Lease {
    fn drop(&mut self) {
        let mut policies = self.proxy.policies.lock();
        // The engine may have given the address to another by now.
        if policies
            .get(&self.from)
            .is_some_and(|policy| Arc::ptr_eq(policy, &self.policy))
        {
            policies.remove(&self.from);
        }
    }
}

async fn serve(listener: TcpListener, policies: Policies, news: Arc<Notify>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, from)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (policies, news) = (Arc::clone(&policies), Arc::clone(&news));
        connections.spawn(async move {
            let _place = place;
            let known = timeout(STARTING, policy_of(from.ip(), &policies, &news)).await;
            if let Ok(policy) = known {
                talk(stream, policy).await;
            }
        });
    }
}

async fn policy_of(from: IpAddr, policies: &Policies, news: &Notify) -> Arc<EgressPolicy> {
    loop {
        let mut told = std::pin::pin!(news.notified());
        // From here on nobody's admission is missed.
        told.as_mut().enable();
        if let Some(policy) = policies.lock().get(&from) {
            return Arc::clone(policy);
        }
        told.await;
    }
}

async fn talk(stream: TcpStream, policy: Arc<EgressPolicy>) {
    let answer = service_fn(move |request| {
        let policy = Arc::clone(&policy);
        async move { Ok::<_, std::convert::Infallible>(answer(request, policy).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_headers(128)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    // Whoever asked has gone away; nobody else is concerned.
    let _ = connection.await;
}

async fn answer(request: Request<Incoming>, policy: Arc<EgressPolicy>) -> Response<Body> {
    let uri = request.uri();
    let host = uri.host().unwrap_or_default().to_owned();
    let tunnel = request.method() == Method::CONNECT;
    let port = match (tunnel, uri.port_u16(), uri.scheme()) {
        (true, Some(port), _) => port,
        (false, port, Some(scheme)) if *scheme == Scheme::HTTP => port.unwrap_or(80),
        _ => {
            return plain(
                StatusCode::BAD_REQUEST,
                "this is a proxy: it accepts `CONNECT host:port` and `http://` addresses",
            );
        }
    };
    let done = async {
        let to = policy.admit(
            &host,
            port,
            matches!((tunnel, port), (true, 443) | (false, 80)),
        )?;
        let slot = policy.slot()?;
        let stream = policy.connect(&to).await?;
        Ok::<_, Denied>((to, slot, stream))
    };
    let (to, slot, mut stream) = match done.await {
        Ok(done) => done,
        Err(denied) => return refusal(&denied),
    };
    if !tunnel {
        return forward(request, &to, stream, slot).await;
    }
    tokio::spawn(async move {
        let _slot = slot;
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            let mut hub_listener = TokioIo::new(upgraded);
            // Either side may leave when it likes.
            let _ = tokio::io::copy_bidirectional(&mut hub_listener, &mut stream).await;
        }
    });
    Response::new(empty())
}

async fn forward(
    mut request: Request<Incoming>,
    to: &Destination,
    stream: TcpStream,
    slot: tokio::sync::OwnedSemaphorePermit,
) -> Response<Body> {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
    let host = match to.port {
        80 => to.host.clone(),
        port => format!("{}:{port}", to.host),
    };
    let headers = request.headers_mut();
    strip_hop_by_hop(headers, |_| false);
    match HeaderValue::try_from(host) {
        Ok(host) => headers.insert(header::HOST, host),
        Err(_) => return plain(StatusCode::BAD_REQUEST, "this is not a valid host"),
    };
    let asked = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            let _slot = slot;
            let _ = connection.await;
        });
        sender.send_request(request).await
    };
    match timeout(PATIENCE, asked).await {
        Ok(Ok(mut response)) => {
            strip_hop_by_hop(response.headers_mut(), |_| false);
            response.map(BodyExt::boxed_unsync)
        }
        Ok(Err(error)) => plain(StatusCode::BAD_GATEWAY, &format!("{}: {error}", to.host)),
        Err(_) => refusal(&Denied::Timeout(to.host.clone())),
    }
}

fn refusal(denied: &Denied) -> Response<Body> {
    let status = match denied {
        Denied::NotListed(_) | Denied::Prohibited(_) => StatusCode::FORBIDDEN,
        Denied::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Denied::Unknown(_) | Denied::Connect(..) => StatusCode::BAD_GATEWAY,
        Denied::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
    };
    plain(status, &denied.to_string())
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(format!("{text}\n")));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn empty() -> Body {
    http_body_util::Empty::new()
        .map_err(|never| match never {})
        .boxed_unsync()
}
