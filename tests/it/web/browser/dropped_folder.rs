//! Publishing a folder that is dropped into the page.

use std::fs;
use std::time::Duration;

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::proxy::swallowing;
use crate::support::{Server, eventually};

#[test]
fn a_dropped_folder_becomes_a_space() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = server.scratch("from-the-desk");
    fs::create_dir_all(folder.join("deep/er")).unwrap();
    fs::write(
        folder.join("index.html"),
        "<h1></h1><script src=deep/er/say.js></script>",
    )
    .unwrap();
    let script = "document.querySelector('h1').textContent = 'dropped from the desk'";
    fs::write(folder.join("deep/er/say.js"), script).unwrap();
    fs::write(folder.join(".DS_Store"), "litter").unwrap();

    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/new"));
    browser.drop_on("#drop", &[&folder]);
    browser.shows("#chosen", "from-the-desk/deep/er/say.js");
    browser.waits_for("document.getElementById('name').value == 'from-the-desk'");
    browser.click("#publish");
    browser.waits_for("location.pathname == '/spaces/alice/from-the-desk/logs'");
    browser.shows("#log", "index.html");
    browser.click("#long a");
    browser.enter(Some("iframe#app"));
    browser.shows("h1", "dropped from the desk");

    let listed = alice
        .space("from-the-desk")
        .api("/tree/main?recursive=true")
        .expect(200)
        .text();
    assert!(listed.contains("\"deep/er/say.js\""), "{listed}");
    assert!(!listed.contains("DS_Store"), "{listed}");
}

#[test]
fn a_browser_that_goes_away_half_way_leaves_nothing() {
    let server = Server::start();
    let alice = server.user("alice");
    let folder = server.scratch("large");
    fs::write(folder.join("index.html"), "<p>whole</p>").unwrap();
    fs::write(folder.join("weights.bin"), vec![7; 8 << 20]).unwrap();
    let browser = Browser::open();
    sign_in(&browser, &alice);
    let publish = |address: &str| {
        browser.visit(address);
        browser.drop_on("#drop", &[&folder]);
        browser.shows("#chosen", "large/weights.bin");
        browser.click("#publish");
    };
    let line = swallowing(server.address, 1 << 20);
    publish(&format!("http://localhost:{}/new", line.port()));
    eventually(Duration::from_secs(30), "half of it has arrived", || {
        (held_unnamed(server.process()) > 1 << 19).then_some(())
    });
    browser.visit("about:blank");
    let space = alice.space("large");
    eventually(Duration::from_secs(20), "nothing is kept of it", || {
        (held_unnamed(server.process()) == 0).then_some(())
    });
    space.api("").expect(404);
    server.anonymous().get("/spaces/alice/large").expect(404);
    let listed = server.anonymous().get("/?search=alice").expect(200).text();
    assert!(!listed.contains("alice/large"), "{listed}");
    // The name is as free as before.
    publish(&page(&server, "/new"));
    browser.waits_for("location.pathname == '/spaces/alice/large/logs'");
    space.wait_for("RUNNING");
    let file = space.visit("/weights.bin").expect_whole(200);
    assert_eq!(file.body.len(), 8 << 20);
}

/// Bytes of files without a name that a process holds, where uploads wait.
fn held_unnamed(process: u32) -> u64 {
    let open = fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .flatten();
    open.filter(|entry| {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        target.to_string_lossy().ends_with(" (deleted)")
    })
    .map(|entry| fs::metadata(entry.path()).map_or(0, |data| data.len()))
    .sum()
}
