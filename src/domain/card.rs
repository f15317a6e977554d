//! A Space's card: the YAML front matter of its README.md.

use std::time::Duration;

use serde_json::{Map, Value};

use super::front_matter::{read_front_matter, split_front_matter};

/// Which runtime a card asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sdk {
    /// Files served as they are.
    Static,
    /// A WASI component or command.
    Wasi,
    /// A Gradio app in Python, in a container.
    Gradio,
    /// A Streamlit app in Python, in a container.
    Streamlit,
    /// A Dockerfile.
    Docker,
}

impl Sdk {
    /// All of them, in the order in which they are named to authors.
    pub const ALL: [Self; 5] = [
        Self::Static,
        Self::Wasi,
        Self::Gradio,
        Self::Streamlit,
        Self::Docker,
    ];

    /// The card's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Wasi => "wasi",
            Self::Gradio => "gradio",
            Self::Streamlit => "streamlit",
            Self::Docker => "docker",
        }
    }

    /// Whether it runs in a container.
    pub fn is_container(self) -> bool {
        matches!(self, Self::Gradio | Self::Streamlit | Self::Docker)
    }

    /// The file that is the app when the card names none.
    pub fn default_app_file(self) -> &'static str {
        match self {
            Self::Static => "index.html",
            Self::Wasi => "app.wasm",
            Self::Gradio | Self::Streamlit => "app.py",
            Self::Docker => "Dockerfile",
        }
    }
}

/// One thing wrong with a card, for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardProblem {
    /// Line of README.md, counted from 1; `None` when it is about the whole.
    pub line: Option<usize>,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// Everything wrong with a card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct CardError {
    /// At least one.
    pub problems: Vec<CardProblem>,
}

impl CardError {
    pub(super) fn one(line: Option<usize>, message: impl Into<String>) -> Self {
        Self {
            problems: vec![CardProblem {
                line,
                message: message.into(),
            }],
        }
    }

    /// The problems, one a line, each `README.md:LINE: …`.
    pub fn text(&self) -> String {
        let lines: Vec<_> = self
            .problems
            .iter()
            .map(|problem| match problem.line {
                Some(line) => format!("README.md:{line}: {}", problem.message),
                None => format!("README.md: {}", problem.message),
            })
            .collect();
        lines.join("\n")
    }
}

/// A parsed card.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Which runtime.
    pub sdk: Sdk,
    /// The app's file, relative to the folder; always a clean path.
    pub app_file: String,
    /// Shown name.
    pub title: Option<String>,
    /// May one instance serve one request after another (`instance_reuse`).
    pub instance_reuse: bool,
    /// Wall-clock time a request may take (`request_timeout`, such as `30s`).
    pub request_timeout: Option<Duration>,
    /// Hosts that outgoing HTTP may reach (`egress`).
    pub egress: Vec<String>,
    /// The hardware its author suggests to those who duplicate it.
    pub suggested_hardware: Option<String>,
    /// The whole front matter, as the Hub's clients read it.
    pub data: Map<String, Value>,
}

impl Card {
    /// Reads the card of a README.
    ///
    /// # Errors
    /// Every problem found, with its line, in words for the author.
    pub fn parse(readme: &str) -> Result<Self, CardError> {
        if readme.len() > MAX_README {
            return Err(CardError::one(None, "README.md is larger than 1 MiB"));
        }
        let (yaml, _) = split_front_matter(readme).ok_or_else(|| {
            CardError::one(
                Some(1),
                "there is no card: the file must begin with a `---` line, the card's YAML (at least `sdk: static` or \
                 `sdk: wasi`), and another `---` line",
            )
        })?;
        let data = read_front_matter(yaml)?;
        let mut fields = Fields {
            yaml,
            data: &data,
            problems: Vec::new(),
        };
        let sdk = fields.sdk();
        let app_file = fields.path("app_file");
        let card = Self {
            sdk: sdk.unwrap_or(Sdk::Static),
            app_file: app_file.unwrap_or_else(|| sdk.map_or("", Sdk::default_app_file).to_owned()),
            title: fields.text("title"),
            instance_reuse: fields.flag("instance_reuse").unwrap_or(false),
            request_timeout: fields.duration("request_timeout"),
            egress: fields.hosts("egress"),
            suggested_hardware: fields.text("suggested_hardware"),
            data: Map::new(),
        };
        if fields.problems.is_empty() {
            Ok(Self { data, ..card })
        } else {
            Err(CardError {
                problems: fields.problems,
            })
        }
    }
}

/// A README's card is read whole; a longer file is not a README.
const MAX_README: usize = 1 << 20;

/// Reads single fields and collects what is wrong with them.
struct Fields<'a> {
    yaml: &'a str,
    data: &'a Map<String, Value>,
    problems: Vec<CardProblem>,
}

// === impl Fields ===

impl Fields<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.data.get(key).filter(|value| !value.is_null())
    }

    fn line_of(&self, key: &str) -> Option<usize> {
        let starts = |line: &str| {
            line.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start().starts_with(':'))
        };
        self.yaml.lines().position(starts).map(|index| index + 2)
    }

    fn problem(&mut self, key: &str, message: String) {
        let line = self.line_of(key);
        self.problems.push(CardProblem { line, message });
    }

    fn sdk(&mut self) -> Option<Sdk> {
        let allowed = "`static` (files served as they are) or `wasi` (a WASI component or command)";
        let Some(value) = self.get("sdk") else {
            self.problem("sdk", format!("`sdk` is missing; it must be {allowed}"));
            return None;
        };
        let found = Sdk::ALL.into_iter().find(|sdk| value == sdk.as_str());
        if found.is_none() {
            let message = format!(
                "`sdk: {}` is not offered here; it must be {allowed}",
                plain(value)
            );
            self.problem("sdk", message);
        }
        found
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            other => {
                let message = format!("`{key}` must be text, not `{}`", plain(other));
                self.problem(key, message);
                None
            }
        }
    }

    fn path(&mut self, key: &str) -> Option<String> {
        let path = self.text(key)?;
        let clean = !path.is_empty()
            && !path.contains(['\\', '\0'])
            && path
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".." | ".git"));
        if clean {
            return Some(path);
        }
        let message =
            format!("`{key}: {path}` must be a path inside the Space, such as `docs/index.html`");
        self.problem(key, message);
        None
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(flag) => Some(*flag),
            other => {
                let message = format!("`{key}` must be `true` or `false`, not `{}`", plain(other));
                self.problem(key, message);
                None
            }
        }
    }

    fn duration(&mut self, key: &str) -> Option<Duration> {
        let text = self.text(key)?;
        let parsed = parse_duration(&text).filter(|duration| !duration.is_zero());
        if parsed.is_none() {
            let message =
                format!("`{key}: {text}` must be a time such as `500ms`, `30s`, `5m` or `1h`");
            self.problem(key, message);
        }
        parsed
    }

    fn hosts(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let entries: Option<Vec<String>> = value.as_array().and_then(|list| {
            list.iter()
                .map(|entry| {
                    entry
                        .as_str()
                        .filter(|text| is_host(text))
                        .map(str::to_ascii_lowercase)
                })
                .collect()
        });
        entries.unwrap_or_else(|| {
            let message = format!("`{key}` must be a list of hosts, such as `[api.example.org, models.example.org:8443]`");
            self.problem(key, message);
            Vec::new()
        })
    }
}

/// `name` or `name:port`: no scheme, path, user, wildcard or address in brackets.
fn is_host(text: &str) -> bool {
    let (name, port) = text
        .split_once(':')
        .map_or((text, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253
        && name.split('.').all(label)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

/// A whole number and a unit: `500ms`, `30s`, `5m`, `1h`.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A value as it is named in a message: short, on one line.
fn plain(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let mut text = text.replace(['\n', '\r'], " ");
    if let Some((cut, _)) = text.char_indices().nth(60) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problems(readme: &str) -> String {
        Card::parse(readme).expect_err("has problems").text()
    }

    #[test]
    fn defaults_follow_the_sdk() {
        let card = Card::parse("---\ntitle: T\nsdk: wasi\n---\n# hi\n").expect("valid");
        assert_eq!(card.app_file, "app.wasm");
        assert!(!card.instance_reuse);
        assert_eq!(card.data["title"], "T");
    }

    #[test]
    fn every_problem_names_its_line() {
        let text = problems(
            "---\ntitle: T\nsdk: gradioo\napp_file: ../x\nrequest_timeout: soon\negress: all\n---\n",
        );
        let lines: Vec<_> = text.lines().map(|line| &line[..12]).collect();
        assert_eq!(
            lines,
            [
                "README.md:3:",
                "README.md:4:",
                "README.md:5:",
                "README.md:6:"
            ]
        );
        assert!(
            text.contains("`static`") && text.contains("`wasi`"),
            "{text}"
        );
    }

    #[test]
    fn broken_yaml_names_its_line() {
        let text = problems("---\ntitle: T\nsdk: [wasi\n---\n");
        assert!(text.starts_with("README.md:"), "{text}");
        assert!(text.contains("not valid YAML"), "{text}");
    }

    #[test]
    fn a_deep_card_is_refused_before_it_is_parsed() {
        for unit in ["[", "{a: ", "- ", "? "] {
            let yaml = format!("sdk: static\ndeep: {}\n", unit.repeat(60_000 / unit.len()));
            let begun = std::time::Instant::now();
            assert!(Card::parse(&format!("---\n{yaml}---\n")).is_err(), "{unit}");
            assert!(
                begun.elapsed() < Duration::from_secs(2),
                "{unit} took {:?}",
                begun.elapsed()
            );
        }
        let honest = "---\nsdk: static\nshort_description: '--- [[a]] - b - c --- ? : ----------------'\n---\n";
        assert!(Card::parse(honest).is_ok());
    }

    #[test]
    fn an_alias_bomb_is_an_error() {
        let mut yaml = String::from("---\nsdk: static\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(",");
            yaml.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        yaml.push_str("---\n");
        assert!(Card::parse(&yaml).is_err());
    }

    proptest! {
        #[test]
        fn no_card_panics(text in "(---\n)?[ -~\n]{0,200}(\n---\n)?") {
            let _ = Card::parse(&text);
        }

        #[test]
        fn app_files_stay_inside(path in "[a-z./\\\\]{1,20}") {
            if let Ok(card) = Card::parse(&format!("---\nsdk: static\napp_file: \"{}\"\n---\n", path.replace('\\', "\\\\"))) {
                prop_assert!(card.app_file.split('/').all(|part| part != ".." && !part.is_empty()));
            }
        }
    }
}
