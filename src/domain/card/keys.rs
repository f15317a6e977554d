//! The keys of a card, and what is said of those that do nothing here.

use std::collections::HashSet;

use serde_json::Value;

use super::fields::Fields;
use super::reference::{FIELDS, State};
use super::values::{is_near, letters, plain};
use crate::domain::CardProblem;

/// Fields that are lists.
const LISTS: [&str; 3] = ["tags", "models", "datasets"];

/// A shorter key is too near to too many others.
const LEAST_LETTERS: usize = 4;

/// As many are named; strangers write cards.
const MOST: usize = 20;

// === impl Fields ===

impl Fields<'_> {
    /// Says what its author may take for read and is not, or not as it is written.
    pub(super) fn look_at_keys(&mut self) {
        let head = self.head;
        let mut seen = HashSet::new();
        for key in head.keys() {
            let name = plain(&key.name.into());
            let message = if !seen.insert(key.name) {
                format!("`{name}` is given twice; the last one counts")
            } else if let Some(meant) = meant(key.name) {
                format!(
                    "`{name}` is not a field of the card and has no effect; is `{meant}` meant?"
                )
            } else {
                continue;
            };
            let line = Some(key.line);
            self.warnings.push(CardProblem { line, message });
        }
        for key in LISTS {
            if let Some(Value::String(text)) = self.get(key) {
                let text = plain(&text.as_str().into());
                let message = format!("`{key}: {text}` must be a list: `{key}: [{text}]`");
                self.warn(key, message);
            }
        }
        for field in FIELDS {
            if let State::NoEffect(why) = field.state
                && self.get(field.name).is_some_and(|value| !is_nothing(value))
            {
                self.warn(
                    field.name,
                    format!("`{}` has no effect here: {why}", field.name),
                );
            }
        }
        self.warnings.sort_by_key(|problem| problem.line);
        self.warnings.truncate(MOST);
    }
}

/// The field that a key which is none is nearly the name of.
fn meant(key: &str) -> Option<&'static str> {
    let names = || FIELDS.iter().map(|field| field.name);
    // No longer one is near to any.
    if key.len() > 60 || names().any(|name| name == key) {
        return None;
    }
    let own = letters(key);
    let near = |name: &&str| {
        let name = letters(name);
        own.len() >= LEAST_LETTERS - 1
            && name.len() >= LEAST_LETTERS
            && name.len().abs_diff(own.len()) <= 1
            && strsim::osa_distance(&own, &name) <= 1
    };
    let same = names().find(|name| is_near(key, name));
    same.or_else(|| names().find(near))
}

/// What asks for nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Card;

    #[test]
    fn near_misses_are_known() {
        for (key, field) in [
            ("python-version", "python_version"),
            ("App_File", "app_file"),
            ("SDK", "sdk"),
            ("SdkVersion", "sdk_version"),
            ("app port", "app_port"),
            ("app_flie", "app_file"),
            ("tag", "tags"),
            ("model", "models"),
            ("colourFrom", "colorFrom"),
        ] {
            assert_eq!(meant(key), Some(field), "{key}");
        }
        for key in [
            "python_version",
            "language",
            "license_name",
            "base_model",
            "library_name",
            "pipeline_tag",
            "task_categories",
            "author",
            "sd",
            "x",
        ] {
            assert_eq!(meant(key), None, "{key}");
        }
    }

    #[test]
    fn what_is_not_read_is_said_with_its_line() {
        let warnings = |lines: &str| {
            let card = Card::parse(&format!("---\n{lines}\n---\n")).expect("valid");
            let texts: Vec<_> = card.warnings.iter().map(CardProblem::text).collect();
            texts.join("\n")
        };
        assert_eq!(
            warnings("sdk: docker\ntags: [a]\nlicense: mit\nfullWidth: false\nhf_oauth: false"),
            ""
        );
        for (lines, line, word) in [
            ("sdk: Gradio", 2, "`sdk: gradio`"),
            ("sdk: docker\napp_file: app.py", 3, "`Dockerfile`"),
            ("sdk: gradio\npython-version: 3.11", 3, "`python_version`"),
            ("title: a\nsdk: static\ntitle: b", 4, "twice"),
            ("sdk: static\ntags: a, b", 3, "`tags: [a, b]`"),
            ("sdk: gradio\nheader: mini", 3, "no effect here"),
            ("sdk: gradio\napp_port: 8080", 3, "listens on port 7860"),
        ] {
            let text = warnings(lines);
            assert!(
                text.starts_with(&format!("README.md:{line}: ")),
                "{lines}: {text}"
            );
            assert!(text.contains(word), "{lines}: {text}");
            assert_eq!(text.lines().count(), 1, "{lines}: {text}");
        }
    }
}
