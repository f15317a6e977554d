//! `gradio_client` finds a Space through the Hub's protocol, though the Space be no Gradio app.

use crate::support::Server;
use crate::support::{Op, card};
use serde_json::json;

/// The two files of a Gradio app that its client reads before anything else.
#[test]
fn it_connects_to_the_host_that_space_info_names() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let config = json!({
        "version": "6.31.0", "api_prefix": "/gradio_api", "protocol": "sse_v3", "is_space": true, "space_id": "alice/demo",
        "enable_queue": true, "connect_heartbeat": false, "components": [], "dependencies": [], "mode": "blocks",
    });
    let info = json!({"named_endpoints": {}, "unnamed_endpoints": {}});
    space.commit(&[
        card("sdk: static"),
        Op::file("index.html", "not gradio"),
        Op::file("config", config.to_string()),
        Op::file("gradio_api/info", info.to_string()),
    ]);
    space.wait_for("RUNNING");
    let output = server.python(&alice.token).run(
        r#"
        from gradio_client import Client
        client = Client("alice/demo", verbose=False)
        say({"version": client.config["version"]})
        "#,
    );
    assert_eq!(output["version"], "6.31.0");
}
