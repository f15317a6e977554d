//! What is known of a file of a site: it is found out once, for the files of a site never change.

use axum::body::Body;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::BodyExt;

use super::charset;
use super::coding::Coding;

/// A file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Of what it holds.
    pub(super) tag: String,
    /// Whether its type says in which charset it is.
    pub(super) says_charset: bool,
    kind: String,
    length: u64,
    /// The coding it lies in, by its name.
    coding: Option<Coding>,
    /// Whether a visitor that does not ask for that coding is told of it nevertheless: the file is nothing without it.
    always: bool,
}

/// A file as it lies in its folder, for one visitor.
pub(super) struct AsItLies {
    pub(super) kind: HeaderValue,
    pub(super) coding: Option<Coding>,
    /// Of its tag.
    pub(super) suffix: &'static str,
}

/// Bytes of a file whose tag is made of what it holds; that of a larger one is of the site it is in.
const MAX_HASHED: u64 = 64 << 20;

/// Bytes of a file that is coded, or told something, in memory.
const MAX_MADE: u64 = 2 << 20;

/// A smaller file is one packet anyhow.
const MIN_CODED: u64 = 1024;

/// Types of files that bundlers and engines compress themselves, and that nothing but a browser reads.
const CODED: [&str; 7] = ["css", "data", "html", "js", "mjs", "svg", "wasm"];

// === impl Content ===

impl Content {
    /// Reads a file. `site` names the folder it is in by its content.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn look(
        path: &str,
        site: &str,
        response: Response<Body>,
    ) -> Result<Self, axum::Error> {
        let (guessed, length) = said(response.headers());
        let mut hasher = blake3::Hasher::new();
        if length > MAX_HASHED {
            hasher.update(site.as_bytes()).update(path.as_bytes());
        }
        let mut beginning = None;
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame?.into_data() else {
                continue;
            };
            beginning.get_or_insert_with(|| piece.clone());
            if length > MAX_HASHED {
                break;
            }
            hasher.update(&piece);
        }
        let beginning = beginning.unwrap_or_default();
        let (kind, coding, always) = kind_of(path, &guessed, &beginning);
        let charset = match coding {
            None => charset::of(&kind, &beginning),
            Some(_) => None,
        };
        Ok(Self {
            tag: hasher.finalize().to_hex()[..32].to_owned(),
            says_charset: charset.is_some(),
            kind: match charset {
                Some(charset) => format!("{kind}; charset={charset}"),
                None => kind,
            },
            length,
            coding,
            always,
        })
    }

    /// Whether it is a page that can be told something.
    pub(super) fn takes_script(&self) -> bool {
        self.kind.starts_with("text/html")
            && !self.kind.ends_with("utf-16")
            && self.coding.is_none()
            && self.length <= MAX_MADE
    }

    /// Whether it is text that is worth the work.
    pub(super) fn is_worth_coding(&self) -> bool {
        let kind = self.kind.split(';').next().unwrap_or_default();
        let is_text = charset::is_text(kind)
            || matches!(kind, "application/wasm" | "image/bmp" | "image/x-icon")
            || kind.ends_with("+json")
            || kind.ends_with("+xml");
        self.coding.is_none() && is_text && (MIN_CODED..=MAX_MADE).contains(&self.length)
    }

    /// Whether the answer depends on what codings a visitor takes.
    pub(super) fn depends_on_coding(&self) -> bool {
        self.is_worth_coding() || (self.coding.is_some() && !self.always)
    }

    /// What a visitor is told of the file's bytes.
    pub(super) fn shown_to(&self, headers: &HeaderMap) -> AsItLies {
        let known = |kind: &str| {
            let unknown = HeaderValue::from_static("application/octet-stream");
            HeaderValue::try_from(kind).unwrap_or(unknown)
        };
        match self.coding {
            Some(coding) if !self.always && !coding.is_accepted(headers) => AsItLies {
                kind: known(match coding {
                    Coding::Gzip => "application/gzip",
                    Coding::Brotli => "application/octet-stream",
                }),
                coding: None,
                suffix: "-raw",
            },
            coding => AsItLies {
                kind: known(&self.kind),
                coding,
                suffix: "",
            },
        }
    }
}

/// The type of a file and its length in bytes, as its answer says them.
fn said(headers: &HeaderMap) -> (String, u64) {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let kind = text(CONTENT_TYPE).unwrap_or("application/octet-stream");
    let length = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    (kind.to_owned(), length.unwrap_or(u64::MAX))
}

/// Type and coding of a file, and whether that coding is part of the type.
fn kind_of(path: &str, guessed: &str, beginning: &[u8]) -> (String, Option<Coding>, bool) {
    let name = path.rsplit('/').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    let coding = match ending {
        // TypeScript, or one packet of 188 bytes after the other.
        "ts" => {
            let is_video = [0, 188]
                .iter()
                .all(|at| beginning.get(*at).is_none_or(|byte| *byte == 0x47));
            let is_video = is_video && !beginning.is_empty();
            let kind = if is_video { "video/mp2t" } else { "text/plain" };
            return (kind.to_owned(), None, false);
        }
        "svgz" => return ("image/svg+xml".to_owned(), Some(Coding::Gzip), true),
        "br" => Coding::Brotli,
        "gz" => Coding::Gzip,
        _ => return (guessed.to_owned(), None, false),
    };
    let inner = stem.rsplit_once('.').map(|(_, inner)| inner);
    match inner.filter(|inner| CODED.contains(inner)) {
        Some(inner) => {
            let kind = mime_guess::from_ext(inner).first_raw();
            let kind = kind.unwrap_or("application/octet-stream");
            (kind.to_owned(), Some(coding), false)
        }
        None => (guessed.to_owned(), None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_known_by_what_they_hold() {
        let look = async |path: &str, site: &str, text: &'static str, length: &str| {
            let response = Response::builder()
                .header(CONTENT_TYPE, "text/plain")
                .header(CONTENT_LENGTH, length)
                .body(Body::from(text))
                .expect("a response");
            Content::look(path, site, response).await.expect("read")
        };
        let one = look("/a", "site", "text", "4").await;
        assert_eq!(one.tag, look("/b", "another", "text", "4").await.tag);
        assert_ne!(one.tag, look("/a", "site", "texT", "4").await.tag);
        assert_eq!(one.kind, "text/plain; charset=utf-8");
        let large = look("/a", "site", "text", "999999999").await;
        assert_eq!(large, look("/a", "site", "text", "999999999").await);
        let changed = look("/a", "another", "text", "999999999").await;
        assert_ne!(large.tag, changed.tag);
    }

    #[test]
    fn types_are_those_of_a_careful_server() {
        let packets = [[0x47; 188], [0x47; 188]].concat();
        for (path, beginning, kind, coding) in [
            ("/a/seg.ts", &packets[..], "video/mp2t", None),
            ("/a/main.ts", b"const a = 1", "text/plain", None),
            ("/empty.ts", b"", "text/plain", None),
            ("/A.SVGZ", b"", "image/svg+xml", Some(Coding::Gzip)),
            ("/b.js.br", b"", "text/javascript", Some(Coding::Brotli)),
            ("/b.wasm.gz", b"", "application/wasm", Some(Coding::Gzip)),
            (
                "/b.data.br",
                b"",
                "application/octet-stream",
                Some(Coding::Brotli),
            ),
            // Programs read these themselves.
            ("/rows.csv.gz", b"", "guessed", None),
            ("/all.tar.gz", b"", "guessed", None),
            ("/images.gz", b"", "guessed", None),
            ("/x.br/plain", b"", "guessed", None),
        ] {
            let (found, coded, _) = kind_of(path, "guessed", beginning);
            assert_eq!((found.as_str(), coded), (kind, coding), "{path}");
        }
    }
}
