//! The fields of a card, read one by one.

use std::time::Duration;

use serde_json::{Map, Value};

use super::values::{
    is_base_path, is_host, is_near, names_a_dockerfile, parse_duration, parse_size, plain,
};
use super::{CardProblem, Sdk};
use crate::domain::front_matter::{FrontMatter, Key};

/// Reads single fields and collects what is to be said of them.
pub(super) struct Fields<'a> {
    pub(super) head: FrontMatter<'a>,
    pub(super) data: &'a Map<String, Value>,
    /// What is wrong.
    pub(super) problems: Vec<CardProblem>,
    /// What is read otherwise than it is written, or not at all.
    pub(super) warnings: Vec<CardProblem>,
}

// === impl Fields ===

impl Fields<'_> {
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.data.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn problem(&mut self, key: &str, message: String) {
        let line = self.line_of(key);
        self.problems.push(CardProblem { line, message });
    }

    pub(super) fn warn(&mut self, key: &str, message: String) {
        let line = self.line_of(key);
        self.warnings.push(CardProblem { line, message });
    }

    fn line_of(&self, key: &str) -> Option<usize> {
        self.head.key(key).map(|key| key.line)
    }

    pub(super) fn sdk(&mut self) -> Option<Sdk> {
        let allowed = "`static` (files served as they are), `wasi` (a WASI component or command), `gradio`, `streamlit` \
                       or `docker` (a Dockerfile)";
        let Some(value) = self.get("sdk").cloned() else {
            let near = self.head.keys().find(|key| is_near(key.name, "sdk"));
            self.problems.push(match near {
                Some(Key { name, line, .. }) if name != "sdk" => CardProblem {
                    line: Some(line),
                    message: format!("`{}` must be written `sdk`", plain(&name.into())),
                },
                _ => CardProblem {
                    line: self.line_of("sdk"),
                    message: format!("`sdk` is missing; it must be {allowed}"),
                },
            });
            return None;
        };
        let word = value.as_str().map(|word| word.trim().to_ascii_lowercase());
        let found = word.as_deref().and_then(Sdk::from_word);
        let written = plain(&value);
        match found {
            None => {
                let message = format!("`sdk: {written}` is not supported; it must be {allowed}");
                self.problem("sdk", message);
            }
            Some(sdk) if value != sdk.as_str() => {
                let message = format!("`sdk: {written}` is read as `sdk: {}`", sdk.as_str());
                self.warn("sdk", message);
            }
            Some(_) => {}
        }
        found
    }

    /// The app's file. `sdk: docker` builds the Dockerfile at the root, whatever an earlier SDK's field still says, unless
    /// it names another Dockerfile.
    pub(super) fn app_file(&mut self, sdk: Option<Sdk>) -> Option<String> {
        let key = "app_file";
        let left_over = self.get(key).filter(|value| !names_a_dockerfile(value));
        if let (Some(Sdk::Docker), Some(value)) = (sdk, left_over) {
            let message = format!(
                "`{key}: {}` has no effect with `sdk: docker`, which builds the Space's `Dockerfile`",
                plain(value)
            );
            self.warn(key, message);
            return None;
        }
        self.path(key)
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
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

    pub(super) fn path(&mut self, key: &str) -> Option<String> {
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

    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(flag) => Some(*flag),
            other => {
                let message = format!("`{key}` must be `true` or `false`, not `{}`", plain(other));
                self.problem(key, message);
                None
            }
        }
    }

    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        let text = self.text(key)?;
        let parsed = parse_duration(&text).filter(|duration| !duration.is_zero());
        if parsed.is_none() {
            let message =
                format!("`{key}: {text}` must be a time such as `500ms`, `30s`, `5m` or `1h30m`");
            self.problem(key, message);
        }
        parsed
    }

    /// Hosts that may be reached, or whether the internet may.
    pub(super) fn egress(&mut self) -> (Vec<String>, bool) {
        let key = "egress";
        let word = self.get(key).and_then(Value::as_str).map(str::to_owned);
        match word.as_deref() {
            Some("none") => (Vec::new(), false),
            Some("internet") => (Vec::new(), true),
            Some(other) => {
                let message = format!(
                    "`egress: {}` must be `none`, `internet` or a list of hosts",
                    plain(&other.into())
                );
                self.problem(key, message);
                (Vec::new(), false)
            }
            None => (self.hosts(key), false),
        }
    }

    pub(super) fn port(&mut self, sdk: Sdk) -> u16 {
        let (key, usual) = ("app_port", sdk.default_port());
        let Some(value) = self.get(key).filter(|_| sdk.is_container()).cloned() else {
            return usual;
        };
        let text = plain(&value);
        let number = text.strip_suffix(".0").unwrap_or(&text).parse().ok();
        match number {
            None | Some(0) => {
                let message = format!("`{key}: {text}` must be a port from 1 to 65535");
                self.problem(key, message);
                usual
            }
            Some(port) if sdk != Sdk::Docker && port != usual => {
                let message = format!(
                    "`{key}` has no effect: an app with `sdk: {}` listens on port {usual}",
                    sdk.as_str()
                );
                self.warn(key, message);
                usual
            }
            Some(port) => port,
        }
    }

    pub(super) fn python_version(&mut self, sdk: Sdk) -> Option<String> {
        let key = "python_version";
        let version = self.version(key, sdk)?;
        let parts: Vec<_> = version.split('.').collect();
        let number = |part: &&str| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if matches!(parts.len(), 2 | 3) && parts[0] == "3" && parts.iter().all(number) {
            return Some(version);
        }
        let message = format!(
            "`{key}: {}` must be a Python version such as `3.11` or `3.11.9`",
            plain(&version.into())
        );
        self.problem(key, message);
        None
    }

    pub(super) fn sdk_version(&mut self, sdk: Sdk) -> Option<String> {
        let key = "sdk_version";
        let version = self.version(key, sdk)?;
        let plainly = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        let begins = version.starts_with(|c: char| c.is_ascii_digit());
        if begins && version.len() <= 40 && version.bytes().all(plainly) {
            return Some(version);
        }
        let message = format!(
            "`{key}: {}` must be a release such as `6.31.0`",
            plain(&version.into())
        );
        self.problem(key, message);
        None
    }

    /// A version, of an SDK in Python, as it is written: YAML reads an unquoted 3.10 as the number 3.1.
    fn version(&mut self, key: &str, sdk: Sdk) -> Option<String> {
        if !matches!(sdk, Sdk::Gradio | Sdk::Streamlit) {
            return None;
        }
        let is_number = self.get(key)?.is_number();
        let text = self.text(key)?;
        let written = self.head.key(key).map(|key| key.written);
        // What stands on another line, or has a tag, is read by YAML alone.
        let of_a_number = |text: &&str| {
            text.bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        match written.filter(|written| is_number && !written.is_empty()) {
            Some(written) if of_a_number(&written) => Some(written.to_owned()),
            _ => Some(text),
        }
    }

    /// Where the Space's page leads first.
    pub(super) fn base_path(&mut self) -> Option<String> {
        let key = "base_path";
        let path = self.text(key)?;
        if is_base_path(&path) {
            return Some(path);
        }
        let message = format!(
            "`{key}: {}` is left out; it must be a path that begins with one `/`, such as `/docs`",
            plain(&path.into())
        );
        self.warn(key, message);
        None
    }

    pub(super) fn startup_timeout(&mut self, sdk: Sdk) -> Option<Duration> {
        let wanted = sdk.is_container().then_some("startup_duration_timeout");
        self.duration(wanted?)
    }

    pub(super) fn storage(&mut self, sdk: Sdk) -> Option<u64> {
        let key = "storage";
        let text = self.text(key)?;
        if !sdk.is_container() {
            self.problem(
                key,
                format!(
                    "`{key}` is only for containers; `sdk: {}` has no storage",
                    sdk.as_str()
                ),
            );
            return None;
        }
        let bytes = parse_size(&text).filter(|bytes| *bytes > 0);
        if bytes.is_none() {
            let message = format!(
                "`{key}: {}` must be a size such as `500MiB` or `2GiB`",
                plain(&text.into())
            );
            self.problem(key, message);
        }
        bytes
    }

    /// What would be passed over in silence otherwise.
    pub(super) fn refuse_what_is_for_others(&mut self, sdk: Sdk) {
        for key in ["instance_reuse", "request_timeout"] {
            let is_wanted = self
                .get(key)
                .is_some_and(|value| *value != Value::Bool(false));
            if sdk.is_container()
                && is_wanted
                && self
                    .problems
                    .iter()
                    .all(|problem| problem.line != self.line_of(key))
            {
                let message = format!(
                    "`{key}` is only for `sdk: wasi`; a container serves many requests at once, and the server ends \
                     none of them"
                );
                self.problem(key, message);
            }
        }
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
