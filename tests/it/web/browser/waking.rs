//! A Space that sleeps, in its page: it wakes, and shows itself.

use super::page;
use crate::support::browser::Browser;
use crate::support::{Server, Space, eventually};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_wasi_space_wakes_in_its_frame() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    sleeps(&space);
    wakes(&server, "/spaces/alice/hostile", "hostile");
}

#[track_caller]
fn sleeps(space: &Space<'_>) {
    space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
    eventually(Duration::from_secs(60), "it sleeps", || {
        (space.stage() == "SLEEPING").then_some(())
    });
    space
        .post("/sleeptime", &json!({"seconds": 600}))
        .expect(200);
}

#[track_caller]
fn wakes(server: &Server, path: &str, says: &str) {
    let browser = Browser::open();
    browser.visit(&page(server, path));
    browser.enter(Some("iframe#app"));
    browser.shows("body", says);
    browser.enter(None);
    browser.waits_for("!document.body.innerText.includes('asleep')");
}
