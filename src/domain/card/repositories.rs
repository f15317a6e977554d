//! The models and datasets that a card names.

use serde_json::Value;

use super::fields::Fields;
use super::values::plain;
use crate::domain::{NamedRepository, RepoKind};

/// As many can be named.
const MOST: usize = 32;

/// Characters of a revision.
const REVISION: usize = 200;

// === impl Fields ===

impl Fields<'_> {
    /// `models` and `datasets` say what a Space uses, and name much that is not on this server, some of it in forms
    /// that only the Hub knows; `preload_from_hub` says what it needs: `OWNER/NAME`, then file names, which make no
    /// difference here, then a revision.
    pub(super) fn repositories(&mut self) -> Vec<NamedRepository> {
        let mut found = Vec::new();
        for text in self.texts("preload_from_hub", None) {
            match preloaded(&text) {
                Some(one) => found.push(one),
                None => {
                    let message = format!(
                        "`preload_from_hub: {}` must be `OWNER/NAME`, `OWNER/NAME FILE,FILE` or `OWNER/NAME FILE,FILE \
                         REVISION`",
                        plain(&text.into())
                    );
                    self.problem("preload_from_hub", message);
                }
            }
        }
        for (key, kind) in [("models", RepoKind::Model), ("datasets", RepoKind::Dataset)] {
            let named = self.texts(key, Some(','));
            let named = named.iter().filter_map(|text| text.parse().ok());
            for name in named {
                let one = NamedRepository {
                    kind,
                    name,
                    revision: None,
                };
                if !found
                    .iter()
                    .any(|other| other.kind == kind && other.name == one.name)
                {
                    found.push(one);
                }
            }
        }
        if found.len() > MOST {
            let message = format!(
                "`models`, `datasets` and `preload_from_hub` name {} repositories; at most {MOST} are allowed",
                found.len()
            );
            self.problem("models", message);
            found.clear();
        }
        found
    }

    /// What of a list is text. Text in the place of a list is one of its texts, or several, separated by `separator`.
    pub(super) fn texts(&self, key: &str, separator: Option<char>) -> Vec<String> {
        let own = |text: &str| text.trim().to_owned();
        match (self.get(key), separator) {
            (Some(Value::Array(list)), _) => {
                let texts = list.iter().filter_map(Value::as_str);
                texts.map(str::to_owned).collect()
            }
            (Some(Value::String(text)), Some(separator)) => {
                text.split(separator).map(own).collect()
            }
            (Some(Value::String(text)), None) => vec![own(text)],
            _ => Vec::new(),
        }
    }
}

fn preloaded(text: &str) -> Option<NamedRepository> {
    let mut words = text.split_whitespace();
    let name = words.next()?.parse().ok()?;
    let revision = words.nth(1).map(str::to_owned);
    let is_sound = |revision: &str| {
        revision.len() <= REVISION && !revision.starts_with('-') && !revision.contains("..")
    };
    if words.next().is_some() || !revision.as_deref().is_none_or(is_sound) {
        return None;
    }
    Some(NamedRepository {
        kind: RepoKind::Model,
        name,
        revision,
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::Card;

    fn named(yaml: &str) -> Result<Vec<String>, String> {
        let card = Card::parse(&format!("---\nsdk: docker\n{yaml}---\n"));
        let card = card.map_err(|error| error.text())?;
        let named = card.repositories.iter();
        Ok(named
            .map(|one| {
                let at = one.revision.as_deref().unwrap_or("main");
                format!("{} at {at}", one.folder())
            })
            .collect())
    }

    #[test]
    fn what_a_space_uses_is_named_once() {
        let yaml = "models: [ada/tiny, gpt2, ada/tiny]\ndatasets:\n- ada/tiny\npreload_from_hub:\n- ada/big a,b v1\n";
        let wanted = [
            "/models/ada/big at v1",
            "/models/ada/tiny at main",
            "/datasets/ada/tiny at main",
        ];
        assert_eq!(named(yaml).expect("valid"), wanted);
        let text = "models: ada/tiny, gpt2\ndatasets: ada/tiny\npreload_from_hub: ada/big a,b v1\n";
        assert_eq!(named(text).expect("valid"), wanted);
        // What the Hub lets stand there, whatever it is, keeps no Space from running.
        assert!(
            named("models: 7\ndatasets: {a: b}\n")
                .expect("valid")
                .is_empty()
        );
    }

    #[test]
    fn what_cannot_be_preloaded_is_said_with_its_line() {
        for bad in ["gpt2", "ada/tiny a b c", "ada/tiny a -b", "ada/../x", ""] {
            let text = named(&format!("preload_from_hub: ['{bad}']\n")).expect_err(bad);
            assert!(
                text.starts_with("README.md:3: `preload_from_hub:"),
                "{text}"
            );
        }
        let many: Vec<_> = (0..33).map(|number| format!("ada/m{number}")).collect();
        let text = named(&format!("models: [{}]\n", many.join(", "))).expect_err("too many");
        assert!(text.contains("at most 32"), "{text}");
    }
}
