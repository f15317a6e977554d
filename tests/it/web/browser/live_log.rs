//! The log of a Space that runs, as its publisher watches it.

use super::{page, sign_in};
use crate::support::Server;
use crate::support::browser::Browser;

/// The lines that are seen, as an array of texts.
const SEEN: &str = "[...document.querySelectorAll('.log-line:not([hidden]) > span')].map(line => line.textContent)";

#[test]
fn what_a_space_prints_appears_by_itself_and_is_searched() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/spaces/alice/hostile/logs?which=run"));
    // A page that were loaded again would not know it any more.
    browser.run("window.same = true");
    space.visit("/print?n=3").expect(200);
    browser.waits_for(&format!("{SEEN}.includes('line 3')"));
    browser.fill("#log-search", "LINE 2");
    browser.waits_for(&format!("{SEEN}.join() == 'line 2'"));
    // What comes is searched as well.
    space.visit("/print?n=12").expect(200);
    browser.waits_for(&format!("{SEEN}.join() == 'line 2,line 2'"));
    browser.run(
        "const search = document.getElementById('log-search');
         search.value = 'nobody says this'; search.dispatchEvent(new Event('input'))",
    );
    browser.shows("#log-none", "No line matches.");
    browser.run(
        "const search = document.getElementById('log-search');
         search.value = ''; search.dispatchEvent(new Event('input'))",
    );
    browser.waits_for(&format!("{SEEN}.includes('line 12')"));
    assert_eq!(browser.run("return window.same === true"), true);
}

#[test]
fn a_log_says_why_there_is_nothing_in_it() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish("site", &crate::support::static_site("quiet"));
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/spaces/alice/site/logs?which=run"));
    browser.shows("#log-empty", "A static Space has no run log");
    alice.create("empty");
    browser.visit(&page(&server, "/spaces/alice/empty/logs?which=build"));
    browser.shows("#log-empty", "Nothing has been built");
}
