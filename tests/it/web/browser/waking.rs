//! A Space that sleeps, in its page.

use std::time::Duration;

use serde_json::json;

use super::page;
use crate::support::browser::Browser;
use crate::support::guests::wasi;
use crate::support::{Server, eventually};

#[test]
fn a_visit_to_its_page_wakes_it() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("guest", &wasi("hello", ""));
    space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
    eventually(Duration::from_secs(20), "it sleeps", || {
        (space.stage() == "SLEEPING").then_some(())
    });
    let browser = Browser::open();
    // Asked for in the gallery and read about in its files it sleeps on.
    browser.visit(&page(&server, "/"));
    browser.shows("a[href='/spaces/alice/guest']", "asleep");
    browser.visit(&page(&server, "/spaces/alice/guest/files"));
    assert_eq!(space.stage(), "SLEEPING");
    browser.visit(&page(&server, "/spaces/alice/guest"));
    browser.enter(Some("iframe#app"));
    browser.shows("body", "hello");
}
