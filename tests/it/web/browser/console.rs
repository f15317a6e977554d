//! The operator's console, left open.

use super::{page, sign_in};
use crate::support::Server;
use crate::support::browser::Browser;

const SPACES: &str = "document.querySelector('.figures dd').textContent";

#[test]
fn the_hosts_figures_renew_themselves_and_leave_the_rest_alone() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("first");
    let browser = Browser::open();
    sign_in(&browser, &server.admin());
    browser.visit(&page(&server, "/operator"));
    browser.waits_for(&format!("{SPACES} === '1'"));
    browser.fill("#account-name", "half a na");
    alice.create("second");
    browser.waits_for(&format!("{SPACES} === '2'"));
    let typed = browser.run("return document.getElementById('account-name').value");
    assert_eq!(typed, "half a na");
    // It asked for that part, not for the page.
    let asked = browser.run(
        "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)
            .filter(path => path.startsWith('/operator'))",
    );
    let paths: Vec<_> = asked.as_array().unwrap().iter().collect();
    assert!(
        !paths.is_empty() && paths.iter().all(|path| *path == "/operator/host"),
        "{asked}"
    );

    // Nobody else is told.
    let other = Browser::open();
    sign_in(&other, &alice);
    other.visit(&page(&server, "/operator/host"));
    other.shows("h1", "Nothing here");
}
