//! The operator's console, left open.

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::{Hub, Request, Server};

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

#[test]
fn somebody_who_has_to_go_is_signed_out_everywhere() {
    let server = Server::start();
    let alice = server.user("alice");
    let hers = Browser::open();
    sign_in(&hers, &alice);
    hers.visit(&page(&server, "/settings"));
    hers.fill("#password input[name=new]", "correct horse");
    hers.fill("#password input[name=again]", "correct horse");
    hers.click("#password button");
    hers.shows("#password", "Changed");

    let browser = Browser::open();
    sign_in(&browser, &server.admin());
    browser.visit(&page(&server, "/operator"));
    browser.fill("#reset-name", "nobody-here");
    browser.click("#reset-name + button");
    browser.shows("#accounts [role=alert]", "There is nobody called");
    browser.fill("#reset-name", "alice");
    browser.click("#reset-name + button");
    browser.shows("#accounts", "Whatever alice was signed in with has ended.");
    let token = browser.run("return document.getElementById('new-token').textContent");

    hers.visit(&page(&server, "/settings"));
    hers.find("form #token");
    alice.get("/api/whoami-v2").expect(401);
    let answer = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("name=alice&password=correct+horse")
        .send(server.address);
    assert!(answer.header("set-cookie").is_none(), "{answer:?}");
    let token = token.as_str().unwrap();
    let me = Hub::new(&server, "alice", token).get("/api/whoami-v2");
    assert_eq!(me.expect(200).json()["name"], "alice");
}
