//! `@gradio/client` in Node, by the Space's address, as a page of somebody else's would use it, and the programs that
//! stand on the Space's page to be pasted.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cli::Said;
use crate::support::node::node;
use crate::support::{DockerServer, Op, Request, Space, card, eventually};

const APP: &str = r#"
import gradio

def greet(name):
    return "Hello, " + name

def count(to):
    for step in range(int(to)):
        yield str(step + 1)

with gradio.Blocks() as app:
    text, answer, number = gradio.Textbox(), gradio.Textbox(), gradio.Number()
    text.submit(greet, text, answer, api_name="greet")
    number.submit(count, number, answer, api_name="count")
app.launch()
"#;

/// As a wildcard record of an operator's would say: Node asks the C library, which knows no names below `localhost`.
const NAMES: &str = r#"
import dns from "node:dns";
const { lookup } = dns;
dns.lookup = (host, ...rest) => lookup(host.endsWith(".localhost") ? "127.0.0.1" : host, ...rest);
"#;

const PROGRAM: &str = r#"
import { Client } from "@gradio/client";
const [address, token] = process.argv.slice(2);
try {
  const app = await Client.connect(address, token ? { token } : {});
  const greeted = await app.predict("/greet", { name: "Ann" });
  const counted = [];
  for await (const message of app.submit("/count", { to: 3 })) {
    if (message.type === "data") counted.push(message.data[0]);
  }
  // The last of them comes once more, as the result.
  console.log(JSON.stringify({ greeted: greeted.data[0], counted: counted.slice(0, 3) }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error?.message ?? error) }));
}
process.exit();
"#;

/// What the program says of the Space at that address.
fn ask(server: &DockerServer, space: &Space<'_>, token: &str) -> Value {
    let folder = server.scratch("node");
    let address = format!("http://{}/", space.host());
    let mut node = node(&folder, &format!("{NAMES}{PROGRAM}"));
    node.args([&address, token]);
    let output = Said::of(&mut node).success().stdout;
    serde_json::from_str(output.lines().last().unwrap_or_default())
        .unwrap_or_else(|_| panic!("not JSON: {output}"))
}

#[test]
fn it_predicts_and_streams_and_a_private_one_wants_a_token() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let files = [card("sdk: gradio"), Op::file("app.py", APP)];
    let space = alice.publish_container("app", &files);
    let right = json!({"greeted": "Hello, Ann", "counted": ["1", "2", "3"]});
    assert_eq!(ask(&server, &space, ""), right);
    let greeting = "Hello, Hello!!";
    let public = pasted(&server, "");
    assert_eq!(run_python(&server, &public.python, ""), greeting);
    assert_eq!(run_shell(&server, &public.curl, ""), greeting);
    assert_eq!(run_node(&server, &public.javascript), greeting);
    // The page knows the endpoints of one that sleeps, and does not wake it to learn them.
    space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
    eventually(Duration::from_secs(60), "it sleeps", || {
        (space.stage() == "SLEEPING").then_some(())
    });
    assert_eq!(pasted(&server, "").python, public.python);
    assert_eq!(space.stage(), "SLEEPING");
    space
        .post("/sleeptime", &json!({"seconds": 600}))
        .expect(200);
    let private = Request::new("PUT", "/api/spaces/alice/app/settings")
        .json(&json!({"visibility": "private"}));
    alice.send(private).expect(200);
    let refused = ask(&server, &space, "");
    assert!(refused["error"].is_string(), "{refused}");
    assert_eq!(ask(&server, &space, &alice.token), right);
    let private = pasted(&server, &alice.token);
    assert_eq!(run_python(&server, &private.python, &alice.token), greeting);
    assert_eq!(run_shell(&server, &private.curl, &alice.token), greeting);
}

/// What stands on the Space's page to be pasted, for its first endpoint.
struct Pasted {
    python: String,
    javascript: String,
    curl: String,
}

fn pasted(server: &DockerServer, token: &str) -> Pasted {
    let cookie = match token {
        "" => String::new(),
        token => sign_in(server, token),
    };
    let page = Request::get("/spaces/alice/app").header("cookie", cookie);
    let page = page.send(server.address).expect(200).text();
    for endpoint in ["/greet", "/count"] {
        let shown = format!("<code>{endpoint}</code>");
        assert!(page.contains(&shown), "{endpoint}: {page}");
    }
    let snippet = |word: &str| {
        let begin = format!("id=\"snippet-{word}\">");
        let (_, text) = page.split_once(&begin).expect("the snippet");
        unescaped(text.split("</code>").next().unwrap())
    };
    Pasted {
        python: snippet("python"),
        javascript: snippet("javascript"),
        curl: snippet("curl"),
    }
}

/// The cookie of a browser that has signed in.
fn sign_in(server: &DockerServer, token: &str) -> String {
    let form = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("token={token}"));
    let answer = form.send(server.address);
    let cookie = answer.header("set-cookie").expect("a session");
    cookie.split(';').next().unwrap().to_owned()
}

/// The text that a browser shows, and copies.
fn unescaped(html: &str) -> String {
    let mut text = html.to_owned();
    for letter in ['"', '\'', '<', '>', '&'] {
        text = text.replace(&format!("&#{};", letter as u32), &letter.to_string());
    }
    assert!(!text.contains("&#"), "{text}");
    text
}

fn run_python(server: &DockerServer, text: &str, token: &str) -> String {
    let mut python = server.python(token).command("python");
    last_line(&Said::of(python.args(["-c", text])).success())
}

/// What the last event says.
fn run_shell(server: &DockerServer, text: &str, token: &str) -> String {
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-euc", text])
        .env("HF_TOKEN", token)
        .current_dir(server.scratch("shell"));
    let output = Said::of(&mut shell).success();
    let data = last_line(&output);
    let data: Value = serde_json::from_str(data.trim_start_matches("data: "))
        .unwrap_or_else(|_| panic!("no data: {output:?}"));
    data[0].as_str().unwrap_or_default().to_owned()
}

fn run_node(server: &DockerServer, text: &str) -> String {
    // Its client leaves a stream open.
    let program = format!("{NAMES}{text}\nprocess.exit();");
    let mut node = node(&server.scratch("pasted"), &program);
    let output = last_line(&Said::of(&mut node).success());
    output.trim_matches(['[', ']', ' ', '\'']).to_owned()
}

fn last_line(output: &Said) -> String {
    let line = output.stdout.lines().rfind(|line| !line.trim().is_empty());
    line.unwrap_or_default().trim().to_owned()
}
