//! Names of images, as the engine understands them, in full.

use std::fmt;

/// `REGISTRY/REPOSITORY`, and `:TAG` or `@DIGEST`.
///
/// In full, no engine takes it for the beginning of an image's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// The registry of names without one.
const USUAL: &str = "docker.io";

// === impl Reference ===

impl Reference {
    /// `None` for what is no name of an image.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let slash = name.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match name[slash..].find(':') {
            Some(at) => (&name[..slash + at], Some(&name[slash + at + 1..])),
            None => (name, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (first, rest)
            }
            _ => (USUAL, name),
        };
        let registry = match registry {
            "index.docker.io" => USUAL,
            registry => registry,
        };
        let repository = match registry == USUAL && !repository.contains('/') {
            true => format!("library/{repository}"),
            false => repository.to_owned(),
        };
        let digest_is_one = |digest: &str| {
            let digits = digest.strip_prefix("sha256:").unwrap_or_default();
            digits.len() == 64
                && digits
                    .bytes()
                    .all(|byte| b"0123456789abcdef".contains(&byte))
        };
        let fits = is_registry(registry)
            && repository.split('/').all(is_component)
            && registry.len() + repository.len() < 255
            && tag.is_none_or(is_tag)
            && digest.is_none_or(digest_is_one);
        fits.then(|| Self {
            registry: registry.to_owned(),
            repository,
            tag: match (tag, digest) {
                (None, None) => Some("latest".to_owned()),
                (tag, _) => tag.map(str::to_owned),
            },
            digest: digest.map(str::to_owned),
        })
    }

    /// Host and perhaps port.
    pub(super) fn registry(&self) -> Option<&str> {
        (self.registry != USUAL).then_some(self.registry.as_str())
    }

    /// Whether the engine says that an image bears this name, in one of those names or digests that it lists.
    pub(super) fn is_among(&self, tags: &[String], digests: &[String]) -> bool {
        match &self.digest {
            Some(_) => digests.iter().any(|name| {
                Self::parse(name)
                    .is_some_and(|found| found.is_of(self) && found.digest == self.digest)
            }),
            None => tags.iter().any(|name| {
                Self::parse(name).is_some_and(|found| found.is_of(self) && found.tag == self.tag)
            }),
        }
    }

    /// Whether an image was got from this one's repository, by the digests that the engine lists.
    pub(super) fn was_fetched(&self, digests: &[String]) -> bool {
        let mut found = digests.iter().filter_map(|name| Self::parse(name));
        found.any(|found| found.is_of(self) && found.digest.is_some())
    }

    /// Whether it fits a pattern of names, in which `*` stands for anything.
    pub(super) fn fits(&self, pattern: &str) -> bool {
        let full = self.to_string();
        let usual = full.strip_prefix("docker.io/").unwrap_or(&full);
        let short = usual.strip_prefix("library/").unwrap_or(usual);
        [full.as_str(), usual, short]
            .iter()
            .any(|name| matches(pattern.as_bytes(), name.as_bytes()))
    }

    fn is_of(&self, other: &Self) -> bool {
        self.registry == other.registry && self.repository == other.repository
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "443"));
    let part = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty()
            && part.bytes().all(inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    host.split('.').all(part) && port.parse::<u16>().is_ok()
}

/// Lower-case letters and digits, with single separators between them.
fn is_component(text: &str) -> bool {
    let inner =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(edge) && text.ends_with(edge) && text.bytes().all(inner)
}

fn is_tag(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with(['.', '-'])
}

/// `*` stands for any number of characters.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
        Some((first, rest)) => text
            .split_first()
            .is_some_and(|(found, text)| found == first && matches(rest, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_full() {
        let id = "0".repeat(64);
        for (text, expected) in [
            ("debian", Some("docker.io/library/debian:latest".to_owned())),
            (
                "library/debian:12",
                Some("docker.io/library/debian:12".to_owned()),
            ),
            (
                "index.docker.io/a/b",
                Some("docker.io/a/b:latest".to_owned()),
            ),
            ("ghcr.io/a/b:1", Some("ghcr.io/a/b:1".to_owned())),
            (
                "localhost:5000/a",
                Some("localhost:5000/a:latest".to_owned()),
            ),
            (
                "abcdef012345",
                Some("docker.io/library/abcdef012345:latest".to_owned()),
            ),
            (
                "sha256:abcdef",
                Some("docker.io/library/sha256:abcdef".to_owned()),
            ),
            (
                &format!("a@sha256:{id}"),
                Some(format!("docker.io/library/a@sha256:{id}")),
            ),
            ("a:1@sha256:0", None),
            (&format!("@sha256:{id}"), None),
            ("", None),
            ("Debian", None),
            ("a//b", None),
            ("-a", None),
            ("a:", None),
            ("a b", None),
            ("a\u{a0}b", None),
            ("../a", None),
            ("http://a/b", None),
        ] {
            assert_eq!(
                Reference::parse(text).map(|name| name.to_string()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn an_image_is_known_by_its_name_and_not_by_its_id() {
        let name = |text: &str| Reference::parse(text).expect("a name");
        let digests = [format!("debian@sha256:{}", "a".repeat(64))];
        let tags = ["debian:12".to_owned(), "<none>:<none>".to_owned()];
        assert!(name("docker.io/library/debian:12").is_among(&tags, &digests));
        assert!(name(&digests[0]).is_among(&tags, &digests));
        assert!(name("debian:11").was_fetched(&digests));
        for other in ["abcdef", "debian:11", "ghcr.io/library/debian:12"] {
            assert!(!name(other).is_among(&tags, &digests), "{other}");
        }
        assert!(!name("other").was_fetched(&digests));
    }

    #[test]
    fn patterns_are_of_names_as_people_write_them() {
        let name = Reference::parse("python:3.11-slim").expect("a name");
        for pattern in [
            "python:*",
            "python:3.11-slim",
            "docker.io/*",
            "*",
            "library/python:3*slim",
        ] {
            assert!(name.fits(pattern), "{pattern}");
        }
        for pattern in ["python", "ython:*", "ghcr.io/*", ""] {
            assert!(!name.fits(pattern), "{pattern}");
        }
    }
}
