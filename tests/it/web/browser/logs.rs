//! The log of a Space, read while it grows.

use super::{page, sign_in};
use crate::support::Server;
use crate::support::browser::Browser;

#[test]
fn lines_come_as_they_are_printed_and_can_be_searched() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/spaces/alice/hostile/logs?which=run"));
    browser.shows("main", "Nothing has been said yet.");
    browser.waits_for("document.getElementById('log').offsetHeight === 0");
    browser.run("window.same = true");
    space.visit("/print?n=30").expect(200);
    browser.shows("#log", "line 29");
    browser.fill("#log-search", "line 1");
    let seen = "[...document.querySelectorAll('.log-line')].filter(line => !line.hidden).length";
    // 1, and 10 to 19.
    browser.waits_for(&format!("{seen} === 11"));
    space.visit("/print?n=2").expect(200);
    browser.waits_for(&format!("{seen} === 12"));
    assert_eq!(
        browser.run("return window.same"),
        true,
        "it was loaded again"
    );
}
