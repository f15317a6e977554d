//! Which documents there are, and where a link between two of them leads.

use std::borrow::Cow;

use crate::web::markdown::is_absolute;

/// A file of the repository that is a document.
pub(super) struct Source {
    /// The last part of its address.
    pub(super) name: &'static str,
    /// Where it is, from the repository's root.
    path: &'static str,
    /// What it is about, in a line.
    pub(super) about: &'static str,
    text: &'static str,
}

macro_rules! embed {
    ($name:literal, $path:literal, $about:literal) => {
        Source {
            name: $name,
            path: $path,
            about: $about,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)),
        }
    };
}

macro_rules! embed_image {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/deploy/docs/images/",
                $name
            )),
        )
    };
}

/// All of them, by who reads them.
pub(super) const GROUPS: &[(&str, &[Source])] = &[
    (
        "Using it",
        &[
            embed!(
                "overview",
                "README.md",
                "What Glasshouse is, and the first Space in a minute."
            ),
            embed!(
                "publishing",
                "deploy/docs/publishing.md",
                "With hf, glasshouse, Python, git or the browser."
            ),
            embed!(
                "card",
                "deploy/docs/card.md",
                "Every field at the top of a Space's README.md."
            ),
            embed!(
                "wasm-guests",
                "deploy/docs/wasm-guests.md",
                "Spaces of one WebAssembly file."
            ),
            embed!(
                "containers",
                "deploy/docs/containers.md",
                "Gradio, Streamlit and Dockerfile Spaces."
            ),
            embed!(
                "sign-in",
                "deploy/docs/sign-in.md",
                "Spaces that sign their visitors in."
            ),
            embed!(
                "models-and-datasets",
                "deploy/docs/models-and-datasets.md",
                "Repositories beside Spaces, and inside them."
            ),
            embed!(
                "visiting",
                "deploy/docs/visiting.md",
                "What wakes a Space, and what keeps it awake."
            ),
            embed!(
                "pages",
                "deploy/docs/pages.md",
                "What the browser shows, and what you can change there."
            ),
            embed!(
                "clients",
                "deploy/docs/clients.md",
                "Which clients work, and the API."
            ),
            embed!(
                "accounts",
                "deploy/docs/accounts.md",
                "People, tokens, signing in, organisations."
            ),
            embed!(
                "quotas",
                "deploy/docs/quotas.md",
                "Sizes, what owners may have, and what happens when it is full."
            ),
            embed!(
                "examples",
                "examples/README.md",
                "The Spaces that come with the program."
            ),
        ],
    ),
    (
        "Running a server",
        &[
            embed!(
                "deploying",
                "deploy/README.md",
                "With systemd or docker compose, containers, names."
            ),
            embed!(
                "configuration",
                "deploy/docs/configuration.md",
                "Where options come from, and which you will need."
            ),
            embed!(
                "options",
                "src/config.default.toml",
                "Every option with its default."
            ),
            embed!(
                "operating",
                "deploy/OPERATING.md",
                "Backups, upgrades, what to watch, what to do when something is wrong."
            ),
            embed!(
                "security",
                "deploy/docs/security.md",
                "How strangers' code is kept in."
            ),
            embed!(
                "security-policy",
                ".github/SECURITY.md",
                "What is promised, and how to report that it is broken."
            ),
            embed!(
                "changes",
                "deploy/CHANGELOG.md",
                "What changed between versions."
            ),
        ],
    ),
    (
        "Behind it",
        &[
            embed!(
                "decisions",
                "deploy/docs/decisions.md",
                "Why it is made as it is, and what was measured."
            ),
            embed!(
                "conformance",
                "tests/conformance/README.md",
                "Whether the quotas hold, measured."
            ),
            embed!("runtimes", "runtimes/README.md", "One folder for each SDK."),
            embed!(
                "contributing",
                ".github/CONTRIBUTING.md",
                "The inner loop, the map, what a change needs."
            ),
            embed!("tests", "tests/README.md", "What is tested, and with what."),
        ],
    ),
];

/// Pictures of the documents, by their names.
pub(super) const IMAGES: [(&str, &[u8]); 3] = [
    embed_image!("gallery.png"),
    embed_image!("space.png"),
    embed_image!("console.png"),
];

// === impl Source ===

impl Source {
    /// Its text as Markdown.
    pub(super) fn markdown(&self) -> Cow<'static, str> {
        match self.path.ends_with(".toml") {
            true => Cow::Owned(options(self.text)),
            false => Cow::Borrowed(self.text),
        }
    }

    /// Where a link or picture of it leads here; `None` for files of the repository that are not shown.
    pub(super) fn resolve(&self, address: &str) -> Option<String> {
        if is_absolute(address) || address.starts_with('#') {
            return Some(address.to_owned());
        }
        let (path, fragment) = match address.find('#') {
            Some(at) => address.split_at(at),
            None => (address, ""),
        };
        let mut parts: Vec<&str> = self.path.split('/').collect();
        parts.pop();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let path = parts.join("/");
        if let Some(name) = path.strip_prefix("deploy/docs/images/") {
            return Some(format!("/docs/images/{name}"));
        }
        let mut all = GROUPS.iter().flat_map(|(_, sources)| *sources);
        let source = all.find(|source| source.path == path)?;
        Some(format!("/docs/{}{fragment}", source.name))
    }
}

/// The file of options with a heading for each of its tables.
fn options(toml: &str) -> String {
    let mut text = "# Every option\n".to_owned();
    let mut present = "";
    for block in toml.trim().split("\n\n") {
        let table = block.lines().find(|line| line.starts_with('['));
        let table = table.map_or(present, |line| line.trim_matches(['[', ']']));
        if table != present {
            present = table;
            text += &format!("\n## {table}\n");
        }
        text += &format!("\n```toml\n{block}\n```\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str) -> &'static Source {
        let mut all = GROUPS.iter().flat_map(|(_, sources)| *sources);
        all.find(|source| source.path == path).expect("a document")
    }

    #[test]
    fn links_lead_to_documents_or_nowhere() {
        let card = source("deploy/docs/card.md");
        for (link, leads) in [
            (
                "containers.md#dockerfiles",
                Some("/docs/containers#dockerfiles"),
            ),
            ("../OPERATING.md", Some("/docs/operating")),
            ("../../README.md", Some("/docs/overview")),
            ("../../src/config.default.toml", Some("/docs/options")),
            ("images/gallery.png", Some("/docs/images/gallery.png")),
            ("#limits", Some("#limits")),
            ("https://example.org/a.md", Some("https://example.org/a.md")),
            ("../systemd/glasshouse.service", None),
            ("../../../../../etc/passwd", None),
        ] {
            assert_eq!(card.resolve(link).as_deref(), leads, "{link}");
        }
        let readme = source("README.md");
        assert_eq!(
            readme.resolve("deploy/docs/images/space.png").as_deref(),
            Some("/docs/images/space.png")
        );
    }

    #[test]
    fn each_table_of_options_has_a_heading() {
        let text =
            options("# All.\n\na = 1\n\n[b]\nc = 2\n\n# Sizes.\n[[d]]\ne = 3\n\n[[d]]\ne = 4\n");
        let headings: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(headings, ["## b", "## d"]);
        assert!(text.contains("## d\n\n```toml\n# Sizes.\n[[d]]"), "{text}");
    }
}
