//! `@gradio/client` in Node, by the Space's address, as a page of somebody else's would use it.

use serde_json::{Value, json};

use crate::support::cli::Said;
use crate::support::node::node;
use crate::support::{DockerServer, Op, Space, card};

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

const PROGRAM: &str = r#"
import dns from "node:dns";
import { Client } from "@gradio/client";
// As a wildcard record of an operator's would say; Node asks the C library, which knows no names below localhost.
const { lookup } = dns;
dns.lookup = (host, ...rest) => lookup(host.endsWith(".localhost") ? "127.0.0.1" : host, ...rest);
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
    let mut node = node(&folder, PROGRAM);
    node.args([&address, token]);
    let said = Said::of(&mut node).success().stdout;
    serde_json::from_str(said.lines().last().unwrap_or_default())
        .unwrap_or_else(|_| panic!("not JSON: {said}"))
}

#[test]
fn it_predicts_and_streams_and_a_private_one_wants_a_token() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let files = [card("sdk: gradio"), Op::file("app.py", APP)];
    let space = alice.publish_container("app", &files);
    let right = json!({"greeted": "Hello, Ann", "counted": ["1", "2", "3"]});
    assert_eq!(ask(&server, &space, ""), right);
    let private = crate::support::Request::new("PUT", "/api/spaces/alice/app/settings")
        .json(&json!({"visibility": "private"}));
    alice.send(private).expect(200);
    let refused = ask(&server, &space, "");
    assert!(refused["error"].is_string(), "{refused}");
    assert_eq!(ask(&server, &space, &alice.token), right);
}
