//! Gradio's own button for signing in, in a real browser.

use std::time::Duration;

use crate::support::browser::Browser;
use crate::support::{DockerServer, Op, card};

const APP: &str = r#"
import gradio as gr
from huggingface_hub import whoami

def hello(profile: gr.OAuthProfile | None, token: gr.OAuthToken | None) -> str:
    if profile is None:
        return "Nobody is signed in."
    return f"Hello {profile.username}, known to the hub as {whoami(token=token.token)['name']}."

with gr.Blocks() as demo:
    gr.LoginButton()
    said = gr.Markdown()
    demo.load(hello, None, said)

demo.launch()
"#;

#[test]
fn a_visitor_signs_in_by_gradios_button() {
    let server = DockerServer::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let space = alice.publish_container(
        "app",
        &[
            card("sdk: gradio\nhf_oauth: true"),
            Op::file("requirements.txt", "gradio[oauth]\n"),
            Op::file("app.py", APP),
        ],
    );
    let browser = Browser::open();
    let hub = format!("http://localhost:{}", server.address.port());
    browser.visit(&format!("{hub}/login"));
    browser.fill("#token", &bob.token);
    browser.click("#token + button");
    browser.shows("header nav", "bob");

    let address = format!("http://{}/", space.host());
    let shown = "document.body.innerText.includes('Nobody is signed in.')";
    browser.opens(&address, shown, Duration::from_secs(120));
    let button = "[...document.querySelectorAll('button')].find(button => button.textContent.includes('Sign in'))";
    browser.waits_for(button);
    browser.run(&format!("{button}.click()"));
    browser.waits_for("location.pathname === '/oauth/authorize'");
    browser.shows("main", "alice/app");
    browser.click("button[value=yes]");
    browser.waits_for(
        "document.body && document.body.innerText.includes('Hello bob, known to the hub as bob.')",
    );
    assert!(
        browser.address().starts_with(&address),
        "{}",
        browser.address()
    );
}
