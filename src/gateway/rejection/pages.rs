//! Our own answers: a page for people, JSON for programs.

use askama::Template;
use axum::body::Body;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version};

use super::Rejection;
use super::back::ErrorPageContext;
use crate::gateway::WAKE_EVENTS;
use crate::telemetry::RequestId;

/// Who asks, as far as it decides the form of an answer. Made for every request, so it only holds on to header values.
pub(in crate::gateway) struct Caller {
    accept: Option<HeaderValue>,
    fetch_mode: Option<HeaderValue>,
    fetch_dest: Option<HeaderValue>,
    get: bool,
    impatient: bool,
    id: Option<RequestId>,
}

#[derive(Template)]
#[template(path = "wake.html", config = "src/gateway/templates/askama.toml")]
struct WakePage<'a> {
    title: &'a str,
    message: &'a str,
    back: &'a ErrorPageContext,
    log_page: &'a str,
    window: &'a str,
    id: &'a str,
    nonce: &'a str,
    endpoint: &'a str,
}

#[derive(Template)]
#[template(path = "error.html", config = "src/gateway/templates/askama.toml")]
struct ErrorPage<'a> {
    title: &'a str,
    message: &'a str,
    back: &'a ErrorPageContext,
    log_page: &'a str,
    window: &'a str,
    id: &'a str,
    nonce: &'a str,
}

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Clients that give up after five seconds without a byte, and are known to read past interim responses.
const IMPATIENT: [&[u8]; 2] = [b"gradio_client/", b"python-httpx/"];

// === impl Caller ===

impl Caller {
    pub(in crate::gateway) fn of<B>(request: &Request<B>, id: Option<RequestId>) -> Self {
        let header = |headers: &HeaderMap, name| headers.get(name).cloned();
        let agent = request.headers().get(USER_AGENT);
        let agent = agent.map_or(&b""[..], HeaderValue::as_bytes);
        Self {
            accept: header(request.headers(), ACCEPT),
            fetch_mode: header(request.headers(), SEC_FETCH_MODE),
            fetch_dest: header(request.headers(), SEC_FETCH_DEST),
            get: *request.method() == Method::GET,
            impatient: request.version() == Version::HTTP_11
                && IMPATIENT.iter().any(|name| agent.starts_with(name)),
            id,
        }
    }

    /// A browser that will show the answer as a page, so that it can be given one that loads itself anew.
    pub(in crate::gateway) fn is_navigating(&self) -> bool {
        let navigates = self
            .fetch_mode
            .as_ref()
            .is_none_or(|mode| mode == "navigate");
        self.get && navigates && self.reads_html()
    }

    /// A client that needs signs of life while it waits.
    pub(in crate::gateway) fn is_impatient(&self) -> bool {
        self.impatient
    }

    pub(in crate::gateway) fn id(&self) -> &str {
        self.id.as_ref().map_or("", RequestId::as_str)
    }

    fn reads_html(&self) -> bool {
        let accept = self.accept.as_ref().and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html"))
    }

    /// Our answer in the form this caller reads. `prefix` is what stands before the Space's paths, in the path form.
    pub(in crate::gateway) fn answer(
        &self,
        rejection: &Rejection,
        prefix: &str,
        back: &ErrorPageContext,
    ) -> Response<Body> {
        let nonce = format!("{:032x}", rand::random::<u128>());
        let (kind, body) = if self.reads_html() {
            let page = self.page(rejection, prefix, &nonce, back);
            ("text/html; charset=utf-8", page)
        } else {
            let error = serde_json::json!({ "error": rejection.message() });
            ("application/json", error.to_string())
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = rejection.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(policy) = HeaderValue::try_from(policy(&nonce)) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        if let Some(seconds) = rejection.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// Where links of ours open: the hub's page frames Spaces and lets none take its place.
    fn window(&self) -> &'static str {
        let framed = |to: &HeaderValue| to == "iframe" || to == "frame" || to == "embed";
        match self.fetch_dest.as_ref().is_some_and(framed) {
            true => "_blank",
            false => "_top",
        }
    }

    fn page(
        &self,
        rejection: &Rejection,
        prefix: &str,
        nonce: &str,
        back: &ErrorPageContext,
    ) -> String {
        let (message, id) = (rejection.message(), self.id());
        let (log_page, window) = (&back.log_page(), self.window());
        let page = match rejection {
            Rejection::Waking(progress) => WakePage {
                title: progress.title(),
                message: &message,
                back,
                log_page,
                window,
                id,
                nonce,
                endpoint: &format!("{prefix}/{}", WAKE_EVENTS),
            }
            .render(),
            _ => ErrorPage {
                title: rejection.title(),
                message: &message,
                back,
                log_page,
                window,
                id,
                nonce,
            }
            .render(),
        };
        // Writing to a string fails only if a value refuses to be shown, and these are plain text.
        page.unwrap_or_else(|_| message.into_owned())
    }
}

/// Our pages run their own script and style, and listen to our own origin.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Stage;
    use crate::gateway::rejection::Progress;
    use crate::routes::Refusal;
    use http_body_util::BodyExt;

    fn caller(headers: &[(&str, &str)]) -> Caller {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Caller::of(&request.body(()).expect("a request"), None)
    }

    fn back() -> ErrorPageContext {
        ErrorPageContext {
            hub: "http://localhost:1".into(),
            space: "a/b".parse().ok(),
            usual: "A build usually takes about 7 s.".into(),
            ..ErrorPageContext::default()
        }
    }

    async fn text(response: Response<Body>) -> String {
        let body = response.into_body().collect().await.expect("in memory");
        String::from_utf8(body.to_bytes().to_vec()).expect("text")
    }

    #[tokio::test]
    async fn people_get_pages_and_programs_get_json() {
        let refused = Rejection::Refused(Refusal {
            stage: Stage::Paused,
            message: "<b>\"paused\"</b>".into(),
        });
        let program = caller(&[("accept", "*/*")]).answer(&refused, "", &back());
        assert_eq!(program.status(), 503);
        assert_eq!(text(program).await, r#"{"error":"<b>\"paused\"</b>"}"#);
        let person = caller(&[("accept", "text/html,*/*;q=0.8")]).answer(&refused, "", &back());
        let page = text(person).await;
        assert!(!page.contains("<b>") && page.contains("paused"), "{page}");
        assert!(!page.contains("http-equiv"), "{page}");
    }

    #[tokio::test]
    async fn only_the_wake_page_follows_and_loads_itself_anew() {
        let caller = caller(&[("accept", "text/html")]);
        let response = caller.answer(&Rejection::Waking(Progress::Building), "/run/a/b", &back());
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let policy = response.headers()[CONTENT_SECURITY_POLICY].clone();
        let page = text(response).await;
        for part in [
            "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>",
            "new EventSource(\"/run/a/b/.glasshouse/wake\")",
            ">Building</h1>",
            "usually takes about 7 s",
            "href=\"http://localhost:1/spaces/a/b\"",
        ] {
            assert!(page.contains(part), "no {part} in {page}");
        }
        let (_, nonce) = page.split_once("<script nonce=\"").expect("a script");
        let (nonce, _) = nonce.split_once('"').expect("its end");
        assert_eq!(nonce.len(), 32);
        let allowed = format!("script-src 'nonce-{nonce}'");
        assert!(policy.to_str().expect("text").contains(&allowed));
        let another = caller.answer(&Rejection::Ours, "", &back());
        assert!(!text(another).await.contains("<script"));
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
