//! SDKs in Python: folders under `runtimes/`, each with a Dockerfile that is the same for every Space.
//!
//! Nothing of a Space becomes part of that text. What it asks for arrives as the value of a build argument, and its
//! lists of packages as files; so there is nothing to escape, and layers are shared between the Spaces of an owner.

use rust_embed::RustEmbed;

use super::constraints::constraints;
use crate::domain::{BuildError, Card, Revision, Sdk};
use crate::repo::{Repo, RepoError};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/runtimes"]
#[include = "*/Dockerfile"]
#[include = "*/preinstalled.Dockerfile"]
#[include = "*/runtime.toml"]
struct Runtimes;

/// A Dockerfile and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    /// The text of the Dockerfile.
    pub(super) dockerfile: String,
    /// Build arguments.
    pub(super) args: Vec<(String, String)>,
    /// Files for the context, beside the Space's own in `app/`.
    pub(super) setup: Vec<(String, Vec<u8>)>,
}

/// The Python of a Space whose card names none.
const PYTHON: &str = "3.11";

/// Lists of packages are read whole; the longest, in bytes.
const MAX_LIST: u64 = 1 << 20;

/// What of a Space's a step of a recipe installs, or else what it is about.
pub(super) fn subject(step: &str) -> &'static str {
    let subjects = [
        ("/pre-requirements.txt", "pre-requirements.txt"),
        ("/requirements.txt", "requirements.txt"),
        ("/packages.txt", "packages.txt"),
        ("$SDK_VERSION", "README.md: `sdk_version`"),
        ("$PYTHON_VERSION", "README.md: `python_version`"),
    ];
    let found = subjects.iter().find(|(part, _)| step.contains(part));
    found.map_or("the SDK of this Space", |(_, subject)| subject)
}

/// The recipe for a card. `base_image` is the operator's, with `{python_version}` in it or not.
///
/// # Errors
/// When a list of packages is not one. The inner error is the author's.
pub(super) fn recipe(
    repo: &Repo,
    revision: &Revision,
    card: &Card,
    base_image: &str,
) -> Result<Result<Recipe, BuildError>, RepoError> {
    let packages = list(repo, revision, "packages.txt")?;
    let packages = match packages_text(&packages) {
        Ok(packages) => packages,
        Err(message) => return Ok(Err(BuildError::author(message))),
    };
    let before = list(repo, revision, "pre-requirements.txt")?;
    let requirements = list(repo, revision, "requirements.txt")?;
    let constraints = constraints(card, &[&before, &requirements]);
    let setup = vec![
        ("setup/constraints.txt".to_owned(), constraints.into_bytes()),
        ("setup/packages.txt".to_owned(), packages.into_bytes()),
        ("setup/pre-requirements.txt".to_owned(), before),
        ("setup/requirements.txt".to_owned(), requirements),
    ];
    let name = format!("{}/Dockerfile", card.sdk.as_str());
    let Some(dockerfile) = Runtimes::get(&name) else {
        return Ok(Err(BuildError::server(format!(
            "runtimes/{name} is not part of this server"
        ))));
    };
    Ok(Ok(Recipe {
        dockerfile: String::from_utf8_lossy(&dockerfile.data).into_owned(),
        setup,
        args: args(card, base_image),
    }))
}

/// The Dockerfile of what apps of an SDK expect to find; `None` for one whose apps expect nothing.
pub(super) fn preinstalled(sdk: Sdk) -> Option<String> {
    let file = Runtimes::get(&format!("{}/preinstalled.Dockerfile", sdk.as_str()))?;
    String::from_utf8(file.data.into_owned()).ok()
}

fn base(base_image: &str, card: &Card) -> String {
    let python = card.python_version.as_deref().unwrap_or(PYTHON);
    base_image.replace("{python_version}", python)
}

fn args(card: &Card, base_image: &str) -> Vec<(String, String)> {
    let given = [
        ("BASE_IMAGE", Some(base(base_image, card))),
        ("PYTHON_VERSION", card.python_version.clone()),
        ("SDK_VERSION", card.sdk_version.clone()),
        ("APP_FILE", Some(card.app_file.clone())),
    ];
    let given = given.into_iter();
    given
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// The file of that name, or nothing.
fn list(repo: &Repo, revision: &Revision, name: &str) -> Result<Vec<u8>, RepoError> {
    match repo.read(revision, name, MAX_LIST) {
        Ok(bytes) => Ok(bytes),
        Err(RepoError::EntryNotFound(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The names of Debian packages, one a line, out of the lines of `packages.txt`: each with `=VERSION` at most, so that
/// none is an option, a path or a removal. Comments are left out.
fn packages_text(text: &[u8]) -> Result<String, String> {
    let text = str::from_utf8(text).map_err(|_| "packages.txt: the file is not valid UTF-8")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut packages = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or(line);
        for name in line.split_whitespace() {
            if !is_package(name) {
                let shown: String = name.chars().take(60).collect();
                return Err(format!(
                    "packages.txt:{}: `{}` is not the name of a Debian package, such as `ffmpeg` or `libgl1=1.6.0-1`",
                    index + 1,
                    shown.escape_debug()
                ));
            }
            packages.push_str(name);
            packages.push('\n');
        }
    }
    Ok(packages)
}

/// Debian policy 5.6.1 and 5.6.12: a name of lower-case letters, digits, `+`, `-` and `.`, and perhaps `=` and a version.
fn is_package(text: &str) -> bool {
    let (name, version) = match text.split_once('=') {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    };
    let named =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    let versioned = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.~:".contains(&byte);
    (2..=100).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(named)
        // `apt-get install NAME-` removes it.
        && !name.ends_with('-')
        && version.is_none_or(|version| {
            version.starts_with(|c: char| c.is_ascii_digit())
                && version.len() <= 100
                && version.bytes().all(versioned)
                && !version.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::dockerfile;
    use super::*;

    fn file(path: &str) -> String {
        let file = Runtimes::get(path).expect("embedded");
        String::from_utf8(file.data.into_owned()).expect("text")
    }

    #[test]
    fn recipes_are_dockerfiles_that_build_on_the_base_image_only() {
        for sdk in [Sdk::Gradio, Sdk::Streamlit] {
            let text = file(&format!("{}/Dockerfile", sdk.as_str()));
            let args = [("BASE_IMAGE".to_owned(), "debian:12".to_owned())];
            let needs = dockerfile::read(&text, &args).expect("readable");
            let images = needs.images.iter().map(|image| image.name.to_string());
            assert_eq!(images.collect::<Vec<_>>(), ["docker.io/library/debian:12"]);
            assert!(needs.added.is_empty());
            let found = [dockerfile::Found {
                id: "sha256:0".into(),
                shell: Vec::new(),
                user: String::new(),
                environment: Vec::new(),
                triggers: Vec::new(),
            }];
            let mut parts = needs.parts(&found, "owner", &args).expect("readable");
            let (mut subjects, mut left) = (HashSet::new(), None);
            loop {
                let steps = match parts.next(left).expect("short") {
                    dockerfile::Part::Piece(piece) if piece.is_last => break,
                    dockerfile::Part::Piece(piece) => piece.steps,
                    dockerfile::Part::Run(run) => vec![Some(run.step)],
                };
                let steps = steps.iter().flatten();
                subjects.extend(steps.map(|step| subject(&step.text).to_owned()));
                left = Some(dockerfile::Left {
                    id: "sha256:1".into(),
                    ..dockerfile::Left::default()
                });
            }
            assert_eq!(subjects.len(), 6, "{subjects:?}");
            assert!(text.contains(&format!("EXPOSE {}\n", sdk.default_port())));
            let text = preinstalled(sdk).expect("there");
            let needs = dockerfile::read(&text, &args).expect("readable");
            assert_eq!(needs.images.len(), 1);
            assert!(needs.added.is_empty() && !text.contains("\nCOPY"));
        }
    }

    #[test]
    fn what_a_folder_says_of_its_sdk_is_so() {
        for sdk in Sdk::ALL {
            let text = file(&format!("{}/runtime.toml", sdk.as_str()));
            let mut lines = vec![
                format!("name = \"{}\"", sdk.as_str()),
                format!("app_file = \"{}\"", sdk.default_app_file()),
            ];
            if sdk.is_container() {
                lines.push(format!("port = {}", sdk.default_port()));
            }
            for line in lines {
                assert!(text.lines().any(|found| found == line), "{line}");
            }
        }
    }

    #[test]
    fn cards_become_values_of_arguments() {
        let card = |lines: &str| Card::parse(&format!("---\n{lines}\n---\n")).expect("valid");
        let silent = card("sdk: gradio");
        assert_eq!(
            base("python:{python_version}-slim", &silent),
            "python:3.11-slim"
        );
        let names = |card: &Card| -> Vec<String> {
            let args = args(card, "own:1");
            args.into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()
        };
        assert_eq!(names(&silent), ["BASE_IMAGE=own:1", "APP_FILE=app.py"]);
        let hostile = card("sdk: gradio\napp_file: \"x.py; rm -rf $HOME`id`\\nRUN true\"");
        assert_eq!(
            names(&hostile)[1],
            "APP_FILE=x.py; rm -rf $HOME`id`\nRUN true"
        );
    }

    #[test]
    fn packages_are_names_and_nothing_else() {
        let text = "# tools\nffmpeg\n g++ libgl1=1.6.0-1  # two\r\n\n";
        assert_eq!(
            packages_text(text.as_bytes()).as_deref(),
            Ok("ffmpeg\ng++\nlibgl1=1.6.0-1\n")
        );
        for bad in [
            "-o=Dpkg::Pre-Invoke::=id",
            "--allow-unauthenticated",
            "ffmpeg-",
            "./evil.deb",
            "/tmp/x.deb",
            "$(id)",
            "a;id",
            "a`id`",
            "a\"b",
            "ffmpeg=-x",
            "x",
            "ffmpeg/unstable",
            "FFMPEG",
        ] {
            let problem = packages_text(format!("ok\n{bad}\n").as_bytes()).expect_err(bad);
            assert!(problem.starts_with("packages.txt:2: "), "{problem}");
        }
        assert!(packages_text(&[0xff]).is_err());
    }

    proptest! {
        #[test]
        fn no_list_of_packages_says_anything_to_a_shell(text in "\\PC{0,80}") {
            if let Ok(packages) = packages_text(text.as_bytes()) {
                for name in packages.lines() {
                    prop_assert!(!name.starts_with('-') && !name.ends_with('-'));
                    prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.~:=".contains(&byte)));
                }
            }
        }
    }
}
