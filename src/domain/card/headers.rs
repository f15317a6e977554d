//! The headers that a card has every answer of its Space carry.

use serde_json::Value;

use super::fields::Fields;
use super::values::plain;

/// As the Hub has them, with their values: they isolate a page from others, for `SharedArrayBuffer`. None reaches beyond the
/// Space's own origin.
const ALLOWED: [(&str, &[&str]); 3] = [
    (
        "cross-origin-embedder-policy",
        &["unsafe-none", "require-corp", "credentialless"],
    ),
    (
        "cross-origin-opener-policy",
        &["same-origin", "same-origin-allow-popups", "unsafe-none"],
    ),
    (
        "cross-origin-resource-policy",
        &["same-site", "same-origin", "cross-origin"],
    ),
];

// === impl Fields ===

impl Fields<'_> {
    /// Names in lower case and values, each of them allowed; what is not is said and left out.
    pub(super) fn custom_headers(&mut self) -> Vec<(String, String)> {
        let key = "custom_headers";
        let Some(Value::Object(map)) = self.get(key).cloned() else {
            if self.get(key).is_some() {
                let message = format!("`{key}` must be a list of `Name: value` lines");
                self.warn(key, message);
            }
            return Vec::new();
        };
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in &map {
            let lower = name.to_ascii_lowercase();
            let allowed = ALLOWED.iter().find(|(allowed, _)| *allowed == lower);
            let value_text = value.as_str().unwrap_or_default().trim();
            let shown = plain(&name.as_str().into());
            let message = match allowed {
                None => format!(
                    "`{key}`: `{shown}` is left out; allowed are {}",
                    ALLOWED.map(|(name, _)| format!("`{name}`")).join(", ")
                ),
                Some((_, values)) if !values.contains(&value_text) => format!(
                    "`{key}`: `{shown}: {}` is left out; it must be one of `{}`",
                    plain(value),
                    values.join("`, `")
                ),
                // Twice in other capitals is once.
                Some(_) => {
                    headers.retain(|(known, _)| *known != lower);
                    headers.push((lower, value_text.to_owned()));
                    continue;
                }
            };
            self.warn(key, message);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Card;

    #[test]
    fn only_what_isolates_a_page_is_taken() {
        let read = |sdk: &str, lines: &str| {
            let readme = format!("---\nsdk: {sdk}\ncustom_headers:{lines}\n---\n");
            let card = Card::parse(&readme).expect("valid");
            (card.custom_headers, card.warnings)
        };
        let (headers, warnings) = read(
            "static",
            "\n  Cross-Origin-Embedder-Policy: require-corp\n  cross-origin-opener-policy: same-origin",
        );
        assert_eq!(headers.len(), 2);
        let of_a_container = read("docker", "\n  cross-origin-opener-policy: same-origin");
        assert_eq!(of_a_container.0.len(), 1);
        assert!(warnings.is_empty(), "{warnings:?}");
        let expected = (
            "cross-origin-embedder-policy".to_owned(),
            "require-corp".to_owned(),
        );
        assert!(headers.contains(&expected));
        for (sdk, lines, word) in [
            ("static", "\n  Set-Cookie: a=b", "`Set-Cookie` is left out"),
            ("static", "\n  x-a: 1", "`x-a` is left out"),
            (
                "static",
                "\n  cross-origin-opener-policy: \"same-origin\\r\\nSet-Cookie: a=b\"",
                "must be one of",
            ),
            (
                "static",
                "\n  cross-origin-resource-policy: [same-site]",
                "must be one of",
            ),
            ("static", " [a]", "`Name: value`"),
            ("static", " x", "`Name: value`"),
            ("docker", "\n  x-frame-options: deny", "is left out"),
        ] {
            let (headers, warnings) = read(sdk, lines);
            assert!(headers.is_empty(), "{lines}");
            assert_eq!(warnings.len(), 1, "{lines}: {warnings:?}");
            assert_eq!(warnings[0].line, Some(3), "{lines}");
            assert!(warnings[0].message.contains(word), "{lines}: {warnings:?}");
        }
    }
}
