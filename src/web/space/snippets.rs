//! Using a Space from elsewhere: texts that run as they are pasted.

use super::Found;
use crate::arrival::Arrival;
use crate::domain::Visibility;
use crate::web::WebState;
use crate::web::headers::frame_permissions;

/// A text and what it is for.
pub(super) struct Snippet {
    /// Unique on the page.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) note: &'static str,
    pub(super) text: String,
}

/// SDKs whose apps speak Gradio's protocol.
const GRADIO: &str = "gradio";

pub(super) fn snippets(state: &WebState, arrival: &Arrival, found: &Found) -> Vec<Snippet> {
    let space = &found.space;
    // Programs may not find the Space's own origin where browsers do, and pages elsewhere may only read the other one.
    let programs = with_slash(&arrival.app(&state.config, space));
    let pages = arrival.path(&space.name);
    let private = space.visibility == Visibility::Private;
    let gradio = space.sdk.as_deref() == Some(GRADIO);
    let origin = with_slash(&arrival.origin(&state.config, space));
    let embed = format!(
        "<iframe\n  src=\"{origin}\"\n  title=\"{}\"\n  width=\"850\"\n  height=\"450\"\n  allow=\"{}\"\n></iframe>",
        space.name,
        frame_permissions(),
    );
    vec![
        Snippet {
            id: "embed",
            title: "Embed",
            note: if private {
                "A private Space opens for its owner alone, so others see nothing in the frame."
            } else {
                "In any web page."
            },
            text: embed,
        },
        Snippet {
            id: "python",
            title: "Python",
            note: if gradio {
                "pip install gradio_client"
            } else {
                "pip install requests"
            },
            text: python(&programs, gradio, private),
        },
        Snippet {
            id: "javascript",
            title: "JavaScript",
            note: "In a page's module script, or in Node.",
            text: javascript(&pages, private),
        },
        Snippet {
            id: "curl",
            title: "curl",
            note: "In a shell.",
            text: curl(&programs, gradio, private),
        },
    ]
}

fn with_slash(address: &str) -> String {
    format!("{}/", address.trim_end_matches('/'))
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
