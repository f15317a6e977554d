//! Pages, walked through in a real browser.

mod accessibility;
mod clicked_twice;
mod console;
mod dropped_folder;
mod editing;
mod hostile_page;
mod live_log;
mod owner;
mod provider;
mod quota;
mod usage;
mod waking;

use crate::support::browser::Browser;
use crate::support::{Hub, Request, Server, static_site};
use serde_json::json;

fn page(server: &Server, path: &str) -> String {
    format!("http://localhost:{}{path}", server.address.port())
}

fn sign_in(browser: &Browser, who: &Hub<'_>) {
    browser.visit(&page(who.server, "/login"));
    browser.fill("#token", &who.token);
    browser.click("#token + button");
    browser.shows("header nav", &who.name);
}

#[test]
fn a_visitor_finds_a_space_and_sees_it_in_its_page() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish("demo", &static_site("look at this"));
    let browser = Browser::open();
    browser.visit(&page(&server, "/"));
    browser.fill("input[type=search]", "alice");
    browser.click("a[href='/spaces/alice/demo']");
    browser.enter(Some("iframe#app"));
    browser.shows("body", "look at this");
}

#[test]
fn pasted_code_becomes_a_space() {
    let server = Server::start();
    let alice = server.user("alice");
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/new"));
    browser.fill("#name", "pasted");
    browser.click("input[name=how][value=paste]");
    browser.click("input[name=sdk][value=static]");
    browser.fill("#code", "<p>from the clipboard</p>");
    browser.click("#publish");
    browser.waits_for("location.pathname.startsWith('/spaces/alice/pasted')");
    browser.visit(&page(&server, "/spaces/alice/pasted"));
    browser.enter(Some("iframe#app"));
    browser.shows("body", "from the clipboard");
}

#[test]
fn a_private_space_shows_itself_to_its_owner_alone() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("secret", json!({"visibility": "private"}))
        .expect(200);
    let space = alice.space("secret");
    space.commit(&static_site("between us"));
    space.wait_for("RUNNING");
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/spaces/alice/secret"));
    browser.enter(Some("iframe#app"));
    browser.shows("body", "between us");

    let stranger = Browser::open();
    stranger.visit(&page(&server, "/spaces/alice/secret"));
    stranger.shows("h1", "Page not found");
    stranger.visit(&format!("http://{}/", space.host()));
    stranger.waits_for("!document.body.innerText.includes('between us')");
}

#[test]
fn a_private_space_is_told_nothing_of_its_visitors_session() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish_hostile("");
    let space = alice.space("hostile");
    let settings = json!({"visibility": "private"});
    let path = "/api/spaces/alice/hostile/settings";
    alice
        .send(Request::new("PUT", path).json(&settings))
        .expect(200);
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/spaces/alice/hostile/open"));
    browser.shows("body", "hostile");
    browser.visit(&format!("http://{}/headers", space.host()));
    browser.shows("body", "accept:");
    let seen = browser.run("return document.body.innerText").to_string();
    assert!(!seen.contains("glasshouse"), "{seen}");
    assert!(!seen.contains("__sign"), "{seen}");
}

#[test]
fn what_an_operator_stops_its_owner_answers() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish("demo", &static_site("one"));
    let operator = Browser::open();
    sign_in(&operator, &server.admin());
    operator.visit(&page(&server, "/operator?tab=spaces"));
    operator.click("details.pop summary");
    operator.fill("textarea[name=reason]", "it mines coins");
    operator.click("button[value=hold]");
    operator.shows("#spaces", "it mines coins");

    let owner = Browser::open();
    sign_in(&owner, &alice);
    owner.visit(&page(&server, "/spaces/alice/demo/settings"));
    owner.shows("main", "it mines coins");
    owner.fill("#answer", "it does not");
    owner.click("#answer ~ button, #answer ~ p button");
    owner.shows("main", "it does not");
    operator.visit(&page(&server, "/operator"));
    operator.shows("#answers", "it does not");

    let visitor = Browser::open();
    visitor.visit(&page(&server, "/spaces/alice/demo"));
    visitor.shows("main", "has stopped this Space");
    let seen = visitor.run("return document.body.innerText");
    assert!(!seen.as_str().unwrap().contains("coins"), "{seen}");
    operator.click("button[value=release]");
    // The visitor's page is the demo again by itself.
    visitor.enter(Some("iframe#app"));
    visitor.shows("body", "one");
    operator.waits_for("!document.querySelector('#answers')");
    operator.visit(&page(&server, "/operator?tab=audit"));
    operator.shows("#audit", "space.enable");
}
