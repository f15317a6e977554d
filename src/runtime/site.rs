//! Static files as an upstream.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use tower::ServiceExt;
use tower_http::services::ServeDir;

mod charset;
mod coding;
mod conditions;
mod content;
mod range;
mod script;

use super::{InstanceSpec, LimitReport, LimitState, Runtime, RuntimeError};
use crate::domain::{ArtifactKind, InstanceId};
use crate::upstream::{Serve, Upstream};
use coding::{Coding, Made};
use content::Content;
use script::Script;

/// Serves the folders under `sites/`.
#[derive(Debug)]
pub struct SiteRuntime {
    sites: PathBuf,
    made: Arc<Made>,
}

struct Site {
    folder: ServeDir,
    /// Of the files.
    digest: String,
    /// The path of the page that `/` means.
    app_file: String,
    /// Where `/` leads, if that page lies in a folder: its relative links begin there.
    first: Option<String>,
    /// That folder, without a slash at its end.
    app_folder: Option<String>,
    /// What its pages are told.
    script: Option<Script>,
    /// What is known of its files, by path.
    contents: Mutex<HashMap<String, Arc<Content>>>,
    made: Arc<Made>,
}

/// Paths of a site that something is remembered of; there may be many ways to ask for one file.
const MAX_REMEMBERED: usize = 4096;

// === impl SiteRuntime ===

impl SiteRuntime {
    /// A runtime for the folders under `sites`, each named by its digest.
    pub fn new(sites: PathBuf) -> Self {
        Self {
            sites,
            made: Arc::default(),
        }
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
            let script = Script::of(&spec.variables);
            if script.is_none() && !spec.variables.is_empty() {
                spec.log
                    .line("The variables are too long to be told to the pages of a static Space.");
            }
            let app_file = percent_encoding::utf8_percent_encode(app_file, PATH);
            let app_file = format!("/{app_file}");
            let app_folder = app_file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let first = match app_file.strip_suffix("/index.html") {
                Some(folder) => format!("{folder}/"),
                None => app_file.clone(),
            };
            let site = Site {
                folder: ServeDir::new(folder).append_index_html_on_directories(true),
                digest: digest.clone(),
                first: Some(first).filter(|_| !app_folder.is_empty()),
                app_folder: Some(app_folder.to_owned()).filter(|folder| !folder.is_empty()),
                app_file,
                script,
                contents: Mutex::default(),
                made: Arc::clone(&self.made),
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

// === impl Site ===

impl Site {
    /// The answer to a GET.
    async fn answer(&self, head: &Parts) -> Result<Response<Body>, axum::Error> {
        let asked = head.uri.path();
        if let Some(first) = self.first.as_ref().filter(|_| asked == "/") {
            return Ok(lead(first, head.uri.query()));
        }
        let mut uri = match asked {
            "/" => self.app_file.parse().unwrap_or_default(),
            _ => head.uri.clone(),
        };
        let mut response = self.open(&uri, None).await;
        // What a page of that folder asks for by a path from the root.
        if response.status() == StatusCode::NOT_FOUND
            && let Some(folder) = &self.app_folder
            && let Ok(below) = format!("{folder}{asked}").parse::<Uri>()
        {
            let other = self.open(&below, None).await;
            if other.status() == StatusCode::OK {
                (uri, response) = (below, other);
            }
        }
        match response.status() {
            StatusCode::OK => self.file(head, &uri, response).await,
            StatusCode::NOT_FOUND => Ok(not_found()),
            _ => Ok(response),
        }
    }

    /// A file, of which `response` is the whole.
    async fn file(
        &self,
        head: &Parts,
        uri: &Uri,
        mut response: Response<Body>,
    ) -> Result<Response<Body>, axum::Error> {
        let known = self.contents.lock().get(uri.path()).map(Arc::clone);
        let content = match known {
            Some(content) => content,
            None => {
                let content = Content::look(uri.path(), &self.digest, response).await?;
                response = self.open(uri, None).await;
                self.remember(uri.path(), content)
            }
        };
        let script = self.script.as_ref().filter(|_| content.takes_script());
        let range = head.headers.get(header::RANGE);
        let range = range.filter(|_| script.is_none());
        let may_code = range.is_none() && content.is_worth_coding();
        let mut coding = Coding::wanted(&head.headers).filter(|_| may_code);
        let as_it_lies = content.shown_to(&head.headers);
        let plain_tag = match script {
            Some(script) => format!("{}-{}", content.tag, script.tag),
            None => format!("{}{}", content.tag, as_it_lies.suffix),
        };
        let coded_tag = |coding: Coding| format!("{plain_tag}-{}", coding.word());
        let mut tag = coding.map_or_else(|| plain_tag.clone(), coded_tag);
        if let Some(status) = conditions::decide(&head.headers, &tag) {
            response = Response::new(Body::empty());
            *response.status_mut() = status;
        } else if script.is_some() || coding.is_some() {
            let bytes = match self.made.get(&tag) {
                Some(bytes) => bytes,
                None => {
                    let mut bytes = response.into_body().collect().await?.to_bytes();
                    if let Some(script) = script {
                        bytes = script.put_into(&bytes, content.says_charset);
                    }
                    match coding {
                        None => self.made.keep(&tag, bytes),
                        Some(wanted) => match self.made.coded(&tag, wanted, bytes.clone()).await {
                            Some(coded) => coded,
                            None => {
                                (coding, tag) = (None, plain_tag);
                                bytes
                            }
                        },
                    }
                }
            };
            response = Response::new(Body::from(bytes));
        } else if let Some(range) = range.filter(|_| conditions::if_range(&head.headers, &tag)) {
            response = self.open(uri, Some(range)).await;
        }
        let status = response.status();
        let headers = response.headers_mut();
        // Of the moment at which it was laid out, which is later for what is older.
        headers.remove(header::LAST_MODIFIED);
        if matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            headers.insert(header::CONTENT_TYPE, as_it_lies.kind);
            if let Some(coding) = coding.or(as_it_lies.coding) {
                headers.insert(header::CONTENT_ENCODING, coding.value());
            }
        }
        if content.depends_on_coding() {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        if let Ok(tag) = HeaderValue::try_from(format!("\"{tag}\"")) {
            headers.insert(header::ETAG, tag);
        }
        Ok(response)
    }

    /// What the folder has there: the whole of it, or a part.
    async fn open(&self, uri: &Uri, range: Option<&HeaderValue>) -> Response<Body> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = uri.clone();
        if let Some(range) = range {
            request.headers_mut().insert(header::RANGE, range.clone());
        }
        let Ok(response) = self.folder.clone().oneshot(request).await;
        response.map(Body::new)
    }

    fn remember(&self, path: &str, content: Content) -> Arc<Content> {
        let content = Arc::new(content);
        let mut contents = self.contents.lock();
        if contents.len() >= MAX_REMEMBERED {
            contents.clear();
        }
        contents.insert(path.to_owned(), Arc::clone(&content));
        content
    }
}

impl Serve for Site {
    fn call(&self, request: Request<Body>) -> BoxFuture<'_, Response<Body>> {
        Box::pin(async move {
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return method_not_allowed();
            }
            // A HEAD is answered with what a GET would be told.
            let only_head = *request.method() == Method::HEAD;
            let (mut head, _) = request.into_parts();
            range::leave_out_odd(&mut head.headers);
            let mut response = match self.answer(&head).await {
                Ok(response) => response,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a site's file");
                    unreadable()
                }
            };
            // A site changes with every publish, so a browser asks each time whether it still has the right file.
            let revalidate = HeaderValue::from_static("no-cache");
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, revalidate);
            if only_head {
                let length = http_body::Body::size_hint(response.body()).exact();
                let headers = response.headers_mut();
                if let Some(length) = length
                    && !headers.contains_key(header::CONTENT_LENGTH)
                {
                    headers.insert(header::CONTENT_LENGTH, length.into());
                }
                *response.body_mut() = Body::empty();
            }
            response
        })
    }

    fn is_free(&self) -> bool {
        true
    }
}

fn lead(place: &str, query: Option<&str>) -> Response<Body> {
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(place) = HeaderValue::try_from(format!("{place}{query}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "This Space has no such file.\n")
}

fn unreadable() -> Response<Body> {
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "The file cannot be read.\n",
    )
}

fn method_not_allowed() -> Response<Body> {
    let mut response = text(
        StatusCode::METHOD_NOT_ALLOWED,
        "A static Space accepts only GET and HEAD.\n",
    );
    let allowed = HeaderValue::from_static("GET, HEAD");
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
