//! What a new repository holds before its owner has put anything there, and what a Space is whose card says nothing yet.

use super::{Card, RepoKind, Sdk, ShortName};

/// Patterns of files that are kept apart from commits at any size, as the Hub's new repositories list them.
const LARGE: [&str; 34] = [
    "*.7z",
    "*.arrow",
    "*.bin",
    "*.bz2",
    "*.ckpt",
    "*.ftz",
    "*.gz",
    "*.h5",
    "*.joblib",
    "*.lfs.*",
    "*.mlmodel",
    "*.model",
    "*.msgpack",
    "*.npy",
    "*.npz",
    "*.onnx",
    "*.ot",
    "*.parquet",
    "*.pb",
    "*.pickle",
    "*.pkl",
    "*.pt",
    "*.pth",
    "*.rar",
    "*.safetensors",
    "saved_model/**/*",
    "*.tar.*",
    "*.tar",
    "*.tflite",
    "*.tgz",
    "*.xz",
    "*.zip",
    "*.zst",
    "*tfevents*",
];

/// Of models and datasets. A Space's is its app, which a clone without git-lfs should hold.
const LARGE_ELSEWHERE: [&str; 1] = ["*.wasm"];

/// What the Hub adds for datasets: sounds, pictures, films.
const LARGE_IN_DATASETS: [&str; 22] = [
    "*.aac", "*.avro", "*.bmp", "*.flac", "*.gif", "*.jpeg", "*.jpg", "*.lz4", "*.mds", "*.mp3",
    "*.mp4", "*.ogg", "*.pcm", "*.png", "*.raw", "*.sam", "*.tif", "*.tiff", "*.wav", "*.webm",
    "*.webp", "*.avi",
];

/// Files that tell what a folder is, the surest first.
const TELLING: [Sdk; 4] = [Sdk::Docker, Sdk::Wasi, Sdk::Gradio, Sdk::Static];

/// The text below a first card.
const BELOW: &str = "\nThis card was created with the Space. Until you edit it, an `index.html`, `app.wasm`, `app.py` or `Dockerfile`\n\
                     in the Space decides how it runs.\n";

/// The text that is below first cards of Spaces made by earlier versions.
const BELOW_EARLIER: &str = "\nThis card was made with the Space. Until somebody changes it, the files decide where they can: `app.py`, \
                             `index.html`,\n`app.wasm` or a `Dockerfile` is run as what it is.\n";

/// The files of a new repository: `.gitattributes`, and a Space's card, which says `sdk`.
pub fn first_files(kind: RepoKind, name: &ShortName, sdk: Sdk) -> Vec<(&'static str, String)> {
    let mut files = vec![(".gitattributes", attributes(kind))];
    if kind == RepoKind::Space {
        files.push(("README.md", card(&title(name.as_str()), sdk)));
    }
    files
}

/// Whether a file is one of [`first_files`], untouched.
pub fn is_first_file(path: &str, text: &str) -> bool {
    match path {
        ".gitattributes" => [RepoKind::Space, RepoKind::Model, RepoKind::Dataset]
            .into_iter()
            .any(|kind| attributes(kind) == text),
        "README.md" => is_first_card(text),
        _ => false,
    }
}

/// Whether a README is as it was made with its Space.
pub fn is_first_card(readme: &str) -> bool {
    let title = readme
        .strip_prefix("---\ntitle: \"")
        .and_then(|rest| rest.split_once('"'));
    let is_made = |title: &str, sdk: Sdk| {
        let below = [BELOW, BELOW_EARLIER];
        below
            .iter()
            .any(|below| card_above(title, sdk, below) == readme)
    };
    title.is_some_and(|(title, _)| Sdk::ALL.iter().any(|sdk| is_made(title, *sdk)))
}

fn attributes(kind: RepoKind) -> String {
    let more: &[&str] = match kind {
        RepoKind::Space => &[],
        RepoKind::Model => &LARGE_ELSEWHERE,
        RepoKind::Dataset => &LARGE_IN_DATASETS,
    };
    let patterns = LARGE.iter().chain(more);
    patterns
        .map(|pattern| format!("{pattern} filter=lfs diff=lfs merge=lfs -text\n"))
        .collect()
}

fn card(title: &str, sdk: Sdk) -> String {
    card_above(title, sdk, BELOW)
}

fn card_above(title: &str, sdk: Sdk, below: &str) -> String {
    let sdk = sdk.as_str();
    format!(
        "---\ntitle: \"{title}\"\nemoji: 🌱\ncolorFrom: green\ncolorTo: blue\nsdk: {sdk}\npinned: false\n---\n{below}"
    )
}

/// A name as a title: `my-demo` is `My Demo`. Names hold nothing that would end the quotes it stands in.
fn title(name: &str) -> String {
    let words = name.split(['-', '_']).filter(|word| !word.is_empty());
    let words = words.map(|word| {
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        format!("{}{rest}", first.to_uppercase())
    });
    let title = words.collect::<Vec<_>>().join(" ");
    match title.is_empty() {
        true => name.to_owned(),
        false => title,
    }
}

impl Card {
    /// The card of a folder whose author has written none: there is no README, none with front matter, or the one that
    /// was made with the Space, and what its `sdk` wants is not there. One file must tell what it is; a lone `app.py`
    /// tells it only beside a card that was made for one, or where it is `known` what the Space was made as. With a note
    /// for the author.
    pub fn of_files(
        readme: Option<&str>,
        known: Option<Sdk>,
        has_file: impl Fn(&str) -> bool,
    ) -> Option<(Self, String)> {
        // One that is begun and never closed is an author's too.
        let begun = |text: &&str| {
            let text = text.trim_start_matches('\u{feff}').trim_start();
            text.starts_with("---")
        };
        let readme = readme.filter(begun);
        let made = match readme {
            Some(text) if !is_first_card(text) => return None,
            Some(text) => Some(Self::parse(text).ok()?),
            None => None,
        };
        if made.as_ref().is_some_and(|made| has_file(&made.app_file)) {
            return None;
        }
        let known = known.filter(|sdk| made.is_none() && has_file(sdk.default_app_file()));
        let told = || {
            TELLING.into_iter().find(|sdk| {
                (*sdk != Sdk::Gradio || made.is_some()) && has_file(sdk.default_app_file())
            })
        };
        let sdk = known.or_else(told)?;
        let title = made.and_then(|made| made.title).unwrap_or_default();
        let mut read = Self::parse(&card(&title, sdk)).ok()?;
        if title.is_empty() {
            read.title = None;
        }
        let note = format!(
            "README.md does not describe this Space yet. Because the Space has `{}`, it runs as `sdk: {}`.",
            sdk.default_app_file(),
            sdk.as_str()
        );
        Some((read, note))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(name: &str, sdk: Sdk) -> String {
        let name = name.parse().expect("a name");
        let files = first_files(RepoKind::Space, &name, sdk);
        files[1].1.clone()
    }

    fn sdk_of(readme: Option<&str>, files: &[&str]) -> Option<Sdk> {
        known_sdk_of(readme, None, files)
    }

    fn known_sdk_of(readme: Option<&str>, known: Option<Sdk>, files: &[&str]) -> Option<Sdk> {
        Card::of_files(readme, known, |path| files.contains(&path)).map(|(card, _)| card.sdk)
    }

    #[test]
    fn what_a_space_was_made_as_decides_where_no_card_does() {
        let of = |readme, files: &[&str]| known_sdk_of(readme, Some(Sdk::Streamlit), files);
        assert_eq!(of(None, &["app.py"]), Some(Sdk::Streamlit));
        assert_eq!(of(Some("# No card"), &["app.py"]), Some(Sdk::Streamlit));
        assert_eq!(of(None, &["index.html"]), Some(Sdk::Static));
        assert_eq!(of(Some("---\nsdk: static\n---\n"), &["app.py"]), None);
        let made = made("x", Sdk::Static);
        assert_eq!(of(Some(&made), &["app.py"]), Some(Sdk::Gradio));
        let earlier = card_above("X", Sdk::Static, BELOW_EARLIER);
        assert_eq!(of(Some(&earlier), &["app.py"]), Some(Sdk::Gradio));
    }

    #[test]
    fn files_decide_only_where_nobody_has() {
        let gradio = made("my-demo", Sdk::Gradio);
        assert_eq!(
            Card::parse(&gradio).expect("a card").title.as_deref(),
            Some("My Demo")
        );
        assert_eq!(sdk_of(Some(&gradio), &["index.html"]), Some(Sdk::Static));
        assert_eq!(sdk_of(Some(&gradio), &["index.html", "app.py"]), None);
        assert_eq!(
            sdk_of(Some(&gradio), &["index.html", "app.wasm"]),
            Some(Sdk::Wasi)
        );
        let fixed = made("x", Sdk::Static);
        assert_eq!(sdk_of(Some(&fixed), &["app.py"]), Some(Sdk::Gradio));
        assert_eq!(sdk_of(Some(&fixed), &["other.txt"]), None);
        assert_eq!(sdk_of(None, &["index.html"]), Some(Sdk::Static));
        assert_eq!(
            sdk_of(Some("# No card"), &["Dockerfile"]),
            Some(Sdk::Docker)
        );
        // It may be any of two.
        assert_eq!(sdk_of(None, &["app.py"]), None);
        assert_eq!(
            sdk_of(Some("---\nsdk: gradio\n---\n"), &["index.html"]),
            None
        );
        assert_eq!(sdk_of(Some("---\nsdk: static"), &["index.html"]), None);
        assert_eq!(sdk_of(Some("---\ntitle: x\n---\n"), &["index.html"]), None);
    }

    proptest! {
        #[test]
        fn a_first_card_is_known_again(name in "[A-Za-z0-9][A-Za-z0-9._-]{0,30}[A-Za-z0-9]", sdk in 0..5_usize) {
            let Ok(name) = name.parse::<ShortName>() else { return Ok(()) };
            let sdk = Sdk::ALL[sdk];
            for (path, text) in first_files(RepoKind::Space, &name, sdk) {
                prop_assert!(is_first_file(path, &text));
                let changed = format!("{text}x");
                prop_assert!(!is_first_file(path, &changed));
            }
            let text = made(name.as_str(), sdk);
            prop_assert_eq!(Card::parse(&text).expect("a card").sdk, sdk);
        }
    }
}
