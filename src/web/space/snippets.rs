//! Using a Space from elsewhere: texts that run as they are pasted.

use super::Found;
use super::apis::GRADIO;
use super::calls::{self, Place};
use super::endpoints::Endpoint;
use crate::base_url::BaseUrl;
use crate::domain::Visibility;
use crate::web::WebState;
use crate::web::headers::frame_permissions;

/// A text and what it is for.
pub(super) struct Snippet {
    /// Unique on the page.
    pub(super) id: String,
    pub(super) title: &'static str,
    pub(super) note: String,
    pub(super) text: String,
}

/// What can be pasted elsewhere.
pub(super) struct Snippets {
    /// Of the Space as a whole.
    pub(super) general: Vec<Snippet>,
    /// Of each endpoint that its app has told of.
    pub(super) endpoints: Vec<Called>,
}

/// An endpoint and the programs that call it.
pub(super) struct Called {
    pub(super) name: String,
    pub(super) snippets: Vec<Snippet>,
}

/// What the texts are made for.
struct Target<'a> {
    space: &'a Found,
    /// Programs may not find the Space's own origin where browsers do.
    programs: String,
    private: bool,
}

/// The Space's snippets; those that call its endpoints where its app has told of them.
pub(super) async fn snippets(state: &WebState, base_url: &BaseUrl, found: &Found) -> Snippets {
    let space = &found.space;
    let target = Target {
        space: found,
        programs: with_slash(&base_url.app(&state.config, space)),
        private: space.visibility == Visibility::Private,
    };
    let origin = with_slash(&base_url.origin(&state.config, space));
    let mut general = vec![target.embed(&origin)];
    let api = state.apis.of(state, found).await;
    let endpoints = match &api {
        Some(api) => {
            let place = |address| Place {
                address,
                prefix: api.prefix,
                private: target.private,
            };
            // Gradio's client for JavaScript knows apps at the root of an origin only.
            let (programs, pages) = (place(target.programs.as_str()), place(origin.as_str()));
            let numbered = api.endpoints.iter().enumerate();
            numbered
                .map(|(number, endpoint)| call(&programs, &pages, number, endpoint))
                .collect()
        }
        None => {
            // Pages elsewhere may only read what answers below `/run/`.
            general.extend(target.generic(&base_url.path(&space.name)));
            Vec::new()
        }
    };
    Snippets { general, endpoints }
}

fn call(programs: &Place<'_>, pages: &Place<'_>, number: usize, endpoint: &Endpoint) -> Called {
    let files = match endpoint.files().as_slice() {
        [] => String::new(),
        files => format!(". Replace {} with your own file.", files.join(", ")),
    };
    let snippet = |word: &str, title, note: &str, text| Snippet {
        id: match number {
            0 => word.to_owned(),
            number => format!("{word}-{}", number + 1),
        },
        title,
        note: format!("{note}{files}"),
        text,
    };
    Called {
        name: endpoint.name.clone(),
        snippets: vec![
            snippet(
                "python",
                "Python",
                "pip install gradio_client",
                calls::python(programs, endpoint),
            ),
            snippet(
                "javascript",
                "JavaScript",
                "npm install @gradio/client",
                calls::javascript(pages, endpoint),
            ),
            snippet(
                "curl",
                "curl",
                "For a shell",
                calls::curl(programs, endpoint),
            ),
        ],
    }
}

fn with_slash(address: &str) -> String {
    format!("{}/", address.trim_end_matches('/'))
}

// === impl Target ===

impl Target<'_> {
    fn embed(&self, origin: &str) -> Snippet {
        let text = format!(
            "<iframe\n  src=\"{origin}\"\n  title=\"{}\"\n  width=\"850\"\n  height=\"450\"\n  allow=\"{}\"\n></iframe>",
            self.space.space.name,
            frame_permissions(),
        );
        let note = match self.private {
            true => "Only its owner can open a private Space; others see an empty frame.",
            false => "For any web page.",
        };
        snippet("embed", "Embed", note, text)
    }

    /// For a Space of which nothing is known but where it answers.
    fn generic(&self, pages: &str) -> [Snippet; 3] {
        let gradio = self.space.space.sdk.as_deref() == Some(GRADIO);
        let install = match gradio {
            true => "pip install gradio_client",
            false => "pip install requests",
        };
        [
            snippet(
                "python",
                "Python",
                install,
                python(&self.programs, gradio, self.private),
            ),
            snippet(
                "javascript",
                "JavaScript",
                "For a module script in a page, or for Node.",
                javascript(pages, self.private),
            ),
            snippet(
                "curl",
                "curl",
                "For a shell.",
                curl(&self.programs, gradio, self.private),
            ),
        ]
    }
}

fn snippet(id: &str, title: &'static str, note: &str, text: String) -> Snippet {
    Snippet {
        id: id.to_owned(),
        title,
        note: note.to_owned(),
        text,
    }
}

fn python(address: &str, gradio: bool, private: bool) -> String {
    match (gradio, private) {
        (true, false) => format!(
            "from gradio_client import Client\n\nclient = Client(\"{address}\")\nclient.view_api()"
        ),
        (true, true) => format!(
            "import os\n\nfrom gradio_client import Client\n\nclient = Client(\"{address}\", token=os.environ[\"HF_TOKEN\"])\nclient.view_api()"
        ),
        (false, false) => format!(
            "import requests\n\nresponse = requests.get(\"{address}\")\nresponse.raise_for_status()\nprint(response.text)"
        ),
        (false, true) => format!(
            "import os\n\nimport requests\n\nresponse = requests.get(\n    \"{address}\",\n    headers={{\"Authorization\": f\"Bearer {{os.environ['HF_TOKEN']}}\"}},\n)\nresponse.raise_for_status()\nprint(response.text)"
        ),
    }
}

fn javascript(address: &str, private: bool) -> String {
    let options = match private {
        true => ", {\n  headers: { Authorization: `Bearer ${process.env.HF_TOKEN}` },\n}",
        false => "",
    };
    format!(
        "const response = await fetch(\"{address}\"{options});\nif (!response.ok) throw new Error(response.statusText);\nconsole.log(await response.text());"
    )
}

fn curl(address: &str, gradio: bool, private: bool) -> String {
    let header = if private {
        " -H \"Authorization: Bearer $HF_TOKEN\""
    } else {
        ""
    };
    let path = if gradio { "gradio_api/info" } else { "" };
    format!("curl --fail{header} \"{address}{path}\"")
}
