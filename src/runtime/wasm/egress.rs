//! Outgoing HTTP: denied, but for the hosts that the card lists.
//!
//! The list is checked against the address of the request, never its `Host` header. The name is resolved here, every
//! address it gives is checked, and the connection goes to a checked address: a name that resolves differently the
//! second time gains nothing. Redirects are the guest's to follow, and each hop is a new request.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::domain::may_reach;
use crate::journal::Log;

/// Longest time for each of: connecting, the first byte. The request's own deadline bounds the rest.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most bytes that one answer may bring in.
const ANSWER_BYTES: usize = 256 << 20;

/// Connections that a Space may have open at once.
const CONNECTIONS: usize = 16;

/// What a Space's guests may reach.
#[derive(Debug)]
pub(super) struct EgressPolicy {
    hosts: Vec<String>,
    private: bool,
    log: Log,
    connections: Arc<Semaphore>,
}

/// Where a permitted request goes.
struct Destination {
    host: String,
    port: u16,
    tls: bool,
}

// === impl EgressPolicy ===

impl EgressPolicy {
    /// `hosts` are `name` or `name:port`, in lower case. `private` also allows addresses of private networks; those of
    /// this machine and the metadata service are never allowed.
    pub(super) fn new(hosts: Vec<String>, private: bool, log: Log) -> Self {
        Self {
            hosts,
            private,
            log,
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    fn destination(&self, uri: &Uri) -> Result<Destination, Error> {
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(Error::HttpProtocolError),
        };
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let usual = matches!((tls, port), (true, 443) | (false, 80));
        let listed = self.hosts.iter().any(|entry| match entry.split_once(':') {
            Some((name, wanted)) => name == host && wanted.parse() == Ok(port),
            None => *entry == host && usual,
        });
        if authority.as_str().contains('@') || !listed {
            self.log.line(&format!(
                "outgoing HTTP to {host}:{port} was denied: the card's `egress` list does not name it"
            ));
            return Err(Error::HttpRequestDenied);
        }
        Ok(Destination { host, port, tls })
    }

    async fn resolve(&self, destination: &Destination) -> Result<SocketAddr, Error> {
        let lookup = tokio::net::lookup_host((destination.host.as_str(), destination.port));
        let addresses = timeout(PATIENCE, lookup)
            .await
            .map_err(|_| Error::DnsTimeout)?;
        let addresses: Vec<_> = addresses
            .map_err(|_| Error::DnsError {
                rcode: None,
                info_code: None,
            })?
            .collect();
        let allowed = addresses
            .iter()
            .find(|address| may_reach(address.ip(), self.private));
        allowed.copied().ok_or_else(|| {
            self.log.line(&format!(
                "outgoing HTTP to {} was denied: the name leads to an address of this machine or of a private network",
                destination.host
            ));
            Error::DestinationIpProhibited
        })
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Sends a request that a guest made.
pub(super) async fn send(
    policy: Arc<EgressPolicy>,
    mut request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let destination = policy.destination(request.uri())?;
    let permit = Arc::clone(&policy.connections)
        .try_acquire_owned()
        .map_err(|_| Error::ConnectionLimitReached)?;
    let patience = |asked: Option<Duration>| asked.unwrap_or(PATIENCE).min(PATIENCE);
    let options = options.unwrap_or_default();
    let connecting = async {
        let address = policy.resolve(&destination).await?;
        connect(address, &destination).await
    };
    let stream = timeout(patience(options.connect_timeout), connecting)
        .await
        .map_err(|_| Error::ConnectionTimeout)??;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(128)
        .handshake(TokioIo::new(stream))
        .await?;
    // The connection lives as long as the answer's body, and its permit with it.
    let driver = tokio::spawn(async move {
        let _permit = permit;
        let _ = connection.await;
    });
    let driver = tokio_util::task::AbortOnDropHandle::new(driver);
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
    let response = timeout(
        patience(options.first_byte_timeout),
        sender.send_request(request),
    )
    .await
    .map_err(|_| Error::ConnectionReadTimeout)??;
    Ok(response.map(|body| {
        let body = Limited::new(body, ANSWER_BYTES).map_err(|_| Error::HttpResponseBodySize(None));
        body.map_frame(move |frame: http_body::Frame<Bytes>| {
            let _alive = &driver;
            frame
        })
        .boxed_unsync()
    }))
}

async fn connect(address: SocketAddr, destination: &Destination) -> Result<Box<dyn Stream>, Error> {
    let stream = TcpStream::connect(address).await.map_err(Error::Connect)?;
    // An address of this machine, whatever range it is from: what is sent there comes from there too.
    let own = stream.local_addr().map_err(Error::Connect)?.ip();
    if own.to_canonical() == address.ip().to_canonical() {
        return Err(Error::DestinationIpProhibited);
    }
    if !destination.tls {
        return Ok(Box::new(stream));
    }
    let name =
        ServerName::try_from(destination.host.clone()).map_err(|_| Error::HttpRequestUriInvalid)?;
    let stream = TLS.connect(name, stream).await.map_err(Error::Tls)?;
    Ok(Box::new(stream))
}

/// Trusts what the machine trusts.
static TLS: LazyLock<TlsConnector> = LazyLock::new(|| {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
});
