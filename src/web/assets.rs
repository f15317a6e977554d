//! The style sheet and the scripts, embedded.

use std::io::Write;
use std::sync::OnceLock;

use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, header};

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// One sheet for all pages; a later part may overrule an earlier one.
const STYLE: &str = concat!(
    include_str!("static/style/base.css"),
    include_str!("static/style/gallery.css"),
    include_str!("static/style/space.css"),
    include_str!("static/style/files.css"),
    include_str!("static/style/desk.css"),
    include_str!("static/style/documents.css"),
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

/// Each file as gzip has it, made once.
fn zipped(place: usize) -> &'static [u8] {
    static ZIPPED: OnceLock<[Vec<u8>; FILES.len()]> = OnceLock::new();
    &ZIPPED.get_or_init(|| FILES.map(|(_, _, text)| zip(text)))[place]
}

fn zip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// Whether a client reads gzip (RFC 9110 §12.5.3). One that says so with a weight of nothing does not.
fn reads_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let nothing = weight.trim().trim_start_matches("q=");
        name.trim().eq_ignore_ascii_case("gzip") && nothing.parse() != Ok(0.0)
    })
}

/// One of them, as it is sent; `None` where there is none of that name.
pub(super) fn asset(name: &str, headers: &HeaderMap) -> Option<Response> {
    let place = FILES.iter().position(|(known, _, _)| *known == name)?;
    let (_, kind, text) = FILES[place];
    let kept = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
    ];
    Some(match reads_gzip(headers) {
        true => {
            let coding = [(header::CONTENT_ENCODING, "gzip")];
            (kept, coding, zipped(place)).into_response()
        }
        false => (kept, text).into_response(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_is_zipped_is_the_same() {
        for (place, (name, _, text)) in FILES.into_iter().enumerate() {
            let mut unzipped = String::new();
            flate2::read::GzDecoder::new(zipped(place))
                .read_to_string(&mut unzipped)
                .expect("gzip");
            assert!(unzipped == text, "{name}");
        }
    }

    #[test]
    fn only_who_reads_gzip_is_sent_it() {
        for (output, reads) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, br", false),
            ("identity", false),
            ("", false),
        ] {
            let value = http::HeaderValue::from_static(output);
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]);
            assert_eq!(reads_gzip(&headers), reads, "{output}");
        }
    }
}
