//! The style sheet and the scripts, embedded.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header;

use super::PageError;

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// One sheet for all pages; a later part may overrule an earlier one.
const STYLE: &str = concat!(
    include_str!("static/style/base.css"),
    include_str!("static/style/gallery.css"),
    include_str!("static/style/space.css"),
    include_str!("static/style/files.css"),
    include_str!("static/style/desk.css"),
    include_str!("static/style/narrow.css"),
);

const FILES: [(&str, &str, &str); 6] = [
    ("style.css", CSS, STYLE),
    ("page.js", JS, include_str!("static/page.js")),
    ("gallery.js", JS, include_str!("static/gallery.js")),
    ("space.js", JS, include_str!("static/space.js")),
    ("logs.js", JS, include_str!("static/logs.js")),
    ("new.js", JS, include_str!("static/new.js")),
];

/// Changes whenever one of the files does; pages put it into their addresses, so that browsers may keep them.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hasher = blake3::Hasher::new();
        for (_, _, text) in FILES {
            hasher.update(text.as_bytes());
        }
        hasher.finalize().to_hex()[..12].to_owned()
    })
}

/// `GET /assets/{name}`
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, PageError> {
    let file = FILES.iter().find(|(known, _, _)| *known == name);
    let (_, kind, text) = file.ok_or(PageError::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, *text).into_response())
}
