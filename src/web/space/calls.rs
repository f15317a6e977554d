//! Programs that call an endpoint of a Gradio Space, as they are pasted. What its app has said stands in them as literals
//! only, whose form each language's own rules close.

use std::fmt::Write as _;

use super::endpoints::{Endpoint, Example, Parameter};

/// Where the Space answers programs.
pub(super) struct Place<'a> {
    /// With a slash at its end.
    pub(super) address: &'a str,
    /// What stands before Gradio's own paths.
    pub(super) prefix: &'static str,
    /// Whether it opens with a token only.
    pub(super) private: bool,
}

pub(super) fn python(place: &Place<'_>, endpoint: &Endpoint) -> String {
    let mut text = String::new();
    if place.private {
        text += "import os\n\n";
    }
    text += match endpoint.has_files() {
        true => "from gradio_client import Client, handle_file\n\n",
        false => "from gradio_client import Client\n\n",
    };
    let token = match place.private {
        true => ", token=os.environ[\"HF_TOKEN\"]",
        false => "",
    };
    let _ = writeln!(text, "client = Client(\"{}\"{token})", place.address);
    text += "result = client.predict(\n";
    for Parameter { name, example } in &endpoint.parameters {
        text += "    ";
        if !name.is_empty() {
            let _ = write!(text, "{name}=");
        }
        write_python(&mut text, example);
        text += ",\n";
    }
    let _ = write!(
        text,
        "    api_name={},\n)\nprint(result)",
        quoted(&endpoint.name)
    );
    text
}

pub(super) fn javascript(place: &Place<'_>, endpoint: &Endpoint) -> String {
    let mut text = match endpoint.has_files() {
        true => "import { Client, handle_file } from \"@gradio/client\";\n\n".to_owned(),
        false => "import { Client } from \"@gradio/client\";\n\n".to_owned(),
    };
    let token = match place.private {
        true => ", { token: process.env.HF_TOKEN }",
        false => "",
    };
    let _ = writeln!(
        text,
        "const app = await Client.connect(\"{}\"{token});",
        place.address
    );
    let _ = write!(
        text,
        "const result = await app.predict({}",
        quoted(&endpoint.name)
    );
    let named = endpoint.parameters.iter().all(|one| !one.name.is_empty());
    let (open, close) = if named { ("{", "}") } else { ("[", "]") };
    if !endpoint.parameters.is_empty() {
        let _ = writeln!(text, ", {open}");
        for Parameter { name, example } in &endpoint.parameters {
            text += "  ";
            if !name.is_empty() {
                let _ = write!(text, "{name}: ");
            }
            write_javascript(&mut text, example);
            text += ",\n";
        }
        text += close;
    }
    text += ");\nconsole.log(result.data);";
    text
}

/// Two requests: the first asks and is told the name of the answer, the second follows it as it comes.
pub(super) fn curl(place: &Place<'_>, endpoint: &Endpoint) -> String {
    let Place {
        address, prefix, ..
    } = place;
    let token = match place.private {
        true => " -H \"Authorization: Bearer $HF_TOKEN\"",
        false => "",
    };
    let mut text = String::new();
    for file in endpoint.files() {
        let variable = variable(file);
        let _ = writeln!(
            text,
            "{variable}=$(curl --fail --silent --globoff{token} \"{address}{prefix}upload\" -F \"files=@{file}\" | cut -d '\"' -f 2)"
        );
    }
    let mut data = String::new();
    for (place, Parameter { example, .. }) in endpoint.parameters.iter().enumerate() {
        if place > 0 {
            data += ", ";
        }
        write_shell(&mut data, example);
    }
    let call = format!("{address}{prefix}call{}", endpoint.name);
    let _ = write!(
        text,
        "event=$(curl --fail --silent --globoff{token} \"{call}\" -H 'Content-Type: application/json' \\\n  \
         -d '{{\"data\": [{data}]}}' | cut -d '\"' -f 4)\n\
         curl --fail --silent --globoff --no-buffer{token} \"{call}/$event\""
    );
    text
}

/// A text as a literal of JSON, which is one of Python and of JavaScript too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The variable of a shell that holds where an uploaded file is.
fn variable(file: &'static str) -> &'static str {
    file.split('.').next().unwrap_or("file")
}

/// Writes a value, given how a language writes those that languages write differently.
fn write(
    text: &mut String,
    example: &Example,
    words: [&str; 3],
    quoted: fn(&str) -> String,
    file: fn(&'static str) -> String,
) {
    match example {
        Example::Null => *text += words[0],
        Example::Bool(false) => *text += words[1],
        Example::Bool(true) => *text += words[2],
        Example::Number(number) => *text += &number.to_string(),
        Example::Text(string) => *text += &quoted(string),
        Example::File(name) => *text += &file(name),
        Example::List(all) => {
            *text += "[";
            for (place, one) in all.iter().enumerate() {
                *text += if place > 0 { ", " } else { "" };
                write(text, one, words, quoted, file);
            }
            *text += "]";
        }
        Example::Map(all) => {
            *text += "{";
            for (place, (name, one)) in all.iter().enumerate() {
                *text += if place > 0 { ", " } else { "" };
                *text += &quoted(name);
                *text += ": ";
                write(text, one, words, quoted, file);
            }
            *text += "}";
        }
    }
}

fn write_python(text: &mut String, example: &Example) {
    let file = |name| format!("handle_file(\"{name}\")");
    write(text, example, ["None", "False", "True"], quoted, file);
}

fn write_javascript(text: &mut String, example: &Example) {
    let file = |name| format!("handle_file(\"{name}\")");
    write(text, example, ["null", "false", "true"], quoted, file);
}

/// JSON within the single quotes of a shell, which end nowhere but where this file ends them.
fn write_shell(text: &mut String, example: &Example) {
    let quoted = |string: &str| quoted(string).replace('\'', r"'\''");
    let file = |name| {
        let variable = variable(name);
        format!(r#"{{"path": "'"${variable}"'", "meta": {{"_type": "gradio.FileData"}}}}"#)
    };
    write(text, example, ["null", "false", "true"], quoted, file);
}

// === impl Endpoint ===

impl Endpoint {
    fn has_files(&self) -> bool {
        !self.files().is_empty()
    }

    /// The caller's own files that it is called with, each once.
    pub(super) fn files(&self) -> Vec<&'static str> {
        let mut files = Vec::new();
        for parameter in &self.parameters {
            parameter.example.gather(&mut files);
        }
        files
    }
}

// === impl Example ===

impl Example {
    fn gather(&self, files: &mut Vec<&'static str>) {
        match self {
            Self::File(name) if !files.contains(name) => files.push(name),
            Self::List(all) => all.iter().for_each(|one| one.gather(files)),
            Self::Map(all) => all.iter().for_each(|(_, one)| one.gather(files)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'_> = Place {
        address: "http://h/run/a/b/",
        prefix: "gradio_api/",
        private: false,
    };

    fn endpoint(examples: Vec<(&str, Example)>) -> Endpoint {
        let parameters = examples.into_iter().map(|(name, example)| Parameter {
            name: name.to_owned(),
            example,
        });
        Endpoint {
            name: "/f".into(),
            parameters: parameters.collect(),
        }
    }

    #[test]
    fn values_are_written_as_each_language_has_them() {
        let all = endpoint(vec![
            ("a", Example::Null),
            (
                "b",
                Example::List(vec![Example::Bool(true), Example::Number(3.into())]),
            ),
            (
                "c",
                Example::Map(vec![("k".into(), Example::File("picture.png"))]),
            ),
        ]);
        let python = python(&HERE, &all);
        assert!(
            python.contains(
                "    a=None,\n    b=[True, 3],\n    c={\"k\": handle_file(\"picture.png\")},\n"
            ),
            "{python}"
        );
        let javascript = javascript(&HERE, &all);
        assert!(
            javascript.contains(
                "  a: null,\n  b: [true, 3],\n  c: {\"k\": handle_file(\"picture.png\")},\n}"
            ),
            "{javascript}"
        );
        let curl = curl(&HERE, &all);
        assert!(
            curl.contains(r#"{"data": [null, [true, 3], {"k": {"path": "'"$picture"'", "#),
            "{curl}"
        );
        assert!(curl.starts_with("picture=$(curl "), "{curl}");
    }

    #[test]
    fn no_text_ends_the_literal_it_stands_in() {
        let planted = "');$(touch x)`y`\\\"; import os #${z}";
        let hostile = endpoint(vec![("", Example::Text(planted.into()))]);
        // A shell's single quotes are closed only to write one.
        let curl = curl(&HERE, &hostile);
        let data = curl.split("-d '").nth(1).expect("the data");
        let literal = data.replace(r"'\''", "\u{1}");
        let inside = literal.split('\'').next().expect("the literal");
        assert!(
            inside.contains("$(touch x)") && inside.ends_with("]}"),
            "{curl}"
        );
        for text in [python(&HERE, &hostile), javascript(&HERE, &hostile)] {
            let line = text
                .lines()
                .find(|line| line.contains("touch"))
                .expect("a line");
            let literal = line.trim().trim_end_matches(',');
            let read: String = serde_json::from_str(literal).expect("one literal");
            assert_eq!(read, planted);
        }
    }

    #[test]
    fn a_private_one_is_called_with_a_token() {
        let private = Place {
            private: true,
            ..HERE
        };
        let all = endpoint(Vec::new());
        assert!(python(&private, &all).contains("token=os.environ[\"HF_TOKEN\"]"));
        assert!(javascript(&private, &all).contains("token: process.env.HF_TOKEN"));
        assert_eq!(curl(&private, &all).matches("Bearer $HF_TOKEN").count(), 2);
    }
}
