//! What somebody wants to publish, and what is wrong with it.

use std::borrow::Cow;

use crate::domain::{Card, Sdk};
use crate::web::PageError;
use crate::web::form::Fields;
use crate::web::upload::{File, Upload};

/// A Space to begin with.
#[derive(Debug, Clone)]
pub struct Starter {
    /// To choose it by; unique.
    pub name: String,
    /// Shown name.
    pub title: String,
    /// A character or two.
    pub emoji: String,
    /// Its files, a README with a card among them.
    pub files: Vec<(String, Cow<'static, [u8]>)>,
}

/// The form, as it was filled in.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// Under whose name; empty for the visitor's own.
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) sdk: String,
    pub(super) hardware: String,
    pub(super) visibility: String,
    /// `files`, `paste`, `starter` or `copy`.
    pub(super) how: String,
    pub(super) code: String,
    pub(super) starter: String,
    /// `OWNER/NAME`
    pub(super) copy: String,
}

/// What is wrong, by field; `form` is the whole.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<(&'static str, String)>);

// === impl Draft ===

impl Default for Draft {
    fn default() -> Self {
        Self::of(&Fields::default())
    }
}

impl Draft {
    pub(super) fn of(fields: &Fields) -> Self {
        let or = |name: &str, default: &str| match fields.get(name) {
            "" => default.to_owned(),
            given => given.to_owned(),
        };
        Self {
            owner: fields.get("owner").chars().take(200).collect(),
            name: fields.get("name").chars().take(200).collect(),
            sdk: or("sdk", Sdk::Static.as_str()),
            hardware: fields.get("hardware").to_owned(),
            visibility: or("visibility", "public"),
            how: or("how", "files"),
            code: fields.raw("code").to_owned(),
            starter: fields.get("starter").to_owned(),
            copy: fields.get("copy").to_owned(),
        }
    }

    fn kind(&self) -> Option<Sdk> {
        Sdk::from_word(&self.sdk)
    }
}

// === impl Problems ===

impl Problems {
    pub(super) fn add(&mut self, field: &'static str, text: String) {
        self.0.push((field, text));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field; empty if nothing is.
    pub(super) fn of(&self, field: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == field);
        found.map_or("", |(_, text)| text)
    }
}

/// What an SDK is for, in a few words.
pub(super) fn about(sdk: Sdk) -> &'static str {
    match sdk {
        Sdk::Static => "HTML, CSS and JavaScript, served as they are",
        Sdk::Wasi => "one WebAssembly file that answers HTTP",
        Sdk::Gradio => "a Python app with Gradio",
        Sdk::Streamlit => "a Python app with Streamlit",
        Sdk::Docker => "a container built from your Dockerfile",
    }
}

/// The app's file, from what was pasted.
///
/// # Errors
/// In words for the author.
pub(super) fn pasted(draft: &Draft) -> Result<File, String> {
    let Some(sdk) = draft.kind() else {
        return Err("Choose a kind first.".to_owned());
    };
    let file = sdk.default_app_file();
    if file.ends_with(".wasm") {
        return Err("A WebAssembly file cannot be pasted; drop the file instead.".to_owned());
    }
    if draft.code.trim().is_empty() {
        return Err(format!("Paste the contents of `{file}`."));
    }
    Ok((file.to_owned(), Cow::Owned(draft.code.clone().into_bytes())))
}

/// The upload with a card, which is made if it has none, once the card is one that can be built.
pub(super) async fn ready(
    draft: &Draft,
    mut upload: Upload,
    problems: &mut Problems,
) -> Result<Upload, PageError> {
    let field = match draft.how.as_str() {
        "paste" => "code",
        "starter" => "starter",
        "copy" => "form",
        _ => "files",
    };
    if upload.files.is_empty() {
        if problems.of(field).is_empty() {
            problems.add(field, "Choose or drop at least one file.".to_owned());
        }
        return Ok(upload);
    }
    let names: Vec<_> = upload
        .files
        .iter()
        .map(|(path, _)| path.as_str().to_owned())
        .collect();
    if !names.iter().any(|name| name == "README.md") {
        let Some(sdk) = draft.kind() else {
            problems.add("sdk", "Choose the kind of Space.".to_owned());
            return Ok(upload);
        };
        let card = new_card(&draft.name, sdk, &names);
        upload = upload
            .with(vec![(
                "README.md".to_owned(),
                Cow::Owned(card.into_bytes()),
            )])
            .await?;
    }
    let readme = upload.read("README.md", 1 << 20).await?;
    match Card::parse(&String::from_utf8_lossy(&readme)) {
        Err(error) => problems.add(field, error.text()),
        Ok(card) if !names.contains(&card.app_file) => {
            problems.add(
                field,
                format!(
                    "The file `{}`, which a `{}` Space runs, is missing. Add it, or name another file in README.md \
                     (`app_file: PATH`).",
                    card.app_file,
                    card.sdk.as_str()
                ),
            );
        }
        Ok(_) => {}
    }
    Ok(upload)
}

/// A README for what came without one. If the usual file is not there and only one of its kind is, that is the app.
fn new_card(name: &str, sdk: Sdk, files: &[String]) -> String {
    let usual = sdk.default_app_file();
    let ending = usual.rsplit_once('.').map_or(usual, |(_, ending)| ending);
    let alike: Vec<_> = files
        .iter()
        .filter(|file| file.rsplit_once('.').is_some_and(|(_, own)| own == ending))
        .collect();
    let app_file = match alike.as_slice() {
        [only] if !files.iter().any(|file| file == usual) => {
            // JSON text is YAML text, whatever is in it.
            let quoted = serde_json::Value::from(only.as_str());
            format!("app_file: {quoted}\n")
        }
        _ => String::new(),
    };
    let title = serde_json::Value::from(name);
    format!(
        "---\ntitle: {title}\nemoji: 🌱\ncolorFrom: green\ncolorTo: blue\nsdk: {}\n{app_file}---\n",
        sdk.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_card_names_the_only_page() {
        let files = ["demo/page.html".to_owned(), "x.js".to_owned()];
        let text = new_card("my-demo", Sdk::Static, &files);
        let card = Card::parse(&text).expect("a good card");
        assert_eq!(card.app_file, "demo/page.html");
        assert_eq!(card.title.as_deref(), Some("my-demo"));
        let text = new_card(
            "x",
            Sdk::Static,
            &["index.html".to_owned(), "b.html".to_owned()],
        );
        assert_eq!(
            Card::parse(&text).expect("a good card").app_file,
            "index.html"
        );
    }
}
