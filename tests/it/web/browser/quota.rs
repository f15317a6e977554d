//! An operator changes what an owner may have.

use serde_json::json;

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::{Hub, Server};

fn put(browser: &Browser, field: &str, text: &str) {
    browser.find(&format!("#quota-{field}"));
    browser.run(&format!(
        "document.getElementById('quota-{field}').value = ''"
    ));
    browser.fill(&format!("#quota-{field}"), text);
}

#[test]
fn a_quota_is_changed_and_holds_at_once() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("first");
    let browser = Browser::open();
    sign_in(&browser, &server.admin());
    browser.visit(&page(&server, "/operator?tab=quotas"));
    browser.fill("#owner", "ALICE");
    browser.click("#owner + button");
    browser.shows(".quota-form h3", "alice");
    browser.shows("#quota-spaces-note", "1 in use");
    put(&browser, "spaces", "1");
    put(&browser, "memory", "1.5 GiB");
    put(&browser, "cpu", "0.25");
    browser.click(".quota-form button");
    browser.shows(".quota-form", "Changed.");
    let quota = quota_of(&alice);
    assert_eq!(quota["spaces"]["limit"], 1);
    assert_eq!(quota["memory"]["limit"], 3_u64 << 29);
    assert_eq!(quota["cpu"]["limit"], 250);
    assert_eq!(quota["disk"]["set"], false);
    assert_eq!(alice.create_with("second", json!({})).status, 403);
    // What was set stands in the form; an empty field is the default again.
    let shown = browser.run("return document.getElementById('quota-memory').value");
    assert_eq!(shown, "1536 MiB");
    put(&browser, "spaces", "");
    browser.click(".quota-form button");
    browser.shows(".quota-form", "Changed.");
    alice.create("second");
    browser.visit(&page(&server, "/operator?tab=audit"));
    for change in [
        "alice: defaults -> spaces=1 cpu=250 memory=1610612736",
        "cpu=250 memory=1610612736 -> cpu=250",
    ] {
        browser.shows("#audit", change);
    }
}

#[test]
fn a_wrong_amount_is_shown_at_its_field_and_changes_nothing() {
    let server = Server::start();
    let alice = server.user("alice");
    let before = quota_of(&alice);
    let browser = Browser::open();
    sign_in(&browser, &server.admin());
    browser.visit(&page(&server, "/operator?owner=nobody"));
    browser.shows("#owner-problem", "no account");
    browser.visit(&page(&server, "/operator?owner=alice"));
    put(&browser, "spaces", "3");
    put(&browser, "memory", "<b>lots</b>");
    put(&browser, "builds", "-1");
    browser.click(".quota-form button");
    browser.shows("#quota-memory-problem", "a size, such as");
    browser.shows("#quota-builds-problem", "a whole number");
    let kept = browser.run(
        "return ['spaces', 'memory'].map(word => document.getElementById('quota-' + word).value)",
    );
    assert_eq!(kept, json!(["3", "<b>lots</b>"]));
    assert_eq!(quota_of(&alice), before);
    let trail = server.admin().get("/api/admin/audit").expect(200).text();
    assert!(!trail.contains("quota.set"), "{trail}");
}

fn quota_of(hub: &Hub<'_>) -> serde_json::Value {
    hub.get("/api/quota").expect(200).json()["quotas"].clone()
}
