//! Where to look instead for what has another name now.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use super::ApiError;
use super::error::Moved;

/// Says where to look instead, for answers of [`ApiError::moved`]: the same address with the new name in it. It is
/// relative, as clients follow only such a one with their token.
pub(super) async fn redirect(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    if let Some(Moved { from, to }) = response.extensions_mut().remove::<Moved>() {
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        let location = location(path, &from, &to).and_then(|to| HeaderValue::from_str(&to).ok());
        match location {
            Some(location) => drop(response.headers_mut().insert(header::LOCATION, location)),
            None => return ApiError::repo_not_found().into_response(),
        }
    }
    response
}

fn location(path: &str, from: &str, to: &str) -> Option<String> {
    let lower = path.to_ascii_lowercase();
    let at = lower.find(&format!("/{}", from.to_ascii_lowercase()))?;
    let rest = &path[at + 1 + from.len()..];
    let ends = rest.is_empty() || rest.starts_with(['/', '?']) || rest.starts_with(".git/");
    ends.then(|| format!("{}/{to}{rest}", &path[..at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_found_at_the_same_place_in_the_new_one() {
        let found = |path| location(path, "ann/Old", "bob/new");
        for (path, expected) in [
            ("/api/spaces/ann/old", Some("/api/spaces/bob/new")),
            (
                "/api/models/ann/Old/tree/main?a=b",
                Some("/api/models/bob/new/tree/main?a=b"),
            ),
            (
                "/datasets/ann/old.git/info/refs?x",
                Some("/datasets/bob/new.git/info/refs?x"),
            ),
            (
                "/ann/old/resolve/main/ann/old",
                Some("/bob/new/resolve/main/ann/old"),
            ),
            ("/api/spaces/ann/older", None),
            ("/api/spaces/ann%2Fold", None),
        ] {
            assert_eq!(found(path).as_deref(), expected, "{path}");
        }
    }
}
