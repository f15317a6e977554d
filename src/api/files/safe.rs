//! Sending strangers' files from the hub's own address without letting any of them act there.

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap,
    HeaderValue, X_CONTENT_TYPE_OPTIONS,
};

use super::quoted;
use crate::domain::is_safe_image;

/// Types that are text to read, beside `text/*`.
const TEXTS: [&str; 9] = [
    "application/json",
    "application/javascript",
    "application/xml",
    "application/xhtml+xml",
    "application/toml",
    "application/x-sh",
    "application/x-yaml",
    "application/yaml",
    "image/svg+xml",
];

/// The type under which a file is sent: a harmless picture as itself, anything readable as plain text, the rest as
/// bytes to be saved.
pub(super) fn safe_type(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let guess = mime_guess::from_path(name).first_raw();
    match guess {
        Some(kind) if is_safe_image(kind) => kind,
        Some(kind) if kind.starts_with("text/") || TEXTS.contains(&kind) => {
            "text/plain; charset=utf-8"
        }
        Some(_) => "application/octet-stream",
        // `LICENSE`, `Dockerfile`, `.gitignore`
        None if !name.trim_start_matches('.').contains('.') => "text/plain; charset=utf-8",
        None => "application/octet-stream",
    }
}

/// The headers that go with every file.
pub(in crate::api) fn add_headers(headers: &mut HeaderMap, path: &str, save: bool) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(safe_type(path)));
    // Should a browser show it as a page after all: an origin of its own, no scripts, nothing loaded.
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Whoever may see it today may not tomorrow; the tag makes asking again cheap.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let name = path.rsplit('/').next().unwrap_or(path);
    let how = if save { "attachment" } else { "inline" };
    // Quoting leaves nothing a header could not carry.
    if let Ok(value) = HeaderValue::from_str(&format!("{how}; filename*=UTF-8''{}", quoted(name))) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_runs() {
        for path in [
            "index.html",
            "a/b.HTML",
            "x.svg",
            "x.xhtml",
            "x.js",
            "x.mjs",
            "x.css",
            "x.json",
            "README.md",
            "LICENSE",
            ".gitignore",
        ] {
            assert_eq!(safe_type(path), "text/plain; charset=utf-8", "{path}");
        }
        for path in [
            "app.wasm",
            "x.pdf",
            "x.swf",
            "x.zip",
            "x.unknown",
            "x.tar.gz",
            "x.mp4",
        ] {
            assert_eq!(safe_type(path), "application/octet-stream", "{path}");
        }
        assert_eq!(safe_type("a.b/x.png"), "image/png");
    }

    proptest! {
        #[test]
        fn any_name_has_its_headers(path in any::<String>(), save in any::<bool>()) {
            let mut headers = HeaderMap::new();
            add_headers(&mut headers, &path, save);
            prop_assert_eq!(headers.len(), 5);
            let kind = headers[CONTENT_TYPE].to_str().expect("ascii");
            prop_assert!(!kind.contains("html") && !kind.contains("svg") && !kind.contains("script"));
        }
    }
}
