//! Outgoing HTTP of guests, as far as the card allows it. Redirects are the guest's to follow, and each hop is a new request.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use crate::runtime::egress::{Denied, Destination, EgressPolicy, PATIENCE};

/// Most bytes that one answer may bring in.
const ANSWER_BYTES: usize = 256 << 20;

/// Connections that a Space may have open at once.
pub(super) const CONNECTIONS: usize = 16;

fn error_of(denied: Denied) -> Error {
    match denied {
        Denied::NotListed(_) => Error::HttpRequestDenied,
        Denied::Prohibited(_) => Error::DestinationIpProhibited,
        Denied::Busy => Error::ConnectionLimitReached,
        Denied::Unknown(_) => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        Denied::Timeout(_) => Error::ConnectionTimeout,
        Denied::Connect(_, error) => Error::Connect(error),
    }
}

/// Where a request goes, if it may, and whether by TLS.
fn destination(policy: &EgressPolicy, uri: &Uri) -> Result<(Destination, bool), Error> {
    let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
    let tls = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP => false,
        _ => return Err(Error::HttpProtocolError),
    };
    if authority.as_str().contains('@') {
        return Err(Error::HttpRequestUriInvalid);
    }
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let usual = matches!((tls, port), (true, 443) | (false, 80));
    let to = policy.admit(authority.host(), port, usual);
    Ok((to.map_err(error_of)?, tls))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Sends a request that a guest made.
pub(super) async fn send(
    policy: Arc<EgressPolicy>,
    mut request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let (to, tls) = destination(&policy, request.uri())?;
    let permit = policy.slot().map_err(error_of)?;
    let patience = |asked: Option<Duration>| asked.unwrap_or(PATIENCE).min(PATIENCE);
    let options = options.unwrap_or_default();
    let connecting = connect(&policy, &to, tls);
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

async fn connect(
    policy: &EgressPolicy,
    to: &Destination,
    tls: bool,
) -> Result<Box<dyn Stream>, Error> {
    let stream = policy.connect(to).await.map_err(error_of)?;
    if !tls {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(to.host.clone()).map_err(|_| Error::HttpRequestUriInvalid)?;
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
