//! A container that sleeps, in its Space's page in a real browser: first the wake page, then by itself the app.

use std::time::Duration;

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::docker::python;
use crate::support::{DockerServer, eventually};

#[test]
fn the_frame_shows_that_it_wakes_and_becomes_the_app() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let code = "import http.server, os, time\ntime.sleep(5)\n\
        os.makedirs('/tmp/app')\nos.chdir('/tmp/app')\nopen('index.html', 'w').write('<h1>awake</h1>')\n\
        http.server.test(port=7860, bind='0.0.0.0', HandlerClass=http.server.SimpleHTTPRequestHandler)";
    let space = alice.publish_container("slow", &python(code, ""));
    space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
    eventually(Duration::from_secs(30), "it sleeps", || {
        (space.stage() == "SLEEPING" && server.containers(&space).is_empty()).then_some(())
    });
    space
        .post("/sleeptime", &json!({"seconds": 600}))
        .expect(200);
    let browser = Browser::open();
    let port = server.address.port();
    browser.visit(&format!("http://localhost:{port}/spaces/alice/slow"));
    // A page that were loaded again would not know it any more.
    browser.run("window.same = true");
    browser.shows("#stage", "starting");
    browser.enter(Some("iframe#app"));
    browser.shows("#hint", "opens here when it is ready");
    browser.shows("h1", "awake");
    browser.enter(None);
    browser.shows("#stage", "running");
    assert_eq!(browser.run("return window.same === true"), true);
}
