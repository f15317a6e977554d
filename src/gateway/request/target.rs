//! By which of its two addresses a Space is asked, and which path it shall see.

use axum::body::Body;
use http::header::{CACHE_CONTROL, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;

use crate::domain::{RepoName, Subdomain};
use crate::gateway::headers::path_form;
use crate::gateway::rejection::Rejection;

/// Which Space a request is for, and by which of its two addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `http://LABEL.DOMAIN/…`: the request's path is the Space's.
    Subdomain(String),
    /// `http://HOST/run/OWNER/NAME/…`: the Space sees the rest of the path alone.
    Path {
        /// As it stands in the path.
        name: RepoName,
        /// What follows `NAME/`, not decoded and without the query; `None` if even the slash is missing.
        rest: Option<String>,
    },
}

// === impl Target ===

impl Target {
    /// The Space and the rest of the path in `/run/OWNER/NAME/…`.
    pub(in crate::gateway) fn below_run(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/run/")?;
        let (owner, rest) = rest.split_once('/')?;
        let (name, rest) = rest
            .split_once('/')
            .map_or((rest, None), |(name, rest)| (name, Some(rest)));
        let name: RepoName = format!("{owner}/{name}").parse().ok()?;
        Some(Self::Path {
            name,
            rest: rest.map(str::to_owned),
        })
    }

    pub(in crate::gateway) fn is_path_form(&self) -> bool {
        matches!(self, Self::Path { .. })
    }

    /// `/run/OWNER/NAME`
    pub(in crate::gateway) fn prefix(&self) -> Option<String> {
        match self {
            Self::Subdomain(_) => None,
            Self::Path { name, .. } => Some(format!("/run/{name}")),
        }
    }

    /// The path without its leading slash, as the Space sees it, before the query.
    pub(in crate::gateway) fn path<'p>(&'p self, uri: &'p Uri) -> &'p str {
        match self {
            Self::Subdomain(_) => uri.path().trim_start_matches('/'),
            Self::Path { rest, .. } => rest.as_deref().unwrap_or_default(),
        }
    }
}

/// What the path form answers the same for every name, so that it tells nobody which Spaces there are.
pub(in crate::gateway) fn answer_without_the_space(
    request: &Request<Body>,
    target: &Target,
) -> Option<Response<Body>> {
    let Target::Path { rest, .. } = target else {
        return None;
    };
    if let Some(preflight) = path_form::preflight(request) {
        return Some(preflight);
    }
    if rest.is_some() {
        return None;
    }
    // Relative links in the Space's pages need the slash.
    let query = request
        .uri()
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let location = HeaderValue::try_from(format!("{}/{query}", target.prefix()?)).ok()?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    Some(response)
}

/// Leads to the same path of the Space where it is: below `/run/`, or at its own origin, of which only the label differs.
/// For now: the name that leads there may become another Space's.
pub(in crate::gateway) fn lead(
    request: &Request<Body>,
    target: &Target,
    host: Option<&HeaderValue>,
    name: &RepoName,
    place: &Subdomain,
) -> Option<Response<Body>> {
    let asked = request.uri().path_and_query()?.as_str();
    let location = match target {
        Target::Subdomain(label) => {
            let host = host?.to_str().ok()?;
            let domain = host.get(label.len()..)?;
            format!("//{place}{domain}{asked}")
        }
        Target::Path { rest, .. } => {
            let rest = rest.as_deref().unwrap_or_default();
            let query = request.uri().query();
            let query = query.map_or(String::new(), |query| format!("?{query}"));
            format!("/run/{name}/{rest}{query}")
        }
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(location).ok()?);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

/// Path and query alone, as sent: nothing is decoded or tidied, for a Space may mean something by it.
pub(in crate::gateway) fn uri_for_space(uri: Uri, target: &Target) -> Option<Uri> {
    let path = match target {
        Target::Subdomain(_) if uri.authority().is_none() => return Some(uri),
        Target::Subdomain(_) => uri.into_parts().path_and_query?,
        Target::Path { rest, .. } => {
            let rest = rest.as_deref().unwrap_or_default();
            match uri.query() {
                Some(query) => PathAndQuery::try_from(format!("/{rest}?{query}")).ok()?,
                None => PathAndQuery::try_from(format!("/{rest}")).ok()?,
            }
        }
    };
    Some(Uri::from(path))
}

/// What no Space could answer, told before one is woken for it. `body_bytes` is the most a request may bring.
pub(super) fn refuse_the_impossible(
    request: &Request<Body>,
    target: &Target,
    body_bytes: u64,
) -> Result<(), Rejection> {
    let too_large = |length: u64| length > body_bytes;
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        Err(Rejection::Method)
    } else if target.is_path_form() && path_form::is_service_worker(request.headers()) {
        Err(Rejection::ServiceWorker)
    } else if request.body().size_hint().exact().is_some_and(too_large) {
        Err(Rejection::TooLarge)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_form(rest: Option<&str>) -> Target {
        Target::Path {
            name: "Ada/my_demo".parse().expect("valid"),
            rest: rest.map(str::to_owned),
        }
    }

    #[test]
    fn paths_reach_the_space_as_they_were_sent() {
        let seen = |uri: &str, target: &Target| {
            let uri = uri.parse().expect("a URI");
            uri_for_space(uri, target).map(|uri| uri.to_string())
        };
        let own = Target::Subdomain("ada-my-demo".into());
        for path in ["/", "/a//b/../%2e%2F;x=1?q=%20&&", "/?", "*"] {
            assert_eq!(seen(path, &own).as_deref(), Some(path));
        }
        let full = seen("http://ada-my-demo.localhost/x?y", &own);
        assert_eq!(full.as_deref(), Some("/x?y"));
        for (rest, uri, expected) in [
            ("", "/run/Ada/my_demo/", "/"),
            ("/x%2f/", "/run/Ada/my_demo//x%2f/?a=b?c", "//x%2f/?a=b?c"),
        ] {
            assert_eq!(seen(uri, &path_form(Some(rest))).as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_path_form_begins_with_its_slash() {
        let request = |uri: &str| {
            Request::builder()
                .uri(uri)
                .body(Body::empty())
                .expect("a request")
        };
        let answer = |uri, rest| answer_without_the_space(&request(uri), &path_form(rest));
        let redirect = answer("/run/Ada/my_demo?a=b", None).expect("answered");
        assert_eq!(redirect.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(redirect.headers()[LOCATION], "/run/Ada/my_demo/?a=b");
        assert!(answer("/run/Ada/my_demo/", Some("")).is_none());
    }
}
