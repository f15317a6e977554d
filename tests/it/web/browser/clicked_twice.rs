//! An impatient finger.

use super::{page, sign_in};
use crate::support::Server;
use crate::support::browser::Browser;

#[test]
fn a_form_that_is_sent_twice_is_done_once() {
    let server = Server::start();
    let alice = server.user("alice");
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/settings"));
    browser.fill("#tokens .pair input[name=name]", "impatient");
    let twice = |css: &str| {
        browser.find(css);
        browser.run(&format!(
            "const button = document.querySelector({css:?}); button.click(); button.click()"
        ));
    };
    twice("#tokens .pair button");
    browser.shows("#tokens .notice", "Your new token.");
    browser.shows("#tokens .keys", "impatient");
    browser.visit(&page(&server, "/new"));
    browser.fill("#name", "once");
    browser.click("input[name=how][value=paste]");
    browser.fill("#code", "<p>here</p>");
    twice("#publish");
    browser.waits_for("location.pathname == '/spaces/alice/once/logs'");
    browser.shows("#log", "index.html");
}
