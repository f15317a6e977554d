//! The operator's console: what needs an operator first, and the rest in parts of its own.

use serde_json::json;

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::{Hub, Op, Request, Server, card, static_site};

const SPACES: &str = "document.querySelector('.figures dd').textContent";

#[test]
fn the_hosts_figures_renew_themselves_and_leave_the_rest_alone() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("first");
    let browser = Browser::open();
    sign_in(&browser, &server.admin());
    browser.visit(&page(&server, "/operator?tab=host"));
    browser.waits_for(&format!("{SPACES} === '1'"));
    browser.run("document.querySelector('#usage details').open = false");
    alice.create("second");
    browser.waits_for(&format!("{SPACES} === '2'"));
    let open = browser.run("return document.querySelector('#usage details').open");
    assert_eq!(open, false);
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
    other.shows("h1", "Page not found");
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
    hers.shows("#password", "Password changed");

    let browser = Browser::open();
    sign_in(&browser, &server.admin());
    browser.visit(&page(&server, "/operator?tab=accounts"));
    browser.fill("#reset-name", "nobody-here");
    browser.click("#reset-name + button");
    browser.shows("#accounts [role=alert]", "Account `nobody-here` not found");
    browser.fill("#reset-name", "alice");
    browser.click("#reset-name + button");
    browser.shows(
        "#accounts",
        "Revoked the sessions, tokens and password of alice.",
    );
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

#[test]
fn what_needs_an_operator_stands_first_and_nothing_else_does() {
    let server = Server::with(&[("DOCKER__ENABLED", "false")]);
    let alice = server.user("alice");
    alice.publish("fine", &static_site("hello"));
    let browser = Browser::sized(390, 800, false);
    sign_in(&browser, &server.admin());
    browser.visit(&page(&server, "/operator"));
    browser.shows("main", "Nothing needs your attention.");

    let broken = alice.create("broken");
    broken.commit(&[card("sdk: wasi\n"), Op::file("app.wasm", "no wasm")]);
    broken.wait_for("BUILD_ERROR");
    alice.create("empty").commit(&[card("sdk: static")]);
    let report = "/spaces/alice/fine/report";
    let visitor = Browser::open();
    visitor.visit(&page(&server, report));
    visitor.fill("textarea", "it is <b>not</b> fine");
    visitor.click("main button");
    visitor.shows("h2", "Thank you");
    let disk = json!({"disk": 1});
    let quota = Request::new("PUT", "/api/admin/quotas/alice").json(&disk);
    server.admin().send(quota).expect(200);
    browser.visit(&page(&server, "/operator"));
    browser.shows("#reports", "it is <b>not</b> fine");
    browser.shows("#stuck", "alice/broken");
    browser.shows("#spent", "alice");
    let text = browser.run("return document.querySelector('main').innerText");
    let text = text.as_str().unwrap();
    for calm in ["alice/empty", "Nothing needs your attention", "The server"] {
        assert!(!text.contains(calm), "{calm}: {text}");
    }

    // By keyboard to another part, and back with what was done there.
    browser.run("document.querySelector('nav.tabs a[href$=spaces]').focus()");
    browser.run("document.activeElement.click()");
    browser.shows("nav.tabs [aria-current]", "Spaces");
    browser.shows("#spaces", "alice/fine");
    browser.visit(&page(&server, "/operator"));
    browser.click("[aria-label='Close the report about alice/fine']");
    browser.waits_for("!document.querySelector('#reports') && !!document.querySelector('#stuck')");
    let wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(browser.run(wide), false);
}
