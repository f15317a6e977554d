//! The endpoints of a Gradio Space, as its app tells of them. The app is a stranger's: of what it says names that are none,
//! texts without end and addresses go no further than this file.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use crate::web::text;

#[cfg(test)]
mod tests;

#[derive(Debug, PartialEq)]
pub(super) struct Endpoint {
    /// `/` and letters, digits, `_`, `-`, `.`.
    pub(super) name: String,
    pub(super) parameters: Vec<Parameter>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Parameter {
    /// A name in Python and JavaScript; empty where the app has told none.
    pub(super) name: String,
    pub(super) example: Example,
}

/// A value to call an endpoint with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Example {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Example>),
    Map(Vec<(String, Example)>),
    /// A file of the caller's own by this name. Never one that the app names: a client would read it, and send it there.
    File(&'static str),
}

/// What an app tells of itself, as far as it is of use here.
#[derive(Default, Deserialize)]
struct Described {
    #[serde(default)]
    named_endpoints: InOrder,
}

/// The pairs of a map in the order in which they were told: authors put first what matters most.
#[derive(Default)]
struct InOrder(Vec<(String, Value)>);

/// What is shown of one app.
const MAX_ENDPOINTS: usize = 8;
const MAX_PARAMETERS: usize = 24;
const MAX_NAME: usize = 60;
const MAX_TEXT: usize = 80;
/// Values within one example.
const MAX_VALUES: usize = 24;

/// Words that name nothing in Python, and what its client calls its own arguments.
const TAKEN: [&str; 40] = [
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "self",
    "api_name",
    "fn_index",
    "headers",
    "__proto__",
];

// === impl InOrder ===

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = InOrder;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<InOrder, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(InOrder(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// The endpoints in what an app tells of itself; none where it is not in Gradio's form.
pub(super) fn read(described: &[u8]) -> Vec<Endpoint> {
    let described: Result<Described, _> = serde_json::from_slice(described);
    let endpoints = described.unwrap_or_default().named_endpoints.0;
    endpoints
        .iter()
        .filter_map(|(name, described)| endpoint(name, described))
        .take(MAX_ENDPOINTS)
        .collect()
}

fn endpoint(name: &str, described: &Value) -> Option<Endpoint> {
    let is_shown = described.get("show_api") != Some(&Value::Bool(false))
        && described
            .get("api_visibility")
            .is_none_or(|visibility| visibility == "public");
    let letters = name.strip_prefix('/')?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let is_name = !letters.is_empty()
        && letters.len() <= MAX_NAME
        && letters.chars().all(plain)
        && letters.chars().any(|letter| letter != '.');
    let parameters = described.get("parameters")?.as_array()?;
    if !is_shown || !is_name || parameters.len() > MAX_PARAMETERS {
        return None;
    }
    let mut parameters: Vec<_> = parameters.iter().map(parameter).collect();
    // After one that is named, Python wants all to be.
    let mut names: Vec<_> = parameters.iter().map(|one| one.name.clone()).collect();
    names.sort();
    names.dedup();
    if names.len() < parameters.len() || names.iter().any(String::is_empty) {
        for parameter in &mut parameters {
            parameter.name.clear();
        }
    }
    Some(Endpoint {
        name: name.to_owned(),
        parameters,
    })
}

fn parameter(described: &Value) -> Parameter {
    let word = |field: &str| {
        described
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let name = word("parameter_name");
    let mut letters = name.chars();
    let begins = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_');
    let goes_on = letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let is_name = begins && goes_on && name.len() <= MAX_NAME && !TAKEN.contains(&name);
    let file = file_for(word("component"));
    let given = ["example_input", "parameter_default"]
        .into_iter()
        .filter_map(|field| described.get(field))
        .find(|value| !value.is_null());
    let mut left = MAX_VALUES;
    let example = match given {
        Some(given) => example(given, file, &mut left),
        None if takes_files(word("component")) => Some(Example::File(file)),
        None => Some(Example::Null),
    };
    let kind = described.get("type").and_then(|kind| kind.get("type"));
    Parameter {
        name: if is_name {
            name.to_owned()
        } else {
            String::new()
        },
        example: example.unwrap_or_else(|| plainest(kind.and_then(Value::as_str))),
    }
}

/// The example without what is a stranger's to say only to strangers; `None` when there is too much of it.
fn example(described: &Value, file: &'static str, left: &mut usize) -> Option<Example> {
    *left = left.checked_sub(1)?;
    Some(match described {
        Value::Null => Example::Null,
        Value::Bool(yes) => Example::Bool(*yes),
        Value::Number(number) => Example::Number(number.clone()),
        Value::String(string) => Example::Text(text::line(string, MAX_TEXT)),
        Value::Array(described) => {
            let all = described.iter().map(|one| example(one, file, left));
            Example::List(all.collect::<Option<_>>()?)
        }
        Value::Object(described) if is_file(described) => Example::File(file),
        Value::Object(described) => {
            let all = described.iter().map(|(name, one)| {
                let name = text::line(name, MAX_TEXT);
                Some((name, example(one, file, left)?))
            });
            Example::Map(all.collect::<Option<_>>()?)
        }
    })
}

fn is_file(described: &Map<String, Value>) -> bool {
    let kind = described.get("meta").and_then(|meta| meta.get("_type"));
    kind.is_some_and(|kind| kind == "gradio.FileData") || described.contains_key("path")
}

fn takes_files(component: &str) -> bool {
    let kinds = [
        "image", "audio", "video", "file", "gallery", "model3d", "upload",
    ];
    let component = component.to_ascii_lowercase();
    kinds.iter().any(|kind| component.contains(kind))
}

/// The name of a file that stands for the caller's own.
fn file_for(component: &str) -> &'static str {
    let component = component.to_ascii_lowercase();
    let is = |kind: &str| component.contains(kind);
    match () {
        () if is("image") || is("gallery") => "picture.png",
        () if is("audio") => "sound.wav",
        () if is("video") => "film.mp4",
        () => "file.txt",
    }
}

fn plainest(kind: Option<&str>) -> Example {
    match kind {
        Some("string") => Example::Text(String::new()),
        Some("boolean") => Example::Bool(false),
        Some("number" | "integer") => Example::Number(0.into()),
        Some("array") => Example::List(Vec::new()),
        _ => Example::Null,
    }
}
