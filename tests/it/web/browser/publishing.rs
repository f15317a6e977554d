//! A folder is dropped, and is live; or is not, and nothing of it is there.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::{page, sign_in};
use crate::support::Server;
use crate::support::browser::Browser;

#[test]
fn a_dropped_folder_goes_live() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = server.scratch("dropped-demo");
    fs::create_dir(folder.join("sub")).unwrap();
    fs::write(folder.join("README.md"), "---\nsdk: static\n---\n").unwrap();
    let index = "<script src='sub/say.js'></script>";
    fs::write(folder.join("index.html"), index).unwrap();
    let script = "document.write('dropped from a desk')";
    fs::write(folder.join("sub/say.js"), script).unwrap();
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/new"));
    browser.drop_files("#drop", &[&folder]);
    browser.shows("#chosen", "dropped-demo/sub/say.js");
    browser.waits_for("document.getElementById('name').value === 'dropped-demo'");
    browser.click("#publish");
    // Its log, as it is built.
    browser.waits_for("location.pathname.startsWith('/spaces/alice/dropped-demo/logs')");
    browser.waits_for("document.querySelectorAll('#log .log-line').length > 0");
    browser.click("#long a");
    browser.enter(Some("iframe#app"));
    browser.shows("body", "dropped from a desk");
}

#[test]
fn loose_files_and_what_is_wrong_with_them() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = server.scratch("loose");
    let (card, index) = (folder.join("README.md"), folder.join("index.html"));
    fs::write(&card, "---\nsdk: quantum\n---\n").unwrap();
    fs::write(&index, "loose").unwrap();
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/new"));
    browser.fill("#name", "loose");
    browser.drop_files("#drop", &[&card, &index]);
    browser.shows("#chosen", "index.html");
    browser.click("#publish");
    browser.shows("#problem", "README.md:2");
    assert_eq!(alice.get("/api/spaces/alice/loose").status, 404);
    // Mended on the desk, and dropped once more onto the same page.
    fs::write(&card, "---\nsdk: static\n---\n").unwrap();
    browser.drop_files("#drop", &[&card, &index]);
    browser.waits_for("!document.getElementById('publish').disabled");
    browser.click("#publish");
    browser.waits_for("location.pathname.startsWith('/spaces/alice/loose')");
    assert_eq!(alice.space("loose").visit("/").expect(200).text(), "loose");
}

#[test]
fn an_upload_that_is_left_half_way_leaves_nothing() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = server.scratch("half");
    fs::write(folder.join("index.html"), vec![b'x'; 8 << 20]).unwrap();
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/new"));
    browser.drop_files("#drop", &[&folder]);
    browser.shows("#chosen", "half/index.html");
    let slow = json!({"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000});
    browser.devtools("Network.enable", &json!({}));
    browser.devtools("Network.emulateNetworkConditions", &slow);
    browser.click("#publish");
    browser.waits_for("document.getElementById('progress').value > 0");
    browser.waits_for("document.getElementById('progress').value < 0.9");
    browser.visit("about:blank");
    // What has come is looked at, and thrown away.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(alice.get("/api/spaces/alice/half").status, 404);
    let sessions = Browser::open();
    sign_in(&sessions, &alice);
    sessions.visit(&page(&server, "/settings"));
    sessions.shows("main", "You have none yet");
}
