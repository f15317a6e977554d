//! The endpoints of a Gradio Space, as its app tells of them. The app is a stranger's: of what it says names that are none,
//! texts without end and addresses go no further than this file.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use super::Found;
use crate::domain::{Revision, SpaceId};
use crate::web::{WebState, text};

/// What a Space's app can be asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Api {
    /// What stands before the paths that programs use.
    pub(super) prefix: &'static str,
    /// Never empty.
    pub(super) endpoints: Vec<Endpoint>,
}

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

/// What was learnt of each Space. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Apis(Arc<Mutex<HashMap<SpaceId, Known>>>);

#[derive(Debug)]
struct Known {
    revision: Revision,
    learnt: Learnt,
}

#[derive(Debug, Clone)]
enum Learnt {
    Api(Arc<Api>),
    /// Nothing, or not yet, at that moment.
    Nothing(Instant),
}

/// What an app tells of itself, as far as it is of use here.
#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    named_endpoints: InOrder,
}

/// The pairs of a map in the order in which they were told: authors put first what matters most.
#[derive(Default)]
struct InOrder(Vec<(String, Value)>);

/// SDKs whose apps speak Gradio's protocol.
pub(super) const GRADIO: &str = "gradio";

/// Where apps tell of it, and what stands before their paths: since Gradio 5, and before.
const PLACES: [(&str, &str); 2] = [("/gradio_api/info", "gradio_api/"), ("/info", "")];

/// How long a page waits for an app, and the bytes it may say in that time.
const PATIENCE: Duration = Duration::from_millis(1000);
const MAX_BYTES: usize = 256 << 10;

/// How long an app that told nothing is left alone.
const PAUSE: Duration = Duration::from_secs(30);

/// Spaces remembered; past it all are forgotten.
const MAX_SPACES: usize = 2000;

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

// === impl Apis ===

impl Apis {
    /// What the Space's app can be asked for, as far as it has told; it is asked once for each commit, while it runs.
    pub(super) async fn of(&self, state: &WebState, found: &Found) -> Option<Arc<Api>> {
        let space = &found.space;
        if space.sdk.as_deref() != Some(GRADIO) {
            return None;
        }
        let running = found.view.revision.clone();
        let revision = running.clone().or_else(|| space.head.clone())?;
        {
            let mut known = self.known();
            let told = known.get(&space.id);
            match told
                .filter(|known| known.revision == revision)
                .map(|known| &known.learnt)
            {
                Some(Learnt::Api(api)) => return Some(Arc::clone(api)),
                Some(Learnt::Nothing(at)) if at.elapsed() < PAUSE => return None,
                _ => {}
            }
            running?;
            // Whoever comes meanwhile does not wait as well.
            remember(
                &mut known,
                space.id,
                &revision,
                Learnt::Nothing(Instant::now()),
            );
        }
        let api = Arc::new(ask(state, found).await?);
        let learnt = Learnt::Api(Arc::clone(&api));
        remember(&mut self.known(), space.id, &revision, learnt);
        Some(api)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SpaceId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember(
    known: &mut HashMap<SpaceId, Known>,
    space: SpaceId,
    revision: &Revision,
    learnt: Learnt,
) {
    if known.len() >= MAX_SPACES {
        known.clear();
    }
    let revision = revision.clone();
    known.insert(space, Known { revision, learnt });
}

async fn ask(state: &WebState, found: &Found) -> Option<Api> {
    let until = Instant::now() + PATIENCE;
    for (path, prefix) in PLACES {
        let left = until.saturating_duration_since(Instant::now());
        let asked = state.lifecycle.ask(&found.space, path, MAX_BYTES, left);
        if let Some(told) = asked.await {
            let endpoints = read(&told);
            return (!endpoints.is_empty()).then_some(Api { prefix, endpoints });
        }
    }
    None
}

/// The endpoints in what an app tells of itself; none where it is not in Gradio's form.
fn read(told: &[u8]) -> Vec<Endpoint> {
    let told: Result<Told, _> = serde_json::from_slice(told);
    let endpoints = told.unwrap_or_default().named_endpoints.0;
    endpoints
        .iter()
        .filter_map(|(name, told)| endpoint(name, told))
        .take(MAX_ENDPOINTS)
        .collect()
}

fn endpoint(name: &str, told: &Value) -> Option<Endpoint> {
    let is_shown = told.get("show_api") != Some(&Value::Bool(false))
        && told
            .get("api_visibility")
            .is_none_or(|visibility| visibility == "public");
    let letters = name.strip_prefix('/')?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let is_name = !letters.is_empty()
        && letters.len() <= MAX_NAME
        && letters.chars().all(plain)
        && letters.chars().any(|letter| letter != '.');
    let parameters = told.get("parameters")?.as_array()?;
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

fn parameter(told: &Value) -> Parameter {
    let word = |field: &str| told.get(field).and_then(Value::as_str).unwrap_or_default();
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
        .filter_map(|field| told.get(field))
        .find(|value| !value.is_null());
    let mut left = MAX_VALUES;
    let example = match given {
        Some(given) => example(given, file, &mut left),
        None if takes_files(word("component")) => Some(Example::File(file)),
        None => Some(Example::Null),
    };
    let kind = told.get("type").and_then(|kind| kind.get("type"));
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
fn example(told: &Value, file: &'static str, left: &mut usize) -> Option<Example> {
    *left = left.checked_sub(1)?;
    Some(match told {
        Value::Null => Example::Null,
        Value::Bool(yes) => Example::Bool(*yes),
        Value::Number(number) => Example::Number(number.clone()),
        Value::String(said) => Example::Text(text::line(said, MAX_TEXT)),
        Value::Array(told) => {
            let all = told.iter().map(|one| example(one, file, left));
            Example::List(all.collect::<Option<_>>()?)
        }
        Value::Object(told) if is_file(told) => Example::File(file),
        Value::Object(told) => {
            let all = told.iter().map(|(name, one)| {
                let name = text::line(name, MAX_TEXT);
                Some((name, example(one, file, left)?))
            });
            Example::Map(all.collect::<Option<_>>()?)
        }
    })
}

fn is_file(told: &Map<String, Value>) -> bool {
    let kind = told.get("meta").and_then(|meta| meta.get("_type"));
    kind.is_some_and(|kind| kind == "gradio.FileData") || told.contains_key("path")
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(name: &str, parameters: Value) -> Vec<Endpoint> {
        read(
            json!({"named_endpoints": {name: {"parameters": parameters}}})
                .to_string()
                .as_bytes(),
        )
    }

    fn first(parameter: Value) -> Parameter {
        let mut endpoints = told("/f", json!([parameter]));
        endpoints.remove(0).parameters.remove(0)
    }

    #[test]
    fn what_gradio_tells_is_read() {
        let endpoints = told(
            "/carve",
            json!([
                {"parameter_name": "picture", "component": "Image", "type": {}, "example_input":
                    {"path": "https://example.org/bus.png", "meta": {"_type": "gradio.FileData"}}},
                {"parameter_name": "percent", "component": "Slider", "type": {"type": "number"}, "example_input": 3},
            ]),
        );
        let parameter = |name: &str, example| Parameter {
            name: name.into(),
            example,
        };
        assert_eq!(
            endpoints,
            [Endpoint {
                name: "/carve".into(),
                parameters: vec![
                    parameter("picture", Example::File("picture.png")),
                    parameter("percent", Example::Number(3.into())),
                ],
            }]
        );
    }

    #[test]
    fn endpoints_stay_in_their_authors_order() {
        let said = r#"{"named_endpoints": {"/z": {"parameters": []}, "/a": {"parameters": []}}}"#;
        let names: Vec<_> = read(said.as_bytes())
            .into_iter()
            .map(|one| one.name)
            .collect();
        assert_eq!(names, ["/z", "/a"]);
    }

    #[test]
    fn names_that_are_none_are_left_out() {
        for name in [
            "carve",
            "/",
            "/..",
            "/a b",
            "/a\"b",
            "/a/b",
            "/$(x)",
            "/é",
            &format!("/{}", "a".repeat(99)),
        ] {
            assert_eq!(told(name, json!([])), [], "{name}");
        }
        for name in [
            "",
            "1a",
            "a b",
            "a=1, b",
            "class",
            "api_name",
            "é",
            &"a".repeat(99),
        ] {
            assert_eq!(first(json!({"parameter_name": name})).name, "", "{name}");
        }
        // With one of them all go by their places.
        let mixed = told(
            "/f",
            json!([{"parameter_name": "a"}, {"parameter_name": "a-b"}]),
        );
        assert!(mixed[0].parameters.iter().all(|one| one.name.is_empty()));
        let twice = told(
            "/f",
            json!([{"parameter_name": "a"}, {"parameter_name": "a"}]),
        );
        assert!(twice[0].parameters.iter().all(|one| one.name.is_empty()));
    }

    #[test]
    fn no_app_names_a_file_or_talks_without_end() {
        let steal = json!({"component": "File", "example_input": {"path": "/etc/passwd"}});
        assert_eq!(first(steal).example, Example::File("file.txt"));
        let nested = json!({"component": "Gallery", "example_input":
            [{"image": {"path": "http://localhost/admin"}, "caption": null}]});
        let shown = format!("{:?}", first(nested).example);
        assert!(
            shown.contains("picture.png") && !shown.contains("localhost"),
            "{shown}"
        );
        let long = json!({"type": {"type": "string"}, "example_input": "a\u{202e}\n\u{1b}[31m".repeat(1000)});
        let Example::Text(text) = first(long).example else {
            panic!("a text");
        };
        assert!(
            text.chars().count() <= MAX_TEXT + 1 && !text.contains(['\n', '\u{1b}', '\u{202e}']),
            "{text}"
        );
        let wide = json!({"type": {"type": "array"}, "example_input": vec![1; 1000]});
        assert_eq!(first(wide).example, Example::List(Vec::new()));
        assert_eq!(told("/f", json!(vec![json!({}); 25])), []);
        let many: Map<_, _> = (0..50)
            .map(|place| (format!("/f{place}"), json!({"parameters": []})))
            .collect();
        assert_eq!(
            read(json!({"named_endpoints": many}).to_string().as_bytes()).len(),
            MAX_ENDPOINTS
        );
    }

    #[test]
    fn what_is_not_in_its_form_has_no_endpoints() {
        let hidden = json!({"named_endpoints": {"/f": {"parameters": [], "show_api": false}}});
        for told in [
            "",
            "[]",
            "{}",
            "<html>",
            r#"{"named_endpoints": 3}"#,
            r#"{"named_endpoints": {"/f": []}}"#,
            &"[".repeat(1000),
            &hidden.to_string(),
        ] {
            assert_eq!(read(told.as_bytes()), [], "{told}");
        }
    }
}
