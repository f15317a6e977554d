//! Our own answers: a page for people, JSON for programs.

use askama::Template;
use axum::body::Body;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};

use super::trouble::Trouble;
use crate::telemetry::RequestId;

/// Who asks, as far as it decides the form of an answer. Made for every request, so it only holds on to header values.
pub(super) struct Caller {
    accept: Option<HeaderValue>,
    fetch_mode: Option<HeaderValue>,
    get: bool,
    id: Option<RequestId>,
}

#[derive(Template)]
#[template(path = "wake.html", config = "src/gateway/templates/askama.toml")]
struct WakePage<'a> {
    title: &'a str,
    message: &'a str,
    id: &'a str,
    seconds: u32,
}

#[derive(Template)]
#[template(path = "error.html", config = "src/gateway/templates/askama.toml")]
struct ErrorPage<'a> {
    title: &'a str,
    message: &'a str,
    id: &'a str,
}

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The pages hold a style sheet and nothing else.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");

// === impl Caller ===

impl Caller {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let header = |headers: &HeaderMap, name| headers.get(name).cloned();
        Self {
            accept: header(request.headers(), ACCEPT),
            fetch_mode: header(request.headers(), SEC_FETCH_MODE),
            get: *request.method() == Method::GET,
            id: request.extensions().get().cloned(),
        }
    }

    /// A browser that will show the answer as a page, so that it can be given one that loads itself anew.
    pub(super) fn is_navigating(&self) -> bool {
        let navigates = self
            .fetch_mode
            .as_ref()
            .is_none_or(|mode| mode == "navigate");
        self.get && navigates && self.reads_html()
    }

    pub(super) fn id(&self) -> &str {
        self.id.as_ref().map_or("", RequestId::as_str)
    }

    fn reads_html(&self) -> bool {
        let accept = self.accept.as_ref().and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html"))
    }

    /// Our answer in the form this caller reads.
    pub(super) fn answer(&self, trouble: &Trouble) -> Response<Body> {
        let status = trouble.status();
        let (kind, body) = if self.reads_html() {
            ("text/html; charset=utf-8", self.page(trouble))
        } else {
            let error = serde_json::json!({ "error": trouble.message() });
            ("application/json", error.to_string())
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        if let Some(seconds) = trouble.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn page(&self, trouble: &Trouble) -> String {
        let (message, id) = (trouble.message(), self.id());
        let page = match trouble {
            Trouble::Waking => WakePage {
                title: "Waking up",
                message,
                id,
                seconds: 2,
            }
            .render(),
            _ => ErrorPage {
                title: trouble.status().canonical_reason().unwrap_or("Error"),
                message,
                id,
            }
            .render(),
        };
        // Writing to a string fails only if a value refuses to be shown, and these are plain text.
        page.unwrap_or_else(|_| message.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Stage;
    use crate::routes::Refusal;
    use http_body_util::BodyExt;

    fn caller(headers: &[(&str, &str)]) -> Caller {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Caller::of(&request.body(()).expect("a request"))
    }

    async fn text(response: Response<Body>) -> String {
        let body = response.into_body().collect().await.expect("in memory");
        String::from_utf8(body.to_bytes().to_vec()).expect("text")
    }

    #[tokio::test]
    async fn people_get_pages_and_programs_get_json() {
        let refused = Trouble::Refused(Refusal {
            stage: Stage::Paused,
            message: "<b>\"paused\"</b>".into(),
        });
        let program = caller(&[("accept", "*/*")]).answer(&refused);
        assert_eq!(program.status(), 503);
        assert_eq!(text(program).await, r#"{"error":"<b>\"paused\"</b>"}"#);
        let person = caller(&[("accept", "text/html,*/*;q=0.8")]).answer(&refused);
        let page = text(person).await;
        assert!(!page.contains("<b>") && page.contains("paused"), "{page}");
        assert!(!page.contains("http-equiv"), "{page}");
    }

    #[tokio::test]
    async fn only_the_wake_page_loads_itself_anew() {
        let caller = caller(&[("accept", "text/html")]);
        let response = caller.answer(&Trouble::Waking);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let page = text(response).await;
        assert!(
            page.contains("http-equiv=\"refresh\" content=\"2\""),
            "{page}"
        );
    }

    #[test]
    fn navigation_is_told_from_fetching() {
        assert!(caller(&[("accept", "text/html")]).is_navigating());
        let html = ("accept", "text/html");
        assert!(caller(&[html, ("sec-fetch-mode", "navigate")]).is_navigating());
        assert!(!caller(&[html, ("sec-fetch-mode", "cors")]).is_navigating());
        assert!(!caller(&[("accept", "application/json")]).is_navigating());
        assert!(!caller(&[]).is_navigating());
    }
}
