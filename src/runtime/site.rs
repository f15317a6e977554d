//! Static files as an upstream.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header,
};
use tower::ServiceExt;
use tower_http::services::ServeDir;

mod charset;
mod range;

use super::{InstanceSpec, LimitReport, LimitState, Runtime, RuntimeError};
use crate::domain::{ArtifactKind, InstanceId};
use crate::upstream::{Serve, Upstream};

/// Serves the folders under `sites/`.
#[derive(Debug)]
pub struct SiteRuntime {
    sites: PathBuf,
}

struct Site {
    folder: ServeDir,
    app_file: Uri,
    /// Of every answer.
    headers: HeaderMap,
}

// === impl SiteRuntime ===

impl SiteRuntime {
    /// A runtime for the folders under `sites`, each named by its digest.
    pub fn new(sites: PathBuf) -> Self {
        Self { sites }
    }
}

impl Runtime for SiteRuntime {
    fn name(&self) -> &'static str {
        "static"
    }

    fn runs(&self, kind: &ArtifactKind) -> bool {
        matches!(kind, ArtifactKind::Site { .. })
    }

    fn start(&self, spec: InstanceSpec) -> BoxFuture<'_, Result<Upstream, RuntimeError>> {
        Box::pin(async move {
            let ArtifactKind::Site { digest, app_file } = &spec.artifact.kind else {
                return Err(RuntimeError::Server(anyhow::anyhow!("not a site")));
            };
            let folder = self.sites.join(digest);
            if !tokio::fs::try_exists(folder.join(app_file))
                .await
                .unwrap_or(false)
            {
                return Err(RuntimeError::ArtifactLost);
            }
            let quoted = percent_encoding::utf8_percent_encode(app_file, PATH);
            let app_file = format!("/{quoted}")
                .parse()
                .map_err(|error| RuntimeError::Server(anyhow::Error::new(error)))?;
            let site = Site {
                folder: ServeDir::new(folder).append_index_html_on_directories(true),
                app_file,
                headers: headers(&spec.artifact.settings.headers)
                    .map_err(|error| RuntimeError::Server(anyhow::Error::new(error)))?,
            };
            Ok(Upstream::Service(Arc::new(site)))
        })
    }

    fn stop(&self, _id: InstanceId) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn limits(&self, _id: InstanceId) -> Vec<LimitReport> {
        vec![LimitReport {
            name: "compute",
            value: "none: files are served as they are".into(),
            state: LimitState::Enforced,
        }]
    }
}

/// Everything but what a path may hold as it is (RFC 3986 §3.3).
const PATH: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Site {
    fn with_headers(&self, mut response: Response<Body>) -> Response<Body> {
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        response
    }
}

impl Serve for Site {
    fn call(&self, mut request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return self.with_headers(method_not_allowed());
            }
            if request.uri().path() == "/" {
                *request.uri_mut() = self.app_file.clone();
            }
            // What a GET would be told: a charset is found out by looking into the file.
            let only_head = *request.method() == Method::HEAD;
            if only_head {
                *request.method_mut() = Method::GET;
            }
            range::leave_out_odd(request.headers_mut());
            let whole = range::whole_if_changed(&request);
            let Ok(mut response) = self.folder.clone().oneshot(request).await;
            if let Some((known, whole)) = whole
                && !range::is_of(&response, &known)
            {
                Ok(response) = self.folder.clone().oneshot(whole).await;
            }
            let mut response = charset::say(response.map(Body::new)).await;
            // A site changes with every publish, so a browser asks each time whether it still has the right file.
            let revalidate = HeaderValue::from_static("no-cache");
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, revalidate);
            if response.status() == StatusCode::NOT_FOUND {
                *response.body_mut() = Body::from("This Space has no such file.\n");
                let plain = HeaderValue::from_static("text/plain; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, plain);
            }
            if only_head {
                *response.body_mut() = Body::empty();
            }
            self.with_headers(response)
        })
    }

    fn is_free(&self) -> bool {
        true
    }
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, http::Error> {
    let pairs = given.iter().map(|(name, value)| -> Result<_, http::Error> {
        Ok((name.parse::<HeaderName>()?, value.parse::<HeaderValue>()?))
    });
    pairs.collect()
}

fn method_not_allowed() -> Response<Body> {
    let mut response = Response::new(Body::from("A static Space accepts only GET and HEAD.\n"));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    let allowed = HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}
