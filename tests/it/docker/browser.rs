//! The examples in containers, in a real browser.

use crate::support::browser::Browser;
use crate::support::docker::PYTHON_IMAGE;
use crate::support::{DockerServer, Hub, Op, Space};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// An example as it lies in its folder.
fn example(name: &str) -> Vec<Op> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name);
    let mut folders = vec![folder.clone()];
    let mut files = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path
                .strip_prefix(&folder)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            files.push(Op::file(&name, std::fs::read(&path).unwrap()));
        }
    }
    files
}

fn publish<'a>(alice: &Hub<'a>, name: &str, files: &[Op]) -> Space<'a> {
    let space = alice.publish_container(name, files);
    space
        .post("/sleeptime", &json!({"seconds": 600}))
        .expect(200);
    space
}

#[test]
fn a_gradio_app_works() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = publish(&alice, "seams", &example("seams"));
    let browser = Browser::open();
    let shown = "document.querySelector('textarea, input[type=number]') && document.body.innerText.includes('Seams')";
    let address = format!("http://{}/", space.host());
    browser.opens(&address, shown, Duration::from_secs(120));
    let carve = "[...document.querySelectorAll('button')].find(button => button.textContent.trim() == 'Carve')";
    browser.waits_for(carve);
    browser.run(&format!("{carve}.click()"));
    browser.waits_for("[...document.querySelectorAll('textarea')].some(area => area.value.includes('nothing squeezed'))");
}

#[test]
fn a_streamlit_app_works() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = publish(&alice, "descent", &example("descent"));
    let browser = Browser::open();
    let shown = "document.body.innerText.includes('Who races')";
    let address = format!("http://{}/", space.host());
    browser.opens(&address, shown, Duration::from_secs(120));
    // A click goes over the WebSocket and comes back as another page.
    browser.waits_for("[...document.querySelectorAll('label')].some(label => label.textContent.includes('Eggbox'))");
    browser.run("[...document.querySelectorAll('label')].find(label => label.textContent.includes('Eggbox')).click()");
    browser.waits_for("document.body.innerText.includes('3.30')");
}

#[test]
fn two_windows_share_one_board() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let mut files = example("life");
    for file in &mut files {
        // No registry is asked for it.
        if let Op::File(path, content) = file
            && path == "Dockerfile"
        {
            let text = String::from_utf8(content.clone()).unwrap();
            assert!(text.starts_with("FROM python:3.11-slim\n"), "{text}");
            *content = text
                .replacen("python:3.11-slim", PYTHON_IMAGE, 1)
                .into_bytes();
        }
    }
    let space = publish(&alice, "life", &files);
    let (one, two) = (Browser::open(), Browser::open());
    for browser in [&one, &two] {
        browser.visit(&format!("http://{}/", space.host()));
    }
    for browser in [&one, &two] {
        browser.waits_for("document.getElementById('status').textContent == '2 of you are here.'");
        browser.waits_for("state.cells.some(hue => hue > 0)");
    }
    drop(two);
    one.waits_for("document.getElementById('status').textContent == 'You are alone here.'");
    // Waking up, a browser sees a page that becomes the app.
    space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
    one.visit("about:blank");
    crate::support::eventually(std::time::Duration::from_secs(60), "it sleeps", || {
        (space.stage() == "SLEEPING" && server.containers(&space).is_empty()).then_some(())
    });
    one.visit(&format!("http://{}/", space.host()));
    one.waits_for("document.title == 'Life, together'");
    one.waits_for("state.cells.some(hue => hue > 0)");
}
