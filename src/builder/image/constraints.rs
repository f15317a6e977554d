//! What an old release of an SDK must not be installed with: its own requirements name no upper bounds, and newer releases
//! of what it stands on break it.

use std::collections::HashSet;

use crate::domain::{Card, Sdk};

/// The first two numbers of a release.
type Version = (u32, u32);

/// Bounds by which releases of Gradio from one version up to another start and answer, as tried with Python 3.11.
const GRADIO: [(Version, Version, &[&str]); 3] = [
    (
        (0, 0),
        (5, 0),
        &[
            // Its queue asks for a schema of a request.
            "fastapi<0.113",
            // It imports `HfFolder`.
            "huggingface_hub<1",
            "numpy<2",
            "pandas<3",
            // It reads schemas that newer ones write otherwise.
            "pydantic<2.11",
        ],
    ),
    (
        (5, 0),
        (5, 9),
        &[
            "huggingface_hub<1",
            "pandas<3",
            "pydantic<2.11",
            // It renders its page by a call that has gone.
            "starlette<0.47",
        ],
    ),
    ((5, 9), (5, 23), &["pydantic<2.11"]),
];

/// The lines of a constraints file for pip: the release that a card asks for, and what it must not be installed with, but for
/// what the author's `lists` of requirements name themselves.
pub(super) fn constraints(card: &Card, lists: &[&[u8]]) -> String {
    let Some(version) = &card.sdk_version else {
        return String::new();
    };
    let mut lines = format!("{}=={version}\n", card.sdk.as_str());
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let named: HashSet<String> = lists.iter().flat_map(|list| names(list)).collect();
    let bounds = GRADIO
        .iter()
        .filter(|(from, to, _)| (*from..*to).contains(&version));
    let bounds = bounds.filter(|_| card.sdk == Sdk::Gradio);
    for bound in bounds.flat_map(|(_, _, bounds)| *bounds) {
        let name = bound.split('<').next().unwrap_or_default();
        if !named.contains(&normal(name)) {
            lines.push_str(bound);
            lines.push('\n');
        }
    }
    lines
}

/// The projects that a list of requirements names.
fn names(list: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(list);
    let begins = |line: &str| {
        let line = line.trim_start();
        let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
        normal(&line[..end.unwrap_or(line.len())])
    };
    text.lines().map(begins).collect()
}

/// Names of projects as they are compared (the packaging guide's *Names and normalization*).
fn normal(name: &str) -> String {
    let mut normal = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(card: &str, list: &str) -> Vec<String> {
        let card = Card::parse(&format!("---\n{card}\n---\n")).expect("valid");
        let lines = constraints(&card, &[list.as_bytes()]);
        lines.lines().map(str::to_owned).collect()
    }

    #[test]
    fn old_releases_are_kept_from_what_breaks_them() {
        let old = of("sdk: gradio\nsdk_version: 4.44.1", "");
        assert_eq!(old.len(), 6);
        assert_eq!(old[0], "gradio==4.44.1");
        assert!(old.contains(&"pydantic<2.11".to_owned()));
        assert!(of("sdk: gradio\nsdk_version: 5.0.0", "").contains(&"starlette<0.47".to_owned()));
        assert_eq!(of("sdk: gradio\nsdk_version: 5.9.1", "").len(), 2);
        for new in ["5.23.0", "5.49.1", "6.0.0"] {
            let card = format!("sdk: gradio\nsdk_version: {new}");
            assert_eq!(of(&card, ""), [format!("gradio=={new}")]);
        }
        assert!(of("sdk: gradio", "").is_empty());
        assert_eq!(of("sdk: streamlit\nsdk_version: 1.28.0", "").len(), 1);
    }

    #[test]
    fn what_an_author_names_is_theirs() {
        let own = of(
            "sdk: gradio\nsdk_version: 4.44.1",
            "# list\nPydantic==2.11.1\n Hugging.Face_Hub[cli]>=1 ; python_version > '3'\nfastapi\n",
        );
        assert_eq!(
            own,
            ["gradio==4.44.1", "huggingface_hub<1", "numpy<2", "pandas<3"]
        );
        let own = of(
            "sdk: gradio\nsdk_version: 3.50.2",
            "huggingface-hub\nnumpy>=2",
        );
        assert!(
            !own.iter()
                .any(|line| line.starts_with("huggingface") || line.starts_with("numpy"))
        );
    }
}
