//! Content codings (RFC 9110 §8.4): which one a visitor wants, and files in it.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Bytes;
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// A coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
}

/// Bodies that were made, of all sites, by the tag of what they are: they are made once and not for each visitor.
#[derive(Debug)]
pub(super) struct Made {
    bodies: Mutex<Bodies>,
    /// Who may wait for a turn, each with a file in memory.
    places: Semaphore,
    /// What compresses at once.
    turns: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Bodies {
    by_tag: HashMap<String, Bytes>,
    bytes: usize,
}

/// Bytes of bodies that are kept; past them all are forgotten.
const MAX_KEPT: usize = 64 << 20;

// === impl Coding ===

impl Coding {
    /// As headers say it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    pub(super) fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.word())
    }

    /// The one that a visitor likes best, if any.
    pub(super) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let (brotli, gzip) = (Self::Brotli.weight(headers), Self::Gzip.weight(headers));
        match (brotli, gzip) {
            (0, 0) => None,
            _ if brotli >= gzip => Some(Self::Brotli),
            _ => Some(Self::Gzip),
        }
    }

    pub(super) fn is_accepted(self, headers: &HeaderMap) -> bool {
        self.weight(headers) > 0
    }

    /// How much a visitor likes it, in thousandths.
    fn weight(self, headers: &HeaderMap) -> u32 {
        let lines = headers.get_all(ACCEPT_ENCODING).into_iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        let mut any = 0;
        for item in lines.flat_map(|line| line.split(',')) {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            let weight = weight.map_or(Ok(1.0), str::parse::<f32>);
            // What is no number is no wish; a cast takes what is below the bounds to them.
            let weight = weight.ok().filter(|weight| !weight.is_nan());
            let weight = (weight.unwrap_or_default().min(1.0) * 1000.0) as u32;
            let is_own = name.eq_ignore_ascii_case(self.word())
                || (self == Self::Gzip && name.eq_ignore_ascii_case("x-gzip"));
            if is_own {
                return weight;
            }
            if name == "*" {
                any = weight;
            }
        }
        any
    }

    fn code(self, plain: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Brotli => {
                let settings = BrotliEncoderParams {
                    quality: 5,
                    size_hint: plain.len(),
                    ..BrotliEncoderParams::default()
                };
                let mut coded = Vec::new();
                brotli::BrotliCompress(&mut &*plain, &mut coded, &settings)?;
                Ok(coded)
            }
            Self::Gzip => {
                let mut coder = GzEncoder::new(Vec::new(), Compression::default());
                coder.write_all(plain)?;
                coder.finish()
            }
        }
    }
}

// === impl Made ===

impl Default for Made {
    fn default() -> Self {
        Self {
            bodies: Mutex::default(),
            places: Semaphore::new(32),
            turns: Arc::new(Semaphore::new(2)),
        }
    }
}

impl Made {
    pub(super) fn get(&self, tag: &str) -> Option<Bytes> {
        self.bodies.lock().by_tag.get(tag).cloned()
    }

    /// Keeps what was made, and returns it.
    pub(super) fn keep(&self, tag: &str, bytes: Bytes) -> Bytes {
        let mut bodies = self.bodies.lock();
        if bodies.bytes.saturating_add(bytes.len()) > MAX_KEPT {
            *bodies = Bodies::default();
        }
        let old = bodies.by_tag.insert(tag.to_owned(), bytes.clone());
        bodies.bytes += bytes.len();
        bodies.bytes -= old.map_or(0, |old| old.len());
        bytes
    }

    /// The same in that coding, which `tag` names too; `None` when too many wait for theirs.
    pub(super) async fn coded(&self, tag: &str, coding: Coding, plain: Bytes) -> Option<Bytes> {
        let _place = self.places.try_acquire().ok()?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        // Somebody else may have asked for the same.
        if let Some(made) = self.get(tag) {
            return Some(made);
        }
        let work = move || {
            let _turn = turn;
            coding.code(&plain)
        };
        let coded = tokio::task::spawn_blocking(work).await.ok()?.ok()?;
        Some(self.keep(tag, coded.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_choose_the_coding() {
        for (accepts, wanted) in [
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip, deflate", Some(Coding::Gzip)),
            ("br;q=0.5, gzip;q=0.8", Some(Coding::Gzip)),
            ("br;q=0, *", Some(Coding::Gzip)),
            ("*;q=0", None),
            ("x-gzip", Some(Coding::Gzip)),
            ("identity", None),
            ("br;q=nan, gzip;q=-1", None),
            ("br;q=x, gzip; Q=0.1", Some(Coding::Gzip)),
            ("", None),
        ] {
            let value = HeaderValue::from_static(accepts);
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
            assert_eq!(Coding::wanted(&headers), wanted, "{accepts}");
        }
        assert_eq!(Coding::wanted(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn what_was_made_is_kept_within_bounds() {
        let made = Made::default();
        let plain = Bytes::from("text ".repeat(1000));
        let coded = made.coded("a-br", Coding::Brotli, plain.clone()).await;
        let coded = coded.expect("nobody else waits");
        assert!(coded.len() < plain.len() / 10);
        assert_eq!(made.get("a-br"), Some(coded));
        for index in 0..100 {
            made.keep(&index.to_string(), Bytes::from(vec![0; 1 << 20]));
            assert!(made.bodies.lock().bytes <= MAX_KEPT);
        }
        assert_eq!(made.get("a-br"), None);
    }
}
